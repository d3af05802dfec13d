//! A report made smaller for want of room: series go first, long observations next, verdict and findings stay.
//!
//! Whatever goes is named in `leftOut`, and a fact that is gone is unseen with that reason: judging a reduced report again
//! may leave a requirement open, it never makes one pass.

use serde::Serialize;

use super::Report;
use crate::finding::Reason;
use crate::observation::{Observations, Observed, is_nothing_looked};

/// An observation whose JSON is longer than this counts as long, in bytes.
const LONG: usize = 1_024;

/// How much room there is, most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// For everything.
    Everything,
    /// Not for the series.
    NoSeries,
    /// Nor for observations that are long.
    NoLongObservations,
    /// For verdict, findings and measurements, and for no observation.
    Findings,
}

impl Room {
    /// The order in which a report is reduced.
    pub const ORDER: [Room; 4] = [
        Room::Everything,
        Room::NoSeries,
        Room::NoLongObservations,
        Room::Findings,
    ];
}

impl Report {
    /// The report as far as there is room for it.
    #[must_use]
    pub fn reduced(&self, room: Room) -> Report {
        let mut reduced = self.clone();
        if room != Room::Everything && !reduced.series.is_empty() {
            reduced.series.clear();
            reduced.left_out.push("/series".to_owned());
        }
        match room {
            Room::Everything | Room::NoSeries => {}
            Room::NoLongObservations => {
                let left_out = shorten(&mut reduced.observations);
                reduced.left_out.extend(left_out);
            }
            Room::Findings => {
                let visited = !is_nothing_looked(&reduced.observations.links);
                reduced.observations = Observations::default();
                // Without visits a link is judged by its form, so it has to be told that there were some.
                if visited {
                    reduced.observations.links = no_room();
                }
                reduced.left_out.push("/observations".to_owned());
            }
        }
        reduced
    }
}

/// Takes out what is long; pointers to what is gone.
fn shorten(observations: &mut Observations) -> Vec<String> {
    let mut gone = Vec::new();
    // Whole: limits, starts, noise and phases are lists of facts that are short each and that findings lean on together.
    let Observations {
        image,
        limits: _,
        golden,
        creation,
        starts: _,
        steady,
        stop,
        privilege,
        kept,
        zombies,
        listening,
        output,
        gpu,
        gpu_load,
        storage,
        envelope,
        workload,
        edge,
        egress,
        faults,
        probe,
        noise: _,
        phases: _,
        fleet,
        sizing,
        registry,
        links,
    } = observations;
    shorten_one(image, "image", &mut gone);
    shorten_one(golden, "golden", &mut gone);
    shorten_one(creation, "creation", &mut gone);
    shorten_one(steady, "steady", &mut gone);
    shorten_one(stop, "stop", &mut gone);
    shorten_one(privilege, "privilege", &mut gone);
    shorten_one(kept, "kept", &mut gone);
    shorten_one(zombies, "zombies", &mut gone);
    shorten_one(listening, "listening", &mut gone);
    shorten_one(output, "output", &mut gone);
    shorten_one(gpu, "gpu", &mut gone);
    shorten_one(gpu_load, "gpuLoad", &mut gone);
    shorten_one(storage, "storage", &mut gone);
    shorten_one(envelope, "envelope", &mut gone);
    shorten_one(workload, "workload", &mut gone);
    shorten_one(edge, "edge", &mut gone);
    shorten_one(egress, "egress", &mut gone);
    shorten_one(faults, "faults", &mut gone);
    shorten_one(probe, "probe", &mut gone);
    shorten_one(fleet, "fleet", &mut gone);
    shorten_one(sizing, "sizing", &mut gone);
    shorten_one(registry, "registry", &mut gone);
    shorten_one(links, "links", &mut gone);
    gone
}

fn shorten_one<T: Serialize>(fact: &mut Observed<T>, name: &str, gone: &mut Vec<String>) {
    // What cannot be written is not long: the report that holds it cannot be written either.
    let length = |fact: &T| serde_json::to_vec(fact).map_or(0, |json| json.len());
    if fact.seen().is_some_and(|fact| length(fact) > LONG) {
        *fact = no_room();
        gone.push(format!("/observations/{name}"));
    }
}

fn no_room<T>() -> Observed<T> {
    Observed::unseen(
        Reason::Infrastructure,
        "it was seen, and left out of the report because the device had no room for it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Verdict;
    use crate::requirements::CATALOGUE;
    use crate::sample;

    fn report() -> Report {
        let text = include_str!("../../../../tests/reports/recorded-hungry.json");
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn each_step_is_smaller_and_keeps_verdict_and_findings() {
        let whole = report();
        let mut last = usize::MAX;
        for room in Room::ORDER {
            let reduced = whole.reduced(room);
            let length = serde_json::to_vec(&reduced).unwrap().len();
            assert!(length < last, "{room:?}: {length} after {last}");
            last = length;
            assert_eq!(
                (reduced.verdict, &reduced.findings, &reduced.measurements),
                (whole.verdict, &whole.findings, &whole.measurements)
            );
            assert_eq!(reduced.left_out.is_empty(), room == Room::Everything);
        }
    }

    #[test]
    fn what_is_left_out_is_named_and_unseen() {
        let reduced = report().reduced(Room::NoLongObservations);
        assert!(reduced.left_out.len() > 1, "{:?}", reduced.left_out);
        let json = serde_json::to_value(&reduced).unwrap();
        for pointer in &reduced.left_out[1..] {
            let fact = json.pointer(pointer).unwrap();
            let because = fact["unseen"]["because"].as_str().unwrap();
            assert!(because.contains("no room"), "{pointer}: {because}");
        }
        let back: Report = serde_json::from_value(json).unwrap();
        assert_eq!(back, reduced);
    }

    #[test]
    fn nothing_passes_for_having_been_left_out() {
        for record in [report().into_record(), sample::record()] {
            let whole = Report::judge(record, CATALOGUE);
            for room in Room::ORDER {
                let again = Report::judge(whole.reduced(room).into_record(), CATALOGUE);
                for (before, after) in whole.findings.iter().zip(&again.findings) {
                    assert!(
                        after.verdict == before.verdict || after.verdict == Verdict::Inconclusive,
                        "{room:?}: {} was {:?} and is {:?}",
                        after.id,
                        before.verdict,
                        after.verdict
                    );
                }
            }
        }
    }
}
