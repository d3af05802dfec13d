//! Processes killed for memory, by every witness there is: the engine's events, the kernel's count for the container, and
//! its count for the whole device.
//!
//! The container's own count is there since Linux 4.13 (`oom_kill` in memory.events and v1 memory.oom_control), and only
//! with a memory controller. The device's (`oom_kill` in /proc/vmstat, as old) clears a container when it did not move.

use std::fs;

use conformance::finding::{Reason, Unseen};

use super::{Roots, text};

/// Kills on the whole device since it was started; `None` if the kernel does not count them.
#[must_use]
pub fn device_kills(roots: &Roots) -> Option<u64> {
    let vmstat = fs::read(roots.proc.join("vmstat")).ok()?;
    text::field(&vmstat, "oom_kill")
}

/// What the witnesses saw of one container.
#[derive(Debug, Clone, Copy, Default)]
pub struct Witnesses {
    /// The engine's events.
    pub engine: u64,
    /// The kernel's count for the container.
    pub container: Option<u64>,
    /// The device's count when the container was made, and now.
    pub device: (Option<u64>, Option<u64>),
}

impl Witnesses {
    /// How many processes of the container were killed for memory.
    ///
    /// # Errors
    /// None was seen, and one may have gone unseen.
    pub fn kills(self) -> Result<u64, Unseen> {
        let unseen = |because: String| Err(Unseen::new(Reason::CannotMeasure, because));
        match (self.engine, self.container, self.device) {
            (engine, Some(container), _) => Ok(engine.max(container)),
            (1.., None, _) => Ok(self.engine),
            (0, None, (Some(before), Some(now))) if before == now => Ok(0),
            (0, None, (Some(before), Some(now))) => unseen(format!(
                "the kernel killed {} processes for memory on this device meanwhile, and nothing tells whose they were",
                now.saturating_sub(before)
            )),
            (0, None, _) => unseen(
                "this kernel does not count the processes that it kills for memory (Linux 4.13 does)"
                    .to_owned(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kill_is_believed_only_where_something_counted() {
        let told = |engine, container, device| {
            let witnesses = Witnesses {
                engine,
                container,
                device,
            };
            witnesses.kills().map_err(|unseen| unseen.because)
        };
        let quiet = (Some(4), Some(4));
        assert_eq!(told(0, Some(0), (None, None)), Ok(0));
        assert_eq!(told(1, Some(3), quiet), Ok(3));
        assert_eq!(told(2, Some(1), quiet), Ok(2));
        assert_eq!(told(1, None, (None, None)), Ok(1));
        assert_eq!(told(0, None, quiet), Ok(0));
        let elsewhere = told(0, None, (Some(4), Some(6))).unwrap_err();
        assert!(elsewhere.contains("killed 2 processes"), "{elsewhere}");
        for device in [(None, None), (Some(1), None), (None, Some(1))] {
            assert!(told(0, None, device).is_err(), "{device:?}");
        }
    }

    #[test]
    fn the_device_s_count_is_read_from_vmstat() {
        let dir = tempfile::tempdir().unwrap();
        let roots = Roots {
            proc: dir.path().to_owned(),
            cgroup: dir.path().to_owned(),
            data_root: None,
            data_root_on_host: "/var/lib/docker".into(),
        };
        assert_eq!(device_kills(&roots), None);
        fs::write(
            dir.path().join("vmstat"),
            "pgfault 1\noom_kill 7\npgmajfault 2\n",
        )
        .unwrap();
        assert_eq!(device_kills(&roots), Some(7));
        fs::write(dir.path().join("vmstat"), "pgfault 1\n").unwrap();
        assert_eq!(device_kills(&roots), None);
    }
}
