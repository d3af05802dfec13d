//! A hub's routes together: how they stand in its desired properties, and where a message goes.
//!
//! Source: `EdgeHubConfigParser.cs`, `RouteSpec.cs` and `Evaluator.cs` in Azure/iotedge; schema 1.1 of `$edgeHub`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::ast::Sink;
use super::body::{Message, Seen};
use super::check::{Compiled, Matching};
use super::parse::read;
use super::{Fault, Reading};

/// The priority of a route that states none: behind every one that does.
pub const LOWEST_PRIORITY: u32 = 2_000_000_000;

/// A route as it stands in desired properties: a text, or an object with `route`, `priority`, `timeToLiveSecs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The route's text.
    pub route: String,
    /// 0, the first, to 9, or [`LOWEST_PRIORITY`].
    pub priority: u32,
    /// How long a message may wait for its sink, in seconds; `None` for as long as the hub says for all.
    pub time_to_live_secs: Option<u32>,
}

impl Entry {
    /// Reads either form.
    ///
    /// # Errors
    /// Why edgeHub refuses it, and its whole configuration with it.
    pub fn of(value: &Value) -> Result<Entry, String> {
        let object = match value {
            Value::String(route) => {
                return Ok(Entry {
                    route: route.clone(),
                    priority: LOWEST_PRIORITY,
                    time_to_live_secs: None,
                });
            }
            Value::Object(object) => object,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                return Err("a route is a text or an object with `route`".to_owned());
            }
        };
        // edgeHub's JSON reader finds members in any case.
        let member = |name: &str| {
            let same = |known: &&String| known.eq_ignore_ascii_case(name);
            object.get(name).or_else(|| {
                let known = object.keys().find(same)?;
                object.get(known)
            })
        };
        let whole = |name: &str, value: &Value| {
            let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
            number.ok_or_else(|| format!("`{name}` is {value}, not a whole number of 32 bits"))
        };
        let route = member("route").and_then(Value::as_str);
        let route = route.ok_or("the object has no text in `route`")?.to_owned();
        let priority = match member("priority") {
            Some(value) => whole("priority", value)?,
            None => LOWEST_PRIORITY,
        };
        if priority > 9 && priority != LOWEST_PRIORITY {
            return Err(format!("`priority` is {priority}; edgeHub takes 0 to 9"));
        }
        let time_to_live = match member("timeToLiveSecs") {
            Some(value) => whole("timeToLiveSecs", value)?,
            None => 0,
        };
        Ok(Entry {
            route,
            priority,
            time_to_live_secs: Some(time_to_live).filter(|seconds| *seconds > 0),
        })
    }
}

/// At which step edgeHub refuses a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Reading it: the whole `$edgeHub` document is refused, with status 400.
    Parse,
    /// Compiling it: status 200, and no change of any route is taken.
    Types,
}

/// A route that edgeHub refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The route's name.
    pub name: String,
    /// At which step.
    pub refused: Refused,
    /// Why, with the column.
    pub message: String,
}

/// The routes of a hub, every one compiled.
#[derive(Debug, Clone, Default)]
pub struct Table {
    routes: Vec<Row>,
}

#[derive(Debug, Clone)]
struct Row {
    name: String,
    entry: Entry,
    compiled: Compiled,
}

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery<'t> {
    /// The route that sends it there: of several with one sink the first by priority, then by name.
    pub route: &'t str,
    /// The endpoint.
    pub sink: &'t Sink,
    /// The route's priority; 0 is the first.
    pub priority: u32,
    /// How long it may wait there, in seconds; `None` for as long as the hub says for all.
    pub time_to_live_secs: Option<u32>,
}

impl Table {
    /// Reads routes by name, in either form.
    ///
    /// # Errors
    /// Every route that edgeHub refuses; with one of them it takes none of the others.
    pub fn read(routes: &BTreeMap<String, Value>) -> Result<Table, Vec<Refusal>> {
        let mut table = Table::default();
        let mut refusals = Vec::new();
        for (name, value) in routes {
            match row(name, value) {
                Ok(row) => table.routes.push(row),
                Err(refusal) => refusals.push(refusal),
            }
        }
        if refusals.is_empty() {
            Ok(table)
        } else {
            Err(refusals)
        }
    }

    /// Where a message goes, by priority; every sink once. None means that edgeHub drops it (`no_route`).
    #[must_use]
    pub fn deliveries(&self, message: &Message) -> Vec<Delivery<'_>> {
        let seen = Seen::new(message);
        let mut deliveries: Vec<Delivery<'_>> = Vec::new();
        let mut rows: Vec<&Row> = self.routes.iter().collect();
        rows.sort_by_key(|row| row.entry.priority);
        for row in rows {
            let sink = &row.compiled.route.sink;
            let known = deliveries
                .iter()
                .any(|earlier| earlier.sink.is_same_endpoint(sink));
            if !known && row.compiled.matches_seen(&seen) == Matching::True {
                deliveries.push(Delivery {
                    route: &row.name,
                    sink,
                    priority: row.entry.priority,
                    time_to_live_secs: row.entry.time_to_live_secs,
                });
            }
        }
        deliveries
    }

    /// Every route with its name.
    pub fn routes(&self) -> impl Iterator<Item = (&str, &Compiled)> {
        self.routes
            .iter()
            .map(|row| (row.name.as_str(), &row.compiled))
    }
}

fn row(name: &str, value: &Value) -> Result<Row, Refusal> {
    let refusal = |refused, message| Refusal {
        name: name.to_owned(),
        refused,
        message,
    };
    let entry = Entry::of(value).map_err(|message| refusal(Refused::Parse, message))?;
    let reading =
        read(&entry.route).map_err(|fault| refusal(Refused::Parse, fault.told(&entry.route)))?;
    let compiled = reading
        .compile()
        .map_err(|faults| refusal(Refused::Types, all_told(&faults, &entry.route)))?;
    Ok(Row {
        name: name.to_owned(),
        entry,
        compiled,
    })
}

fn all_told(faults: &[Fault], text: &str) -> String {
    let told: Vec<String> = faults.iter().map(|fault| fault.told(text)).collect();
    told.join("; ")
}

/// A route as edgeHub reads it, for people and machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The route's name.
    pub name: String,
    /// `ok`, or why it does not parse, with the column.
    pub parse: String,
    /// `ok`, or why it does not compile, with the column.
    pub types: String,
    /// The source's path; null where the route does not parse.
    pub source: Option<String>,
    /// `$upstream` or `BrokeredEndpoint("…")`; null where the route does not parse.
    pub sink: Option<String>,
}

/// Every route as edgeHub reads it, by name.
#[must_use]
pub fn summaries(routes: &BTreeMap<String, Value>) -> Vec<Summary> {
    let summary = |(name, value): (&String, &Value)| match readable(value) {
        Ok((entry, reading)) => Summary {
            name: name.clone(),
            parse: "ok".to_owned(),
            types: match reading.compile() {
                Ok(_) => "ok".to_owned(),
                Err(faults) => all_told(&faults, &entry.route),
            },
            source: Some(reading.route.source.clone()),
            sink: Some(reading.route.sink.to_string()),
        },
        Err(message) => Summary {
            name: name.clone(),
            parse: message,
            types: "not checked, the route does not parse".to_owned(),
            source: None,
            sink: None,
        },
    };
    routes.iter().map(summary).collect()
}

fn readable(value: &Value) -> Result<(Entry, Reading), String> {
    let entry = Entry::of(value)?;
    let reading = read(&entry.route).map_err(|fault| fault.told(&entry.route))?;
    Ok((entry, reading))
}
