//! A hub that sends what no hub should: the run under way goes on, mistakes are told where they can be, memory is bounded, and
//! nothing is written outside the state directory. The real client and the real control loop, over real TLS.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

#[path = "../storm/peak.rs"]
mod peak;
mod peer;
mod stage;

use std::io::Write as _;
use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use peer::{length, message};
use serde_json::{Value, json};
use stage::{Hub, TICK, play, request};
use tokio::time::{sleep, timeout};

const DESIRED: &str = "$iothub/twin/PATCH/properties/desired/?$version=";

/// A change of the desired properties at this version.
async fn desire(hub: &mut Hub, version: impl std::fmt::Display, body: &[u8]) {
    let topic = format!("{DESIRED}{version}");
    hub.link
        .publish_once_more(topic.as_bytes(), body)
        .await
        .unwrap();
}

async fn desire_run(hub: &mut Hub, version: u64, run: &Value) {
    let patch = json!({"conformance": {"run": run}, "$version": version});
    desire(hub, version, patch.to_string().as_bytes()).await;
}

#[tokio::test]
async fn malformed_desired_properties_are_told_and_change_nothing() {
    play(async |hub| {
        let with = |name: &str, value: Value| {
            let mut run = request("evil");
            run[name] = value;
            run
        };
        let long = "a".repeat(70_000);
        let parts: Vec<&str> = PACKED_ZEROES
            .as_bytes()
            .chunks(2_048)
            .map(|part| std::str::from_utf8(part).unwrap())
            .collect();
        let zip_bomb = json!({"encoding": "gzip+base64", "parts": parts});
        let cases: Vec<(Value, &str)> = vec![
            (
                with("id", json!("../../etc/passwd")),
                "/conformance/run/id: ",
            ),
            (with("id", json!("a\u{0}b")), "/conformance/run/id: "),
            (with("id", json!("ｅｖｉｌ")), "/conformance/run/id: "),
            (with("id", json!(1e300)), "/conformance/run/id: "),
            (
                with("offerSha256", json!("../".repeat(21))),
                "/conformance/run/offerSha256: ",
            ),
            (with("offer", zip_bomb), "/conformance/run/offer"),
            (
                with("options", json!({"starts": u64::MAX})),
                "/conformance/run/options/starts: ",
            ),
            (json!([]), "/conformance/run: a JSON object is wanted"),
            (json!("run"), "/conformance/run: a JSON object is wanted"),
        ];
        let mut version = 2;
        for (run, words) in cases {
            // A merge patch adds to what is there: take away first.
            desire_run(hub, version, &Value::Null).await;
            desire_run(hub, version + 1, &run).await;
            version += 2;
            hub.until_mistake(words).await;
        }
        desire(hub, version, br#"{"conformance": 7}"#).await;
        hub.until_mistake("/conformance: a JSON object is wanted")
            .await;
        desire(hub, version + 1, br#"{"conformance": null}"#).await;
        // Members that a hub adds for ever are not kept beyond what a twin may have.
        for n in 0..4_u64 {
            let name = format!("n{n}");
            desire_run(hub, version + 2 + n, &json!({name: long[..20_000]})).await;
        }
        hub.until_mistake("bytes; at most 65536").await;
    })
    .await;
}

/// Eight MiB of zeroes as an offer travels: eight times what one may have once unpacked.
static PACKED_ZEROES: LazyLock<String> = LazyLock::new(|| {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; 8 << 20]).unwrap();
    STANDARD.encode(encoder.finish().unwrap())
});

#[tokio::test]
async fn changes_without_sense_lead_back_to_the_whole_twin_and_cut_no_link() {
    play(async |hub| {
        let deep = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        let digits = format!("{{\"a\":{}}}", "9".repeat(40_000));
        let bodies: [&[u8]; 12] = [
            b"",
            b"[]",
            b"null",
            b"7",
            b"\"text\"",
            b"{\"a\":1e999}",
            b"{\"a\":\"\0\"}",
            b"{\"\\u0000\":\"\\u0000\"}",
            b"{\"a\":",
            b"\xff\xfe\x00",
            &deep(5_000).into_bytes(),
            digits.as_bytes(),
        ];
        for body in bodies {
            for version in [
                "",
                "2",
                "-1",
                "x",
                "18446744073709551615",
                "1e3",
                "2&$version=3",
            ] {
                let topic = format!("{DESIRED}{version}");
                hub.link
                    .publish_once_more(topic.as_bytes(), body)
                    .await
                    .unwrap();
            }
        }
        for body in [
            r#"{"$version":"2"}"#,
            r#"{"$version":{}}"#,
            r#"{"$version":-1}"#,
            "{}",
        ] {
            let topic = "$iothub/twin/PATCH/properties/desired/";
            hub.link
                .publish_once_more(topic.as_bytes(), body.as_bytes())
                .await
                .unwrap();
        }
        // 200,000 bytes that would take many times as much once read, again and again.
        let heavy = format!("{{\"a\":[{}{{}}]}}", "{\"a\":0},".repeat(25_000));
        for _ in 0..40 {
            desire(hub, 3, heavy.as_bytes()).await;
        }
        assert_eq!(hub.call("ping", b"null").await.0, 200);
    })
    .await;
}

#[tokio::test]
async fn methods_with_huge_bodies_and_names_that_are_paths_are_refused_with_words() {
    play(async |hub| {
        let names = [
            "..%2F..%2Fetc%2Fpasswd",
            "../../etc/passwd",
            "%2e%2e%2fstart",
            "start%00",
            "%00",
            "st%C3%A4rt",
            "%E2%80%AEtrats",
            "%25s%25n",
            "",
            "START",
        ];
        for name in names {
            let (status, answer) = hub.call(name, b"{}").await;
            let message = answer["message"].as_str().unwrap_or_default();
            assert_eq!(status, 404, "{name}: {answer}");
            assert!(message.contains("there are ping, status"), "{name}: {answer}");
        }
        assert_eq!(hub.call(&"n".repeat(60_000), b"null").await.0, 404);
        let sha = "a".repeat(64);
        let calls: Vec<(&str, Value)> = vec![
            ("report", json!({"run": "../../../etc/passwd"})),
            ("report", json!({"run": "good\u{0}"})),
            ("report", json!({"run": "good", "part": -1})),
            ("cancel", json!({"run": "..", "x": 1})),
            ("cancel", json!([])),
            ("start", json!({"id": "../x"})),
            ("start", json!(null)),
            ("offer", json!({"sha256": "../../etc/passwd", "encoding": "gzip+base64", "content": ""})),
            ("offer", json!({"sha256": sha, "part": 0, "encoding": "gzip+base64", "content": ""})),
            ("offer", json!({"sha256": sha, "part": 1, "parts": u64::MAX, "encoding": "gzip+base64", "content": ""})),
            ("offer", json!({"sha256": sha, "part": 1e300, "encoding": "x", "content": {}})),
            ("offer", json!({"sha256": sha, "encoding": "gzip+base64", "content": *PACKED_ZEROES})),
        ];
        for (name, payload) in calls {
            let (status, answer) = hub.call(name, payload.to_string().as_bytes()).await;
            assert_eq!(status, 400, "{name} {payload}: {answer}");
            assert!(answer["mistakes"].as_array().is_some_and(|told| !told.is_empty()), "{answer}");
        }
        let deep = "[".repeat(100_000);
        for body in [&b"\xff"[..], b"{\"a\":1e999}", deep.as_bytes()] {
            assert_eq!(hub.call("start", body).await.0, 400);
        }
        for _ in 0..20 {
            let (status, answer) = hub.call("start", &vec![b' '; 200_000]).await;
            assert_eq!(status, 400);
            assert!(answer["error"].as_str().unwrap().contains("at most 131072"), "{answer}");
        }
        // A megabyte is more than any packet may have: the link ends before it is read, and the next one is served.
        let topic = b"$iothub/methods/POST/start/?$rid=big";
        let _ = hub.link.publish(topic, &vec![b'x'; 1 << 20]).await;
        hub.again().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_not_the_protocol_ends_the_link_or_nothing_and_the_next_link_is_served() {
    play(async |hub| {
        let ignored: [&[u8]; 3] = [
            &[0x40, 2, 0x7f, 0xff],
            &[0xd0, 0],
            &message(0x30, b"devices/d1/unknown/%2e%2e", &[], b"x"),
        ];
        for bytes in ignored {
            let _ = hub.link.write(bytes).await;
            let asked = message(0x30, b"$iothub/methods/POST/ping/?$rid=p", &[], b"null");
            if hub.link.write(&asked).await.is_err() {
                hub.again().await;
                continue;
            }
            // It answers or leaves; either is allowed.
            loop {
                match hub.link.read().await {
                    Ok(packet) => {
                        let answered = packet
                            .published()
                            .is_some_and(|(topic, _)| topic.ends_with("$rid=p"));
                        hub.answer(&packet).await;
                        if answered {
                            break;
                        }
                    }
                    Err(_) => {
                        hub.afresh().await;
                        break;
                    }
                }
            }
        }
        let ends: [&[u8]; 9] = [
            &[0x20, 2, 0, 0],
            &[0x90, 3, 0, 9, 0],
            &[0x10, 0],
            &[0x34, 5, 0, 1, b'a', 0, 7],
            &message(0x32, b"a", &[0, 0], b"packet id 0"),
            &[0xff; 64],
            &[0x30, 0xff, 0xff, 0xff, 0x7f],
            &message(0x30, b"\xff\xfe", &[], b"no text"),
            &message(0x30, b"a\0b", &[], b"a zero in the topic"),
        ];
        for bytes in ends {
            let _ = hub.link.write(bytes).await;
            // Where it is let pass, the hub leaves.
            let leaves = async { while hub.link.read().await.is_ok() {} };
            let _ = timeout(Duration::from_millis(300), leaves).await;
            hub.afresh().await;
        }
        // Garbage instead of CONNACK, and nothing but a bit of it.
        for bytes in [
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            &[0x20, 2, 0xff, 0xff],
            &[0x20],
        ] {
            hub.link.leave();
            let mut link = hub.peer.link().await;
            let _ = link.read().await;
            let _ = link.write(bytes).await;
            drop(link);
            hub.afresh().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_flood_that_reads_no_answers_and_a_packet_that_never_ends_cost_bounded_memory() {
    play(async |hub| {
        // Every one of these is acknowledged, and nobody reads the acknowledgements.
        let mut flood = Vec::new();
        for id in 1..=u16::MAX {
            flood.extend(message(0x32, b"a", &id.to_be_bytes(), b""));
        }
        let flooding = async { while hub.link.write(&flood).await.is_ok() {} };
        let ended = timeout(Duration::from_secs(5), flooding).await;
        assert!(ended.is_err(), "the probe left instead of waiting");
        hub.afresh().await;
        // The beginning of a large packet, and then a byte now and then.
        let mut slow = vec![0x30];
        slow.extend(length(250_000));
        let _ = hub.link.write(&slow).await;
        for _ in 0..30 {
            let _ = hub.link.write(b"x").await;
            sleep(TICK).await;
        }
        hub.afresh().await;
    })
    .await;
}

#[tokio::test]
async fn a_twin_that_changes_a_thousand_times_without_a_pause_does_not_keep_the_run_from_its_work()
{
    play(async |hub| {
        let mut version = 2;
        // Without a pause: as many as the probe's own back-pressure lets through.
        while version < 1_002 {
            let mut run = request(&format!("next-{version}"));
            run["options"] = json!({"wait": version});
            desire_run(hub, version, &run).await;
            version += 1;
        }
        desire_run(hub, version, &Value::Null).await;
        assert_eq!(hub.call("status", b"null").await.1["queue"], json!([]));
    })
    .await;
}
