//! How a real engine says no, and how a container dies.

use std::time::Duration;

use conformance::health::{Failure, diagnose};
use conformance::observation::Cause;
use engine::{EngineError, EventKind};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::busybox::{busybox, engine, me, run, stamp};

/// The error of a container that cannot be created or started.
async fn refusal(name: &str, body: &Value) -> EngineError {
    let engine = engine().await;
    let created = match engine.create(&run(name), body, &stamp(name, &me())).await {
        Ok(created) => created,
        Err(error) => return error,
    };
    let started = engine.start(&created.id).await;
    engine.remove(&created.id).await.unwrap();
    started.unwrap_err()
}

/// The cause that the core reads out of the engine's words.
fn cause(error: &EngineError) -> Cause {
    assert!(error.is_refusal() && !error.is_unreachable(), "{error}");
    let failure = Failure {
        engine_error: error.engine_words(),
        ..Failure::default()
    };
    diagnose(&failure).0
}

#[tokio::test]
async fn a_port_in_use_is_told_in_the_engine_s_words() {
    let engine = engine().await;
    let mut body = busybox(&["sleep", "1000"]);
    // A port of the engine's choice, for the first; the same one, for the second.
    body["ExposedPorts"] = json!({"80/tcp": {}});
    body["HostConfig"] = json!({"PortBindings": {"80/tcp": [{"HostPort": ""}]}});
    let stamp = stamp("port", &me());
    let first = engine.create(&run("port-1"), &body, &stamp).await.unwrap();
    engine.start(&first.id).await.unwrap();
    let seen = engine.inspect(&first.id).await.unwrap();
    let bindings = seen.raw["NetworkSettings"]["Ports"]["80/tcp"].clone();
    body["HostConfig"] =
        json!({"PortBindings": {"80/tcp": [{"HostPort": bindings[0]["HostPort"]}]}});
    let error = refusal("port-2", &body).await;
    engine.remove(&first.id).await.unwrap();
    assert_eq!(cause(&error), Cause::PortInUse, "{error}");
}

#[tokio::test]
async fn a_missing_image_a_missing_device_and_a_bad_option_are_refused() {
    let mut body = busybox(&["true"]);
    body["Image"] = json!("edgeproof.test/none:1");
    let error = refusal("image", &body).await;
    assert!(error.is_not_found(), "{error}");

    let mut body = busybox(&["true"]);
    body["HostConfig"]["Devices"] =
        json!([{"PathOnHost": "/dev/none", "PathInContainer": "/dev/none"}]);
    let error = refusal("device", &body).await;
    assert_eq!(cause(&error), Cause::MissingDeviceOrBind, "{error}");

    let mut body = busybox(&["true"]);
    body["HostConfig"]["Memory"] = json!(1);
    let error = refusal("option", &body).await;
    assert_eq!(cause(&error), Cause::BadOption, "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_program_does_not_run() {
    let engine = engine().await;
    let mut body = busybox(&[]);
    body["Entrypoint"] = json!(["/garbage"]);
    let created = engine
        .create(&run("garbage"), &body, &stamp("garbage", &me()))
        .await
        .unwrap();
    // Some engines refuse to start it, others start it and let it fail at once.
    let said = match engine.start(&created.id).await {
        Err(error) => error.reply(),
        Ok(_) => {
            let code = timeout(Duration::from_secs(60), engine.wait_exit(&created.id)).await;
            assert_ne!(code.unwrap().unwrap(), 0);
            engine.last_lines(&created.id, 5).await.unwrap().join("\n")
        }
    };
    assert!(said.contains("exec format error"), "{said}");
    engine.remove(&created.id).await.unwrap();
}

#[tokio::test]
async fn a_container_over_its_memory_limit_is_killed_for_it() {
    let engine = engine().await;
    let stamp = stamp("oom", &me());
    let mut events = engine.events(&stamp.run).await.unwrap();
    let mut body = busybox(&["dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"]);
    body["HostConfig"]["Memory"] = json!(16 << 20);
    body["HostConfig"]["MemorySwap"] = json!(16 << 20);
    let created = engine.create(&run("oom"), &body, &stamp).await.unwrap();
    engine.start(&created.id).await.unwrap();
    let code = timeout(Duration::from_secs(60), engine.wait_exit(&created.id)).await;
    assert_eq!(code.unwrap().unwrap(), 137);
    let died = EventKind::Died { code: 137 };
    let mut kinds = Vec::new();
    // The engine hears of the kill and of the exit by different ways, in either order.
    while !(kinds.contains(&EventKind::OutOfMemory) && kinds.contains(&died)) {
        let event = timeout(Duration::from_secs(60), events.recv()).await;
        kinds.push(event.unwrap().unwrap().kind);
    }
    let position = |kind: &EventKind| kinds.iter().position(|seen| seen == kind);
    if position(&EventKind::OutOfMemory) < position(&died) {
        // Only then does the container itself tell.
        assert!(engine.inspect(&created.id).await.unwrap().oom_killed);
    }
    engine.remove(&created.id).await.unwrap();
}
