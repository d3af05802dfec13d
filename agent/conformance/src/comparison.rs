//! Two reports of one offer, number by number and finding by finding: what differs by more than the noise. Pure.
//!
//! The noise is that of [`crate::statistics`]: where both runs repeated a number, Welch's interval of the difference of the
//! means; never less than a share of the number and the resolution of its unit, which stand in alone where a run has one value.

use serde::Serialize;

use crate::finding::{Reason, Verdict};
use crate::measurement::{Measurement, with_repeats};
use crate::report::Report;
use crate::statistics::{Spread, chance_difference};

/// Least difference that counts between repeated numbers, as a share of the larger.
const LEAST_SHARE: f64 = 0.05;
/// The same where a run has but one value.
const LEAST_SHARE_OF_ONE: f64 = 0.10;

/// What everybody on the device has a part in says nothing of the module.
const EVERYONES: &str = "storage.disk.growth";

/// What two reports have to say of each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// Headlines of both: verdict and scope.
    pub headlines: [String; 2],
    /// What was not the same around the runs: profile, image, device, engine.
    pub circumstances: Vec<String>,
    /// Every number that either has.
    pub numbers: Vec<NumberChange>,
    /// Every finding that came out otherwise.
    pub findings: Vec<FindingChange>,
}

impl Comparison {
    /// Whether nothing differs by more than the noise.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.findings.is_empty()
            && self
                .numbers
                .iter()
                .all(|number| number.change == Change::Same)
    }
}

/// One number in both reports.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NumberChange {
    /// Its name.
    pub name: String,
    /// The phase it speaks of.
    pub phase: String,
    /// Its unit.
    pub unit: String,
    /// Means of the repeats, first and second report; absent where a report does not have it.
    pub means: [Option<f64>; 2],
    /// Repeats.
    pub n: [usize; 2],
    /// The larger of chance and least difference: as much may differ without meaning.
    pub noise: Option<f64>,
    /// How the noise was made.
    pub method: &'static str,
    /// What came of it.
    pub change: Change,
}

/// How a number differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Within the noise.
    Same,
    /// The second is more.
    More,
    /// The second is less.
    Less,
    /// Only the first has it.
    OnlyFirst,
    /// Only the second has it.
    OnlySecond,
}

/// A finding that came out otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FindingChange {
    /// The requirement.
    pub id: String,
    /// Verdict, whether marginal, and reason of both; absent where a report does not have it.
    pub outcomes: [Option<(Verdict, bool, Option<Reason>)>; 2],
    /// What the second saw.
    pub saw: String,
}

/// Compares two reports of one offer and plan.
///
/// # Errors
/// They are of different offers.
pub fn compare(first: &Report, second: &Report) -> Result<Comparison, String> {
    let of = |report: &Report| {
        let offer = &report.offer;
        format!(
            "{}.{}.{}",
            offer.publisher_id, offer.offer_id, offer.plan_id
        )
    };
    if of(first) != of(second) {
        return Err(format!(
            "two offers cannot be compared: {} and {}",
            of(first),
            of(second)
        ));
    }
    Ok(Comparison {
        headlines: [first.headline(), second.headline()],
        circumstances: circumstances(first, second),
        numbers: numbers(first, second),
        findings: findings(first, second),
    })
}

fn circumstances(first: &Report, second: &Report) -> Vec<String> {
    let facts = |report: &Report| {
        let engine = report.device.engine.seen();
        [
            ("profile", format!("{:?}", report.run.profile.name)),
            (
                "image",
                report.candidate.image_id.clone().unwrap_or_default(),
            ),
            ("board", report.device.board.clone().unwrap_or_default()),
            ("kernel", report.device.kernel.clone().unwrap_or_default()),
            (
                "engine",
                engine
                    .map(|engine| engine.version.clone())
                    .unwrap_or_default(),
            ),
            ("catalogue", report.run.catalogue.clone()),
        ]
    };
    let pairs = facts(first).into_iter().zip(facts(second));
    pairs
        .filter(|((_, a), (_, b))| a != b)
        .map(|((name, a), (_, b))| format!("{name}: {a} -> {b}"))
        .collect()
}

type Repeated = (Measurement, Vec<f64>);

fn numbers(first: &Report, second: &Report) -> Vec<NumberChange> {
    let repeated = |report: &Report| {
        let mut all = with_repeats(&report.clone().into_record());
        all.retain(|(measurement, _)| measurement.name != EVERYONES);
        all
    };
    let (first, second) = (repeated(first), repeated(second));
    let same = |a: &Measurement, b: &Measurement| a.name == b.name && a.phase == b.phase;
    let mut all: Vec<NumberChange> = first
        .iter()
        .map(|one| {
            number(
                Some(one),
                second.iter().find(|other| same(&one.0, &other.0)),
            )
        })
        .collect();
    let new = second
        .iter()
        .filter(|other| !first.iter().any(|one| same(&one.0, &other.0)));
    all.extend(new.map(|other| number(None, Some(other))));
    all
}

fn number(first: Option<&Repeated>, second: Option<&Repeated>) -> NumberChange {
    let known = first.or(second).map(|(measurement, _)| measurement);
    let (name, phase, unit) = known.map_or_else(Default::default, |one| {
        (one.name.clone(), one.phase.clone(), one.unit.clone())
    });
    let spread = |one: Option<&Repeated>| one.map(|(_, repeats)| Spread::of(repeats));
    let spreads = [spread(first), spread(second)];
    let (noise, method, change) = match (first, second) {
        (Some(a), Some(b)) => judged(a, b),
        (Some(_), None) => (None, "not in the second", Change::OnlyFirst),
        (None, _) => (None, "not in the first", Change::OnlySecond),
    };
    NumberChange {
        name,
        phase,
        unit,
        means: spreads.map(|spread| spread.map(|spread| spread.mean)),
        n: spreads.map(|spread| spread.map_or(0, |spread| spread.n)),
        noise,
        method,
        change,
    }
}

fn judged(first: &Repeated, second: &Repeated) -> (Option<f64>, &'static str, Change) {
    let (a, b) = (Spread::of(&first.1).mean, Spread::of(&second.1).mean);
    let larger = a.abs().max(b.abs());
    let resolution = resolution(&first.0);
    let (noise, method) = match (
        chance_difference(&first.1, &second.1),
        slope_noise(first, second),
    ) {
        (_, Some(slopes)) => (slopes, "intervals of both slopes"),
        (Some(chance), None) => (
            chance.max(LEAST_SHARE * larger).max(resolution),
            "Welch's interval, 90 %, at least a twentieth and the unit's resolution",
        ),
        (None, None) => (
            (LEAST_SHARE_OF_ONE * larger).max(resolution),
            "one value: a tenth, at least the unit's resolution",
        ),
    };
    let change = if (b - a).abs() <= noise {
        Change::Same
    } else if b > a {
        Change::More
    } else {
        Change::Less
    };
    (Some(noise), method, change)
}

/// A slope brings its own interval: half the width of both together.
fn slope_noise(first: &Repeated, second: &Repeated) -> Option<f64> {
    let half = |one: &Repeated| (one.0.high - one.0.low) / 2.0;
    (first.0.unit == "bytes/day").then(|| half(first) + half(second))
}

/// What two looks at an unchanged module may differ by: a page cache that is charged to whoever reads first (1.4 MB for the
/// smallest images), a block, a tick of the sampler.
fn resolution(measurement: &Measurement) -> f64 {
    match (measurement.unit.as_str(), measurement.name.as_str()) {
        ("bytes", name) if name.starts_with("memory.") || name.starts_with("probe.") => 2_097_152.0,
        ("bytes", _) => 65_536.0,
        ("cores" | "ratio", _) => 0.01,
        ("seconds", _) => 0.2,
        ("count", _) => 1.0,
        _ => 0.0,
    }
}

fn findings(first: &Report, second: &Report) -> Vec<FindingChange> {
    let outcome = |report: &Report, id: &str| {
        let finding = report.findings.iter().find(|finding| finding.id == id)?;
        Some((finding.verdict, finding.marginal, finding.reason))
    };
    let only_first = first
        .findings
        .iter()
        .filter(|old| !second.findings.iter().any(|new| new.id == old.id));
    second
        .findings
        .iter()
        .chain(only_first)
        .map(|finding| FindingChange {
            id: finding.id.clone(),
            outcomes: [outcome(first, &finding.id), outcome(second, &finding.id)],
            saw: finding.saw.clone(),
        })
        .filter(|change| change.outcomes[0] != change.outcomes[1])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{DiskGrowth, Health, Observed};
    use crate::record::Record;
    use crate::requirements::CATALOGUE;
    use crate::sample;
    use crate::units::{Bytes, Millis};

    fn report(record: Record) -> Report {
        Report::judge(record, CATALOGUE)
    }

    /// The sample whose starts took so long and peaked so high.
    fn with(seconds: [f64; 3], mib: u64) -> Report {
        let mut record = sample::record();
        for (start, seconds) in record.observations.starts.iter_mut().zip(seconds) {
            start.health = Health::Healthy {
                after: std::time::Duration::from_secs_f64(seconds).into(),
                stayed: Millis(10_000),
                by: Vec::new(),
            };
            let mut usage = sample::usage(Millis(0), Millis(10_300));
            usage.memory = Observed::Seen(sample::memory(Bytes::mib(mib), Bytes::mib(16)));
            start.usage = Observed::Seen(usage);
        }
        report(record)
    }

    fn change(comparison: &Comparison, name: &str) -> Change {
        let number = comparison
            .numbers
            .iter()
            .find(|number| number.name == name && number.phase == "start");
        number.unwrap().change
    }

    #[test]
    fn what_others_wrote_to_the_disk_is_no_difference() {
        let grown = |by: u64| {
            let mut record = sample::record();
            let Observed::Seen(storage) = &mut record.observations.storage else {
                panic!("the sample has its storage");
            };
            storage.disk = Observed::Seen(DiskGrowth {
                free_before: Bytes::mib(1_000),
                free_after: Bytes::mib(1_000 - by),
            });
            report(record)
        };
        let comparison = compare(&grown(1), &grown(500)).unwrap();
        assert!(comparison.is_same(), "{comparison:?}");
        let measured = &grown(500).measurements;
        assert!(measured.iter().any(|one| one.name == EVERYONES));
    }

    #[test]
    fn a_report_is_the_same_as_itself() {
        let one = report(sample::record());
        let comparison = compare(&one, &one).unwrap();
        assert!(comparison.is_same(), "{comparison:?}");
        assert!(comparison.circumstances.is_empty());
    }

    #[test]
    fn more_than_the_noise_is_told_and_scatter_is_not() {
        let before = with([2.0, 2.2, 2.4], 24);
        let scatter = compare(&before, &with([2.1, 2.3, 2.5], 25)).unwrap();
        assert_eq!(change(&scatter, "startup.healthy"), Change::Same);
        assert_eq!(change(&scatter, "memory.peak"), Change::Same);
        let slower = compare(&before, &with([3.0, 3.2, 3.4], 60)).unwrap();
        assert_eq!(change(&slower, "startup.healthy"), Change::More);
        assert_eq!(change(&slower, "memory.peak"), Change::More);
        assert!(!slower.is_same());
        let back = compare(&with([3.0, 3.2, 3.4], 60), &before).unwrap();
        assert_eq!(change(&back, "memory.peak"), Change::Less);
    }

    #[test]
    fn verdicts_that_changed_are_named() {
        let mut record = sample::record();
        record.observations.zombies = Observed::Seen(3);
        let comparison = compare(&report(sample::record()), &report(record)).unwrap();
        let ids: Vec<&str> = comparison
            .findings
            .iter()
            .map(|one| one.id.as_str())
            .collect();
        assert_eq!(ids, ["IEM-CFG-07"]);
    }

    #[test]
    fn numbers_of_one_side_are_no_zero() {
        let mut record = sample::record();
        record.observations.steady = Observed::default();
        let comparison = compare(&report(sample::record()), &report(record)).unwrap();
        let steady = comparison
            .numbers
            .iter()
            .find(|number| number.name == "memory.peak" && number.phase == "steady");
        let steady = steady.unwrap();
        assert_eq!((steady.change, steady.means[1]), (Change::OnlyFirst, None));
    }

    #[test]
    fn two_offers_are_not_compared() {
        let mut other = sample::record();
        other.offer.offer_id = "water-quality".to_owned();
        assert!(compare(&report(sample::record()), &report(other)).is_err());
    }
}
