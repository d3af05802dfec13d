//! What a module that ran left at its workload socket and at edgeHub, as several requirements ask for it.

use super::{direct_hub, workload_calls};
use crate::client_type::ClientType;
use crate::finding::{Reason, Unseen};
use crate::observation::{EdgeBreach, EdgeUse};
use crate::record::Record;

/// The breach of a module that knocked with a protocol that the stand-in does not serve.
const UNSERVED: &str = "unserved-protocol";

/// Breaches that keep a module from logging in, apart from [`UNSERVED`]: TLS first, then the way in, then the login itself.
const WAYS_IN: [&str; 12] = [
    "tls-handshake",
    "plain-text",
    "web-socket",
    "malformed",
    "connect-first",
    "user-name",
    "api-version",
    "client-id",
    "unknown-identity",
    "no-password",
    "token",
    "token-expired",
];

/// Whether a module was at edgeHub.
#[derive(Debug)]
pub(super) enum Presence<'a> {
    /// It logged in.
    LoggedIn(&'a EdgeUse),
    /// It declares no SDK and left no trace of one: why, in words.
    NoSdk(String),
}

/// Whether the module logged in at edgeHub, or need not have.
///
/// # Errors
/// The module never ran, nobody stood in for edgeHub, or the module tried or should have come and never logged in.
pub(super) fn presence(record: &Record) -> Result<Presence<'_>, Unseen> {
    let edge = record.observations.edge.seen();
    if let Some(edge) = edge.filter(|edge| logged_in(edge)) {
        return Ok(Presence::LoggedIn(edge));
    }
    let requests = workload_calls::requests(record)?;
    let declared = record.offer.plan.uses_module_sdk;
    let asked = workload_calls::in_words(requests);
    let direct = direct_hub::in_words(record);
    if !declared && requests.is_empty() && edge.and_then(way_in).is_none() && direct.is_none() {
        return Ok(Presence::NoSdk(format!(
            "the offer declares no SDK, and the module made {asked}"
        )));
    }
    let edge = record.observations.edge.get()?;
    let declares = if declared { "the SDK" } else { "no SDK" };
    let made = format!(
        "the offer declares {declares}, and the module made {asked} and never logged in at edgeHub within the run"
    );
    let made = direct.map_or(made.clone(), |direct| format!("{made}; it {direct}"));
    Err(match way_in(edge) {
        Some(breach) if breach.rule == UNSERVED => unserved(breach),
        Some(breach) => Unseen::new(Reason::Unstable, format!("{made}; {}", told(breach))),
        None => Unseen::new(Reason::Unstable, made),
    })
}

/// Whether an SDK module could do its work at the edgeHub that stood in.
///
/// # Errors
/// It could not: nobody stood in, or the module speaks only a protocol that the stand-in does not serve.
pub(super) fn served(record: &Record) -> Result<(), Unseen> {
    let edge = record.observations.edge.get().map_err(|unseen| {
        Unseen::new(
            unseen.reason,
            format!(
                "the offer says that the module uses the IoT module SDK, and no edgeHub was seen beside it: {}",
                unseen.because
            ),
        )
    })?;
    let breach = way_in(edge).filter(|breach| breach.rule == UNSERVED);
    match breach {
        Some(breach) if !logged_in(edge) => Err(unserved(breach)),
        Some(_) | None => Ok(()),
    }
}

/// What the module left, in words to stand behind "the module made".
#[derive(Debug)]
pub(super) struct Trace {
    /// Whether it left anything that tells of an SDK.
    pub(super) any: bool,
    /// `2 requests on its workload socket, the first GET /trust-bundle, and logged in at edgeHub once over MQTT (Python SDK 2.14.0)`.
    pub(super) words: String,
}

/// The trace of the SDK.
///
/// # Errors
/// The module never ran, or nobody listened.
pub(super) fn trace(record: &Record) -> Result<Trace, Unseen> {
    let requests = workload_calls::requests(record)?;
    let mut words = workload_calls::in_words(requests);
    let edge = record.observations.edge.seen();
    let tried = edge.and_then(way_in);
    let came = edge.filter(|edge| logged_in(edge));
    if let Some(edge) = came {
        words += &format!(", and logged in at edgeHub {}", logins(edge));
    } else if let Some(breach) = tried {
        words += &format!(", and never logged in at edgeHub ({})", told(breach));
    }
    let direct = direct_hub::in_words(record);
    if let Some(direct) = &direct {
        words += &format!(", and {direct}");
    }
    Ok(Trace {
        any: !requests.is_empty() || came.is_some() || tried.is_some() || direct.is_some(),
        words,
    })
}

fn logins(edge: &EdgeUse) -> String {
    let times = match edge.logins.max(edge.connections.len() as u64) {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    };
    let Some(first) = edge.connections.first() else {
        return times;
    };
    let sdks = sdks(edge);
    let sdks = if sdks.is_empty() {
        "naming no known SDK".to_owned()
    } else {
        sdks.join(", ")
    };
    format!("{times} over {} ({sdks})", first.transport.words())
}

/// Every SDK that a connection names, once each: `Python SDK 2.14.0`.
pub(super) fn sdks(edge: &EdgeUse) -> Vec<String> {
    let mut sdks: Vec<String> = Vec::new();
    let types = edge
        .connections
        .iter()
        .filter_map(|one| one.client_type.as_deref());
    for sdk in types.filter_map(|text| ClientType::read(text).sdk_in_words()) {
        if !sdks.contains(&sdk) {
            sdks.push(sdk);
        }
    }
    sdks
}

/// Whether it logged in at least once.
pub(super) fn logged_in(edge: &EdgeUse) -> bool {
    edge.logins > 0 || !edge.connections.is_empty()
}

/// What kept it out: a protocol nobody serves before all else, then the earliest step of the others.
fn way_in(edge: &EdgeUse) -> Option<&EdgeBreach> {
    let of = |rule: &str| edge.breaches.iter().find(|breach| breach.rule == rule);
    of(UNSERVED).or_else(|| WAYS_IN.iter().find_map(|rule| of(rule)))
}

fn unserved(breach: &EdgeBreach) -> Unseen {
    Unseen::new(
        Reason::Tool,
        format!(
            "the module tried edgeHub only by a protocol that edgeproof does not serve: {}",
            breach.detail
        ),
    )
}

/// `token seen 3 times: the signature is not this identity's`.
fn told(breach: &EdgeBreach) -> String {
    let times = match breach.times {
        0 | 1 => "once".to_owned(),
        n => format!("{n} times"),
    };
    format!("{} {times}: {}", breach.rule, breach.detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::Observed;
    use crate::sample;

    fn kept_out(rules: &[&str]) -> Record {
        let breaches = rules.iter().map(|rule| sample::breach(rule)).collect();
        sample::sdk_record(|edge| {
            *edge = EdgeUse {
                breaches,
                ..EdgeUse::default()
            };
        })
    }

    fn check(record: &Record, reason: Reason, because: &str) {
        let unseen = presence(record).unwrap_err();
        assert_eq!(unseen.reason, reason, "{}", unseen.because);
        assert!(unseen.because.contains(because), "{}", unseen.because);
    }

    #[test]
    fn a_module_that_never_came_is_told_with_what_kept_it_out() {
        check(
            &kept_out(&[]),
            Reason::Unstable,
            "declares the SDK, and the module made 2 requests on its workload socket, the first GET /trust-bundle?api-version=2018-06-28 and never logged in",
        );
        check(
            &kept_out(&["unknown-topic", "token", "tls-handshake"]),
            Reason::Unstable,
            "within the run; tls-handshake 2 times: seen and wanted",
        );
        check(
            &kept_out(&["token", UNSERVED]),
            Reason::Tool,
            "edgeproof does not serve: seen and wanted",
        );
    }

    #[test]
    fn a_protocol_nobody_serves_leaves_the_module_unserved_until_it_logs_in_by_another() {
        let record = kept_out(&[UNSERVED]);
        assert_eq!(served(&record).unwrap_err().reason, Reason::Tool);
        let record = sample::sdk_record(|edge| edge.breaches.push(sample::breach(UNSERVED)));
        assert_eq!(served(&record), Ok(()));
        assert!(matches!(presence(&record), Ok(Presence::LoggedIn(_))));
        assert_eq!(served(&kept_out(&["token"])), Ok(()));
    }

    #[test]
    fn an_edge_hub_that_nobody_stood_in_for_passes_its_reason_on() {
        let mut record = sample::sdk_record(|_| {});
        record.observations.edge = Observed::unseen(Reason::Infrastructure, "port 8883 was taken");
        check(&record, Reason::Infrastructure, "port 8883 was taken");
        let unseen = served(&record).unwrap_err();
        assert_eq!(unseen.reason, Reason::Infrastructure);
        assert!(unseen.because.ends_with("beside it: port 8883 was taken"));
    }

    #[test]
    fn no_sdk_and_no_trace_is_no_sdk_even_where_nobody_stood_in() {
        let mut record = sample::record();
        for edge in [Observed::Seen(EdgeUse::default()), Observed::default()] {
            record.observations.edge = edge;
            assert!(matches!(presence(&record), Ok(Presence::NoSdk(_))));
            assert!(!trace(&record).unwrap().any);
        }
        let mut record = kept_out(&["tls-handshake"]);
        record.offer.plan.uses_module_sdk = false;
        record.observations.workload = Observed::Seen(Vec::new());
        check(&record, Reason::Unstable, "declares no SDK");
        let trace = trace(&record).unwrap();
        assert!(trace.any);
        assert!(trace.words.contains("never logged in"), "{}", trace.words);
    }

    #[test]
    fn a_module_that_asks_for_the_hub_itself_is_told_so() {
        let past = "past its gateway";
        let hub = ["acme.azure-devices.net"];
        check(&sample::asking(kept_out(&[]), &hub), Reason::Unstable, past);
        let record = sample::asking(sample::record(), &hub);
        check(&record, Reason::Unstable, past);
        let trace = trace(&record).unwrap();
        assert!(trace.any && trace.words.ends_with(past), "{}", trace.words);
    }

    #[test]
    fn the_trace_names_the_sdk() {
        let record = sample::sdk_record(|_| {});
        assert_eq!(
            trace(&record).unwrap().words,
            "2 requests on its workload socket, the first GET /trust-bundle?api-version=2018-06-28, and logged in at edgeHub 3 times over MQTT (Python SDK 2.14.0)"
        );
    }
}
