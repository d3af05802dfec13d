//! Trees of whole emulated devices: with pressure, block I/O, a kill for memory, and each process' own account.

use super::*;

const V2_WHOLE: &str = "v2-6.1-x86_64";
const NO_MEMORY_32: &str = "v2-no-memory-6.1-armv7l";

/// What is told beside it of trees that have it: pressure, block I/O by group and by processes, and their memory.
fn told_besides(tree: &Path) -> String {
    let roots = roots(tree);
    let (id, pid) = recorded(tree);
    let mut files = ContainerFiles::open(&roots, &layout::detect(&roots), &id).unwrap();
    files.watch_network(pid);
    let mut buffer = vec![0; 16384];
    let pressure = files.read_slow(&mut buffer).pressure.unwrap();
    let (census, group) = files.census(&mut buffer);
    let lines = [
        format!("cpu stood still {:?} us", pressure.cpu_some_us),
        format!(
            "memory stood still {:?}, whole {:?} us",
            pressure.memory_some_us, pressure.memory_full_us
        ),
        format!(
            "io stood still {:?}, whole {:?} us",
            pressure.io_some_us, pressure.io_full_us
        ),
        format!("group {group:?}"),
        format!("processes {:?}", census.unwrap().io.unwrap()),
        format!("held by them {:?}", files.memory_fallback()),
        format!("elsewhere {:?}", files.uncounted()),
        format!("kills on the device {:?}", oom::device_kills(&roots)),
    ];
    lines.join("\n") + "\n"
}

/// 4 MiB of shared memory, 20 MiB written and written back, 96 MiB tried inside 64, then 24 MiB held on half a core.
#[test]
fn everything_that_only_v2_tells_is_read_from_a_whole_device() {
    let tree = tree(V2_WHOLE);
    assert_eq!(
        told(&tree) + &told_besides(&tree),
        "versions Some(2) Some(2) Some(2)\n\
         memory Some(29917184) of Some(67108864)\n\
         oom kills Some(1)\n\
         parts Some((29813328, Some(29917184), \"anon + shmem + (kernel - slab_reclaimable) of memory.stat (cgroup v2)\"))\n\
         cpu Some(21420808000) ns\n\
         pids Some(2) of Some(6)\n\
         throttled Some((427, 396, 16956903))\n\
         network Some((946, 0))\n\
         ports {8080}\n\
         cpu stood still Some(21354200) us\n\
         memory stood still Some(203162), whole Some(203162) us\n\
         io stood still Some(1582), whole Some(1582) us\n\
         group Moved(Io { read: 0, written: 20971520 })\n\
         processes Io { read: 0, written: 20971520 }\n\
         held by them None\n\
         elsewhere None\n\
         kills on the device Some(2)\n"
    );
}

/// The same load where nothing limits it: no memory is counted, and of 20 MiB written the group's file has not one byte.
#[test]
fn a_32_bit_device_without_memory_controller_tells_what_its_processes_tell() {
    let tree = tree(NO_MEMORY_32);
    assert_eq!(
        told(&tree) + &told_besides(&tree),
        "versions None Some(2) Some(2)\n\
         memory None of None\n\
         oom kills None\n\
         parts None\n\
         cpu Some(26776320000) ns\n\
         pids Some(2) of Some(6)\n\
         throttled Some((524, 509, 24901925))\n\
         network Some((1252, 0))\n\
         ports {8080}\n\
         cpu stood still Some(21287325) us\n\
         memory stood still Some(0), whole Some(0) us\n\
         io stood still Some(370), whole Some(370) us\n\
         group NotTold\n\
         processes Io { read: 143360, written: 20971520 }\n\
         held by them Some(Ok(Proportional(3166208)))\n\
         elsewhere None\n\
         kills on the device None\n"
    );
}

/// Written back is what the group's owner of a page has written, and without memory controller no page has one.
#[test]
fn a_group_s_block_io_is_not_taken_where_no_memory_is_counted() {
    let tree = copied(NO_MEMORY_32);
    let (id, pid) = recorded(tree.path());
    let group = tree.path().join("cgroup/docker").join(&id);
    let stat = fs::read_to_string(group.join("io.stat")).unwrap();
    assert!(stat.contains("wbytes=0 "), "{stat}");
    let io = tree.path().join("proc").join(pid.to_string()).join("io");
    let written = fs::read_to_string(io).unwrap();
    assert!(written.contains("write_bytes: 20971520"), "{written}");
    // As where its processes, it and its child, tell the probe nothing.
    for process in fs::read_dir(tree.path().join("proc")).unwrap() {
        let io = process.unwrap().path().join("io");
        if io.is_file() {
            fs::remove_file(io).unwrap();
        }
    }
    let roots = roots(tree.path());
    let files = ContainerFiles::open(&roots, &layout::detect(&roots), &id).unwrap();
    let usage = Sampler::start(files, Some(pid), Instant::now(), 10).mark();
    assert!(usage.block_io.seen().is_none(), "{:?}", usage.block_io);
}
