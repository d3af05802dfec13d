//! The sweep on a real engine: everything of the dead goes, nothing of the living.

use conformance::create_options::NamedVolume;
use engine::{Engine, LABEL_RUN, Owner, Role};

use crate::busybox::{busybox, dead, engine, me, run, stamp};

/// Creates a container that sleeps, and starts it.
async fn sleeper(engine: &Engine, name: &str, owner: &Owner) -> String {
    let body = busybox(&["sleep", "1000"]);
    let created = engine.create(&run(name), &body, &stamp(name, owner)).await;
    let id = created.unwrap().id;
    engine.start(&id).await.unwrap();
    id
}

/// A process that lives until it is dropped.
struct Neighbour(std::process::Child);

impl Neighbour {
    fn spawn() -> Neighbour {
        let mut program = std::process::Command::new("/bin/busybox");
        Neighbour(program.args(["sleep", "1000"]).spawn().unwrap())
    }

    fn owner(&self) -> Owner {
        let pid = self.0.id();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let (_, rest) = stat.rsplit_once(") ").unwrap();
        let Owner::Process { boot_id, .. } = me() else {
            panic!("tests own things as a process");
        };
        Owner::Process {
            boot_id,
            pid,
            start_time: rest.split_whitespace().nth(19).unwrap().parse().unwrap(),
        }
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[tokio::test]
async fn everything_a_dead_owner_left_goes_and_everything_of_the_living_stays() {
    let engine = engine().await;
    let gone = dead();
    // A dead harness owns a running probe, which owns a candidate, a network and a volume.
    let probe = sleeper(&engine, "dead-probe", &gone).await;
    let probe_owner = Owner::Container(probe.clone());
    let candidate = sleeper(&engine, "dead-candidate", &probe_owner).await;
    let left = stamp("dead-rest", &probe_owner);
    let network = engine
        .create_network(&run("dead-net"), &left.with_role(Role::Network))
        .await
        .unwrap();
    let volume = engine
        .create_volume(
            &NamedVolume::local(&run("dead-volume")),
            &left.with_role(Role::Volume),
        )
        .await
        .unwrap();
    // A neighbour lives, and so does its probe.
    let neighbour = Neighbour::spawn();
    let their_probe = sleeper(&engine, "live-probe", &neighbour.owner()).await;
    let their_owner = Owner::Container(their_probe.clone());
    let their_candidate = sleeper(&engine, "live-candidate", &their_owner).await;
    let mine = sleeper(&engine, "mine", &me()).await;

    let swept = engine.sweep(&me()).await.unwrap();

    for id in [&probe, &candidate] {
        assert_eq!(engine.find(id).await.unwrap(), None, "{swept:?}");
    }
    assert_eq!(engine.network(&network.id).await.unwrap(), None);
    assert_eq!(engine.volume(&volume.name).await.unwrap(), None);
    for name in ["dead-probe", "dead-candidate"] {
        let what = format!("container {}", run(name));
        assert!(swept.removed.contains(&what), "{what}: {swept:?}");
    }
    for id in [&their_probe, &their_candidate, &mine] {
        let seen = engine.find(id).await.unwrap().unwrap();
        assert!(seen.running && seen.labels.contains_key(LABEL_RUN));
        let what = format!("container {}", seen.name);
        let stays = swept.left.iter().find(|left| left.what == what).unwrap();
        assert_eq!(stays.because, "its owner lives");
    }

    // The neighbour dies: its whole chain goes with the next sweep.
    drop(neighbour);
    let swept = engine.sweep(&me()).await.unwrap();
    assert_eq!(engine.find(&their_probe).await.unwrap(), None, "{swept:?}");
    assert_eq!(
        engine.find(&their_candidate).await.unwrap(),
        None,
        "{swept:?}"
    );
    assert!(engine.find(&mine).await.unwrap().is_some());
    engine.remove(&mine).await.unwrap();
}

#[tokio::test]
async fn a_container_that_was_just_started_sweeps_its_own_however_young() {
    let engine = engine().await;
    let probe = sleeper(&engine, "young-probe", &me()).await;
    let owner = Owner::Container(probe.clone());
    let candidate = sleeper(&engine, "young-candidate", &owner).await;
    let swept = engine.sweep(&owner).await.unwrap();
    assert!(
        engine.find(&candidate).await.unwrap().is_some(),
        "{swept:?}"
    );
    let swept = engine.sweep_at_start(&owner).await.unwrap();
    assert!(
        engine.find(&candidate).await.unwrap().is_none(),
        "{swept:?}"
    );
    // Its own life is another's to end.
    assert!(engine.find(&probe).await.unwrap().is_some(), "{swept:?}");
    engine.remove(&probe).await.unwrap();
}
