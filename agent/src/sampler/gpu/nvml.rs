//! NVIDIA's driver: it writes no DRM usage statistics and tells the use of its GPUs through its own library, NVML.
//!
//! Only a build with the feature `nvml` asks the library; the static probe cannot load one, and says so. NVML shows a use, and
//! never that there was none: whether it names processes of another process-id namespace is not documented.

use std::collections::BTreeSet;
use std::path::Path;

use conformance::finding::{Reason, Unseen};
use conformance::observation::{GpuLoad, GpuUse};
use conformance::units::Bytes;

/// One process that has a GPU open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    pid: u32,
    /// Its memory on that GPU; absent where the driver does not tell.
    memory: Option<Bytes>,
}

/// One GPU, as NVML tells it at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Whoever computes or draws on it. A process that does both is in here twice.
    processes: Vec<Process>,
    /// Hundredths of the last sample period in which a kernel ran on it, whoever's.
    busy: Option<u32>,
}

/// Whether NVIDIA's driver is loaded.
pub(super) fn is_loaded(proc: &Path) -> bool {
    proc.join("driver/nvidia/version").is_file()
}

/// What these processes have open of the GPUs.
///
/// # Errors
/// None of them is named.
pub(super) fn used(gpus: &[Told], pids: &BTreeSet<u32>) -> Result<GpuUse, Unseen> {
    let mut used = GpuUse::default();
    for gpu in gpus {
        let mut seen = BTreeSet::new();
        let ours = gpu.processes.iter().filter(|it| pids.contains(&it.pid));
        for process in ours {
            if !seen.insert(process.pid) {
                continue;
            }
            used.clients = used.clients.saturating_add(1);
            if let Some(memory) = process.memory {
                used.memory = Some(used.memory.unwrap_or_default().saturating_add(memory));
            }
        }
    }
    if used.clients == 0 {
        let others: usize = gpus.iter().map(|gpu| gpu.processes.len()).sum();
        return Err(unseen(&format!(
            "NVML names {others} processes on {} GPUs and none of the module's, which proves no absence in a container",
            gpus.len()
        )));
    }
    used.drivers = vec!["nvidia".to_owned()];
    Ok(used)
}

/// The busiest GPU at this moment.
///
/// # Errors
/// None tells how busy it is.
pub(super) fn load(gpus: &[Told]) -> Result<GpuLoad, Unseen> {
    let busiest = gpus.iter().filter_map(|gpu| gpu.busy).max();
    let busiest = busiest.filter(|hundredths| *hundredths <= 100);
    let busiest = busiest.ok_or_else(|| unseen("NVML tells the load of no GPU"))?;
    Ok(GpuLoad {
        source: "NVML's load of the busiest GPU at the end, for the whole device".to_owned(),
        load: Some(f64::from(busiest) / 100.0),
        ..GpuLoad::default()
    })
}

/// What DRM's statistics tell and what NVML tells, as one. Statistics that name nobody are no answer for NVIDIA's GPU.
///
/// # Errors
/// Neither shows a use.
pub(super) fn beside(
    statistics: Result<GpuUse, Unseen>,
    nvml: Result<GpuUse, Unseen>,
) -> Result<GpuUse, Unseen> {
    match (statistics, nvml) {
        (Ok(mut used), Ok(nvml)) => {
            used.clients = used.clients.saturating_add(nvml.clients);
            used.drivers.extend(nvml.drivers);
            used.memory = match (used.memory, nvml.memory) {
                (Some(one), Some(other)) => Some(one.saturating_add(other)),
                (one, other) => one.or(other),
            };
            Ok(used)
        }
        (Ok(used), Err(_)) if used.clients > 0 => Ok(used),
        (Err(_), Ok(used)) => Ok(used),
        (Ok(_) | Err(_), Err(unseen)) => Err(unseen),
    }
}

/// Every GPU of NVIDIA's driver, now.
///
/// # Errors
/// NVML is not there, or does not answer.
#[cfg(feature = "nvml")]
pub(super) fn ask() -> Result<Vec<Told>, Unseen> {
    use std::ffi::OsStr;

    use nvml_wrapper::Nvml;
    use nvml_wrapper::enums::device::UsedGpuMemory;
    use nvml_wrapper::error::NvmlError;

    // The library's own name; the one without a number is of the development package.
    let library = OsStr::new("libnvidia-ml.so.1");
    let failed = |error: NvmlError| {
        use std::error::Error as _;
        let cause = error
            .source()
            .map_or_else(String::new, |cause| format!(": {cause}"));
        unseen(&format!("NVML: {error}{cause}"))
    };
    let nvml = Nvml::builder().lib_path(library).init().map_err(failed)?;
    let mut gpus = Vec::new();
    for index in 0..nvml.device_count().map_err(failed)? {
        let gpu = nvml.device_by_index(index).map_err(failed)?;
        let mut processes = gpu.running_compute_processes().map_err(failed)?;
        // A GPU that cannot draw has no such list.
        processes.extend(gpu.running_graphics_processes().unwrap_or_default());
        let process = |process: &nvml_wrapper::struct_wrappers::device::ProcessInfo| Process {
            pid: process.pid,
            memory: match process.used_gpu_memory {
                UsedGpuMemory::Used(bytes) => Some(Bytes(bytes)),
                UsedGpuMemory::Unavailable => None,
            },
        };
        gpus.push(Told {
            processes: processes.iter().map(process).collect(),
            busy: gpu.utilization_rates().ok().map(|rates| rates.gpu),
        });
    }
    Ok(gpus)
}

/// Every GPU of NVIDIA's driver, now.
///
/// # Errors
/// Always: this build has no NVML.
#[cfg(not(feature = "nvml"))]
pub(super) fn ask() -> Result<Vec<Told>, Unseen> {
    Err(unseen(
        "NVIDIA's driver writes no usage statistics, and this probe is built without NVML (image edgeproof-agent-nvml has it)",
    ))
}

fn unseen(why: &str) -> Unseen {
    Unseen::new(
        Reason::CannotMeasure,
        format!("the use of NVIDIA's GPU cannot be told: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Composed from NVIDIA's description of `nvmlProcessInfo_t` and `nvmlUtilization_t`, not recorded.
    fn gpu(processes: &[(u32, Option<u64>)], busy: Option<u32>) -> Told {
        let process = |(pid, mib): &(u32, Option<u64>)| Process {
            pid: *pid,
            memory: mib.map(Bytes::mib),
        };
        Told {
            processes: processes.iter().map(process).collect(),
            busy,
        }
    }

    #[test]
    fn memory_of_the_module_s_processes_is_added_up_and_who_draws_and_computes_counts_once() {
        let gpus = [
            gpu(
                &[(41, Some(300)), (41, Some(300)), (7, Some(900))],
                Some(40),
            ),
            gpu(&[(41, Some(20)), (42, None)], Some(95)),
        ];
        let used = used(&gpus, &[41, 42].into()).unwrap();
        assert_eq!((used.clients, used.memory), (3, Some(Bytes::mib(320))));
        assert_eq!(used.drivers, ["nvidia"]);
        assert!(used.engines_us.is_empty(), "NVML counts no such time");
        assert_eq!(load(&gpus).unwrap().load, Some(0.95));
    }

    #[test]
    fn memory_that_the_driver_does_not_tell_is_absent_and_not_nought() {
        let used = used(&[gpu(&[(41, None)], None)], &[41].into()).unwrap();
        assert_eq!((used.clients, used.memory), (1, None));
        for busy in [None, Some(101)] {
            let unseen = load(&[gpu(&[], busy)]).unwrap_err();
            assert_eq!(unseen.reason, Reason::CannotMeasure);
        }
    }

    #[test]
    fn who_is_not_named_was_not_seen() {
        let unseen = used(&[gpu(&[(7, Some(9))], Some(3))], &[41].into()).unwrap_err();
        assert_eq!(unseen.reason, Reason::CannotMeasure);
        assert!(unseen.because.contains("1 processes on 1 GPUs"));
    }

    #[test]
    fn statistics_that_name_nobody_are_no_answer_for_nvidia_s_gpu() {
        let drm = |clients| GpuUse {
            clients,
            memory: Some(Bytes::mib(1)),
            ..GpuUse::default()
        };
        let nvml = used(&[gpu(&[(41, Some(3))], None)], &[41].into());
        let no = || Err(unseen("no library"));
        assert!(beside(Ok(drm(0)), no()).is_err());
        assert_eq!(beside(Ok(drm(2)), no()).unwrap().clients, 2);
        assert_eq!(beside(no(), nvml.clone()), nvml);
        let both = beside(Ok(drm(2)), nvml).unwrap();
        assert_eq!((both.clients, both.memory), (3, Some(Bytes::mib(4))));
    }

    /// The reason is the library's absence with the feature, and the build's without.
    #[test]
    fn where_nvml_cannot_be_asked_the_reason_says_why() {
        let Err(unseen) = ask() else {
            let library = "only a machine with NVIDIA's library answers";
            assert!(Path::new("/proc/driver/nvidia").exists(), "{library}");
            return;
        };
        assert_eq!(unseen.reason, Reason::CannotMeasure);
        let built = if cfg!(feature = "nvml") {
            "libnvidia-ml.so.1"
        } else {
            "without NVML"
        };
        assert!(unseen.because.contains(built), "{}", unseen.because);
    }

    proptest! {
        #[test]
        fn nobody_else_s_memory_is_counted(pids in prop::collection::vec(1_u32..9, 0..20)) {
            let processes: Vec<(u32, Option<u64>)> = pids.iter().map(|pid| (*pid, Some(1))).collect();
            let ours = [1, 2].into();
            let named: BTreeSet<&u32> = pids.iter().filter(|pid| **pid < 3).collect();
            let memory = used(&[gpu(&processes, None)], &ours).ok().and_then(|used| used.memory);
            prop_assert_eq!(memory.unwrap_or_default(), Bytes::mib(named.len() as u64));
        }
    }
}
