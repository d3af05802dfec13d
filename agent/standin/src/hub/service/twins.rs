//! Twins over the service API: the same twins that clients read over MQTT and AMQP, with tags and entity tags; and queries over them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::super::identity::Identity;
use super::super::registry::{Known, Refused, TwinChange};
use super::super::session::Shared;
use super::super::twin;
use super::answer::{Answer, INVALID};
use super::identities::{connection_state, is_device, refusal};
use super::query::{From, Query};
use super::route::Verb;
use super::{Request, configurations};

/// Twins on one page of a query, at most and where none is asked for ("IoT Hub query language", paging).
const PAGE: usize = 100;

pub(super) fn act(
    shared: &Shared,
    verb: Verb,
    identity: &Identity,
    request: &Request,
) -> Result<Answer, Answer> {
    let refused = |why: Refused| refusal(identity, &why);
    let is_whole = match verb {
        Verb::Get | Verb::Delete => {
            let known = shared.registry.known(identity);
            return Ok(tagged(
                shared,
                &known.ok_or_else(|| refused(Refused::Unknown))?,
            ));
        }
        Verb::Patch => false,
        Verb::Put => true,
    };
    let body = request.json()?;
    let (tags, desired) = parts(&body)?;
    let change = TwinChange {
        tags: tags.as_ref(),
        desired: desired.as_ref(),
        is_whole,
    };
    let changed = shared
        .registry
        .change_twin(identity, &request.precondition(), &change);
    changed.map_err(refused)?;
    configurations::evaluate(shared);
    let known = shared.registry.known(identity);
    Ok(tagged(
        shared,
        &known.ok_or_else(|| refused(Refused::Unknown))?,
    ))
}

/// Tags and desired properties of a body. What a hub adds to a twin that it shows, and what the client reports, is left aside.
fn parts(body: &Value) -> Result<(Option<Value>, Option<Value>), Answer> {
    if !body.is_object() {
        return Err(Answer::error(INVALID, "the body is no JSON object"));
    }
    let part = |place: &str| match body.pointer(place) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(given)) => {
            let own = given.iter().filter(|(name, _)| !name.starts_with('$'));
            let own: Map<_, _> = own
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            Ok(Some(Value::Object(own)))
        }
        Some(_) => Err(Answer::error(
            INVALID,
            format!("{place}: it is no JSON object"),
        )),
    };
    Ok((part("/tags")?, part("/properties/desired")?))
}

fn tagged(shared: &Shared, known: &Known) -> Answer {
    Answer::ok(document(shared, known)).tagged(&known.twin_etag())
}

/// A twin as the API tells it.
fn document(shared: &Shared, known: &Known) -> Value {
    let mut document = plain(known);
    if let Some(states) = configurations::states(shared, &known.identity) {
        document["configurations"] = states;
    }
    document
}

/// The same without what configurations have to do with it.
pub(super) fn plain(known: &Known) -> Value {
    let twin = &known.twin;
    let mut document = match &known.identity {
        Identity::Device { device } => json!({"deviceId": device}),
        Identity::Module { device, module } => json!({"deviceId": device, "moduleId": module}),
    };
    document["etag"] = known.twin_etag().into();
    document["deviceEtag"] = known.identity_etag().into();
    document["status"] = "enabled".into();
    document["connectionState"] = connection_state(known).into();
    document["cloudToDeviceMessageCount"] = 0.into();
    document["authenticationType"] = "sas".into();
    document["version"] = known.twin_version().into();
    document["tags"] = Value::Object(known.record.tags.clone());
    document["properties"] = json!({
        "desired": twin::versioned(&twin.desired, twin.desired_version),
        "reported": twin::versioned(&twin.reported, twin.reported_version),
    });
    if matches!(known.identity, Identity::Device { .. }) {
        document["capabilities"] = json!({"iotEdge": known.record.is_edge});
    }
    document
}

/// One page of a query. A continuation token names the last twin of the page before and is worth nothing for another query.
pub(super) fn query(shared: &Shared, request: &Request) -> Result<Answer, Answer> {
    let body = request.json()?;
    let text = body["query"].as_str();
    let text = text.ok_or_else(|| Answer::error(INVALID, "/query: there is no text"))?;
    let query = Query::parse(text).map_err(|error| Answer::error(INVALID, error))?;
    let wanted = request.max_items.as_deref().filter(|text| !text.is_empty());
    let page: usize = match wanted.map(str::parse) {
        None => PAGE,
        Some(Ok(count)) if (1..=PAGE).contains(&count) => count,
        Some(_) => {
            let why = format!("x-ms-max-item-count: it is not within 1 and {PAGE}");
            return Err(Answer::error(INVALID, why));
        }
    };
    let mark = URL_SAFE_NO_PAD.encode(&Sha256::digest(text.as_bytes())[..9]);
    let after =
        match request
            .continuation
            .as_deref()
            .filter(|text| !text.is_empty())
        {
            None => None,
            Some(token) => Some(resumed(token, &mark).ok_or_else(|| {
                Answer::error(INVALID, "x-ms-continuation: it is not of this query")
            })?),
        };
    let identities = shared
        .registry
        .identities(|identity| is_device(identity) == (query.from == From::Devices));
    let after = after.as_deref();
    let rest = identities
        .into_iter()
        .filter(|identity| after.is_none_or(|after| sort_key(identity).as_str() > after));
    let twins = rest.filter_map(|identity| {
        let twin = document(shared, &shared.registry.known(&identity)?);
        Some((identity, twin))
    });
    let mut found = twins.filter(|(_, twin)| query.takes(twin));
    let page: Vec<_> = found.by_ref().take(page).collect();
    let next = found.next().and_then(|_| page.last()).map(|(last, _)| {
        let after = URL_SAFE_NO_PAD.encode(sort_key(last));
        format!("{mark}.{after}")
    });
    let items = page.into_iter().map(|(_, twin)| twin).collect();
    let answer = Answer::ok(items).with("x-ms-item-type", "Twin".to_owned());
    Ok(match next {
        None => answer,
        Some(token) => answer.with("x-ms-continuation", token),
    })
}

/// After which twin a page goes on.
fn resumed(token: &str, mark: &str) -> Option<String> {
    let (own, after) = token.split_once('.')?;
    let after = URL_SAFE_NO_PAD.decode(after).ok()?;
    (own == mark).then(|| String::from_utf8(after).ok())?
}

/// Orders as identities of one kind do: no id has a control character.
fn sort_key(identity: &Identity) -> String {
    match identity {
        Identity::Device { device } => device.clone(),
        Identity::Module { device, module } => format!("{device}\u{1}{module}"),
    }
}
