//! The record as it fills: blank at first, phases marked, and what stays unseen explained.

use conformance::data::Data;
use conformance::faults::FaultPlan;
use conformance::finding::{Reason, Unseen};
use conformance::observation::{Observations, Observed, Phase};
use conformance::record::{Candidate, Device, ProfileName, Record, Reserve, Run, Task};
use conformance::requirements::VERSION;
use conformance::units::Millis;

use crate::probe::Assignment;

/// A record in which nothing was seen yet.
#[must_use]
pub fn blank(assignment: &Assignment) -> Record {
    let options = assignment.options.clone();
    let profile = assignment.profile.clone().with_options(&options);
    let reserve = options
        .reserve_bytes
        .map_or_else(Reserve::tabled, |memory| Reserve {
            memory,
            source: "set by an option of this run".to_owned(),
        });
    Record {
        run: Run {
            id: assignment.run.clone(),
            // An emulated device stretches limits of time; the profile is the programme's own all the same.
            certifying: profile.name == assignment.profile.name
                && profile.name != ProfileName::Custom
                && options.image.is_none()
                && options.attach.is_none()
                && options.task == Task::Certify,
            profile,
            edition: options.edition,
            scope: assignment.scope,
            started: assignment.started.clone(),
            finished: None,
            agent: concat!("edgeproof-agent ", env!("CARGO_PKG_VERSION")).to_owned(),
            catalogue: VERSION.to_owned(),
            options,
            reserve,
        },
        offer: assignment.offer.clone(),
        candidate: Candidate {
            reference: assignment.offer.plan.image.reference(),
            ..Candidate::default()
        },
        device: Device::default(),
        deviations: Vec::new(),
        observations: Observations::default(),
        series: Vec::new(),
        data: Data::shipped(),
        certified: None,
    }
}

/// Puts a phase on the time line.
pub fn mark_phase(record: &mut Record, name: &str, from: Millis, to: Millis) {
    record.observations.phases.push(Phase {
        name: name.to_owned(),
        from,
        to,
    });
}

/// Gives everything that nothing has looked at yet the reason why it will stay so.
pub fn explain(seen: &mut Observations, unseen: &Unseen) {
    fn mend<T>(observed: &mut Observed<T>, unseen: &Unseen) {
        let untouched = Observed::<()>::default();
        if let (Observed::Unseen(was), Observed::Unseen(untouched)) = (&*observed, untouched)
            && *was == untouched
        {
            *observed = Observed::Unseen(unseen.clone());
        }
    }
    mend(&mut seen.image, unseen);
    mend(&mut seen.limits.memory, unseen);
    mend(&mut seen.limits.cpu, unseen);
    mend(&mut seen.limits.runtime_floor, unseen);
    mend(&mut seen.limits.storage, unseen);
    mend(&mut seen.golden, unseen);
    mend(&mut seen.creation, unseen);
    mend(&mut seen.steady, unseen);
    mend(&mut seen.stop, unseen);
    mend(&mut seen.privilege, unseen);
    mend(&mut seen.gpu, unseen);
    mend(&mut seen.storage, unseen);
    mend(&mut seen.envelope, unseen);
    mend(&mut seen.workload, unseen);
    mend(&mut seen.edge, unseen);
    mend(&mut seen.egress, unseen);
    mend(&mut seen.probe, unseen);
}

/// Gives a search that never began the reason why no start under limits was played.
pub fn explain_sizing(seen: &mut Observations) {
    if seen.sizing == Observed::default()
        && let Observed::Unseen(unseen) = &seen.envelope
    {
        seen.sizing = Observed::Unseen(unseen.clone());
    }
}

/// Gives pokes and faults that were asked for and not come to the reason why.
pub fn explain_faults(record: &mut Record) {
    let plan = FaultPlan::of(&record.run.profile, &record.run.options);
    if plan.steps.is_empty() || record.observations.faults != Observed::default() {
        return;
    }
    let why = match &record.observations.edge {
        Observed::Unseen(unseen) => unseen.clone(),
        Observed::Seen(_) => Unseen::new(Reason::Infrastructure, "the run ended before them"),
    };
    record.observations.faults = Observed::Unseen(why);
}

#[cfg(test)]
mod tests {
    use super::*;
    use conformance::offer::read;
    use conformance::record::{Profile, RunOptions, ScopeName};

    fn certifying(options: RunOptions) -> bool {
        let assignment = Assignment {
            run: "run-1".to_owned(),
            profile: Profile::quick(),
            scope: ScopeName::Device,
            offer: read(include_str!(
                "../../tests/candidates/well-behaved/offer.json"
            ))
            .unwrap()
            .offer,
            options,
            started: "2026-11-26T05:00:00Z".to_owned(),
        };
        blank(&assignment).run.certifying
    }

    #[test]
    fn an_emulated_device_certifies_and_numbers_of_one_s_own_do_not() {
        let emulated = RunOptions {
            slowdown: Some(5.1),
            ..RunOptions::default()
        };
        let own = RunOptions {
            starts: Some(3),
            ..RunOptions::default()
        };
        let another = RunOptions {
            image: Some("contoso.example/other:1.0.0".to_owned()),
            ..RunOptions::default()
        };
        assert!(certifying(RunOptions::default()));
        assert!(certifying(emulated));
        assert!(!certifying(own));
        assert!(!certifying(another));
    }

    #[test]
    fn what_was_seen_is_never_explained_away() {
        let mut seen = Observations {
            stop: Observed::unseen(Reason::Unstable, "it had ended"),
            ..Observations::default()
        };
        explain(
            &mut seen,
            &Unseen::new(Reason::Infrastructure, "engine gone"),
        );
        assert_eq!(seen.image.get().unwrap_err().because, "engine gone");
        assert_eq!(seen.stop.get().unwrap_err().because, "it had ended");
    }
}
