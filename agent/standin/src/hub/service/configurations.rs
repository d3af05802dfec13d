//! Automatic deployments: kept, matched with devices, and put into the twins of their modules; and content for one device.
//!
//! On a device the whole deployment of the highest priority holds (of equal ones the newest), and on it the layers of a higher
//! priority, lowest first. It is put into the twins when the deployments that hold change, and not again. The conditions are looked
//! at after each change over the service API and whenever a configuration is read. Source: "Understand IoT Edge automatic
//! deployments" (Microsoft Learn).

mod configuration;
mod deploying;

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};
use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::super::identity::Identity;
use super::super::registry::{Precondition, Refused, etag};
use super::super::session::Shared;
use super::Request;
use super::answer::{
    Answer, CONFIGURATION_EXISTS, INVALID, NO_SUCH_CONFIGURATION, STALE, TOO_MANY_CONFIGURATIONS,
    utc,
};
use super::content::Content;
use super::identities::refusal;
use super::query::{Condition, Query};
use super::route::Verb;
use configuration::{Configuration, Wanted};

/// Configurations of a hub ("Limits and restrictions of IoT Edge"), and most of one list.
const MOST: usize = 100;

/// The configurations, and which of them each device has in its twins.
#[derive(Debug, Default)]
pub(crate) struct Configurations {
    all: BTreeMap<String, Configuration>,
    /// Changes since the hub began; tells the order in which configurations were made.
    changes: u64,
    /// By device: what holds there, the lowest first, each with the change that made it.
    holding: BTreeMap<String, Vec<(String, u64)>>,
}

/// Looks at all conditions anew and puts what holds now into the twins.
pub(super) fn evaluate(shared: &Shared) {
    deploying::evaluate(shared, &mut locked(shared));
}

/// The member `configurations` of a twin of `$edgeAgent`; `None` for other twins and where there is nothing to tell.
pub(super) fn states(shared: &Shared, identity: &Identity) -> Option<Value> {
    let Identity::Module { device, module } = identity else {
        return None;
    };
    let configurations = (module == "$edgeAgent").then(|| locked(shared))?;
    let states = configurations.all.values().filter_map(|one| {
        let status = one.status(device)?;
        Some((one.id.clone(), json!({"status": status})))
    });
    let states: Map<String, Value> = states.collect();
    (!states.is_empty()).then_some(Value::Object(states))
}

pub(super) fn list(shared: &Shared, request: &Request) -> Result<Answer, Answer> {
    let mut configurations = locked(shared);
    deploying::evaluate(shared, &mut configurations);
    let all = configurations.all.values().take(request.top(MOST));
    let all: Vec<Value> = all.map(|one| one.document(&shared.registry)).collect();
    Ok(Answer::ok(all.into()))
}

pub(super) fn act(
    shared: &Shared,
    verb: Verb,
    id: &str,
    request: &Request,
) -> Result<Answer, Answer> {
    let mut configurations = locked(shared);
    match verb {
        Verb::Get | Verb::Patch => {
            deploying::evaluate(shared, &mut configurations);
            let one = configurations.all.get(id).ok_or_else(|| absent(id))?;
            Ok(told(shared, one, 200))
        }
        Verb::Delete => {
            current(&configurations, id, &request.precondition())?;
            configurations.all.remove(id);
            deploying::evaluate(shared, &mut configurations);
            Ok(Answer::nothing())
        }
        Verb::Put => put(shared, &mut configurations, id, request),
    }
}

fn put(
    shared: &Shared,
    configurations: &mut Configurations,
    id: &str,
    request: &Request,
) -> Result<Answer, Answer> {
    let wanted = Wanted::parse(id, &request.json()?);
    let wanted = wanted.map_err(|mistakes| Answer::error(INVALID, mistakes))?;
    let now = utc(SystemTime::now());
    let change = configurations.changes + 1;
    let precondition = request.precondition();
    let status = if precondition == Precondition::None {
        if configurations.all.contains_key(id) {
            return Err(Answer::error(
                CONFIGURATION_EXISTS,
                format!("`{id}` is there already"),
            ));
        }
        if configurations.all.len() >= MOST {
            return Err(Answer::error(
                TOO_MANY_CONFIGURATIONS,
                format!("the hub has {MOST}"),
            ));
        }
        let new = Configuration::new(id, wanted, change, now);
        let new = new.map_err(|why| Answer::error(INVALID, why))?;
        configurations.all.insert(id.to_owned(), new);
        201
    } else {
        current(configurations, id, &precondition)?;
        let one = configurations.all.get_mut(id).ok_or_else(|| absent(id))?;
        let updated = one.update(wanted, change, now);
        updated.map_err(|why| Answer::error(INVALID, why))?;
        200
    };
    configurations.changes = change;
    deploying::evaluate(shared, configurations);
    let one = configurations.all.get(id).ok_or_else(|| absent(id))?;
    Ok(told(shared, one, status))
}

/// Content for one device, once.
pub(super) fn apply(shared: &Shared, device: &str, request: &Request) -> Result<Answer, Answer> {
    let content = Content::parse(&request.json()?);
    let content = content.map_err(|mistakes| Answer::error(INVALID, mistakes))?;
    let identity = Identity::device(device);
    let known = shared.registry.known(&identity);
    let known = known.ok_or_else(|| refusal(&identity, &Refused::Unknown))?;
    if !known.record.is_edge {
        let why = format!("`{device}` is no IoT Edge device");
        return Err(Answer::error(INVALID, why));
    }
    deploying::put_into_twins(shared, device, &[&content])?;
    Ok(Answer::nothing())
}

/// What is wrong with a condition and with custom metrics, without making anything.
pub(super) fn test_queries(request: &Request) -> Result<Answer, Answer> {
    let body = request.json()?;
    let condition = body["targetCondition"].as_str().unwrap_or_default();
    let condition = match condition.trim() {
        "" | "*" => String::new(),
        condition => wrong(Condition::parse(condition)),
    };
    let metrics = body["customMetricQueries"].as_object();
    let metrics = metrics.into_iter().flatten().filter_map(|(name, query)| {
        let wrong = wrong(Query::parse(query.as_str().unwrap_or_default()));
        (!wrong.is_empty()).then(|| (name.clone(), wrong.into()))
    });
    let metrics: Map<String, Value> = metrics.collect();
    Ok(Answer::ok(
        json!({"targetConditionError": condition, "customMetricQueryErrors": metrics}),
    ))
}

fn wrong<T>(read: Result<T, super::query::QueryError>) -> String {
    read.err()
        .map(|error| error.to_string())
        .unwrap_or_default()
}

/// Holds the precondition against what is there.
fn current(
    configurations: &Configurations,
    id: &str,
    precondition: &Precondition,
) -> Result<(), Answer> {
    let one = configurations.all.get(id).ok_or_else(|| absent(id))?;
    if precondition.holds(&etag(one.changed)) {
        return Ok(());
    }
    Err(Answer::error(
        STALE,
        format!("`{id}` has changed since that etag"),
    ))
}

fn absent(id: &str) -> Answer {
    Answer::error(NO_SUCH_CONFIGURATION, id)
}

fn told(shared: &Shared, one: &Configuration, status: u16) -> Answer {
    let mut answer = Answer::ok(one.document(&shared.registry)).tagged(&etag(one.changed));
    answer.status = status;
    answer
}

fn locked(shared: &Shared) -> MutexGuard<'_, Configurations> {
    let configurations = shared.service.configurations.lock();
    configurations.unwrap_or_else(PoisonError::into_inner)
}
