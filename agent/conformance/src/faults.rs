//! Pokes and faults at edgeHub as a plan: what is done to a module, for how long, and how soon it has to be back. Data; the
//! probe plays it.

use serde::{Deserialize, Serialize};

use crate::measurement::growth::MEMORY_SERIES;
use crate::record::{Point, Profile, RunOptions, Series, Task};
use crate::statistics::{Slope, growth};
use crate::units::Millis;

/// How long edgeHub is gone, unless told otherwise.
pub const OUTAGE: Millis = Millis(300_000);
/// How soon a module has to be back when a fault is over, unless told otherwise. Of the clients that were read the slowest tries
/// again every 30 s (C, `DEFAULT_MAX_DELAY_IN_SECS`); C#, Node and Python do so within 10 s.
pub const RECOVERY: Millis = Millis(60_000);
/// The longest outage, and the longest time to be back, that can be asked for.
pub const LONGEST: Millis = Millis(86_400_000);
/// How long a module is watched after it came back, at most.
const CALM: Millis = Millis(5_000);
/// How much later a slow twin answers, and how long a busy one answers with 429. Below what the SDKs wait for an answer.
const TWIN: Millis = Millis(10_000);
/// How long a direct method may take: the SDKs' own time limit.
const METHOD: Millis = Millis(30_000);

/// The name of the desired property that no module knows.
pub const UNKNOWN_KEY: &str = "edgeproofUnknownKey";
/// The name of the direct method that no module knows.
pub const UNKNOWN_METHOD: &str = "edgeproofUnknownMethod";
/// The name of the input that no module knows.
pub const UNKNOWN_INPUT: &str = "edgeproofUnknownInput";

/// Something done to a module to see how it bears it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// A desired property that it does not know.
    Desired,
    /// A direct method that it does not know.
    Method,
    /// A message to an input: one of its own that a default route leads to, else one that it does not know.
    Input,
    /// Its connection is cut.
    Cut,
    /// Its connection is cut, and its next login refused.
    Token,
    /// Its connection is cut, and then its twin answers late.
    SlowTwin,
    /// Its connection is cut, and then its twin answers 429.
    BusyTwin,
    /// edgeHub comes back with a new certificate of the same authority.
    Certificate,
    /// edgeHub is gone for a while.
    Outage,
}

impl Fault {
    /// Every one, in the order in which they are played: the mildest first.
    pub const ALL: [Fault; 9] = [
        Fault::Desired,
        Fault::Method,
        Fault::Input,
        Fault::Cut,
        Fault::Token,
        Fault::SlowTwin,
        Fault::BusyTwin,
        Fault::Certificate,
        Fault::Outage,
    ];

    /// Its name on a command line and in a report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Fault::Desired => "desired",
            Fault::Method => "method",
            Fault::Input => "input",
            Fault::Cut => "cut",
            Fault::Token => "token",
            Fault::SlowTwin => "slow-twin",
            Fault::BusyTwin => "busy-twin",
            Fault::Certificate => "certificate",
            Fault::Outage => "outage",
        }
    }

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Fault::Desired => "unknown desired property",
            Fault::Method => "unknown direct method",
            Fault::Input => "message to an input",
            Fault::Cut => "connection cut",
            Fault::Token => "token refused once",
            Fault::SlowTwin => "twin answers late",
            Fault::BusyTwin => "twin answers 429",
            Fault::Certificate => "new server certificate",
            Fault::Outage => "edgeHub gone",
        }
    }

    /// How long it is held where edgeHub would be gone this long; zero for what is over at once.
    #[must_use]
    pub fn hold(self, outage: Millis) -> Millis {
        match self {
            Fault::Cut | Fault::Token | Fault::Certificate => Millis(0),
            Fault::Desired | Fault::Input => CALM.min(outage),
            Fault::Method => METHOD.min(outage),
            Fault::SlowTwin | Fault::BusyTwin => TWIN.min(outage),
            Fault::Outage => outage,
        }
    }
}

/// Faults by their names: `all`, `none`, or names with commas between them.
///
/// # Errors
/// The first name that there is not, and those that there are.
pub fn named(list: &str) -> Result<Vec<Fault>, String> {
    let one = |name: &str| {
        let known = Fault::ALL.iter().find(|fault| fault.name() == name);
        known.copied().ok_or_else(|| {
            let names: Vec<&str> = Fault::ALL.iter().map(|fault| fault.name()).collect();
            format!(
                "no fault is called `{name}`; there are {}, all and none",
                names.join(", ")
            )
        })
    };
    let asked = match list.trim() {
        "all" => return Ok(Fault::ALL.to_vec()),
        "none" => return Ok(Vec::new()),
        list => list.split(',').map(|name| one(name.trim())),
    };
    let asked: Vec<Fault> = asked.collect::<Result<_, _>>()?;
    Ok(in_order(&asked))
}

fn in_order(asked: &[Fault]) -> Vec<Fault> {
    let all = Fault::ALL.into_iter();
    all.filter(|fault| asked.contains(fault)).collect()
}

/// What is played, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultPlan {
    /// The steps; none, where nobody asked for any.
    pub steps: Vec<Step>,
    /// How soon the module has to be back after each.
    pub recovery: Millis,
    /// How long it is watched before the first, and after it came back from each.
    pub calm: Millis,
}

/// One step of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub fault: Fault,
    /// How long it lasts; zero for what is over at once.
    pub hold: Millis,
}

impl FaultPlan {
    /// What these options ask for. A shorter outage shortens whatever else is held; a measurement of a module that IoT Edge runs,
    /// and a search for the minimum, play none.
    #[must_use]
    pub fn of(profile: &Profile, options: &RunOptions) -> FaultPlan {
        let asked = options.faults.as_deref().unwrap_or_default();
        if options.attach.is_some() || options.task != Task::Certify {
            return FaultPlan::default();
        }
        let outage = options.outage.unwrap_or(OUTAGE);
        let step = |fault: Fault| Step {
            fault,
            hold: fault.hold(outage),
        };
        FaultPlan {
            steps: in_order(asked).into_iter().map(step).collect(),
            recovery: options
                .recovery
                .unwrap_or_else(|| options.stretched(RECOVERY)),
            calm: CALM.min(profile.window),
        }
    }

    /// Whether this one is played.
    #[must_use]
    pub fn has(&self, fault: Fault) -> bool {
        self.steps.iter().any(|step| step.fault == fault)
    }

    /// The longest that it can take, where the module is started anew before every step and never comes back.
    #[must_use]
    pub fn longest(&self, profile: &Profile) -> Millis {
        let each = [
            profile.start_budget.0,
            profile.settle.0,
            self.recovery.0.saturating_mul(2),
            self.calm.0.saturating_mul(5),
        ];
        let each = each.into_iter().fold(0, u64::saturating_add);
        let steps = self.steps.iter();
        let all = steps.fold(0_u64, |sum, step| {
            sum.saturating_add(each).saturating_add(step.hold.0)
        });
        Millis(all)
    }
}

/// What the phases of the trial's starts begin with: `faults 1`.
pub const PHASE: &str = "faults ";
/// The part of a life that is left out: caches fill and pools warm up.
const WARM_UP: usize = 4;

/// How memory that the kernel cannot take back grew over the longest life under faults, in bytes a second. Queues that a fault
/// filled and that emptied again make no slope: growth has to show in each half.
///
/// `None` where it was not seen, or in too few points.
#[must_use]
pub fn memory_growth(series: &[Series]) -> Option<Slope> {
    let lives = series
        .iter()
        .filter(|one| one.name == MEMORY_SERIES && one.phase.starts_with(PHASE));
    let span = |points: &[Point]| match points {
        [first, .., last] => last.at.0.saturating_sub(first.at.0),
        _ => 0,
    };
    let points = &lives.max_by_key(|life| span(&life.points))?.points;
    let points: Vec<(f64, f64)> = points
        .iter()
        .skip(points.len() / WARM_UP)
        .map(|point| (point.at.as_secs_f64(), point.mean))
        .collect();
    growth(&points)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(faults: &[Fault], outage: Option<u64>) -> FaultPlan {
        let options = RunOptions {
            faults: Some(faults.to_vec()),
            outage: outage.map(Millis),
            ..RunOptions::default()
        };
        FaultPlan::of(&Profile::quick(), &options)
    }

    #[test]
    fn faults_are_asked_for_by_name_and_played_mildest_first() {
        assert_eq!(
            named("outage, cut,desired").unwrap(),
            [Fault::Desired, Fault::Cut, Fault::Outage]
        );
        assert_eq!(named("all").unwrap(), Fault::ALL);
        assert_eq!(named("none"), Ok(Vec::new()));
        let mistake = named("cut,storm").unwrap_err();
        assert!(
            mistake.contains("`storm`") && mistake.contains("slow-twin"),
            "{mistake}"
        );
    }

    #[test]
    fn every_name_is_the_one_that_a_report_has() {
        for fault in Fault::ALL {
            let written = serde_json::to_value(fault).unwrap();
            assert_eq!(written, fault.name());
            assert_eq!(named(fault.name()), Ok(vec![fault]));
        }
    }

    #[test]
    fn nothing_is_played_that_nobody_asked_for() {
        let plan = FaultPlan::of(&Profile::quick(), &RunOptions::default());
        assert!(plan.steps.is_empty());
        let elsewhere = RunOptions {
            faults: Some(Fault::ALL.to_vec()),
            attach: Some("m".to_owned()),
            ..RunOptions::default()
        };
        assert!(
            FaultPlan::of(&Profile::quick(), &elsewhere)
                .steps
                .is_empty()
        );
    }

    #[test]
    fn an_outage_lasts_five_minutes_and_a_shorter_one_shortens_the_rest() {
        let holds = |plan: FaultPlan| plan.steps.iter().map(|step| step.hold.0).collect();
        let usual: Vec<u64> = holds(asked(&Fault::ALL, None));
        assert_eq!(
            usual,
            [5_000, 30_000, 5_000, 0, 0, 10_000, 10_000, 0, 300_000]
        );
        let short: Vec<u64> = holds(asked(&Fault::ALL, Some(2_000)));
        assert_eq!(short, [2_000, 2_000, 2_000, 0, 0, 2_000, 2_000, 0, 2_000]);
    }

    #[test]
    fn the_longest_that_a_plan_takes_counts_a_start_for_every_step() {
        let plan = asked(&[Fault::Cut, Fault::Outage], None);
        assert_eq!(
            plan.longest(&Profile::quick()),
            Millis(2 * (90_000 + 10_000 + 120_000 + 25_000) + 300_000)
        );
    }

    fn life(phase: &str, seconds: u32, bytes: impl Fn(u32) -> f64) -> Series {
        let point = |second: u32| Point {
            at: Millis(u64::from(second) * 1_000),
            min: bytes(second),
            mean: bytes(second),
            max: bytes(second),
        };
        Series {
            name: MEMORY_SERIES.to_owned(),
            unit: "bytes".to_owned(),
            phase: phase.to_owned(),
            limit: None,
            points: (0..seconds).map(point).collect(),
        }
    }

    #[test]
    fn growth_is_that_of_the_longest_life_and_a_queue_that_empties_is_none() {
        let leak = life("faults 2", 60, |second| 1e6 + 100.0 * f64::from(second));
        let short = life("faults 1", 20, |_| 1e6);
        let other = life("steady", 90, |_| 1e6);
        let slope = memory_growth(&[short.clone(), leak, other]).unwrap();
        assert!(slope.is_growth() && (slope.per_second - 100.0).abs() < 1e-6);
        let queue = life("faults 1", 60, |second| match second {
            30..40 => 5e6,
            _ => 1e6,
        });
        assert!(!memory_growth(&[queue]).unwrap().is_growth());
        assert!(memory_growth(&[life("faults 1", 10, |_| 1e6)]).is_none());
        assert!(memory_growth(&[]).is_none());
    }
}
