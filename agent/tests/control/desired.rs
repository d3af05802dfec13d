//! Runs that the desired properties ask for.

use serde_json::{Value, json};

use crate::stage::{End, Stage, request};

#[tokio::test]
async fn every_mistake_is_reported_back_nothing_begins_and_the_mend_clears_them() {
    let stage = Stage::new().await;
    let mut bad = request("r1");
    bad["profile"] = json!("yearly");
    bad["options"] = json!({"cadenceHz": 0, "starts": "two"});
    bad["typo"] = json!(true);
    stage.desire(&bad);
    stage.play(End::Stop, async |seen| {
        let told = seen.reported(|now| !now["mistakes"].is_null()).await;
        let mistakes: Vec<&str> = told["mistakes"].as_array().unwrap().iter().map(|m| m.as_str().unwrap()).collect();
        assert_eq!(mistakes.len(), 4, "{mistakes:?}");
        for place in ["profile", "options/cadenceHz", "options/starts", "typo"] {
            let at = format!("/conformance/run/{place}: ");
            assert!(mistakes.iter().any(|m| m.starts_with(&at)), "{at} {mistakes:?}");
        }
        assert_eq!((&told["state"], &told["run"]), (&json!("idle"), &Value::Null));
        assert!(stage.slow.of("r1").is_empty());

        let mend = json!({"profile": "quick", "typo": null, "options": {"cadenceHz": null, "starts": null}});
        stage.desire(&mend);
        let running = seen.state("r1", "running").await;
        assert_eq!(running["mistakes"], Value::Null);
        assert!(stage.conformance()["mistakes"].is_null());
        stage.slow.let_go.add_permits(1);
        seen.state("r1", "done").await;

        stage.desire(&json!({"id": "R 2"}));
        let told = seen.reported(|now| !now["mistakes"].is_null()).await;
        assert_eq!((&told["state"], &told["run"]), (&json!("done"), &json!("r1")));
        stage.desire(&json!("run"));
        seen.reported(|now| now["mistakes"] == json!(["/conformance/run: a JSON object is wanted"])).await;
        stage.desire(&Value::Null);
        seen.reported(|now| now["mistakes"].is_null()).await;
    }).await;
}

#[tokio::test]
async fn a_new_desired_run_replaces_a_queued_desired_one_and_lets_others_be() {
    let stage = Stage::new().await;
    stage
        .play(End::Stop, async |seen| {
            stage.desire(&request("first"));
            seen.state("first", "running").await;
            stage.started("called").await;
            stage.desire(&request("second"));
            seen.reported(|now| now["queue"] == json!(["called", "second"]))
                .await;
            stage.desire(&request("third"));
            seen.reported(|now| now["queue"] == json!(["called", "third"]))
                .await;
            stage.slow.let_go.add_permits(3);
            seen.state("third", "done").await;
            let again = stage.call("start", &request("first")).await;
            assert_eq!(again.payload["known"], true);
        })
        .await;
    assert!(stage.slow.of("second").is_empty());
    for run in ["first", "called", "third"] {
        let all = [
            format!("begun {run}"),
            format!("cleaned {run}"),
            format!("delivered {run}"),
        ];
        assert_eq!(stage.slow.of(run), all);
    }
}

#[tokio::test]
async fn a_desired_run_with_an_id_that_was_used_is_refused_with_words() {
    let stage = Stage::new().await;
    stage.slow.let_go.add_permits(1);
    stage
        .play(End::Stop, async |seen| {
            stage.started("r1").await;
            seen.state("r1", "done").await;
            let mut other = request("r1");
            other["options"] = json!({"hermetic": true});
            stage.desire(&other);
            let told = seen.reported(|now| !now["mistakes"].is_null()).await;
            let mistake = told["mistakes"][0].as_str().unwrap();
            assert!(
                mistake.starts_with("/conformance/run/id: run id `r1` was used before"),
                "{mistake}"
            );
        })
        .await;
    assert_eq!(stage.slow.of("r1").len(), 3);
}
