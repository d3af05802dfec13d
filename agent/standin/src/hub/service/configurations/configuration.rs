//! One configuration: read from a request, and told with its metrics.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::hub::identity::Identity;
use crate::hub::registry::{Registry, etag};
use crate::hub::service::content::Content;
use crate::hub::service::query::{Condition, Query};

/// Longest id in characters.
const ID: usize = 128;

/// Punctuation of an id beside lower-case letters and digits ("Configuration - Create Or Update", IoT Hub REST API).
const ID_PUNCTUATION: &str = "-:+%_#*?!(),=@;$'.";

/// Most custom metrics of a deployment ("Limits and restrictions of IoT Edge").
const METRICS: usize = 5;

/// A configuration as asked for.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The body's members that are told again as they came.
    given: Map<String, Value>,
    content: Option<Content>,
    /// `None` where it targets nobody.
    condition: Option<Target>,
    priority: u64,
}

/// Whom a configuration is for.
#[derive(Debug, Clone, PartialEq)]
enum Target {
    Everybody,
    Those(Condition),
}

/// A configuration of the hub.
#[derive(Debug)]
pub(super) struct Configuration {
    pub(super) id: String,
    given: Map<String, Value>,
    pub(super) content: Content,
    target: Option<Target>,
    pub(super) priority: u64,
    /// The hub's change that made it, and the last one that changed it.
    pub(super) made: u64,
    pub(super) changed: u64,
    made_at: String,
    changed_at: String,
    /// Devices that the condition takes, and those of them where it holds.
    pub(super) targeted: BTreeSet<String>,
    pub(super) applied: BTreeSet<String>,
}

impl Wanted {
    /// Reads a body; every mistake with its place, joined to one text.
    pub(super) fn parse(id: &str, body: &Value) -> Result<Self, String> {
        let Some(body) = body.as_object() else {
            return Err("the body is no JSON object".to_owned());
        };
        let mut mistakes = Vec::new();
        if !is_id(id) || body.get("id").is_none_or(|given| given != id) {
            let why = "it is not the path's, or not of lower-case letters, digits and punctuation";
            mistakes.push(format!("/id: {why}"));
        }
        let content = match body.get("content") {
            None | Some(Value::Null) => None,
            Some(content) => match Content::parse(content) {
                Ok(content) => Some(content),
                Err(why) => {
                    mistakes.push(format!("/content: {why}"));
                    None
                }
            },
        };
        let condition = target(body.get("targetCondition"), &mut mistakes);
        let priority = match body.get("priority") {
            None | Some(Value::Null) => 0,
            Some(given) => given.as_u64().unwrap_or_else(|| {
                mistakes.push("/priority: it is no integer from 0 on".to_owned());
                0
            }),
        };
        metrics(body, &mut mistakes);
        if !mistakes.is_empty() {
            return Err(mistakes.join("; "));
        }
        let kept = [
            "schemaVersion",
            "labels",
            "content",
            "targetCondition",
            "metrics",
        ];
        let given = kept.into_iter().filter_map(|name| {
            let value = body.get(name).filter(|value| !value.is_null())?;
            Some((name.to_owned(), value.clone()))
        });
        Ok(Self {
            given: given.collect(),
            content,
            condition,
            priority,
        })
    }
}

impl Configuration {
    /// A new one; without content it gives nothing to any module.
    pub(super) fn new(id: &str, wanted: Wanted, change: u64, now: String) -> Result<Self, String> {
        let content = wanted.content.ok_or("/content: there is none")?;
        Ok(Self {
            id: id.to_owned(),
            given: wanted.given,
            content,
            target: wanted.condition,
            priority: wanted.priority,
            made: change,
            changed: change,
            made_at: now.clone(),
            changed_at: now,
            targeted: BTreeSet::new(),
            applied: BTreeSet::new(),
        })
    }

    /// Changes all but its content, which stays as it was made.
    pub(super) fn update(
        &mut self,
        wanted: Wanted,
        change: u64,
        now: String,
    ) -> Result<(), String> {
        if wanted
            .content
            .is_some_and(|content| content != self.content)
        {
            return Err("/content: it stays as it was made".to_owned());
        }
        let content = self.given.remove("content");
        self.given = wanted.given;
        self.given
            .extend(content.map(|content| ("content".to_owned(), content)));
        self.target = wanted.condition;
        self.priority = wanted.priority;
        self.changed = change;
        self.changed_at = now;
        Ok(())
    }

    /// Whether a device's twin is one that it is for.
    pub(super) fn is_for(&self, twin: &Value) -> bool {
        match &self.target {
            None => false,
            Some(Target::Everybody) => true,
            Some(Target::Those(condition)) => condition.holds(twin) == Some(true),
        }
    }

    /// What it is on a device.
    pub(super) fn status(&self, device: &str) -> Option<&'static str> {
        if self.applied.contains(device) {
            return Some("Applied");
        }
        self.targeted.contains(device).then_some("Targeted")
    }

    /// As the API tells it.
    pub(super) fn document(&self, registry: &Registry) -> Value {
        let mut document = json!({"id": self.id});
        for (name, value) in &self.given {
            document[name] = value.clone();
        }
        document["contentType"] = "assignment".into();
        document["priority"] = self.priority.into();
        document["createdTimeUtc"] = self.made_at.clone().into();
        document["lastUpdatedTimeUtc"] = self.changed_at.clone().into();
        document["etag"] = etag(self.changed).into();
        let (succeeded, failed) = self.reported(registry);
        let id = &self.id;
        let agents = |status: &str| {
            let where_ = format!("moduleId = '$edgeAgent' AND configurations.[[{id}]].status");
            format!("SELECT * FROM devices.modules WHERE {where_} {status}")
        };
        document["systemMetrics"] = json!({
            "results": {
                "targetedCount": self.targeted.len(),
                "appliedCount": self.applied.len(),
                "reportedSuccessfulCount": succeeded,
                "reportedFailedCount": failed,
            },
            "queries": {
                "targetedCount": agents("IN ['Targeted', 'Applied']"),
                "appliedCount": agents("= 'Applied'"),
            },
        });
        document
    }

    /// Devices with it whose agent reports success, and failure.
    fn reported(&self, registry: &Registry) -> (usize, usize) {
        let agents = self.applied.iter();
        let agents =
            agents.filter_map(|device| registry.known(&Identity::module(device, "$edgeAgent")));
        let codes = agents.filter_map(|agent| {
            let twin = agent.twin;
            let code = twin
                .reported
                .get("lastDesiredStatus")?
                .get("code")?
                .as_i64()?;
            let version = twin.reported.get("lastDesiredVersion")?.as_u64()?;
            Some((code == 200, version == twin.desired_version))
        });
        codes.fold((0, 0), |(succeeded, failed), code| match code {
            (true, true) => (succeeded + 1, failed),
            (true, false) => (succeeded, failed),
            (false, _) => (succeeded, failed + 1),
        })
    }
}

fn target(given: Option<&Value>, mistakes: &mut Vec<String>) -> Option<Target> {
    let text = match given {
        None | Some(Value::Null) => "",
        Some(Value::String(text)) => text.trim(),
        Some(_) => {
            mistakes.push("/targetCondition: it is no text".to_owned());
            ""
        }
    };
    match text {
        "" => None,
        "*" => Some(Target::Everybody),
        text => match Condition::parse(text) {
            Ok(condition) => Some(Target::Those(condition)),
            Err(why) => {
                mistakes.push(format!("/targetCondition: {why}"));
                None
            }
        },
    }
}

fn metrics(body: &Map<String, Value>, mistakes: &mut Vec<String>) {
    let metrics = body
        .get("metrics")
        .and_then(|metrics| metrics["queries"].as_object());
    let metrics = metrics.into_iter().flatten();
    for (count, (name, query)) in metrics.enumerate() {
        if let Err(why) = Query::parse(query.as_str().unwrap_or_default()) {
            mistakes.push(format!("/metrics/queries/{name}: {why}"));
        }
        if count == METRICS {
            mistakes.push(format!("/metrics/queries: there are more than {METRICS}"));
        }
    }
}

fn is_id(id: &str) -> bool {
    let inside =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ID_PUNCTUATION.contains(c);
    !id.is_empty() && id.len() <= ID && id.chars().all(inside)
}
