//! The default routes against the messages that a module really sent in a run.

use super::remarks::Remarks;
use super::route_endpoints::Names;
use crate::observation::EdgeUse;
use crate::offer::Offer;
use crate::route::{Reach, Table};

/// Outputs told by name; a module may have any number.
const TOLD: usize = 5;

/// Remarks on outputs that no route takes and on routes that no message took; what was seen, in words. `None` where routes
/// cannot be held to messages: edgeHub refuses one of them, or nothing was sent on any output.
pub(super) fn judge(offer: &Offer, edge: &EdgeUse, remarks: &mut Remarks) -> Option<String> {
    let table = Table::read(&offer.plan.routes).ok()?;
    if edge.outputs.is_empty() {
        return None;
    }
    for sent in edge.outputs.iter().filter(|sent| sent.unrouted > 0) {
        remarks.doubt(
            format!(
                "no route takes {} of {} messages {}: edgeHub drops them",
                sent.unrouted,
                sent.messages,
                on(sent.output.as_deref())
            ),
            "add a default route for the output, or send nothing on it",
        );
    }
    let names = Names::of(offer);
    for (name, route) in table.routes() {
        let Reach::Module {
            module,
            output: Some(output),
        } = route.source.reach()
        else {
            continue;
        };
        let sent = edge.outputs.iter().any(|sent| {
            let named = sent.output.as_deref();
            named.is_some_and(|named| named.eq_ignore_ascii_case(&output))
        });
        if names.is_own(&module) && !sent {
            remarks.doubt(
                format!("{name}: nothing was sent on the output `{output}` within the run"),
                "say in the description when the module sends on it, or remove the route",
            );
        }
    }
    let mut told: Vec<String> = edge
        .outputs
        .iter()
        .take(TOLD)
        .map(|sent| format!("{} {}", sent.messages, on(sent.output.as_deref())))
        .collect();
    if edge.outputs.len() > TOLD {
        told.push(format!("and {} outputs more", edge.outputs.len() - TOLD));
    }
    Some(format!("messages seen: {}", told.join(", ")))
}

fn on(output: Option<&str>) -> String {
    match output {
        Some(output) => format!("on `{output}`"),
        None => "on no output".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::{Outcome, OutcomeKind};
    use crate::observation::OutputUse;
    use crate::sample;

    fn check(outputs: &[(&str, u64)]) -> Option<Outcome> {
        let mut offer = sample::record().offer;
        let route = "FROM /messages/modules/AirQuality/outputs/alarm INTO $upstream";
        offer.plan.routes = [("alarms".to_owned(), json!(route))].into();
        let outputs = outputs.iter().map(|&(name, unrouted)| OutputUse {
            output: Some(name.to_owned()),
            messages: 7,
            unrouted,
            ..OutputUse::default()
        });
        let edge = EdgeUse {
            logins: 1,
            outputs: outputs.collect(),
            ..EdgeUse::default()
        };
        let mut remarks = Remarks::default();
        let saw = judge(&offer, &edge, &mut remarks)?;
        Some(remarks.outcome(saw, ""))
    }

    #[test]
    fn messages_on_the_named_output_bear_the_routes_out() {
        let outcome = check(&[("Alarm", 0)]).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met, "{}", outcome.saw);
        assert!(outcome.saw.contains("7 on `Alarm`"), "{}", outcome.saw);
    }

    #[test]
    fn an_output_without_a_route_is_a_concern_and_so_is_a_route_without_messages() {
        let outcome = check(&[("readings", 7)]).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Concern);
        for saw in [
            "no route takes 7 of 7 messages on `readings`",
            "nothing was sent on the output `alarm`",
        ] {
            assert!(outcome.saw.contains(saw), "{}", outcome.saw);
        }
    }

    #[test]
    fn a_module_that_sent_nothing_says_nothing_of_routes() {
        assert_eq!(check(&[]).map(|outcome| outcome.kind), None);
    }
}
