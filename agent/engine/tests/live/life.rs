//! The life of containers, networks and volumes on a real engine.

use std::time::Duration;

use conformance::create_options::NamedVolume;
use engine::{EngineEvent, EventKind, HealthStatus, Role, Stamp};
use serde_json::json;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use crate::busybox::{IMAGE, busybox, engine, me, run, shell, stamp};

const PATIENCE: Duration = Duration::from_secs(60);

/// Kinds of the events of one container, until the last one wanted.
async fn kinds_until(
    events: &mut Receiver<EngineEvent>,
    id: &str,
    last: &EventKind,
) -> Vec<EventKind> {
    let mut kinds = Vec::new();
    while kinds.last() != Some(last) {
        let event = timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
        assert_eq!(event.container, id);
        if event.kind != EventKind::Other {
            kinds.push(event.kind);
        }
    }
    kinds
}

#[tokio::test]
async fn an_engine_tells_what_it_is() {
    let engine = engine().await;
    engine.ping().await.unwrap();
    let facts = engine.facts().await.unwrap();
    assert!(engine.speaks(1, 41), "{facts:?}");
    assert!(facts.data_root.starts_with('/'), "{facts:?}");
    assert_eq!(facts.platform.os, "linux");
}

#[tokio::test]
async fn an_image_in_the_store_is_found_and_another_is_not() {
    let engine = engine().await;
    let image = engine.image(IMAGE).await.unwrap().unwrap();
    assert!(image.image_id.starts_with("sha256:"));
    assert_eq!(image.config.entrypoint, ["/bin/busybox"]);
    assert_eq!(image.config.layers.len(), 1);
    assert!(image.unpacked.0 > 500_000, "{:?}", image.unpacked);
    let by_id = engine.image(&image.image_id).await.unwrap().unwrap();
    assert_eq!(by_id.image_id, image.image_id);
    for missing in ["edgeproof.test/none:1", "no such name"] {
        assert_eq!(engine.image(missing).await.unwrap(), None);
    }
}

#[tokio::test]
async fn an_image_in_the_store_is_saved_with_the_layer_that_was_loaded_and_another_is_not() {
    let engine = engine().await;
    let mut bytes = Vec::new();
    let saved = engine.save(IMAGE, |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    });
    saved.await.unwrap().unwrap();
    let mut archive = tar::Archive::new(&bytes[..]);
    let names: Vec<String> = archive
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().display().to_string())
        .collect();
    assert!(
        names.iter().any(|name| name == "manifest.json"),
        "{names:?}"
    );
    let program = std::fs::read("/bin/busybox").unwrap();
    assert!(
        bytes
            .windows(4_096)
            .any(|window| window == &program[..4_096])
    );
    let full = engine
        .save(IMAGE, |_| Err(std::io::Error::other("full")))
        .await;
    assert_eq!(full.unwrap().unwrap_err().to_string(), "full");
    assert!(
        engine
            .save("edgeproof.test/none:1", |_| Ok(()))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_container_is_created_byte_for_byte_and_tells_its_end() {
    let engine = engine().await;
    let stamp = stamp("life", &me());
    let mut events = engine.events(&stamp.run).await.unwrap();
    let mut body = shell("echo out; echo err >&2; exit 7");
    body["NobodyKnows"] = json!(1);
    body["Labels"] = json!({"mine": "x"});
    let created = engine.create(&run("life"), &body, &stamp).await.unwrap();
    let fresh = engine.inspect(&created.id).await.unwrap();
    assert_eq!(fresh.labels["mine"], "x");
    assert_eq!(Stamp::read(&fresh.labels).unwrap(), stamp);
    assert!(!fresh.running && fresh.pid.is_none() && fresh.started_at.is_none());

    engine.start(&created.id).await.unwrap();
    let code = timeout(PATIENCE, engine.wait_exit(&created.id)).await;
    assert_eq!(code.unwrap().unwrap(), 7);
    let ended = engine.inspect(&created.id).await.unwrap();
    assert_eq!((ended.exit_code, ended.oom_killed), (7, false));
    assert!(ended.started_at.is_some() && ended.finished_at.is_some());
    let mut lines = engine.last_lines(&created.id, 10).await.unwrap();
    lines.sort();
    assert_eq!(lines, ["err", "out"]);
    assert_eq!(engine.last_lines(&created.id, 1).await.unwrap().len(), 1);

    engine.remove(&created.id).await.unwrap();
    engine.remove(&created.id).await.unwrap();
    assert_eq!(engine.find(&created.id).await.unwrap(), None);
    let kinds = kinds_until(&mut events, &created.id, &EventKind::Destroyed).await;
    assert_eq!(
        kinds,
        [
            EventKind::Started,
            EventKind::Died { code: 7 },
            EventKind::Destroyed
        ]
    );
}

#[tokio::test]
async fn a_healthcheck_speaks_through_events_and_inspect() {
    let engine = engine().await;
    let stamp = stamp("health", &me());
    let mut events = engine.events(&stamp.run).await.unwrap();
    let mut body = busybox(&["sleep", "1000"]);
    body["Healthcheck"] =
        json!({"Test": ["CMD", "/bin/busybox", "true"], "Interval": 1_000_000_000_u64});
    let created = engine.create(&run("health"), &body, &stamp).await.unwrap();
    engine.start(&created.id).await.unwrap();
    let healthy = EventKind::Health(HealthStatus::Healthy);
    let kinds = kinds_until(&mut events, &created.id, &healthy).await;
    assert_eq!(kinds, [EventKind::Started, healthy]);
    let seen = engine.inspect(&created.id).await.unwrap();
    assert_eq!(seen.health, Some(HealthStatus::Healthy));
    assert!(seen.pid.is_some());
    engine.remove(&created.id).await.unwrap();
}

#[tokio::test]
async fn stopping_asks_first_and_kills_after_the_grace() {
    let engine = engine().await;
    let stamp = stamp("stop", &me());
    for (script, code) in [
        (
            "trap 'exit 3' TERM; echo up; while :; do sleep 0.1; done",
            3,
        ),
        ("trap '' TERM; echo up; while :; do sleep 0.1; done", 137),
    ] {
        let created = engine.create(&run("stop"), &shell(script), &stamp).await;
        let id = created.unwrap().id;
        engine.start(&id).await.unwrap();
        // The script traps the signal before it says a word.
        let said = async { while engine.last_lines(&id, 1).await.unwrap().is_empty() {} };
        timeout(PATIENCE, said).await.unwrap();
        engine.stop(&id, Duration::from_secs(1)).await.unwrap();
        assert_eq!(
            engine.inspect(&id).await.unwrap().exit_code,
            code,
            "{script}"
        );
        engine.stop(&id, Duration::from_secs(1)).await.unwrap();
        engine.remove(&id).await.unwrap();
    }
}

#[tokio::test]
async fn networks_and_volumes_come_and_go() {
    let engine = engine().await;
    let stamp = stamp("net", &me());
    let name = run("net");
    let network = engine
        .create_network(&name, &stamp.with_role(Role::Network))
        .await
        .unwrap();
    assert_eq!(network.name, name);
    assert!(network.gateway.is_ipv4(), "{network:?}");
    assert_eq!(Stamp::read(&network.labels).unwrap().role, Role::Network);
    assert_eq!(engine.network(&name).await.unwrap(), Some(network.clone()));

    let volume = engine
        .create_volume(&NamedVolume::local(&name), &stamp.with_role(Role::Volume))
        .await
        .unwrap();
    assert!(volume.mountpoint.is_absolute());
    assert_eq!(engine.volume(&name).await.unwrap(), Some(volume));

    let mut body = busybox(&["sleep", "1000"]);
    body["HostConfig"] = json!({"Binds": [format!("{name}:/data")]});
    body["NetworkingConfig"] = json!({"EndpointsConfig": {name.as_str(): {}}});
    let created = engine.create(&name, &body, &stamp).await.unwrap();
    engine.start(&created.id).await.unwrap();
    let seen = engine.inspect(&created.id).await.unwrap();
    assert_eq!(seen.gateway, Some(network.gateway));
    assert_eq!(seen.volumes.len(), 1);
    assert!(
        engine.remove_network(&network.id).await.is_err(),
        "it is in use"
    );

    assert_eq!(
        engine.remove_run(&stamp.run, &stamp.owner).await.unwrap(),
        3
    );
    assert_eq!(engine.network(&name).await.unwrap(), None);
    assert_eq!(engine.volume(&name).await.unwrap(), None);
    engine.remove_network(&network.id).await.unwrap();
    engine.remove_volume(&name).await.unwrap();
}

#[tokio::test]
async fn what_was_being_created_when_a_run_was_cut_short_is_removed_with_it() {
    let engine = engine().await;
    let stamp = stamp("cut", &me());
    let body = busybox(&["sleep", "1000"]);
    let names: Vec<String> = (0..8).map(|n| run(&format!("cut-{n}"))).collect();
    for name in &names {
        // Long enough to send the request, too short for its answer.
        let cut = timeout(Duration::from_millis(2), engine.create(name, &body, &stamp));
        let _cut_or_created = cut.await;
    }
    let removed = engine.remove_run(&stamp.run, &stamp.owner).await.unwrap();
    assert_eq!(removed, names.len());
    for name in &names {
        assert_eq!(engine.find(name).await.unwrap(), None);
    }
}
