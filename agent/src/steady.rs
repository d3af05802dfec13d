//! The steady window of a healthy candidate: what it used and how it held out. Facts only.

use conformance::finding::Reason;
use conformance::health::HEALTHCHECK;
use conformance::observation::{Cause, Exit, Health, Observed, Start, Usage};
use conformance::record::Series;
use engine::EngineError;

use crate::bench::Bench;
use crate::cold_start::{Alive, Trial, count_kills, named};
use crate::sampler::Sampler;
use crate::watch::{Awaited, Sight};

impl Alive {
    /// Watches it for the steady window: what was used since the start's own watch, as far as it went. How it held out is
    /// written into the start. The engine is not asked anything meanwhile.
    ///
    /// # Errors
    /// The engine is lost.
    pub async fn steady(
        &mut self,
        bench: &Bench<'_>,
        trial: &Trial<'_>,
        start: &mut Start,
    ) -> Result<Observed<Usage>, EngineError> {
        let gap = self.sampler.as_ref().map(Sampler::mark);
        let seen_by = Sight {
            roots: bench.roots,
            pid: self.pid,
            expectation: trial.expectation,
        };
        let ended = self.watch.stays(trial.window, &seen_by).await?;
        let usage = match &mut self.sampler {
            Some(sampler) => {
                let mut usage = sampler.mark();
                if let Some(gap) = &gap {
                    usage.absorb(gap);
                }
                Observed::Seen(usage)
            }
            None => Observed::unseen(Reason::CannotMeasure, "its cgroup could not be opened"),
        };
        let exit = self.watch.ended.clone();
        if let Some(ended) = ended {
            start.health = broken(&ended, exit.as_ref());
        }
        if let Some(breach) = self.guard.breach().await {
            start.health = breach.health();
        }
        start.exits.extend(exit);
        count_kills(start, bench.roots, &self.watch, self.sampler.as_ref());
        Ok(usage)
    }

    /// Ends sampling: what was used since the last look, and the samples of the whole start.
    pub fn finish_sampling(&mut self) -> (Option<Usage>, Vec<Series>) {
        let Some(sampler) = self.sampler.take() else {
            return (None, std::mem::take(&mut self.earlier));
        };
        let (last, series) = sampler.finish();
        let mut all = std::mem::take(&mut self.earlier);
        all.extend(named(series, &self.phase, self.limits));
        (Some(last), all)
    }
}

/// A start that was healthy and did not stay so through the steady window.
pub(crate) fn broken(ended: &Awaited, exit: Option<&Exit>) -> Health {
    let checked =
        matches!(ended, Awaited::Overdue(missing) if missing.iter().any(|one| one == HEALTHCHECK));
    let (cause, detail) = match exit {
        Some(exit) if exit.code == 0 => (Cause::EndedByItself, "ended with exit code 0".to_owned()),
        Some(exit) if exit.oom_killed => (Cause::OutOfMemory, "killed for memory".to_owned()),
        Some(exit) => (
            Cause::Crashed,
            format!("ended with exit code {}", exit.code),
        ),
        None if checked => (Cause::Unhealthy, "its HEALTHCHECK failed".to_owned()),
        None => (Cause::NotReady, "no longer listened".to_owned()),
    };
    let missing = match ended {
        Awaited::Overdue(missing) => missing.clone(),
        Awaited::Ended(_) | Awaited::Healthy(_) => vec!["running".to_owned()],
    };
    Health::Unhealthy {
        cause,
        detail: format!("{detail} in the steady window"),
        missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use conformance::units::Millis;

    #[test]
    fn whatever_ends_the_steady_window_early_makes_the_start_unhealthy() {
        let exit = Exit {
            at: Millis(9),
            code: 3,
            oom_killed: false,
        };
        let killed = Exit {
            oom_killed: true,
            ..exit.clone()
        };
        let done = Exit {
            code: 0,
            ..exit.clone()
        };
        let unhealthy = Awaited::Overdue(vec![HEALTHCHECK.to_owned()]);
        let silent = Awaited::Overdue(vec!["8080/tcp listening".to_owned()]);
        for (ended, exit, wanted) in [
            (Awaited::Ended(Some(3)), Some(&exit), Cause::Crashed),
            (Awaited::Ended(Some(137)), Some(&killed), Cause::OutOfMemory),
            (Awaited::Ended(Some(0)), Some(&done), Cause::EndedByItself),
            (unhealthy, None, Cause::Unhealthy),
            (silent, None, Cause::NotReady),
        ] {
            let Health::Unhealthy { cause, .. } = broken(&ended, exit) else {
                panic!("{ended:?} counts as healthy")
            };
            assert_eq!(cause, wanted);
        }
    }
}
