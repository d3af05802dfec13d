//! Routes and conditions from text files: what edgeHub makes of each, line by line.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::collections::BTreeMap;

use conformance::route::{
    Matching, Message, Properties, Reach, Refused, Sink, Table, doubts, read, summaries,
};
use serde_json::{Value, json};

const CORPUS: &str = include_str!("data/routes/corpus.txt");
const CONDITIONS: &str = include_str!("data/routes/conditions.txt");
const MESSAGE: &str = include_str!("data/routes/message.json");

/// Lines that are neither blank nor remarks, split behind `width` characters.
fn lines(text: &str, width: usize) -> impl Iterator<Item = (&str, &str)> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(move |line| line.split_at(width))
        .map(|(expected, rest)| (expected.trim(), rest))
}

/// What edgeHub makes of a route, in the words of the corpus.
fn made_of(text: &str) -> String {
    let reading = match read(text) {
        Ok(reading) => reading,
        Err(fault) => return format!("parse {}", fault.place(text).1),
    };
    let compiled = match reading.compile() {
        Ok(compiled) => compiled,
        Err(faults) => return format!("types {}", faults[0].place(text).1),
    };
    if let Some(trailing) = reading.trailing {
        return format!("trailing {}", trailing.start + 1);
    }
    if let Some(comment) = reading.comments.first() {
        assert!(!doubts(&reading, &compiled).is_empty(), "{text}");
        return format!("comment {}", comment.start + 1);
    }
    match compiled.source.reach() {
        Reach::Nothing(_) => "nothing".to_owned(),
        Reach::All | Reach::EveryModule | Reach::Module { .. } | Reach::TwinChanges => {
            "ok".to_owned()
        }
    }
}

#[test]
fn every_line_of_the_corpus_is_read_as_edge_hub_reads_it() {
    let mut wrong = Vec::new();
    for (expected, text) in lines(CORPUS, 12) {
        let made = made_of(text);
        if made != expected {
            wrong.push(format!("{text}\n    wanted {expected}, made {made}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(lines(CORPUS, 12).count() > 70);
}

fn message() -> Message {
    let message: Value = serde_json::from_str(MESSAGE).unwrap();
    let properties =
        |name: &str| -> Properties { serde_json::from_value(message[name].clone()).unwrap() };
    Message {
        source: message["source"].as_str().unwrap().to_owned(),
        system_properties: properties("systemProperties"),
        properties: properties("properties"),
        body: message["body"].to_string().into_bytes(),
    }
}

fn says(condition: &str, message: &Message) -> Matching {
    let text = format!("FROM /messages/* WHERE {condition} INTO $upstream");
    let reading = read(&text).unwrap_or_else(|fault| panic!("{}: {text}", fault.told(&text)));
    let compiled = reading
        .compile()
        .unwrap_or_else(|faults| panic!("{}: {text}", faults[0].told(&text)));
    compiled.matches(message)
}

#[test]
fn every_condition_is_what_edge_hub_makes_of_it() {
    let message = message();
    let mut wrong = Vec::new();
    for (expected, condition) in lines(CONDITIONS, 11) {
        let said = format!("{:?}", says(condition, &message)).to_lowercase();
        if said != expected {
            wrong.push(format!("{condition}: wanted {expected}, said {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(lines(CONDITIONS, 11).count() > 70);
}

#[test]
fn a_body_is_read_only_where_its_type_and_encoding_say_json() {
    let body = |text: &str, encoding: &str| -> Vec<u8> {
        match encoding {
            "UTF-16" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            "utf-32" => text
                .chars()
                .flat_map(|c| u32::from(c).to_le_bytes())
                .collect(),
            _ => text.as_bytes().to_vec(),
        }
    };
    let set = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
    for (content_type, encoding, text, expected) in [
        ("application/json", "utf-8", r#"{"t": "é"}"#, Matching::True),
        (
            "Application/JSON",
            "UTF-16",
            r#"{"t": "é"}"#,
            Matching::True,
        ),
        (
            "application/json",
            "utf-32",
            r#"{"t": "é"}"#,
            Matching::True,
        ),
        (
            "application/json; charset=utf-8",
            "utf-8",
            r#"{"t": "é"}"#,
            Matching::Undefined,
        ),
        ("text/plain", "utf-8", r#"{"t": "é"}"#, Matching::Undefined),
        (
            "application/json",
            "latin1",
            r#"{"t": "é"}"#,
            Matching::Undefined,
        ),
        ("application/json", "utf-8", "{broken", Matching::Undefined),
        ("application/json", "utf-8", r#"["é"]"#, Matching::Undefined),
    ] {
        let message = Message {
            source: "/messages".to_owned(),
            system_properties: [
                set("contentType", content_type),
                set("contentEncoding", encoding),
            ]
            .into(),
            body: body(text, encoding),
            ..Message::default()
        };
        assert_eq!(
            says("$body.t = 'é'", &message),
            expected,
            "{content_type} {encoding} {text}"
        );
    }
    let mut bare = message();
    bare.system_properties.remove("contentEncoding");
    assert_eq!(says("$body.temperature = 25", &bare), Matching::Undefined);
}

fn routes(entries: &[(&str, Value)]) -> BTreeMap<String, Value> {
    let entries = entries.iter().cloned();
    entries
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[test]
fn a_message_reaches_every_sink_once_by_priority_with_its_time_to_live() {
    let table = Table::read(&routes(&[
        ("all", json!("FROM /messages/* INTO $upstream")),
        (
            "alarms",
            json!({"route": "FROM /messages/* WHERE kind = 'alarm' INTO $upstream", "priority": 0, "timeToLiveSecs": 60}),
        ),
        (
            "filter",
            json!({"route": "FROM /messages/modules/sensor/outputs/* INTO BrokeredEndpoint('/modules/filter/inputs/in')", "Priority": 5}),
        ),
        (
            "filter again",
            json!("FROM /messages/modules/sensor/* INTO BrokeredEndpoint(\"modules/filter/inputs/in/\")"),
        ),
        ("twins", json!("FROM /twinChangeNotifications INTO BrokeredEndpoint('/modules/audit/inputs/in')")),
    ]))
    .unwrap();
    let told = |message: &Message| -> Vec<String> {
        table
            .deliveries(message)
            .iter()
            .map(|delivery| {
                let sink = match delivery.sink {
                    Sink::Upstream => "upstream".to_owned(),
                    Sink::Module { module, input, .. } => format!("{module}/{input}"),
                };
                let time = delivery.time_to_live_secs;
                format!("{} {sink} {} {time:?}", delivery.route, delivery.priority)
            })
            .collect()
    };
    let mut message = message();
    let alarm = ["alarms upstream 0 Some(60)", "filter filter/in 5 None"];
    assert_eq!(told(&message), alarm);
    message.properties.clear();
    let other = ["filter filter/in 5 None", "all upstream 2000000000 None"];
    assert_eq!(told(&message), other);
    message.source = Message::source_of("other", None);
    assert_eq!(told(&message), ["all upstream 2000000000 None"]);
    message.source = "/twinChangeNotifications".to_owned();
    assert_eq!(told(&message), ["twins audit/in 2000000000 None"]);
    message.source = "/elsewhere".to_owned();
    assert!(told(&message).is_empty());
}

#[test]
fn one_refused_route_refuses_the_table_and_says_at_which_step() {
    let good = json!("FROM /* INTO $upstream");
    for (value, refused, message) in [
        (
            json!("FROM * INTO $upstream"),
            Refused::Parse,
            "column 6: expected a path",
        ),
        (
            json!("FROM /* WHERE t > 5 INTO $upstream"),
            Refused::Types,
            "column 17: `>` takes two of one type",
        ),
        (
            json!({"route": "FROM /* INTO $upstream", "priority": 10}),
            Refused::Parse,
            "`priority` is 10",
        ),
        (
            json!({"route": "FROM /* INTO $upstream", "priority": -1}),
            Refused::Parse,
            "`priority` is -1",
        ),
        (
            json!({"route": "FROM /* INTO $upstream", "timeToLiveSecs": 4294967296_u64}),
            Refused::Parse,
            "`timeToLiveSecs`",
        ),
        (json!({"priority": 1}), Refused::Parse, "no text in `route`"),
        (json!(7), Refused::Parse, "a text or an object"),
    ] {
        let refusals = Table::read(&routes(&[("bad", value), ("good", good.clone())])).unwrap_err();
        let [refusal] = &refusals[..] else {
            panic!("{refusals:?}");
        };
        assert_eq!((refusal.name.as_str(), refusal.refused), ("bad", refused));
        assert!(refusal.message.contains(message), "{}", refusal.message);
    }
}

#[test]
fn a_summary_says_of_each_step_what_edge_hub_would() {
    let told: Vec<Value> = summaries(&routes(&[
        ("a", json!("FROM /messages / modules/m/* INTO $Upstream")),
        (
            "b",
            json!("FROM /* WHERE t > 5 INTO BrokeredEndpoint('/modules/x/inputs/y')"),
        ),
        ("c", json!("FROM x INTO $upstream")),
    ]))
    .iter()
    .map(|summary| serde_json::to_value(summary).unwrap())
    .collect();
    assert_eq!(
        told[0],
        json!({"name": "a", "parse": "ok", "types": "ok", "source": "/messages/modules/m/*", "sink": "$upstream"})
    );
    assert_eq!(told[1]["parse"], "ok");
    assert!(
        told[1]["types"]
            .as_str()
            .unwrap()
            .starts_with("column 17: "),
        "{}",
        told[1]
    );
    assert_eq!(told[1]["sink"], "BrokeredEndpoint('/modules/x/inputs/y')");
    assert!(
        told[2]["parse"].as_str().unwrap().starts_with("column 6: "),
        "{}",
        told[2]
    );
    assert_eq!(
        (&told[2]["source"], &told[2]["sink"]),
        (&Value::Null, &Value::Null)
    );
}
