//! The reported property `conformance`, as the hub gets it.

use std::time::{Duration, Instant};

use serde_json::json;
use standin::hub::HubEvent;

use crate::stage::{End, Stage};

#[tokio::test]
async fn progress_is_told_at_most_once_a_second_and_the_end_comes_last() {
    let mut stage = Stage::new().await;
    stage.slow.phases = (100, Duration::from_millis(25));
    stage.slow.let_go.add_permits(1);
    stage
        .play(End::Stop, async |seen| {
            stage.started("a").await;
            let mut times = Vec::new();
            let mut progress = Vec::new();
            loop {
                let now = seen.reported(|now| now["run"] == "a").await;
                times.push(Instant::now());
                progress.push(now["progress"].as_u64().unwrap());
                if now["state"] == "done" {
                    break;
                }
            }
            assert!(times.len() >= 3, "{times:?}");
            for pair in times.windows(2) {
                assert!(pair[1] - pair[0] > Duration::from_millis(900), "{times:?}");
            }
            assert!(progress.is_sorted(), "{progress:?}");
        })
        .await;
    assert_eq!(stage.conformance()["state"], "done");
}

#[tokio::test]
async fn a_hub_that_was_gone_hears_of_every_end_and_then_how_things_stand() {
    let stage = Stage::new().await;
    stage
        .play(End::Stop, async |seen| {
            stage.started("broken-1").await;
            stage.started("broken-2").await;
            stage.started("c").await;
            seen.state("broken-1", "running").await;
            stage.hub.vanish().await;
            stage.slow.let_go.add_permits(2);
            while stage.slow.of("c").is_empty() {
                tokio::task::yield_now().await;
            }
            stage.hub.reappear().await.unwrap();
            seen.state("broken-1", "failed").await;
            seen.state("broken-2", "failed").await;
            let now = seen.state("c", "running").await;
            assert_eq!(now["queue"], json!([]));
            stage.slow.let_go.add_permits(1);
            let parts = async {
                let mut parts = 0;
                loop {
                    let done = seen
                        .wait(|event| {
                            if let HubEvent::Reported { patch, .. } = &event {
                                let done = patch["conformance"]["state"] == "done";
                                return done.then_some(true);
                            }
                            matches!(event, HubEvent::Message { .. }).then_some(false)
                        })
                        .await;
                    if done {
                        return parts;
                    }
                    parts += 1;
                }
            }
            .await;
            assert!(parts > 0, "the twin says done before the report is there");
        })
        .await;
}
