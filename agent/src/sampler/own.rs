//! What the probe itself costs the device: its container's group where it can be found, else its own process.

use std::fs;
use std::time::{Duration, Instant};

use conformance::finding::{Reason, Unseen};
use conformance::observation::{Observed, ProbeCost};
use conformance::units::{Bytes, Millis};
use procfs::FromBufRead;
use procfs::process::Status;
use rustix::time::{ClockId, clock_gettime};

use super::rates::cores;
use super::{ContainerFiles, Layout, Roots, Sampler};

/// Once a second is enough: the probe's memory changes slowly.
const CADENCE_HZ: u32 = 1;

/// A measurement of the probe in progress.
#[derive(Debug)]
pub struct Cost {
    begun: Instant,
    process_before: Duration,
    sampler: Result<Sampler, Unseen>,
}

impl Cost {
    /// Begins. `own_id` is the id of the probe's own container, where it runs in one.
    #[must_use]
    pub fn start(roots: &Roots, layout: &Layout, own_id: Option<&str>) -> Cost {
        let begun = Instant::now();
        let sampler = match own_id {
            Some(id) => ContainerFiles::open(roots, layout, id)
                .map(|files| Sampler::start(files, None, begun, CADENCE_HZ))
                .map_err(|error| Unseen::new(Reason::CannotMeasure, error.to_string())),
            None => Err(Unseen::new(
                Reason::InputMissing,
                "the probe does not know its own container",
            )),
        };
        Cost {
            begun,
            process_before: process_time(),
            sampler,
        }
    }

    /// Ends: the cost since the beginning.
    #[must_use]
    pub fn finish(self) -> ProbeCost {
        let window = self.begun.elapsed();
        let process = process_time().saturating_sub(self.process_before);
        let process_ns = u64::try_from(process.as_nanos()).unwrap_or(u64::MAX);
        let held = self.sampler.as_ref().map_err(Unseen::clone);
        let memory_peak = Observed::from(held.and_then(Sampler::held_peak));
        let group = self.sampler.ok().map(|sampler| sampler.finish().0);
        let group_cores = group.and_then(|usage| usage.cpu.seen().map(|cpu| cpu.cores_mean));
        ProbeCost {
            window: Millis::from(window),
            cores_mean: group_cores.unwrap_or_else(|| cores(process_ns, window)),
            memory_peak,
            resident_peak: resident_peak(),
        }
    }
}

/// CPU time of this process so far, user and system.
fn process_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

/// `VmHWM` of proc(5). Our own `/proc` is there wherever we run; a kernel without the line gives zero, which no process has.
fn resident_peak() -> Bytes {
    let status = fs::read("/proc/self/status").unwrap_or_default();
    let status = Status::from_buf_read(status.as_slice()).ok();
    let peak = status.and_then(|status| status.vmhwm).unwrap_or(0);
    Bytes(peak.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::super::layout;
    use super::*;

    #[test]
    fn outside_a_container_the_process_is_measured_and_the_group_is_unseen() {
        let roots = Roots {
            proc: "/proc".into(),
            cgroup: "/sys/fs/cgroup".into(),
            data_root: None,
            data_root_on_host: "/var/lib/docker".into(),
        };
        let cost = Cost::start(&roots, &layout::detect(&roots), None);
        let before = process_time();
        while process_time().saturating_sub(before) < Duration::from_millis(20) {
            std::hint::spin_loop();
        }
        let cost = cost.finish();
        assert!(cost.cores_mean > 0.0, "{cost:?}");
        assert!(cost.resident_peak > Bytes::mib(1), "{cost:?}");
        assert_eq!(
            cost.memory_peak.get().unwrap_err().reason,
            Reason::InputMissing
        );
    }
}
