//! What a phase keeps beside memory, CPU and processes: pressure, block I/O, descriptors, and memory without a controller.

use conformance::finding::{Reason, Unseen};
use conformance::observation::{
    BlockIo, Descriptors, FallbackQuality, MemoryFallback, Observed, Pressure,
};
use conformance::units::Bytes;

use super::census::{self, Census, Fallback, GroupIo, Io};
use super::phase::Span;
use super::pressure;

/// What one phase has seen of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Extras {
    pressure: Span<Pressure>,
    io: Span<(Io, IoSource)>,
    /// The group's `io.stat` named no device yet: a group begins so, and a device is in it from its first byte on.
    none_moved: bool,
    /// The first phase of a container that was just started: whatever is counted was moved in it.
    from_birth: bool,
    /// What processes had moved that went without being waited for, so that their numbers went along.
    carried: Io,
    descriptors: Option<census::Descriptors>,
    fallback: Option<(Fallback, u64)>,
    /// Why the last census told none.
    why: Why,
}

#[derive(Debug, Clone, Default)]
struct Why {
    io: Option<Unseen>,
    descriptors: Option<Unseen>,
    fallback: Option<Unseen>,
}

/// Where block I/O is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum IoSource {
    /// The group's `io.stat`, v2.
    Group,
    /// The processes.
    #[default]
    Processes,
}

impl IoSource {
    fn formula(self) -> &'static str {
        match self {
            IoSource::Group => "rbytes and wbytes of io.stat, over all devices (cgroup v2)",
            IoSource::Processes => {
                "read_bytes and write_bytes of /proc/PID/io, over the main process and its descendants"
            }
        }
    }
}

impl Extras {
    /// Of the first phase. `from_birth`: the container began with it.
    pub(super) fn new(from_birth: bool) -> Extras {
        Extras {
            from_birth,
            ..Extras::default()
        }
    }

    pub(super) fn next_phase(&self) -> Extras {
        Extras {
            pressure: self.pressure.next_phase(),
            io: self.io.next_phase(),
            none_moved: self.none_moved,
            carried: self.carried,
            ..Extras::default()
        }
    }

    /// Takes a group's pressure, on top of what groups before it had.
    pub(super) fn take_pressure(&mut self, now: Pressure, before: &Pressure) {
        self.pressure.take(pressure::sum(&now, before));
    }

    /// As last taken.
    pub(super) fn pressure_so_far(&self) -> Option<Pressure> {
        self.pressure.last
    }

    /// Takes a census, and the group's own count of block I/O where it has one.
    pub(super) fn take_census(&mut self, census: Result<Census, Unseen>, group: GroupIo) {
        let (descriptors, io) = match census {
            Ok(census) => (census.descriptors, census.io),
            Err(why) => (Err(why.clone()), Err(why)),
        };
        match descriptors {
            Ok(now) => {
                let highest = self.descriptors.get_or_insert(now);
                highest.open = highest.open.max(now.open);
                highest.sockets = highest.sockets.max(now.sockets);
            }
            Err(why) => self.why.descriptors = Some(why),
        }
        // The processes see a write when it is made, the group when it is written back: the first comes first.
        let seen = match (io, group) {
            (Ok(io), _) => Ok((io, IoSource::Processes)),
            (Err(_), GroupIo::Moved(io)) => Ok((io, IoSource::Group)),
            (Err(why), GroupIo::NoDevice | GroupIo::NotTold) => Err(why),
        };
        if group == GroupIo::NoDevice {
            self.none_moved = true;
        }
        match seen {
            Ok(seen) => self.take_io(seen),
            Err(why) => self.why.io = Some(why),
        }
    }

    /// A count from another place continues nothing.
    fn take_io(&mut self, (now, source): (Io, IoSource)) {
        let Some((last, from)) = self.io.last else {
            if self.from_birth || source == IoSource::Group && self.none_moved {
                // There was nothing to count before: at birth, and where a device appears in a group's file.
                self.io.take((Io::default(), source));
            }
            self.io.take((now, source));
            return;
        };
        if from == source {
            let carry = |now: u64, last: u64, carried: u64| carried.max(last.saturating_sub(now));
            self.carried = Io {
                read: carry(now.read, last.read, self.carried.read),
                written: carry(now.written, last.written, self.carried.written),
            };
            let sum = Io {
                read: now.read.saturating_add(self.carried.read),
                written: now.written.saturating_add(self.carried.written),
            };
            self.io.take((sum, source));
        }
    }

    pub(super) fn take_fallback(&mut self, seen: Result<Fallback, Unseen>) {
        match seen {
            Ok(now) => {
                let (highest, samples) = self.fallback.unwrap_or((now, 0));
                self.fallback = Some((higher(highest, now), samples + 1));
            }
            Err(why) => self.why.fallback = Some(why),
        }
    }

    pub(super) fn pressure(&self, unseen: Option<Unseen>) -> Observed<Pressure> {
        match self.pressure.both() {
            Some((before, after)) => Observed::Seen(pressure::since(&before, &after)),
            None => Observed::Unseen(unseen.unwrap_or_else(never)),
        }
    }

    pub(super) fn block_io(&self) -> Observed<BlockIo> {
        match self.io.both() {
            Some(((before, _), (after, source))) => Observed::Seen(BlockIo {
                read: Bytes(after.read.saturating_sub(before.read)),
                written: Bytes(after.written.saturating_sub(before.written)),
                formula: source.formula().to_owned(),
            }),
            None => Observed::Unseen(self.why.io.clone().unwrap_or_else(never)),
        }
    }

    pub(super) fn descriptors(&self) -> Observed<Descriptors> {
        match self.descriptors {
            Some(highest) => Observed::Seen(Descriptors {
                open_peak: highest.open,
                sockets_peak: match highest.sockets {
                    Some(sockets) => Observed::Seen(sockets),
                    None => Observed::unseen(
                        Reason::Configuration,
                        "what the descriptors are is closed to the probe: a process of another user shows it only to CAP_SYS_PTRACE",
                    ),
                },
            }),
            None => Observed::Unseen(self.why.descriptors.clone().unwrap_or_else(never)),
        }
    }

    /// `Observed::default()` where a controller counts memory: then nothing has looked.
    pub(super) fn memory_fallback(&self) -> Observed<MemoryFallback> {
        let (quality, formula, bytes, samples) = match (&self.fallback, &self.why.fallback) {
            (Some((Fallback::Proportional(bytes), samples)), _) => (
                FallbackQuality::FallbackProportional,
                "fallback: sum of Pss in /proc/PID/smaps_rollup over the main process and its descendants",
                bytes,
                samples,
            ),
            (Some((Fallback::Resident(bytes), samples)), _) => (
                FallbackQuality::FallbackUpperBound,
                "fallback: sum of VmRSS in /proc/PID/status over the main process and its descendants, shared pages once for each",
                bytes,
                samples,
            ),
            (None, Some(why)) => return Observed::Unseen(why.clone()),
            (None, None) => return Observed::default(),
        };
        Observed::Seen(MemoryFallback {
            peak: Bytes(*bytes),
            formula: formula.to_owned(),
            quality,
            samples: *samples,
        })
    }
}

/// The higher of two samples; once one of them is only an upper bound, so is the highest.
fn higher(highest: Fallback, now: Fallback) -> Fallback {
    match (highest, now) {
        (Fallback::Proportional(before), Fallback::Proportional(now)) => {
            Fallback::Proportional(before.max(now))
        }
        (
            Fallback::Proportional(before) | Fallback::Resident(before),
            Fallback::Proportional(now) | Fallback::Resident(now),
        ) => Fallback::Resident(before.max(now)),
    }
}

fn never() -> Unseen {
    Unseen::new(
        Reason::CannotMeasure,
        "the container ended before it could be read often enough in this phase",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn census(read: u64, written: u64, open: u64) -> Result<Census, Unseen> {
        Ok(Census {
            descriptors: Ok(census::Descriptors {
                open,
                sockets: None,
            }),
            io: Ok(Io { read, written }),
        })
    }

    fn closed() -> Unseen {
        Unseen::new(Reason::Configuration, "/proc/7/io is closed to the probe")
    }

    #[test]
    fn nothing_taken_is_unseen_and_the_fallback_was_not_looked_for() {
        let extras = Extras::default();
        assert!(extras.pressure(None).seen().is_none());
        assert!(extras.block_io().seen().is_none());
        assert!(extras.descriptors().seen().is_none());
        assert_eq!(extras.memory_fallback(), Observed::default());
    }

    #[test]
    fn a_phase_owns_the_io_that_it_saw_grow_and_the_most_descriptors() {
        let mut first = Extras::default();
        first.take_census(census(10, 100, 9), GroupIo::NotTold);
        let mut extras = first.next_phase();
        extras.take_census(census(11, 164, 4), GroupIo::NotTold);
        let io = extras.block_io();
        let io = io.seen().unwrap();
        assert_eq!((io.read, io.written), (Bytes(1), Bytes(64)));
        assert!(io.formula.contains("/proc/PID/io"), "{io:?}");
        let descriptors = extras.descriptors();
        let descriptors = descriptors.seen().unwrap();
        assert_eq!(descriptors.open_peak, 4);
        assert!(descriptors.sockets_peak.seen().is_none(), "{descriptors:?}");
    }

    #[test]
    fn what_a_lost_process_had_written_stays_counted() {
        let mut extras = Extras::default();
        for written in [0, 100, 40, 50] {
            extras.take_census(census(0, written, 1), GroupIo::NotTold);
        }
        assert_eq!(extras.block_io().seen().unwrap().written, Bytes(110));
    }

    #[test]
    fn the_group_s_own_count_is_taken_where_the_processes_are_closed() {
        let mut extras = Extras::default();
        for written in [100, 164] {
            extras.take_census(Err(closed()), GroupIo::Moved(Io { read: 0, written }));
        }
        let io = extras.block_io();
        assert_eq!(io.seen().unwrap().written, Bytes(64));
        assert!(io.seen().unwrap().formula.contains("io.stat"), "{io:?}");
        // A count from the other place later on continues nothing.
        extras.take_census(census(0, 7, 1), GroupIo::NotTold);
        assert_eq!(extras.block_io(), io);
    }

    /// As Linux 6.1 tells it: the file is empty until the first byte is moved.
    #[test]
    fn what_a_group_moved_after_its_file_named_no_device_counts_from_zero() {
        let moved = GroupIo::Moved(Io {
            read: 0,
            written: 81_428_480,
        });
        let mut start = Extras::default();
        start.take_census(Err(closed()), GroupIo::NoDevice);
        // Whether nothing was moved or nothing is counted, nobody knows yet.
        assert_eq!(start.block_io(), Observed::Unseen(closed()));
        let mut steady = start.next_phase();
        for extras in [&mut start, &mut steady] {
            extras.take_census(Err(closed()), moved);
            let io = extras.block_io();
            assert_eq!(io.seen().unwrap().written, Bytes(81_428_480));
        }
    }

    #[test]
    fn what_a_container_moved_since_its_birth_is_its_first_phase_s_however_late_it_is_read() {
        let mut start = Extras::new(true);
        let moved = |written| GroupIo::Moved(Io { read: 0, written });
        start.take_census(Err(closed()), moved(9_700_000));
        start.take_census(Err(closed()), moved(71_700_000));
        let mut steady = start.next_phase();
        steady.take_census(Err(closed()), moved(81_920_000));
        let written = |extras: &Extras| extras.block_io().seen().unwrap().written.0;
        assert_eq!(
            (written(&start), written(&steady)),
            (71_700_000, 10_220_000)
        );
        // Nothing was counted in the first phase: what the second finds may be older than itself.
        let mut late = Extras::new(true).next_phase();
        late.take_census(Err(closed()), moved(100));
        late.take_census(Err(closed()), moved(164));
        assert_eq!(written(&late), 64);
    }

    #[test]
    fn a_group_that_was_first_seen_late_counts_from_there() {
        let mut extras = Extras::default();
        for written in [100, 164] {
            extras.take_census(Err(closed()), GroupIo::NotTold);
            extras.take_census(Err(closed()), GroupIo::Moved(Io { read: 0, written }));
        }
        assert_eq!(extras.block_io().seen().unwrap().written, Bytes(64));
    }

    #[test]
    fn a_closed_process_is_told_as_the_reason() {
        let mut extras = Extras::default();
        extras.take_census(Err(closed()), GroupIo::NotTold);
        assert_eq!(extras.block_io(), Observed::Unseen(closed()));
        assert_eq!(extras.descriptors(), Observed::Unseen(closed()));
        extras.take_fallback(Err(closed()));
        assert_eq!(extras.memory_fallback(), Observed::Unseen(closed()));
    }

    #[test]
    fn one_upper_bound_makes_the_highest_an_upper_bound() {
        let mut extras = Extras::default();
        extras.take_fallback(Ok(Fallback::Proportional(50)));
        extras.take_fallback(Ok(Fallback::Resident(40)));
        let seen = extras.memory_fallback();
        let seen = seen.seen().unwrap();
        assert_eq!((seen.peak, seen.samples), (Bytes(50), 2));
        assert_eq!(seen.quality, FallbackQuality::FallbackUpperBound);
    }
}
