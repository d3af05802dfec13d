//! The real readers on trees recorded from real kernels, in `tests/kernel-trees`; its README tells how they were recorded.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::*;

mod devices;

const HYBRID: &str = "hybrid-6.18-x86_64";
const V2: &str = "v2-6.1-arm64";
const NO_MEMORY: &str = "v2-no-memory-6.1-arm64";

fn tree(name: &str) -> PathBuf {
    let trees = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/kernel-trees");
    trees.join(name)
}

fn roots(tree: &Path) -> Roots {
    Roots {
        proc: tree.join("proc"),
        cgroup: tree.join("cgroup"),
        data_root: None,
        data_root_on_host: "/var/lib/docker".into(),
    }
}

/// The one name in a directory for which the test holds.
fn only(directory: &Path, test: impl Fn(&str) -> bool) -> String {
    let names = fs::read_dir(directory).unwrap().map(|entry| {
        let name = entry.unwrap().file_name();
        name.into_string().unwrap()
    });
    let mut names = names.filter(|name| test(name));
    names.next().unwrap()
}

fn is_id(name: &str) -> bool {
    name.len() == 64
}

/// Container id and process id of a recorded tree.
fn recorded(tree: &Path) -> (String, u32) {
    let groups = ["cgroup/docker", "cgroup/pids/docker"].map(|place| tree.join(place));
    let groups = groups.into_iter().find(|place| place.is_dir()).unwrap();
    let proc = tree.join("proc");
    // Of its children no mounts were recorded.
    let is_main = |name: &str| proc.join(name).join("mountinfo").is_file();
    let pid = only(&proc, |name| name.parse::<u32>().is_ok() && is_main(name));
    (only(&groups, is_id), pid.parse().unwrap())
}

/// Everything the readers make of a tree, one fact a line.
fn told(tree: &Path) -> String {
    let roots = roots(tree);
    let layout = layout::detect(&roots);
    let (id, pid) = recorded(tree);
    let mut files = ContainerFiles::open(&roots, &layout, &id).unwrap();
    files.watch_network(pid);
    let mut buffer = vec![0; 16384];
    let facts = layout.facts();
    let reading = files.read(&mut buffer);
    let slow = files.read_slow(&mut buffer);
    let parts = files.read_memory_parts(&mut buffer);
    let parts = parts.map(|parts| (parts.nonreclaimable, parts.held(), parts.formula));
    let lines = [
        format!(
            "versions {:?} {:?} {:?}",
            facts.memory.seen(),
            facts.cpu.seen(),
            facts.pids.seen()
        ),
        format!("memory {:?} of {:?}", reading.memory, reading.memory_peak),
        format!("oom kills {:?}", reading.oom_kills),
        format!("parts {parts:?}"),
        format!("cpu {:?} ns", reading.cpu_ns),
        format!("pids {:?} of {:?}", reading.pids, reading.pids_peak),
        format!(
            "throttled {:?}",
            slow.throttled
                .map(|t| (t.periods, t.throttled_periods, t.throttled_us))
        ),
        format!("network {:?}", slow.network.map(|n| (n.rx.0, n.tx.0))),
        format!("ports {:?}", ports::listening(&roots, pid).unwrap()),
    ];
    lines.join("\n") + "\n"
}

/// A copy of a tree that a test may change.
fn copied(name: &str) -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let to = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                copy(&entry.path(), &to);
            } else {
                fs::copy(entry.path(), to).unwrap();
            }
        }
    }
    let copy_of = tempfile::tempdir().unwrap();
    copy(&tree(name), copy_of.path());
    copy_of
}

#[test]
fn a_hybrid_host_is_read_from_its_v1_hierarchies() {
    assert_eq!(
        told(&tree(HYBRID)),
        "versions Some(1) Some(1) Some(1)\n\
         memory Some(77447168) of Some(77463552)\n\
         oom kills Some(0)\n\
         parts Some((75595776, Some(76017664), \"rss + shmem of memory.stat (cgroup v1)\"))\n\
         cpu Some(94241979) ns\n\
         pids Some(1) of Some(7)\n\
         throttled Some((6, 1, 624))\n\
         network Some((736, 0))\n\
         ports {8080}\n"
    );
}

#[test]
fn a_v2_host_is_read_from_its_one_hierarchy() {
    // 24 MiB of anonymous memory, 24 MiB of tmpfs; 30 % of a core allowed.
    assert_eq!(
        told(&tree(V2)),
        "versions Some(2) Some(2) Some(2)\n\
         memory Some(50851840) of Some(50999296)\n\
         oom kills Some(0)\n\
         parts Some((50649888, Some(50774016), \"anon + shmem + (kernel - slab_reclaimable) of memory.stat (cgroup v2)\"))\n\
         cpu Some(11104343000) ns\n\
         pids Some(1) of Some(5)\n\
         throttled Some((308, 302, 21577080))\n\
         network Some((1252, 0))\n\
         ports {}\n"
    );
}

#[test]
fn without_a_memory_controller_the_rest_is_read_and_the_mend_is_named() {
    let tree = tree(NO_MEMORY);
    let told = told(&tree);
    assert!(
        told.starts_with(
            "versions None Some(2) Some(2)\nmemory None of None\noom kills None\nparts None\n"
        ),
        "{told}"
    );
    assert!(told.contains("cpu Some("), "{told}");
    let (id, pid) = recorded(&tree);
    let roots = roots(&tree);
    let files = ContainerFiles::open(&roots, &layout::detect(&roots), &id).unwrap();
    let usage = Sampler::start(files, Some(pid), Instant::now(), 10).mark();
    let unseen = usage.memory.get().unwrap_err();
    assert!(
        unseen
            .because
            .contains("`cgroup_enable=memory cgroup_memory=1`"),
        "{unseen:?}"
    );
    assert!(
        unseen.because.contains("/boot/firmware/cmdline.txt"),
        "{unseen:?}"
    );
    assert!(usage.pids_peak.seen().is_some());
}

#[test]
fn a_kernel_without_a_high_water_mark_gives_a_sampled_peak() {
    let tree = copied(V2);
    let (id, pid) = recorded(tree.path());
    let group = tree.path().join("cgroup/docker").join(&id);
    fs::remove_file(group.join("memory.peak")).unwrap();
    let roots = roots(tree.path());
    let files = ContainerFiles::open(&roots, &layout::detect(&roots), &id).unwrap();
    let (usage, series) = Sampler::start(files, Some(pid), Instant::now(), 10).finish();
    let memory = usage.memory.seen().unwrap();
    assert_eq!(memory.peak.0, 50_851_840);
    assert_eq!(
        memory.peak_method,
        conformance::observation::PeakMethod::Sampled
    );
    assert_eq!(series[0].points[0].max, 50_851_840.0);
}

#[test]
fn a_container_is_found_by_its_id_below_any_parent() {
    let (id, _) = recorded(&tree(V2));
    for place in ["system.slice/docker-ID.scope", "my.slice/pods/deep/ID"] {
        let tree = copied(V2);
        let root = tree.path().join("cgroup");
        let to = root.join(place.replace("ID", &id));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::rename(root.join("docker").join(&id), &to).unwrap();
        let roots = roots(tree.path());
        let files = ContainerFiles::open(&roots, &layout::detect(&roots), &id).unwrap();
        assert_eq!(
            files.read(&mut [0; 4096]).memory,
            Some(50_851_840),
            "{place}"
        );
    }
}

#[test]
fn an_unknown_or_abbreviated_container_is_an_error_that_names_it() {
    let roots = roots(&tree(V2));
    let layout = layout::detect(&roots);
    let unknown = "0".repeat(64);
    let error = ContainerFiles::open(&roots, &layout, &unknown).unwrap_err();
    assert!(error.to_string().contains(&unknown), "{error}");
    let error = ContainerFiles::open(&roots, &layout, "db9492d5e029").unwrap_err();
    assert!(error.to_string().contains("64 hexadecimal"), "{error}");
}

#[test]
fn a_controller_that_the_group_does_not_have_is_unseen_by_its_file() {
    let tree = copied(V2);
    let (id, pid) = recorded(tree.path());
    fs::remove_file(
        tree.path()
            .join("cgroup/docker")
            .join(&id)
            .join("memory.current"),
    )
    .unwrap();
    let roots = roots(tree.path());
    let files = ContainerFiles::open(&roots, &layout::detect(&roots), &id).unwrap();
    let usage = Sampler::start(files, Some(pid), Instant::now(), 10).mark();
    let unseen = usage.memory.get().unwrap_err();
    assert!(
        unseen.because.contains("memory.current cannot be opened"),
        "{unseen:?}"
    );
}

/// The trees were recorded without the files of pressure and block I/O: these are texts by the kernel's documentation.
#[test]
fn pressure_and_block_io_of_a_v2_group_are_read_and_their_absence_is_unseen() {
    let usage = |files: &[(&str, &str)]| {
        let tree = copied(V2);
        let (id, pid) = recorded(tree.path());
        let group = tree.path().join("cgroup/docker").join(&id);
        for (name, text) in files {
            fs::write(group.join(name), text).unwrap();
        }
        let roots = roots(tree.path());
        let files = ContainerFiles::open(&roots, &layout::detect(&roots), &id).unwrap();
        Sampler::start(files, Some(pid), Instant::now(), 10).mark()
    };
    let without = usage(&[]);
    let why = without.pressure.get().unwrap_err().because;
    assert!(why.contains("CONFIG_PSI"), "{why}");
    assert!(without.block_io.seen().is_none() && without.descriptors.seen().is_none());
    let with = usage(&[
        (
            "memory.pressure",
            "some avg10=0.00 avg60=0.00 avg300=0.00 total=70\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
        ),
        (
            "io.stat",
            "8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n",
        ),
    ]);
    // Nothing moved between the two readings.
    let pressure = with.pressure.get().unwrap();
    assert_eq!(
        (pressure.memory_some_us, pressure.cpu_some_us),
        (Some(0), None)
    );
    let io = with.block_io.get().unwrap();
    assert!(
        io.formula.contains("io.stat") && io.written.0 == 0,
        "{io:?}"
    );
}

#[test]
fn a_candidate_that_left_its_group_is_not_measured_by_it() {
    let usage = |place: &str| {
        let tree = copied(V2);
        let (id, pid) = recorded(tree.path());
        let process = tree.path().join("proc").join(pid.to_string());
        fs::write(process.join("cgroup"), place.replace("ID", &id)).unwrap();
        let roots = roots(tree.path());
        let files = ContainerFiles::open(&roots, &layout::detect(&roots), &id).unwrap();
        Sampler::start(files, Some(pid), Instant::now(), 10).mark()
    };
    assert!(usage("0::/../ID/nested\n").memory.seen().is_some());
    let left = usage("0::/elsewhere\n");
    let why = left.memory.get().unwrap_err();
    assert!(
        why.because.contains("has left the control group"),
        "{why:?}"
    );
    assert!(left.cpu.seen().is_none() && left.pids_peak.seen().is_none());
}

#[test]
fn without_a_memory_controller_the_processes_are_asked_and_with_one_they_are_not() {
    let held = |name| {
        let tree = copied(name);
        let (id, pid) = recorded(tree.path());
        let process = tree.path().join("proc").join(pid.to_string());
        let task = process.join("task").join(pid.to_string());
        fs::create_dir_all(&task).unwrap();
        fs::write(task.join("children"), "").unwrap();
        fs::write(process.join("smaps_rollup"), "Pss:    2048 kB\n").unwrap();
        // As on a host that has the hierarchy and does not serve it: no group of the container is in it.
        let place = format!("9:memory:/\n0::/docker/{id}\n");
        fs::write(process.join("cgroup"), place).unwrap();
        let roots = roots(tree.path());
        let files = ContainerFiles::open(&roots, &layout::detect(&roots), &id).unwrap();
        Sampler::start(files, Some(pid), Instant::now(), 10).mark()
    };
    let usage = held(NO_MEMORY);
    let fallback = usage.memory_fallback.get().unwrap();
    assert_eq!((fallback.peak.0, fallback.samples), (2048 * 1024, 2));
    assert!(fallback.formula.starts_with("fallback:"), "{fallback:?}");
    let why = usage.memory.get().unwrap_err().because;
    assert!(why.contains("cgroup_enable=memory"), "{why}");
    assert!(usage.cpu.seen().is_some() && usage.pids_peak.seen().is_some());
    assert_eq!(held(V2).memory_fallback, Default::default());
}

#[test]
fn privilege_and_upper_directory_are_read_from_the_process() {
    let root_with_defaults = tree(V2);
    let (_, pid) = recorded(&root_with_defaults);
    let seen = privilege::read(&roots(&root_with_defaults), pid);
    let seen = seen.seen().unwrap();
    assert_eq!(
        (seen.uid, seen.capabilities.len(), seen.seccomp),
        (0, 14, 2)
    );
    let plain_user = tree(HYBRID);
    let (_, pid) = recorded(&plain_user);
    let roots = roots(&plain_user);
    let seen = privilege::read(&roots, pid);
    let seen = seen.seen().unwrap();
    assert_eq!((seen.uid, seen.gid), (65532, 65532));
    assert!(seen.capabilities.is_empty() && !seen.no_new_privileges);
    let upper = storage::upper_dir(&roots, pid).unwrap();
    assert!(
        upper.starts_with("/var/lib/docker/overlay2") && upper.ends_with("diff"),
        "{upper:?}"
    );
    assert!(privilege::read(&roots, 1).seen().is_none());
}

#[test]
fn an_emulated_board_says_so() {
    let tree = tree(V2);
    let device = host::device(&Roots {
        cgroup: tree.join("cgroup"),
        ..roots(&tree)
    });
    assert_eq!(device.board.as_deref(), Some("linux,dummy-virt"));
    assert!(device.emulated);
}

#[test]
fn the_probes_own_group_tells_its_memory() {
    let tree = tree(V2);
    let (id, _) = recorded(&tree);
    let roots = roots(&tree);
    let cost = own::Cost::start(&roots, &layout::detect(&roots), Some(&id)).finish();
    // anon + kernel + shmem of the recorded memory.stat.
    assert_eq!(
        cost.memory_peak.seen().map(|peak| peak.0),
        Some(25_231_360 + 376_832 + 25_165_824)
    );
}
