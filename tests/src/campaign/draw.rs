//! Where the probe dies, by seed. Pure: the same seed draws the same deaths on every machine.

use std::fmt;

/// A fixture module of the campaign, and how many steps an undisturbed run of it takes at most.
///
/// The numbers are written down, not measured anew, so that a seed means the same each time; a campaign whose undisturbed
/// run takes more steps says so and fails, because the last of them would never be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Its directory in `tests/candidates`.
    pub name: &'static str,
    /// Steps.
    pub steps: u64,
}

/// Nothing in its image can be started, so it is judged soonest: for the quick part of the campaign.
pub const SOON_JUDGED: Candidate = Candidate {
    name: "wrong-architecture",
    steps: 48,
};

/// A module without fault, one that takes more memory than it claims, and one that speaks to edgeHub through the SDK.
pub const CANDIDATES: [Candidate; 3] = [
    Candidate {
        name: "well-behaved",
        steps: 60,
    },
    Candidate {
        name: "hungry",
        steps: 60,
    },
    Candidate {
        name: "sdk-python",
        steps: 60,
    },
];

/// One of so many seeds has its probe die once more, in the life after.
const TWICE: u64 = 4;
/// A life that takes a run up again takes so many more steps: it reads what it finds and says that the run was interrupted.
const TAKING_UP: u64 = 4;

/// How the first life of each run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// At once, as `kill -9` ends it.
    Killed,
    /// By SIGTERM, to which the probe does what it does.
    Asked,
}

/// One death: before or after a step of one life of the probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Death {
    /// Number of the step in that life, from 1.
    pub step: u64,
    /// Whether the step was still taken.
    pub after: bool,
}

impl fmt::Display for Death {
    /// As the probe reads it: `before:17`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.after { "after" } else { "before" };
        write!(f, "{side}:{}", self.step)
    }
}

/// What one seed draws.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draw {
    /// How the first death comes about; a second one is a kill.
    pub manner: Manner,
    /// The module under test.
    pub candidate: Candidate,
    /// The deaths, one a life.
    pub deaths: Vec<Death>,
}

impl Draw {
    /// The value of the probe's `EDGEPROOF_DIE`.
    #[must_use]
    pub fn plan(&self) -> String {
        let mut words: Vec<String> = self.deaths.iter().map(Death::to_string).collect();
        if let (Manner::Asked, Some(first)) = (self.manner, self.deaths.first()) {
            words[0] = format!("term:{}", first.step);
        }
        words.join(",")
    }
}

/// Boundaries that a full cycle of seeds covers, each once.
#[must_use]
pub fn cycle(candidates: &[Candidate]) -> u64 {
    candidates.iter().map(|candidate| candidate.steps * 2).sum()
}

/// Draws for one seed: from `n * cycle` on, `cycle` seeds in a row kill at every boundary once.
///
/// # Panics
/// There is no candidate.
#[must_use]
pub fn draw(candidates: &[Candidate], manner: Manner, seed: u64) -> Draw {
    let cycle = cycle(candidates);
    let place = shuffled(cycle, seed / cycle)[usize::try_from(seed % cycle).unwrap_or(0)];
    let mut rest = place;
    let candidate = candidates.iter().find(|candidate| {
        let is_it = rest < candidate.steps * 2;
        if !is_it {
            rest -= candidate.steps * 2;
        }
        is_it
    });
    let candidate = *candidate.expect("a place is less than all boundaries together");
    let mut deaths = vec![Death {
        step: rest / 2 + 1,
        after: rest % 2 == 1,
    }];
    let mut random = Random(seed);
    if random.below(TWICE) == 0 {
        deaths.push(Death {
            step: random.below(candidate.steps + TAKING_UP) + 1,
            after: random.below(2) == 1,
        });
    }
    Draw {
        manner,
        candidate,
        deaths,
    }
}

/// 0 to `count` in an order that `seed` says (Fisher and Yates).
fn shuffled(count: u64, seed: u64) -> Vec<u64> {
    let mut order: Vec<u64> = (0..count).collect();
    let mut random = Random(seed);
    for last in (1..order.len()).rev() {
        let other = random.below(last as u64 + 1);
        order.swap(last, usize::try_from(other).unwrap_or(last));
    }
    order
}

/// `SplitMix64`: <https://prng.di.unimi.it/splitmix64.c>.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_cycle_of_seeds_covers_every_boundary_once() {
        let all = cycle(&CANDIDATES);
        for first in [0, all] {
            let first_deaths = (first..first + all).map(|seed| {
                let draw = draw(&CANDIDATES, Manner::Killed, seed);
                (draw.candidate.name, draw.deaths[0])
            });
            let covered: BTreeSet<_> = first_deaths.collect();
            assert_eq!(covered.len() as u64, all);
            for candidate in CANDIDATES {
                for step in 1..=candidate.steps {
                    for after in [false, true] {
                        assert!(covered.contains(&(candidate.name, Death { step, after })));
                    }
                }
            }
        }
    }

    #[test]
    fn a_seed_draws_the_same_each_time_and_some_seeds_kill_twice() {
        let twice = (0..400).filter(|&seed| {
            let drawn = || draw(&CANDIDATES, Manner::Killed, seed);
            assert_eq!(drawn(), drawn());
            drawn().deaths.len() == 2
        });
        let twice = twice.count();
        assert!((60..140).contains(&twice), "{twice}");
    }

    #[test]
    fn a_draw_is_told_as_the_probe_reads_it() {
        let (first, second) = (
            Death {
                step: 17,
                after: false,
            },
            Death {
                step: 3,
                after: true,
            },
        );
        let draw = |manner| Draw {
            manner,
            candidate: SOON_JUDGED,
            deaths: vec![first, second],
        };
        assert_eq!(draw(Manner::Killed).plan(), "before:17,after:3");
        assert_eq!(draw(Manner::Asked).plan(), "term:17,after:3");
    }
}
