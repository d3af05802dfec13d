//! When a container's socket tables are worth reading again: the kernel sends no event for a listening port.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use conformance::units::Millis;

use crate::sampler::Roots;
use crate::sampler::ports::{self, Sockets};

/// So long after a start a changed number of sockets is reason enough, whatever a look costs: most modules are up by then.
const EAGER: Millis = Millis(2_000);
/// After that a look may cost one part in so many. `/proc/PID/net/tcp` walks the hash table of every connection of the
/// host, which is sized by its memory: 1 to 4 ms a table on a machine of 24 GiB.
const SHARE: u32 = 50;
/// One part in so many where the number of sockets is what it was: one may have taken another's place.
const UNCHANGED_SHARE: u32 = 200;

/// The last look at a container's ports.
#[derive(Debug, Default)]
pub(super) struct Looks {
    last: Option<Look>,
}

#[derive(Debug)]
struct Look {
    at: Instant,
    cost: Duration,
    pid: u32,
    sockets: Option<Sockets>,
    listening: BTreeSet<u16>,
}

impl Looks {
    /// Ports on which a process of the host listens that was started so long ago; read anew where that is due, else of the last look.
    pub(super) fn listening(&mut self, roots: &Roots, pid: u32, waited: Millis) -> &BTreeSet<u16> {
        let sockets = ports::sockets(roots, pid).ok();
        let now = Instant::now();
        let known = self
            .last
            .take_if(|look| !look.holds(pid, sockets, waited, now));
        drop(known);
        &self
            .last
            .get_or_insert_with(|| {
                let listening = ports::listening(roots, pid).unwrap_or_default();
                Look {
                    at: now,
                    cost: now.elapsed(),
                    pid,
                    sockets,
                    listening,
                }
            })
            .listening
    }
}

impl Look {
    fn holds(&self, pid: u32, sockets: Option<Sockets>, waited: Millis, now: Instant) -> bool {
        let unchanged = sockets.is_some() && self.sockets == sockets;
        if self.pid != pid || (!unchanged && waited < EAGER) {
            return false;
        }
        let share = if unchanged { UNCHANGED_SHARE } else { SHARE };
        now.saturating_duration_since(self.at) < self.cost * share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: Option<Sockets> = Some(Sockets { four: 3, six: 1 });
    const MORE: Option<Sockets> = Some(Sockets { four: 3, six: 2 });

    /// Whether a look of 8 ms, so long ago and in the process 1, still holds.
    fn holds(ago: u64, pid: u32, sockets: Option<Sockets>, waited: u64) -> bool {
        let at = Instant::now();
        let look = Look {
            at,
            cost: Duration::from_millis(8),
            pid: 1,
            sockets: MANY,
            listening: BTreeSet::new(),
        };
        look.holds(
            pid,
            sockets,
            Millis(waited),
            at + Duration::from_millis(ago),
        )
    }

    #[test]
    fn a_changed_number_is_looked_into_at_once_at_first_and_later_when_it_is_due() {
        assert!(!holds(1, 1, MORE, 1_000));
        assert!(holds(399, 1, MORE, 3_000));
        assert!(!holds(400, 1, MORE, 3_000));
    }

    #[test]
    fn with_the_same_number_a_look_is_rare_and_still_comes() {
        for waited in [1_000, 3_000] {
            assert!(holds(1_599, 1, MANY, waited));
            assert!(!holds(1_600, 1, MANY, waited));
        }
    }

    #[test]
    fn another_process_and_a_number_that_is_unknown_are_no_reason_to_believe_the_last_look() {
        assert!(!holds(1, 2, MANY, 3_000));
        assert!(!holds(1, 1, None, 1_000));
        assert!(holds(399, 1, None, 3_000));
    }

    #[test]
    fn a_new_listener_is_seen_at_once_though_the_look_before_was_dear() {
        let tree = tempfile::tempdir().unwrap();
        let net = tree.path().join("1/net");
        std::fs::create_dir_all(&net).unwrap();
        let roots = Roots {
            proc: tree.path().to_owned(),
            cgroup: std::path::PathBuf::new(),
            data_root: None,
            data_root_on_host: std::path::PathBuf::new(),
        };
        let holds = |inuse: u32, table: &str| {
            let counts = format!("sockets: used 9\nTCP: inuse {inuse} orphan 0 tw 0\n");
            std::fs::write(net.join("sockstat"), counts).unwrap();
            std::fs::write(net.join("tcp"), format!("  sl\n{table}")).unwrap();
        };
        let mut looks = Looks::default();
        holds(0, "");
        assert!(looks.listening(&roots, 1, Millis(100)).is_empty());
        if let Some(last) = &mut looks.last {
            last.cost = Duration::from_hours(1);
        }
        let line = "   0: 00000000:1F90 00000000:0000 0A 0:0\n";
        holds(0, line);
        assert!(looks.listening(&roots, 1, Millis(200)).is_empty());
        holds(1, line);
        let seen = looks.listening(&roots, 1, Millis(300));
        assert_eq!(seen, &BTreeSet::from([8080]));
    }
}
