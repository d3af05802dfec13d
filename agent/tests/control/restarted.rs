//! A probe that ends, asked to or not, and the one that comes after it.

use std::fs;

use serde_json::{Value, json};

use crate::stage::{End, Stage, request};

#[tokio::test]
async fn a_run_that_was_interrupted_begins_again_and_those_that_waited_follow() {
    let stage = Stage::new().await;
    stage
        .play(End::Kill, async |seen| {
            stage.started("a").await;
            stage.started("b").await;
            stage.started("c").await;
            seen.reported(|now| now["phase"] == "phase 1").await;
        })
        .await;
    assert_eq!(stage.slow.of("a"), ["begun a"]);
    stage
        .play(End::Stop, async |seen| {
            seen.state("a", "running").await;
            assert_eq!(
                stage.call("status", &Value::Null).await.payload["queue"],
                json!(["b", "c"])
            );
            assert_eq!(stage.started("a").await.payload["known"], true);
            stage.slow.let_go.add_permits(3);
            seen.state("c", "done").await;
        })
        .await;
    assert_eq!(
        stage.slow.of("a"),
        ["begun a", "begun a", "cleaned a", "delivered a"]
    );
    assert_eq!(stage.slow.of("b"), ["begun b", "cleaned b", "delivered b"]);
    let journal = fs::read_to_string(stage.state.path().join("runs/a/journal.jsonl")).unwrap();
    assert!(
        journal.contains(r#""event":{"event":"interrupted","phase":"phase 1"}"#),
        "{journal}"
    );
    assert!(!stage.state.path().join("runs/a/request.json").exists());
}

#[tokio::test]
async fn the_twin_hears_of_the_interruption_and_of_its_phase() {
    let stage = Stage::new().await;
    stage
        .play(End::Kill, async |seen| {
            stage.desire(&request("a"));
            seen.reported(|now| now["phase"] == "phase 1").await;
        })
        .await;
    let first = stage.play_from_the_start().await;
    assert_eq!(
        (&first["run"], &first["state"], &first["phase"]),
        (&json!("a"), &json!("interrupted"), &json!("phase 1"))
    );
}

#[tokio::test]
async fn a_run_that_kills_the_probe_each_time_is_closed_after_the_third() {
    let stage = Stage::new().await;
    stage.desire(&request("a"));
    for _ in 0..3 {
        stage
            .play(End::Kill, async |seen| {
                seen.reported(|now| {
                    now["run"] == "a" && now["phase"] == "phase 1" && now["state"] == "running"
                })
                .await;
            })
            .await;
    }
    stage
        .play(End::Kill, async |seen| {
            stage.started("b").await;
            seen.state("b", "running").await;
            assert_eq!(stage.started("a").await.payload["known"], true);
            let none = stage.call("report", &json!({"run": "a"})).await;
            assert_eq!(none.payload["state"], "failed");
        })
        .await;
    assert_eq!(stage.slow.of("a"), ["begun a"; 3]);
    let journal = fs::read_to_string(stage.state.path().join("runs/a/journal.jsonl")).unwrap();
    assert!(
        journal.contains("interrupted 3 times, the last time in phase `phase 1`"),
        "{journal}"
    );
}

#[tokio::test]
async fn a_probe_that_is_asked_to_stop_cleans_up_and_the_stop_does_not_count() {
    let stage = Stage::new().await;
    stage.desire(&request("a"));
    for n in 1..=4 {
        stage
            .play(End::Stop, async |seen| {
                seen.state("a", "running").await;
            })
            .await;
        let each = ["begun a", "cleaned a"];
        assert_eq!(stage.slow.of("a"), each.repeat(n));
        assert_eq!(stage.conformance()["state"], "interrupted");
    }
    stage.slow.let_go.add_permits(1);
    stage
        .play(End::Stop, async |seen| {
            seen.state("a", "done").await;
        })
        .await;
}

#[tokio::test]
async fn a_report_that_was_not_handed_over_is_by_the_next_start() {
    let stage = Stage::new().await;
    stage
        .play(End::Kill, async |seen| {
            stage.started("a").await;
            seen.state("a", "running").await;
            stage.hub.vanish().await;
            stage.slow.let_go.add_permits(1);
            let kept = stage.state.path().join("runs/a/ended.json");
            while !kept.exists() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    stage.hub.reappear().await.unwrap();
    stage
        .play(End::Stop, async |seen| {
            let done = seen.state("a", "done").await;
            assert_eq!(done["outbox"], json!({"messages": 0, "bytes": 0}));
        })
        .await;
    assert_eq!(
        stage
            .slow
            .of("a")
            .iter()
            .filter(|line| *line == "begun a")
            .count(),
        1
    );
}

#[tokio::test]
async fn a_run_that_was_canceled_stays_so_when_the_probe_stops_at_the_same_moment() {
    let stage = Stage::new().await;
    stage
        .play(End::Stop, async |seen| {
            stage.started("a").await;
            seen.state("a", "running").await;
            let canceled = stage.call("cancel", &json!({"run": "a"})).await;
            assert_eq!(canceled.payload["was"], "running");
        })
        .await;
    stage
        .play(End::Kill, async |_| {
            assert_eq!(stage.started("a").await.payload["known"], true);
            let none = stage.call("report", &json!({"run": "a"})).await;
            assert_eq!(none.payload["state"], "canceled");
        })
        .await;
    assert_eq!(stage.slow.of("a"), ["begun a", "cleaned a"]);
}
