//! docs/module.md, word by word: what it says is sent is sent, and what it says is answered is answered.

use conformance::run_request::sha256_hex;
use serde_json::Value;

use crate::stage::{End, OFFER, Stage, offer_part};

const PAGE: &str = include_str!("../../../docs/module.md");

/// An example: what follows the word `json` in its first line, and the value.
fn examples() -> Vec<(&'static str, Value)> {
    let part = offer_part()["content"].as_str().unwrap().to_owned();
    let (one, two) = part.split_at(part.len() / 2);
    let mut found = Vec::new();
    for block in PAGE.split("```json").skip(1) {
        let (what, rest) = block.split_once('\n').unwrap();
        let (text, _) = rest.split_once("```").unwrap();
        let text = text
            .replace("<sha256>", &sha256_hex(OFFER.as_bytes()))
            .replace("<content 1>", one)
            .replace("<content 2>", two);
        let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        found.push((what.trim(), value));
    }
    found
}

#[tokio::test]
async fn every_example_of_the_page_is_what_the_probe_does() {
    let stage = Stage::new().await;
    let examples = examples();
    let mut called = 0;
    stage
        .play(End::Stop, async |seen| {
            for pair in examples.windows(2) {
                let [(call, payload), (answer, wanted)] = pair else {
                    unreachable!()
                };
                let Some(method) = call.strip_prefix("call=") else {
                    continue;
                };
                if method == "status" {
                    seen.reported(|now| now["phase"] == "phase 1" && now["queue"][0] == "run-2")
                        .await;
                }
                called += 1;
                let mut answered = stage.call(method, payload).await;
                let status = answer.strip_prefix("answer=").unwrap();
                assert_eq!(
                    answered.status.to_string(),
                    status,
                    "{method}: {}",
                    answered.payload
                );
                if let Some(now) = answered.payload.get_mut("now") {
                    assert!(now.as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
                    *now = wanted["now"].clone();
                }
                assert_eq!(answered.payload, *wanted, "{method}");
            }
            let (what, wanted) = examples.last().unwrap();
            assert_eq!(*what, "reported");
            assert_eq!(seen.state("run-1", "canceled").await, *wanted);
        })
        .await;
    assert!(called >= 13, "{called} examples were found");
    let documented = |name: &&str| PAGE.contains(&format!("\n### `{name}`\n"));
    let methods = ["ping", "status", "start", "cancel", "report", "offer"];
    assert!(methods.iter().all(documented));
}
