//! Tests of `storage.rs`.

use super::*;
use proptest::prelude::*;

fn tree() -> (tempfile::TempDir, Roots) {
    let tree = tempfile::tempdir().unwrap();
    let roots = Roots {
        proc: tree.path().join("proc"),
        cgroup: tree.path().join("cgroup"),
        data_root: Some(tree.path().to_owned()),
        data_root_on_host: "/var/lib/docker".into(),
    };
    (tree, roots)
}

fn measured(roots: &Roots) -> StorageUse {
    let places = Places {
        layer: Ok(Layer::Upper("/var/lib/docker/diff".into())),
        mounts: Vec::new(),
        log: Some("/var/lib/docker/containers/a/a-json.log".into()),
    };
    measure(roots, &places, Bytes(7))
}

fn mount(kind: MountKind, source: &str, writable: bool) -> mounts::Place {
    mounts::Place {
        kind,
        name: source.to_owned(),
        destination: "/data".to_owned(),
        source: source.into(),
        writable,
    }
}

#[test]
fn volumes_and_binds_are_told_apart_and_what_is_only_read_is_not_summed() {
    let (tree, roots) = tree();
    for name in ["named", "bound", "read"] {
        fs::create_dir(tree.path().join(name)).unwrap();
        fs::write(tree.path().join(name).join("file"), vec![1; 8192]).unwrap();
    }
    let places = |read_only: &str| Places {
        layer: Err(unnamed("layer")),
        mounts: vec![
            mount(MountKind::NamedVolume, "/var/lib/docker/named", true),
            mount(MountKind::Bind, "/var/lib/docker/bound", true),
            mount(MountKind::Bind, read_only, false),
        ],
        log: None,
    };
    let seen = measure(&roots, &places("/var/lib/docker/read"), Bytes(7));
    let used = |at: usize| *seen.mounts[at].used.get().unwrap();
    assert_eq!(used(2).inodes, 2);
    assert_eq!(
        *seen.volumes.get().unwrap(),
        used(0).blocks.saturating_add(used(1).blocks)
    );
    // What lies outside and can only be read leaves the sum as it is.
    let outside = measure(&roots, &places("/etc"), Bytes(7));
    assert_eq!(outside.volumes, seen.volumes);
    assert!(outside.mounts[2].used.seen().is_none());
}

#[test]
fn a_large_directory_that_can_only_be_read_is_not_walked_to_its_end() {
    let (tree, roots) = tree();
    for (name, files) in [("bound", 2_100), ("read", 2_100), ("small", 9)] {
        fs::create_dir(tree.path().join(name)).unwrap();
        for file in 0..files {
            fs::write(tree.path().join(name).join(file.to_string()), "").unwrap();
        }
    }
    let bind = |name: &str, writable| {
        mount(
            MountKind::Bind,
            &format!("/var/lib/docker/{name}"),
            writable,
        )
    };
    let places = Places {
        layer: Err(unnamed("layer")),
        mounts: vec![
            bind("bound", true),
            bind("read", false),
            bind("small", false),
        ],
        log: None,
    };
    let seen = measure(&roots, &places, Bytes(7));
    let inodes = |at: usize| seen.mounts[at].used.get().map(|used| used.inodes);
    assert_eq!((inodes(0), inodes(2)), (Ok(2_101), Ok(10)));
    let because = inodes(1).unwrap_err().because;
    assert!(because.starts_with("more than 2000 files"), "{because}");
    assert!(seen.volumes.seen().is_some(), "it is not summed");
}

/// Hard links stand for a snapshot here: they too keep the inode's number.
#[test]
fn of_a_snapshot_only_what_differs_counts() {
    let (tree, roots) = tree();
    let (own, base) = (tree.path().join("own"), tree.path().join("base"));
    for directory in [&own, &base] {
        fs::create_dir(directory).unwrap();
    }
    fs::write(base.join("inherited"), vec![1; 256 << 10]).unwrap();
    fs::hard_link(base.join("inherited"), own.join("inherited")).unwrap();
    fs::write(base.join("changed"), vec![1; 64 << 10]).unwrap();
    fs::write(own.join("changed"), vec![2; 64 << 10]).unwrap();
    fs::write(own.join("new"), vec![1; 64 << 10]).unwrap();
    let places = |base: &str| Places {
        layer: Ok(Layer::Snapshot {
            own: "/var/lib/docker/own".into(),
            base: base.into(),
        }),
        mounts: Vec::new(),
        log: None,
    };
    let written = layer(&roots, &places("/var/lib/docker/base")).unwrap();
    assert!(
        (Bytes(128 << 10)..Bytes(160 << 10)).contains(&written),
        "{written}"
    );
    assert!(layer(&roots, &places("/var/lib/docker/gone")).is_err());
}

#[test]
fn hard_links_count_once_and_links_are_not_followed() {
    let (tree, roots) = tree();
    let diff = tree.path().join("diff");
    fs::create_dir(&diff).unwrap();
    fs::write(tree.path().join("outside"), vec![1; 1 << 20]).unwrap();
    fs::write(diff.join("file"), vec![1; 64 << 10]).unwrap();
    fs::hard_link(diff.join("file"), diff.join("again")).unwrap();
    std::os::unix::fs::symlink(tree.path(), diff.join("up")).unwrap();
    let writable = *measured(&roots).writable.seen().unwrap();
    assert!(writable >= Bytes(64 << 10), "{writable}");
    assert!(writable < Bytes(128 << 10), "{writable}");
    // The directory, the file with its two names, the link.
    assert_eq!(measured(&roots).inodes, Observed::Seen(3));
}

#[test]
fn free_space_is_that_of_the_data_root_s_file_system() {
    let (tree, mut roots) = tree();
    assert!(
        free(&roots).unwrap() > Bytes(0),
        "{}",
        tree.path().display()
    );
    roots.data_root = None;
    assert_eq!(free(&roots).unwrap_err().reason, Reason::Configuration);
}

#[test]
fn rotated_logs_count_too() {
    let (tree, roots) = tree();
    let logs = tree.path().join("containers/a");
    fs::create_dir_all(&logs).unwrap();
    for name in ["a-json.log", "a-json.log.1", "config.v2.json"] {
        fs::write(logs.join(name), vec![1; 8192]).unwrap();
    }
    assert_eq!(measured(&roots).logs, Observed::Seen(Bytes(16384)));
}

#[test]
fn a_file_beyond_4_gib_is_measured_by_its_blocks() {
    let (tree, roots) = tree();
    let diff = tree.path().join("diff");
    fs::create_dir(&diff).unwrap();
    let large = fs::File::create(diff.join("large")).unwrap();
    large.set_len(5 << 30).unwrap();
    rustix::io::pwrite(&large, &[1; 4096], (5 << 30) - 4096).unwrap();
    large.sync_all().unwrap();
    let writable = *measured(&roots).writable.seen().unwrap();
    assert!(writable >= Bytes(4096), "{writable}");
    assert!(writable < Bytes(1 << 20), "{writable}");
}

#[test]
fn what_cannot_be_read_makes_the_number_unseen() {
    let (_tree, roots) = tree();
    let seen = measured(&roots);
    let unseen = seen.writable.get().unwrap_err();
    assert_eq!(unseen.reason, Reason::CannotMeasure);
    assert!(
        unseen.because.contains("/diff cannot be read"),
        "{unseen:?}"
    );
    assert!(seen.logs.seen().is_none());
    let places = Places {
        layer: Err(unnamed("layer")),
        mounts: vec![mount(MountKind::NamedVolume, "/srv/volume", true)],
        log: None,
    };
    let elsewhere = measure(&roots, &places, Bytes(7));
    assert!(elsewhere.writable.seen().is_none());
    assert_eq!(
        elsewhere.volumes.get().unwrap_err().reason,
        Reason::Configuration
    );
}

#[test]
fn more_files_than_the_budget_are_no_number() {
    let (tree, _roots) = tree();
    for name in 0..10 {
        fs::write(tree.path().join(name.to_string()), "").unwrap();
    }
    assert!(Walk::new(11).add(tree.path(), None).is_ok());
    let error = Walk::new(10).add(tree.path(), None).unwrap_err();
    assert!(error.because.starts_with("more than"), "{error:?}");
}

#[test]
fn the_upper_directory_is_read_from_the_root_line() {
    let table = b"72 48 0:39 / / rw,relatime master:2 - overlay overlay rw,lowerdir=/l/A:/l/B,upperdir=/var/lib/a\\040b/diff,workdir=/w\n\
        73 72 0:42 / /proc rw - proc proc rw\n";
    assert_eq!(
        upper_of_root(table),
        Some(PathBuf::from("/var/lib/a b/diff"))
    );
    assert_eq!(upper_of_root(b"1 0 8:1 / / rw - ext4 /dev/sda rw\n"), None);
}

proptest! {
    #[test]
    fn no_mount_table_makes_it_panic(noise in proptest::collection::vec(any::<u8>(), 0..300), almost in "([0-9]{1,3} ){0,3}[0-9:/ a-z=,\\\\-]{0,80}") {
        upper_of_root(&noise);
        upper_of_root(almost.as_bytes());
        unescaped(&almost);
    }
}
