//! Whether the kernel holds its clock for synchronised: adjtimex(2), which asks and changes nothing.

use conformance::finding::{Reason, Unseen};

/// Asks the kernel. Clocks are not namespaced: a container is told the same as its host.
///
/// # Errors
/// The engine's system-call filter forbids the question.
pub fn synchronised() -> Result<bool, Unseen> {
    let state = clock_state().map_err(|error| {
        Unseen::new(
            Reason::CannotMeasure,
            format!("the kernel does not tell whether its clock is synchronised: {error}"),
        )
    })?;
    // adjtimex(2): TIME_ERROR, "the system clock is not synchronized to a reliable server".
    Ok(state != libc::TIME_ERROR)
}

#[allow(
    unsafe_code,
    reason = "rustix has no adjtimex; `modes` is zero, so the kernel only fills the structure that it is given"
)]
fn clock_state() -> std::io::Result<libc::c_int> {
    // SAFETY: timex is plain numbers, for which all zeroes are valid; the pointer is to a local of the right type.
    let state = unsafe {
        let mut told: libc::timex = std::mem::zeroed();
        libc::adjtimex(&raw mut told)
    };
    if state < 0 {
        return Err(std::io::Error::last_os_error());
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_answers_outside_a_container() {
        assert!(synchronised().is_ok());
    }
}
