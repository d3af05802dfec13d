//! The direct methods, as somebody calls them through the hub.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use conformance::run_request::sha256_hex;
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use standin::hub::HubEvent;

use crate::stage::{End, Stage, module, offer_part, request, request_without_offer};

#[tokio::test]
async fn a_run_with_an_offer_handed_over_is_carried_out_and_its_report_fetched_by_call() {
    let stage = Stage::new().await;
    stage
        .play(End::Stop, async |seen| {
            let early = stage.call("start", &request_without_offer("r1")).await;
            assert_eq!(early.status, 400);
            assert!(
                early.payload["mistakes"][0]
                    .as_str()
                    .unwrap()
                    .starts_with("/offer: missing")
            );
            let offer = stage.call("offer", &offer_part()).await;
            assert_eq!(
                (offer.status, offer.payload),
                (200, json!({"have": 1, "of": 1, "complete": true}))
            );

            let started = stage.call("start", &request_without_offer("r1")).await;
            assert_eq!(
                (started.status, started.payload),
                (202, json!({"run": "r1", "position": 0}))
            );
            let again = stage.started("r1").await;
            assert_eq!(
                (again.status, again.payload),
                (200, json!({"run": "r1", "known": true}))
            );
            let mut other = request("r1");
            other["options"] = json!({"hermetic": true});
            assert_eq!(stage.call("start", &other).await.status, 409);

            seen.state("r1", "running").await;
            let none = stage.call("report", &json!({"run": "r1"})).await;
            assert_eq!(
                (none.status, &none.payload["state"]),
                (404, &json!("running"))
            );
            let status = stage.call("status", &Value::Null).await;
            assert_eq!(
                (
                    &status.payload["run"],
                    &status.payload["phase"],
                    &status.payload["last"]
                ),
                (&json!("r1"), &json!("phase 1"), &Value::Null)
            );

            stage.slow.let_go.add_permits(1);
            let mut sent = Vec::new();
            let done = loop {
                let (message, done) = seen
                    .wait(|event| {
                        if let HubEvent::Message { body, .. } = &event {
                            return Some((body.to_vec(), None));
                        }
                        let HubEvent::Reported { patch, .. } = event else {
                            return None;
                        };
                        (patch["conformance"]["state"] == "done")
                            .then(|| (Vec::new(), Some(patch["conformance"].clone())))
                    })
                    .await;
                sent.extend(message);
                if let Some(done) = done {
                    break done;
                }
            };
            assert_eq!(
                (&done["run"], &done["verdict"], &done["progress"]),
                (&json!("r1"), &json!("undecided"), &json!(100))
            );
            assert!(done["counts"]["inconclusive"].as_u64().unwrap() > 0);
            let (report, parts) = fetched(&stage, "r1").await;
            assert!(parts > 1);
            assert!(
                report == sent,
                "the report by call is not the report by message"
            );
            let ended = stage.call("cancel", &json!({"run": "r1"})).await;
            assert_eq!(ended.status, 409);
            let last = stage.call("status", &Value::Null).await.payload["last"].clone();
            assert_eq!(
                (&last["run"], &last["verdict"]),
                (&json!("r1"), &json!("undecided"))
            );
            let part = stage
                .call("report", &json!({"run": "r1", "part": parts + 1}))
                .await;
            assert_eq!(part.status, 400);
        })
        .await;
    assert_eq!(
        stage.slow.of("r1"),
        ["begun r1", "cleaned r1", "delivered r1"]
    );
}

/// A report in as many calls as it takes.
async fn fetched(stage: &Stage, run: &str) -> (Vec<u8>, u64) {
    let (mut coded, mut part) = (String::new(), 0);
    loop {
        part += 1;
        let answer = stage
            .call("report", &json!({"run": run, "part": part}))
            .await;
        assert_eq!(answer.status, 200, "{:?}", answer.payload);
        let content = answer.payload["content"].as_str().unwrap();
        assert!(content.len() <= 90_000);
        coded.push_str(content);
        if answer.payload["parts"].as_u64() == Some(part) {
            let bytes = STANDARD.decode(&coded).unwrap();
            let mut report = Vec::new();
            GzDecoder::new(bytes.as_slice())
                .read_to_end(&mut report)
                .unwrap();
            assert_eq!(answer.payload["sha256"], sha256_hex(&report));
            return (report, part);
        }
    }
}

#[tokio::test]
async fn a_canceled_run_is_cleaned_up_and_the_next_one_begins() {
    let stage = Stage::new().await;
    stage
        .play(End::Stop, async |seen| {
            for (position, run) in ["a", "b", "c"].iter().enumerate() {
                assert_eq!(stage.started(run).await.payload["position"], position);
            }
            seen.reported(|now| now["run"] == "a" && now["queue"] == json!(["b", "c"]))
                .await;
            let queued = stage.call("cancel", &json!({"run": "b"})).await;
            assert_eq!(
                (queued.status, &queued.payload["was"]),
                (200, &json!("queued"))
            );
            let running = stage.call("cancel", &json!({"run": "a"})).await;
            assert_eq!(
                (running.status, running.payload),
                (200, json!({"run": "a", "was": "running"}))
            );
            let canceled = seen.state("a", "canceled").await;
            assert_eq!(canceled["verdict"], Value::Null);
            seen.state("c", "running").await;
            assert_eq!(stage.call("cancel", &json!({"run": "b"})).await.status, 409);
            assert_eq!(
                stage.call("cancel", &json!({"run": "never"})).await.status,
                404
            );
            let none = stage.call("report", &json!({"run": "a"})).await;
            assert_eq!(
                (none.status, &none.payload["state"]),
                (404, &json!("canceled"))
            );
            let known = stage.started("a").await;
            assert_eq!((known.status, &known.payload["known"]), (200, &json!(true)));
            stage.slow.let_go.add_permits(1);
            seen.state("c", "done").await;
        })
        .await;
    assert_eq!(stage.slow.of("a"), ["begun a", "cleaned a"]);
    assert_eq!(stage.slow.of("b"), [] as [&str; 0]);
    let journal = std::fs::read_to_string(stage.state.path().join("runs/a/journal.jsonl")).unwrap();
    assert!(
        journal.trim_end().ends_with(r#"{"event":"canceled"}}"#),
        "{journal}"
    );
}

#[tokio::test]
async fn a_run_that_fails_says_why_and_is_not_begun_again() {
    let stage = Stage::new().await;
    stage.slow.let_go.add_permits(1);
    stage
        .play(End::Stop, async |seen| {
            stage.started("broken").await;
            let failed = seen.state("broken", "failed").await;
            assert_eq!(failed["phase"], "the engine is gone");
            assert_eq!(stage.started("broken").await.payload["known"], true);
            let status = stage.call("status", &Value::Null).await.payload;
            assert_eq!(
                (&status["state"], &status["last"]["headline"]),
                (&json!("failed"), &json!("the engine is gone"))
            );
        })
        .await;
    assert_eq!(stage.slow.of("broken"), ["begun broken", "cleaned broken"]);
}

#[tokio::test]
async fn a_full_queue_takes_no_more() {
    let stage = Stage::new().await;
    stage
        .play(End::Kill, async |_| {
            for n in 0..=16 {
                assert_eq!(stage.started(&format!("r{n}")).await.status, 202, "{n}");
            }
            let refused = stage.started("more").await;
            assert_eq!(refused.status, 429);
            assert!(
                refused.payload["message"]
                    .as_str()
                    .unwrap()
                    .contains("16 runs wait")
            );
            let status = stage.call("status", &Value::Null).await.payload;
            assert_eq!(status["queue"].as_array().unwrap().len(), 16);
            stage.call("cancel", &json!({"run": "r5"})).await;
            assert_eq!(stage.started("more").await.payload["position"], 16);
        })
        .await;
}

#[tokio::test]
async fn whatever_is_called_the_answer_says_what_is_wrong() {
    let stage = Stage::new().await;
    let long = "x".repeat(120 * 1024);
    let ids = ["../../etc/passwd", "a\0b", "é", "A", "", "a/b", &long];
    stage
        .play(End::Kill, async |_| {
            for method in ["cancel", "report", "start", "offer"] {
                for payload in [
                    json!(null),
                    json!([]),
                    json!("x"),
                    json!(7),
                    json!({}),
                    json!({"run": 7}),
                    json!({"x": long}),
                ] {
                    let answer = stage.call(method, &payload).await;
                    assert_eq!(answer.status, 400, "{method}");
                    assert!(!answer.payload["mistakes"].as_array().unwrap().is_empty());
                }
            }
            for id in ids {
                for method in ["cancel", "report"] {
                    let answer = stage.call(method, &json!({"run": id})).await;
                    assert_eq!(answer.status, 400, "{method}");
                }
                let mut run = request("x");
                run["id"] = json!(id);
                assert_eq!(stage.call("start", &run).await.status, 400);
                let mut offer = offer_part();
                offer["sha256"] = json!(id);
                offer["content"] = json!("");
                assert_eq!(stage.call("offer", &offer).await.status, 400);
            }
            let many: Value = (0..4_000)
                .map(|n| (format!("member-{n}"), json!(n)))
                .collect::<serde_json::Map<_, _>>()
                .into();
            let answer = stage.call("start", &many).await;
            assert_eq!(
                (
                    answer.status,
                    answer.payload["mistakes"].as_array().unwrap().len()
                ),
                (400, 21)
            );
            for method in ["reboot", "", "Ping", "ping/", "é"] {
                let answer = stage
                    .hub
                    .invoke(&module(), method, &Value::Null, crate::stage::PATIENCE)
                    .await;
                if let Ok(answer) = answer {
                    assert_eq!(answer.status, 404, "{method:?}");
                    assert!(
                        answer.payload["message"]
                            .as_str()
                            .unwrap()
                            .contains("ping, status, start, cancel, report, offer")
                    );
                }
            }
            assert_eq!(
                stage.call("ping", &Value::Null).await.payload["state"],
                "idle"
            );
        })
        .await;
    let left: Vec<_> = std::fs::read_dir(stage.state.path().join("runs"))
        .unwrap()
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
