//! Pokes and faults at edgeHub, played one after the other on starts of their own. What is played is the core's plan
//! ([`conformance::faults`]); nothing is judged here.

use std::sync::Arc;

use conformance::candidate::{Bounds, CandidateSpec, Launch, resolve};
use conformance::create_options::NamedVolume;
use conformance::faults::{Fault, FaultPlan, PHASE};
use conformance::finding::{Reason, Unseen};
use conformance::health::Expectation;
use conformance::observation::{
    FaultEnd, FaultRun, FaultTrial, Health, Observed, PlayedFault, Start,
};
use conformance::record::Record;
use conformance::units::Millis;
use engine::EngineError;
use serde_json::Value;
use standin::edge::EdgeRuntime;

use crate::bench::Bench;
use crate::cold_start::{Played, Trial, play};
use crate::record::mark_phase;

mod act;
mod before;
mod follow;
mod life;

use follow::Follower;
use life::Life;

/// Plays what the run's options ask for; what was seen is in the record after every step.
///
/// # Errors
/// The engine is lost.
pub async fn start(
    bench: &Bench<'_>,
    record: &mut Record,
    launch: &Launch<'_>,
) -> Result<(), EngineError> {
    let plan = FaultPlan::of(&record.run.profile, &record.run.options);
    if plan.steps.is_empty() {
        return Ok(());
    }
    let runtime = match playable(bench, record) {
        Ok(runtime) => runtime,
        Err(answer) => {
            record.observations.faults = answer;
            bench.events.observed("faults", &record.observations.faults);
            return Ok(());
        }
    };
    let stage = Stage::new(record, launch, &plan, runtime);
    let mut run = FaultRun {
        recovery: plan.recovery,
        calm: plan.calm,
        starts: 0,
        before: None,
        played: Vec::new(),
    };
    let mut life: Option<Life<'_>> = None;
    let mut over: Option<Unseen> = None;
    for step in &plan.steps {
        bench
            .events
            .phase(format!("fault {}", step.fault.name()), 98);
        if life.is_none() && over.is_none() {
            run.starts += 1;
            match stage.begin(bench, record, run.starts).await? {
                Ok(begun) => {
                    run.before.get_or_insert(begun.before);
                    life = Some(begun);
                }
                Err(unseen) => over = Some(unseen),
            }
        }
        let played = match (&mut life, &over) {
            (Some(life), None) => life.play(*step).await?,
            (_, Some(unseen)) => unplayed(bench, step.fault, unseen.clone()),
            (None, None) => unplayed(
                bench,
                step.fault,
                Unseen::new(Reason::Tool, "no start was made for it"),
            ),
        };
        let goes_on = matches!(played.end, FaultEnd::Back { .. } | FaultEnd::Unheard);
        if let FaultEnd::Unseen(unseen) = &played.end {
            // edgeHub itself is in trouble: what comes after it would say nothing of the module.
            over.get_or_insert_with(|| unseen.clone());
        }
        bench.events.observed("fault", &played);
        run.played.push(played);
        record.observations.faults = Observed::Seen(FaultTrial::Played(run.clone()));
        if !goes_on && let Some(ended) = life.take() {
            end(bench, record, ended).await?;
        }
    }
    if let Some(ended) = life {
        end(bench, record, ended).await?;
    }
    Ok(())
}

/// The runtime to play with, or what the record says instead.
fn playable(bench: &Bench<'_>, record: &Record) -> Result<Arc<EdgeRuntime>, Observed<FaultTrial>> {
    let seen = &record.observations;
    let edge = match &seen.edge {
        Observed::Seen(edge) => edge,
        Observed::Unseen(unseen) => return Err(Observed::Unseen(unseen.clone())),
    };
    if edge.logins == 0 {
        let asked = seen.workload.seen().is_some_and(|asked| !asked.is_empty());
        let tried = asked || !edge.breaches.is_empty() || record.offer.plan.uses_module_sdk;
        return Err(if tried {
            let why = "it never logged in at edgeHub in the starts before";
            Observed::unseen(Reason::Unstable, why)
        } else {
            Observed::Seen(FaultTrial::NotApplicable {
                why:
                    "it has nothing to do with edgeHub: no login, no request on its workload socket"
                        .to_owned(),
            })
        });
    }
    let healthy = |start: &Start| matches!(start.health, Health::Healthy { .. });
    if !seen.starts.iter().any(healthy) {
        let why = "the module does not start; see IEM-CFG-07";
        return Err(Observed::unseen(Reason::InputMissing, why));
    }
    let edge = bench.edge.get();
    let runtime = edge
        .map(crate::edge::Edge::runtime)
        .unwrap_or_else(|| Err(Unseen::new(Reason::Tool, "no edge runtime was put up")));
    runtime.map_err(Observed::Unseen)
}

/// What does not change from start to start.
struct Stage<'a> {
    plan: &'a FaultPlan,
    runtime: Arc<EdgeRuntime>,
    spec: CandidateSpec,
    expectation: Expectation,
    placeholders: Vec<String>,
    volumes: Vec<NamedVolume>,
    budget: Millis,
    settle: Millis,
    window: Millis,
    twin: Value,
    input: Option<String>,
}

impl<'a> Stage<'a> {
    fn new(
        record: &Record,
        launch: &Launch<'_>,
        plan: &'a FaultPlan,
        runtime: Arc<EdgeRuntime>,
    ) -> Stage<'a> {
        let profile = &record.run.profile;
        let module = launch.identity.module_id.as_str();
        Stage {
            plan,
            runtime,
            spec: resolve(launch, Bounds::Defaults),
            expectation: Expectation::of(&launch.image.config, launch.options.value()),
            placeholders: record.offer.placeholders(),
            volumes: launch.options.named_volumes(),
            budget: profile.start_budget,
            settle: profile.settle,
            window: profile.window,
            twin: serde_json::from_str(&record.offer.plan.twin).unwrap_or_default(),
            input: act::own_input(&record.offer.plan.routes, module),
        }
    }

    /// A healthy module that was watched while it was left alone.
    async fn begin<'s>(
        &'s self,
        bench: &'s Bench<'s>,
        record: &mut Record,
        number: u64,
    ) -> Result<Result<Life<'s>, Unseen>, EngineError> {
        let phase = format!("{PHASE}{number}");
        let trial = Trial {
            phase: phase.clone(),
            body: &self.spec.body,
            volumes: &self.volumes,
            expectation: &self.expectation,
            budget: self.budget,
            settle: self.settle,
            window: self.window,
            placeholders: &self.placeholders,
            memory_limit: None,
            core_limit: None,
            quota: false,
        };
        let from = bench.events.now();
        let follower = Follower::of(&self.runtime);
        let Played {
            start,
            mut series,
            alive,
            ..
        } = play(bench, &trial).await?;
        bench.events.observed(&phase, &start);
        let Some(alive) = alive else {
            record.series.append(&mut series);
            mark_phase(record, &phase, from, bench.events.now());
            return Ok(Err(unhealthy(&start)));
        };
        let mut life = Life::new(self, bench, alive, follower);
        life.phase = phase;
        life.from = from;
        Ok(match life.left_alone().await? {
            Ok(()) => Ok(life),
            Err(unseen) => {
                end(bench, record, life).await?;
                Err(unseen)
            }
        })
    }
}

fn unhealthy(start: &Start) -> Unseen {
    let why = match &start.health {
        Health::Unhealthy { detail, .. } => detail.as_str(),
        Health::Healthy { .. } => "it was gone at once",
    };
    Unseen::new(
        Reason::Unstable,
        format!("the start for it did not become healthy: {why}"),
    )
}

fn unplayed(bench: &Bench<'_>, fault: Fault, unseen: Unseen) -> PlayedFault {
    PlayedFault {
        fault,
        at: bench.events.now(),
        held: Millis(0),
        done: String::new(),
        said: String::new(),
        end: FaultEnd::Unseen(unseen.clone()),
        memory: Observed::Unseen(unseen),
    }
}

/// Takes a life's samples into the record, and its container away.
async fn end(
    bench: &Bench<'_>,
    record: &mut Record,
    mut life: Life<'_>,
) -> Result<(), EngineError> {
    let (_, series) = life.alive.finish_sampling();
    record.series.extend(series);
    mark_phase(record, &life.phase, life.from, bench.events.now());
    bench.engine.remove(&life.alive.id).await
}
