//! A message as a condition sees it, and what edgeHub finds in its body (`Message.cs`, `JsonMessageQueryValueProvider.cs`).

use std::cell::OnceCell;
use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::functions::upper;
use super::value::Value;

/// Properties by name; a name without a value is `None`. A condition finds names in any case.
pub type Properties = BTreeMap<String, Option<String>>;

/// A message on its way through edgeHub.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Where it comes from: `/messages/modules/<module>/outputs/<output>`, `/messages` from a device,
    /// `/twinChangeNotifications` for a change of a twin.
    pub source: String,
    /// System properties by edgeHub's names (`contentType`, `connectionModuleId`), not by those on the wire (`$.ct`).
    pub system_properties: Properties,
    /// Application properties.
    pub properties: Properties,
    /// The bytes of the message.
    pub body: Vec<u8>,
}

impl Message {
    /// The source of what a module sends; without an output (`$.on`) it is the module's alone.
    #[must_use]
    pub fn source_of(module: &str, output: Option<&str>) -> String {
        match output {
            Some(output) => format!("/messages/modules/{module}/outputs/{output}"),
            None => format!("/messages/modules/{module}"),
        }
    }
}

/// A message with its body read at most once.
#[derive(Debug)]
pub(super) struct Seen<'m> {
    pub(super) message: &'m Message,
    body: OnceCell<Option<Json>>,
}

impl<'m> Seen<'m> {
    pub(super) fn new(message: &'m Message) -> Seen<'m> {
        Seen {
            message,
            body: OnceCell::new(),
        }
    }

    /// What a path finds in the body; undefined where edgeHub cannot read it.
    pub(super) fn body(&self, path: &Path) -> Value {
        let Some(steps) = &path.steps else {
            return Value::Undefined;
        };
        match self.body.get_or_init(|| json_body(self.message)) {
            Some(body) => follow(body, steps),
            None => Value::Undefined,
        }
    }
}

/// The property of that name in any case.
pub(super) fn property<'p>(properties: &'p Properties, name: &str) -> Option<&'p Option<String>> {
    let exact = properties.get(name);
    exact.or_else(|| {
        let same = |known: &str| known.chars().map(upper).eq(name.chars().map(upper));
        properties
            .iter()
            .find(|(known, _)| same(known))
            .map(|(_, value)| value)
    })
}

/// The body as a JSON object: only where content type and encoding say so, exactly.
fn json_body(message: &Message) -> Option<Json> {
    let system = |name| property(&message.system_properties, name)?.as_deref();
    if !system("contentType")?.eq_ignore_ascii_case("application/json") {
        return None;
    }
    let encoding = system("contentEncoding")?.to_ascii_lowercase();
    let body = &message.body;
    let text = match encoding.as_str() {
        "utf-8" => String::from_utf8_lossy(body).into_owned(),
        "utf-16" => {
            let units = body.chunks(2).map(|pair| match pair {
                [low, high] => u16::from_le_bytes([*low, *high]),
                _ => 0xFFFD,
            });
            String::from_utf16_lossy(&units.collect::<Vec<u16>>())
        }
        "utf-32" => body
            .chunks(4)
            .map(|unit| <[u8; 4]>::try_from(unit).map_or(0xFFFD, u32::from_le_bytes))
            .map(|unit| char::from_u32(unit).unwrap_or('\u{FFFD}'))
            .collect(),
        _ => return None,
    };
    let body: Json = serde_json::from_str(&text).ok()?;
    body.is_object().then_some(body)
}

/// A body query: what follows `$body.`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    /// `None` where edgeHub takes the query and then never finds anything by it.
    steps: Option<Vec<Step>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Member(String),
    Every,
    Item(usize),
}

impl Path {
    /// Reads a query. As edgeHub does (`JsonPath.g4`), it judges the longest beginning that fits alone.
    pub(super) fn read(query: &str) -> Result<Path, &'static str> {
        let mut steps = Vec::new();
        let mut rest = query;
        loop {
            let end = rest.find(['.', '[', ']']).unwrap_or(rest.len());
            let (member, after) = rest.split_at(end);
            if member.is_empty() {
                return Err("a member's name is missing in the body query");
            }
            if member.bytes().all(|b| b.is_ascii_digit()) {
                return Err("a member's name in a body query cannot be a number");
            }
            steps.push(match member {
                "*" => Step::Every,
                _ => Step::Member(member.to_owned()),
            });
            rest = after;
            if let Some(inside) = rest.strip_prefix('[') {
                let end = inside.find(']').unwrap_or(inside.len());
                let (index, after) = inside.split_at(end);
                if index.is_empty()
                    || !index.bytes().all(|b| b.is_ascii_digit())
                    || after.is_empty()
                {
                    return Err("the brackets of a body query hold a number, such as [0]");
                }
                let Some(item) = item(index) else {
                    return Ok(Path { steps: None });
                };
                steps.push(item);
                rest = &after[1..];
            }
            match rest.strip_prefix('.') {
                Some(next) => rest = next,
                None if rest.is_empty() => return Ok(Path { steps: Some(steps) }),
                None => break,
            }
        }
        // A second index is beyond edgeHub's grammar but not beyond its reader.
        let more = further_steps(rest);
        Ok(Path {
            steps: more.map(|more| steps.into_iter().chain(more).collect()),
        })
    }
}

/// Steps behind a second index: `[1].b[2]`.
fn further_steps(mut rest: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let (index, after) = inside.split_once(']')?;
            steps.push(item(index)?);
            rest = after;
        } else {
            let member = rest.strip_prefix('.')?;
            let end = member.find(['.', '[', ']']).unwrap_or(member.len());
            let (member, after) = member.split_at(end);
            steps.push(Step::Member(member.to_owned()));
            rest = after;
        }
    }
    Some(steps)
}

/// An index that fits into .NET's `Int32`.
fn item(index: &str) -> Option<Step> {
    let number: i32 = index.parse().ok()?;
    usize::try_from(number).ok().map(Step::Item)
}

fn follow(body: &Json, steps: &[Step]) -> Value {
    let mut found = vec![body];
    for step in steps {
        found = found
            .into_iter()
            .flat_map(|value| one_step(value, step))
            .collect();
    }
    match found[..] {
        [] => Value::Missing,
        [one] => scalar(one),
        _ => Value::Undefined,
    }
}

fn one_step<'b>(value: &'b Json, step: &Step) -> Vec<&'b Json> {
    match step {
        Step::Member(name) => value
            .as_object()
            .and_then(|object| object.get(name))
            .into_iter()
            .collect(),
        Step::Every => value
            .as_object()
            .into_iter()
            .flat_map(serde_json::Map::values)
            .collect(),
        Step::Item(index) => value
            .as_array()
            .and_then(|array| array.get(*index))
            .into_iter()
            .collect(),
    }
}

/// Objects and arrays are undefined, and so are texts that edgeHub's JSON reader takes for a time.
fn scalar(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => number.as_f64().map_or(Value::Undefined, Value::Number),
        Json::String(text) if looks_like_a_time(text) => Value::Undefined,
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(_) | Json::Object(_) => Value::Undefined,
    }
}

/// What Json.NET turns into a date by default: `2026-11-01T08:00:00`, with a fraction and a zone perhaps, or `/Date(0)/`.
fn looks_like_a_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    if text.starts_with("/Date(") && text.ends_with(")/") {
        let inside = text.get(6..text.len() - 2).unwrap_or_default();
        let digits = inside.strip_prefix('-').unwrap_or(inside);
        return digits.starts_with(|c: char| c.is_ascii_digit());
    }
    let shape = "0000-00-00T00:00:00";
    let fits = (shape.len()..=40).contains(&bytes.len())
        && shape
            .bytes()
            .zip(bytes)
            .all(|(wanted, found)| match wanted {
                b'0' => found.is_ascii_digit(),
                _ => *found == wanted,
            });
    let part = |from: usize| {
        text.get(from..from + 2)
            .and_then(|part| part.parse::<u8>().ok())
    };
    let in_range = || {
        (1..=12).contains(&part(5)?).then_some(())?;
        (1..=31).contains(&part(8)?).then_some(())?;
        (part(11)? <= 24 && part(14)? < 60 && part(17)? < 60).then_some(())
    };
    fits && in_range().is_some() && is_fraction_and_zone(text.get(19..).unwrap_or_default())
}

fn is_fraction_and_zone(text: &str) -> bool {
    let zone = match text.strip_prefix('.') {
        Some(fraction) => {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return false;
            }
            &fraction[digits..]
        }
        None => text,
    };
    let offset = zone
        .strip_prefix(['+', '-'])
        .map(|offset| offset.replacen(':', "", 1));
    zone.is_empty()
        || zone == "Z"
        || offset.is_some_and(|offset| {
            matches!(offset.len(), 2 | 4) && offset.bytes().all(|b| b.is_ascii_digit())
        })
}
