use conformance::health::Expectation;
use serde_json::json;
use tokio::sync::mpsc::{Sender, channel};

use super::*;
use crate::small_engine::serve;

const ID: &str = "4f66ad9a0b2e2751662c79d951d2f7c225d033f20220dcaa2346cb4c41d818a3";

fn container(running: bool) -> String {
    json!({"Id": ID, "State": {"Running": running, "ExitCode": 0}}).to_string()
}

/// A watch over a container of which the engine says `running` when it is asked, and the way to tell it events.
async fn watch(place: &tempfile::TempDir, running: bool) -> (Watch, Sender<EngineEvent>) {
    let socket = place.path().join("engine.sock");
    serve(&socket, move |path| match path {
        "/_ping" => "OK".to_owned(),
        _ => container(running),
    });
    let engine = Engine::connect(&socket).await.unwrap();
    let (tell, events) = channel(8);
    (Watch::new(&engine, ID.to_owned(), events, None), tell)
}

fn event(kind: EventKind) -> EngineEvent {
    let container = if kind == EventKind::Interrupted {
        String::new()
    } else {
        ID.to_owned()
    };
    EngineEvent {
        at: "2026-11-27T10:00:00Z".parse().unwrap(),
        container,
        kind,
    }
}

/// What a start that waits for a healthcheck comes to when these events are told.
async fn awaited(kinds: &[EventKind], running: bool) -> Result<Awaited, EngineError> {
    let place = tempfile::tempdir().unwrap();
    let (mut watch, tell) = watch(&place, running).await;
    for kind in kinds {
        tell.send(event(kind.clone())).await.unwrap();
    }
    let expectation = Expectation {
        healthcheck: true,
        ..Expectation::default()
    };
    let roots = Roots {
        proc: place.path().to_owned(),
        cgroup: place.path().to_owned(),
        data_root: None,
        data_root_on_host: place.path().to_owned(),
    };
    let sight = Sight {
        roots: &roots,
        pid: None,
        expectation: &expectation,
    };
    let running = serde_json::from_str(&container(true)).unwrap();
    let running = Inspect::read(running).unwrap();
    watch.until_healthy(&sight, Millis(300), &running).await
}

#[tokio::test]
async fn an_end_is_the_module_s_where_the_engine_stayed() {
    let ended = awaited(&[EventKind::Died { code: 3 }], false).await;
    assert!(matches!(ended, Ok(Awaited::Ended(Some(3)))), "{ended:?}");
}

#[tokio::test]
async fn an_end_that_an_engine_tells_before_it_ends_itself_is_not_the_module_s() {
    for kinds in [
        &[EventKind::Died { code: 0 }, EventKind::Interrupted][..],
        &[EventKind::Interrupted, EventKind::Died { code: 0 }],
        // The end itself was never told.
        &[EventKind::Interrupted],
    ] {
        let ended = awaited(kinds, false).await.unwrap_err();
        assert!(
            matches!(&ended, EngineError::Restarted { container } if container == ID),
            "{kinds:?}: {ended}"
        );
    }
}

#[tokio::test]
async fn a_module_that_lived_on_through_a_restart_of_the_engine_is_late_by_itself() {
    let late = awaited(&[EventKind::Interrupted], true).await;
    assert!(matches!(late, Ok(Awaited::Overdue(_))), "{late:?}");
}

#[tokio::test]
async fn an_end_that_nobody_can_vouch_for_is_an_engine_that_is_lost() {
    let place = tempfile::tempdir().unwrap();
    let (mut watch, tell) = watch(&place, true).await;
    drop(tell);
    let lost = watch.vouch().await.unwrap_err();
    assert!(matches!(lost, EngineError::EventsLost), "{lost}");
}
