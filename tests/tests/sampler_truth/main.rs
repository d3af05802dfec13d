//! The sampler against known loads in real containers: what a load is known to do is the truth its measurement is held against.
//!
//! Needs a Docker engine on this host and the fixture images (`scripts/candidates.sh`), and the right to read its data root.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod load;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use agent::sampler::layer::Layer;
use agent::sampler::{layout, ports, privilege, storage};
use conformance::observation::{PeakMethod, Usage};
use conformance::record::Series;
use conformance::units::Bytes;

use load::{Container, docker, roots};

const MIB: u64 = Bytes::MIB;

/// The loads share two cores at most: run beside each other they would disturb one another.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A failed test must not fail those that wait for it.
fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Samples for a while; the load does the rest.
fn sampled(container: &Container, span: Duration) -> (Usage, Vec<Series>) {
    let sampler = container.sampler(Instant::now());
    thread::sleep(span);
    sampler.finish()
}

/// Peak of a container that holds next to nothing: the engine's own start-up is in every watermark.
fn runtime_floor() -> u64 {
    let idle = Container::run("load-cpu", &[]);
    let (usage, _) = sampled(&idle, Duration::from_secs(1));
    usage.memory.get().unwrap().peak.0
}

/// A program's own file is charged to the first container that reads it, and to none after: read it before a load is measured,
/// so that the load's truth is what it holds.
fn warm(load: &str) {
    let first = Container::run(load, &[]);
    first.says(load);
}

fn tolerance(truth: u64) -> u64 {
    (truth * 15 / 1000).max(MIB)
}

fn highest(series: &[Series], name: &str) -> f64 {
    let series = series.iter().find(|series| series.name == name).unwrap();
    series
        .points
        .iter()
        .map(|point| point.max)
        .fold(0.0, f64::max)
}

#[test]
fn a_spike_of_64_mib_for_200_ms_is_seen_at_its_true_height() {
    let _alone = alone();
    let floor = runtime_floor();
    warm("load-spike");
    let container = Container::run("load-spike", &[]);
    let sampler = container.sampler(Instant::now());
    // Two spikes and a half: the program spikes at once and then every 3 s.
    thread::sleep(Duration::from_secs(8));
    let (usage, series) = sampler.finish();
    let memory = usage.memory.get().unwrap();
    let truth = 72 * MIB;
    let highest_honest = truth.max(floor) + tolerance(truth);
    assert_eq!(memory.peak_method, PeakMethod::Watermark);
    assert!(memory.peak.0 >= truth, "{memory:?}");
    assert!(
        memory.peak.0 <= highest_honest,
        "{memory:?}, at most {highest_honest}"
    );
    // Sampled at 10 Hz, a spike of 200 ms has one tick in it at least: nothing of it is page cache.
    let held = memory.nonreclaimable_peak.0;
    assert!(held.abs_diff(truth) <= tolerance(truth), "{memory:?}");
    assert!(highest(&series, "memory.usage") >= 71.0 * 1_048_576.0);
}

#[test]
fn a_later_phase_without_a_new_peak_is_sampled_and_says_so() {
    let _alone = alone();
    warm("load-spike");
    let container = Container::run("load-spike", &[]);
    let sampler = container.sampler(Instant::now());
    thread::sleep(Duration::from_secs(7));
    let first = sampler.mark();
    let first = first.memory.get().unwrap();
    thread::sleep(Duration::from_secs(7));
    let (later, _) = sampler.finish();
    let later = later.memory.get().unwrap();
    let truth = 72 * MIB;
    assert_eq!(first.peak_method, PeakMethod::Watermark);
    // The mark may creep up by a few pages; then the later phase owns it.
    assert!(later.peak_method == PeakMethod::Sampled || later.peak > first.peak);
    assert!(
        later.peak.0.abs_diff(truth) <= tolerance(truth),
        "{later:?}"
    );
}

/// CPU time that the scheduler gave a process, in nanoseconds: the first number of `/proc/PID/schedstat`
/// (kernel documentation, "Scheduler Statistics"). Another account than the cgroup's, which the sampler reads.
fn scheduled_ns(pid: u32) -> u64 {
    let path = format!("/proc/{pid}/schedstat");
    let text = std::fs::read_to_string(path).unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

/// Options that give a load the CPU it asks for on a busy machine: the highest weight, and no parent group of low weight.
/// Engines with the systemd driver take slices alone as parents.
fn favoured() -> Vec<&'static str> {
    match docker(&["info", "--format", "{{.CgroupDriver}}"]).as_str() {
        "cgroupfs" => vec!["--cpu-shares=262144", "--cgroup-parent=/"],
        _ => vec!["--cpu-shares=262144"],
    }
}

#[test]
fn thirty_percent_of_a_core_are_thirty_percent() {
    let _alone = alone();
    let container = Container::run("load-cpu", &favoured());
    let mut truths = Vec::new();
    // Whether the load got its 30 % is the scheduler's word, never the sampler's.
    for _window in 0..4 {
        let (begun, before) = (Instant::now(), scheduled_ns(container.pid));
        let (usage, series) = sampled(&container, Duration::from_secs(15));
        let used = Duration::from_nanos(scheduled_ns(container.pid) - before);
        let truth = used.as_secs_f64() / begun.elapsed().as_secs_f64();
        let cpu = usage.cpu.get().unwrap();
        assert!((cpu.cores_mean - truth).abs() <= 0.01, "{truth}: {cpu:?}");
        assert!(cpu.cores_p95 <= cpu.cores_max && cpu.cores_mean <= cpu.cores_max + 0.01);
        assert_eq!(cpu.throttled, None);
        assert!((highest(&series, "cpu.cores") - cpu.cores_max).abs() < 1e-9);
        truths.push(truth);
        if (truth - 0.30).abs() <= 0.005 {
            assert!((cpu.cores_mean - 0.30).abs() <= 0.01, "{cpu:?}");
            return;
        }
    }
    panic!(
        "this machine is too busy for a load of 30 % of a core: the scheduler gave it {truths:?}"
    );
}

#[test]
fn a_quota_that_holds_a_load_back_is_seen_as_throttling() {
    let _alone = alone();
    let container = Container::run("load-cpu", &["--cpus", "0.2"]);
    let (usage, _) = sampled(&container, Duration::from_secs(5));
    let cpu = usage.cpu.get().unwrap();
    let throttled = cpu.throttled.unwrap();
    assert!(
        throttled.throttled_periods * 2 > throttled.periods,
        "{cpu:?}"
    );
    assert!(
        throttled.periods >= 40 && throttled.throttled_us > 0,
        "{cpu:?}"
    );
    assert!(cpu.cores_mean <= 0.24, "{cpu:?}");
}

#[test]
fn processes_that_do_not_last_are_in_the_cpu_time() {
    let _alone = alone();
    let container = Container::run("load-children", &favoured());
    let before = waited_for(container.pid);
    let (usage, _) = sampled(&container, Duration::from_secs(15));
    // At either end a child may be under way, which its parent has not waited for: 200 ms at most.
    let used = waited_for(container.pid).saturating_sub(before);
    let seen = Duration::from_micros(usage.cpu.get().unwrap().usage_us);
    assert!(
        used >= Duration::from_secs(1),
        "{used:?}: the machine is too busy for it"
    );
    let apart = seen.abs_diff(used);
    assert!(apart <= Duration::from_millis(250), "{seen:?} of {used:?}");
}

/// CPU time of the children that a process has waited for: `cutime` and `cstime` of proc_pid_stat(5), in steps of 10 ms.
fn waited_for(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks: u64 = fields[13].parse::<u64>().unwrap() + fields[14].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

#[test]
fn fifty_megabytes_are_written_by_the_processes_own_account() {
    let _alone = alone();
    let container = Container::run("load-files", &[]);
    let sampler = container.sampler(Instant::now());
    container.says("bytes of blocks");
    let (usage, _) = sampler.finish();
    let io = usage.block_io.get().unwrap();
    // Files of 5,000 bytes are pages of 4 KiB to the kernel: two each. Some were written before the first look.
    let all = 10_000 * 8192;
    assert!(io.written.0 <= all + all / 50, "{io:?}");
    assert!(io.written.0 >= all / 2, "{io:?}");
    assert!(io.formula.contains("/proc/PID/io"), "{io:?}");
}

#[test]
fn a_listening_socket_is_among_the_descriptors() {
    let _alone = alone();
    let container = Container::run("holds-72", &[]);
    container.says("listening");
    let (usage, _) = sampled(&container, Duration::from_millis(300));
    let open = usage.descriptors.get().unwrap();
    let truth = std::fs::read_dir(format!("/proc/{}/fd", container.pid))
        .unwrap()
        .count();
    assert_eq!(open.open_peak, truth as u64);
    assert_eq!(open.sockets_peak.seen(), Some(&1));
    match docker(&["info", "--format", "{{.CgroupVersion}}"]).as_str() {
        "1" => assert!(
            usage
                .pressure
                .get()
                .unwrap_err()
                .because
                .contains("cgroup v1"),
            "{usage:?}"
        ),
        _ => assert!(usage.pressure != Default::default(), "{usage:?}"),
    }
}

#[test]
fn a_restarted_container_is_followed_into_its_new_group() {
    let _alone = alone();
    warm("holds-72");
    let container = Container::run("holds-72", &[]);
    container.says("listening");
    let sampler = container.sampler(Instant::now());
    thread::sleep(Duration::from_secs(2));
    let first = sampler.mark();
    docker(&["restart", "--time", "1", &container.id]);
    thread::sleep(Duration::from_secs(4));
    let (second, _) = sampler.finish();
    let truth = 72 * MIB;
    for usage in [first, second] {
        let memory = usage.memory.get().unwrap();
        assert!(
            memory.peak.0.abs_diff(truth) <= tolerance(truth),
            "{memory:?}"
        );
        assert_eq!(memory.peak_method, PeakMethod::Watermark);
        assert!(
            usage.cpu.get().is_ok() && usage.network.get().is_ok(),
            "{usage:?}"
        );
    }
}

/// A candidate may divide its own group; here the test does it in its place.
#[test]
fn processes_in_a_nested_group_count() {
    let _alone = alone();
    warm("load-spike");
    let container = Container::run_with("load-spike", &[], &["1000"]);
    container.says("load-spike");
    let nested = nested_groups(&container);
    assert!(!nested.is_empty(), "no group of {}", container.id);
    let sampler = container.sampler(Instant::now());
    let _first = sampler.mark();
    thread::sleep(Duration::from_secs(7));
    let (usage, _) = sampler.finish();
    // What is charged in the nested group from now on: the spikes.
    let memory = usage.memory.get().unwrap();
    assert!(memory.peak.0 >= 64 * MIB, "{memory:?}");
    assert!(memory.nonreclaimable_peak.0 >= 64 * MIB, "{memory:?}");
    assert!(usage.pids_peak.get().unwrap() >= &1);
    docker(&["rm", "--force", "--volumes", &container.id]);
    for group in nested {
        let _removed = std::fs::remove_dir(group);
    }
}

/// Makes a group below the container's in the hierarchies of memory, CPU and processes, and moves its process there.
fn nested_groups(container: &Container) -> Vec<PathBuf> {
    let layout = layout::detect(&roots());
    let mut made: Vec<PathBuf> = Vec::new();
    for hierarchy in [&layout.memory, &layout.cpu, &layout.pids]
        .into_iter()
        .flatten()
    {
        let group = hierarchy
            .root
            .join("docker")
            .join(&container.id)
            .join("nested");
        if group.parent().is_some_and(Path::is_dir) && !made.contains(&group) {
            std::fs::create_dir(&group).unwrap();
            std::fs::write(group.join("cgroup.procs"), container.pid.to_string()).unwrap();
            made.push(group);
        }
    }
    made
}

#[test]
fn fifty_megabytes_in_ten_thousand_files_are_the_blocks_that_du_counts() {
    let _alone = alone();
    let container = Container::run("load-files", &[]);
    container.says("bytes of blocks");
    let upper = PathBuf::from(container.inspect("{{.GraphDriver.Data.UpperDir}}"));
    let log = container.inspect("{{.LogPath}}");
    let roots = roots();
    let places = storage::Places {
        layer: Ok(Layer::Upper(upper.clone())),
        mounts: Vec::new(),
        log: Some(log.into()),
    };
    let seen = storage::measure(&roots, &places, Bytes(7));
    let writable = seen.writable.get().unwrap().0;
    let du = Command::new("du")
        .args(["-s", "-B1"])
        .arg(&upper)
        .output()
        .unwrap();
    let du = String::from_utf8(du.stdout).unwrap();
    let truth: u64 = du.split_whitespace().next().unwrap().parse().unwrap();
    assert!(
        writable.abs_diff(truth) * 100 <= truth,
        "{writable} for {truth}"
    );
    assert!(
        truth > 80_000_000,
        "10,000 files of two blocks of 4 KiB: {truth}"
    );
    // Ten directories of a thousand files, the two above them, and what the engine makes itself.
    let inodes = *seen.inodes.get().unwrap();
    assert!((10_012..10_030).contains(&inodes), "{inodes}");
    assert!(seen.logs.get().unwrap().0 >= 4096);
    assert_eq!(seen.volumes.seen(), Some(&Bytes(0)));
    assert_eq!(storage::upper_dir(&roots, container.pid), Some(upper));
}

#[test]
fn a_container_that_is_killed_keeps_what_was_seen() {
    let _alone = alone();
    warm("holds-72");
    let container = Container::run("holds-72", &["--memory", "200m"]);
    container.says("listening");
    let roots = roots();
    assert!(
        ports::listening(&roots, container.pid)
            .unwrap()
            .contains(&8080)
    );
    let privilege = privilege::read(&roots, container.pid);
    let privilege = privilege.get().unwrap();
    assert_eq!((privilege.uid, privilege.seccomp), (65532, 2));
    let sampler = container.sampler(Instant::now());
    thread::sleep(Duration::from_secs(1));
    docker(&["kill", &container.id]);
    docker(&["wait", &container.id]);
    thread::sleep(Duration::from_secs(1));
    let (usage, _) = sampler.finish();
    let memory = usage.memory.get().unwrap();
    let truth = 72 * MIB;
    assert!(
        memory.peak.0.abs_diff(truth) <= tolerance(truth),
        "{memory:?}"
    );
    assert!(
        usage.cpu.get().is_ok() && usage.network.get().is_ok(),
        "{usage:?}"
    );
    assert!(ports::listening(&roots, container.pid).is_err());
}
