//! Whether a module on the SDK was at edgeHub and stayed there, in words for IEM-CFG-07.

use super::edge_use;
use crate::health::{Trouble, never_there, unsteady};
use crate::observation::Start;
use crate::record::Record;

/// What kept the module from edgeHub, or did not let it stay there; absent where it was there, need not have been, or where nobody
/// stood in.
pub(super) fn trouble(record: &Record) -> Option<Trouble> {
    let edge = record.observations.edge.seen()?;
    let requests = record.observations.workload.seen()?;
    let starts = || {
        let enveloped = record.observations.envelope.seen();
        let enveloped = enveloped.into_iter().flat_map(|run| &run.starts);
        record.observations.starts.iter().chain(enveloped)
    };
    if edge_use::logged_in(edge) {
        let begun: Vec<_> = starts().map(|start| start.at).collect();
        return unsteady(edge, &begun);
    }
    let is_client = record.offer.plan.uses_module_sdk || edge_use::trace(record).ok()?.any;
    let lines: Vec<String> = starts()
        .filter(|start| start.ran())
        .flat_map(|start| start.last_lines.iter().cloned())
        .collect();
    let never_ran = !record.observations.starts.iter().any(Start::ran);
    (is_client && !never_ran).then(|| never_there(edge, requests, &lines))
}

/// `edgeHub: it does not trust edgeHub's certificate (tls-handshake once: …)`.
pub(super) fn account(trouble: &Trouble) -> String {
    format!("edgeHub: {} ({})", trouble.cause, trouble.seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{EdgeUse, Observed};
    use crate::sample;

    fn cause(record: &Record) -> Option<&'static str> {
        trouble(record).map(|trouble| trouble.cause)
    }

    #[test]
    fn a_module_that_was_there_and_stayed_has_none() {
        assert_eq!(cause(&sample::sdk_record(|_| {})), None);
    }

    #[test]
    fn a_module_without_the_sdk_is_not_missed_unless_it_tried() {
        let mut record = sample::record();
        record.observations.edge = Observed::Seen(EdgeUse::default());
        assert_eq!(cause(&record), None);
        let tried = EdgeUse {
            breaches: vec![sample::breach("token")],
            ..EdgeUse::default()
        };
        record.observations.edge = Observed::Seen(tried);
        assert_eq!(cause(&record), Some("edgeHub refuses its token"));
    }

    #[test]
    fn a_module_that_never_ran_or_had_no_edge_hub_is_not_blamed() {
        let absent = || sample::sdk_record(|edge| *edge = EdgeUse::default());
        assert_eq!(cause(&absent()), Some("it never came to edgeHub"));
        let mut record = absent();
        for start in &mut record.observations.starts {
            start.running = None;
        }
        assert_eq!(cause(&record), None);
        let mut record = absent();
        record.observations.edge = Observed::default();
        assert_eq!(cause(&record), None);
    }

    #[test]
    fn the_modules_own_words_name_the_cause() {
        let mut record = sample::sdk_record(|edge| *edge = EdgeUse::default());
        let line = "Error: getaddrinfo ENOTFOUND gateway.example".to_owned();
        record.observations.starts[1].last_lines = vec![line];
        assert_eq!(cause(&record), Some("it cannot resolve the gateway's name"));
    }
}
