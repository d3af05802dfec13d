//! What is played with the candidate and with sacrificial containers.

pub mod defaults;
pub mod envelope;
pub mod faults;
mod inside;
pub mod limits;
pub mod size;

/// Progress of step `n` of `of` between two percentages.
fn percent(from: u8, to: u8, n: u32, of: u32) -> u8 {
    let span = u32::from(to.saturating_sub(from));
    let done = span * n.saturating_sub(1) / of.max(1);
    from + u8::try_from(done).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_moves_from_step_to_step() {
        let steps = [
            percent(5, 45, 1, 3),
            percent(5, 45, 2, 3),
            percent(5, 45, 3, 3),
        ];
        assert_eq!(steps, [5, 18, 31]);
    }
}
