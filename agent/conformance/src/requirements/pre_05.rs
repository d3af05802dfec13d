//! IEM-PRE-05: the device is quiet and cool, has power, room and a sane clock.

use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::{DISTURBING_SHARE, Noise};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};
use crate::units::Bytes;

/// The one stretch in which neither engine nor probe has work of its own.
const STEADY: &str = "steady";
/// Less free disk than this, and engine and module get in each other's way.
const LEAST_FREE: Bytes = Bytes::mib(256);

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-PRE-05",
    slug: "device-is-quiet-and-cool",
    title: "The device is quiet and cool",
    force: Forces::always(Force::Must),
    stages: &[Stage::Device],
    scopes: &[ScopeName::Device, ScopeName::Fleet, ScopeName::Full],
    sources: &[Source {
        document: Document::Edgeproof,
        heading: "Preconditions of the probe",
    }],
    statement: "During the run the device is otherwise idle, neither too hot nor short of power, has free disk, and its clock is sane.",
    remedy: "Stop other work on the device, mend power and cooling, then run again.",
    judge: Judge::By(judge),
};

/// It never rolls up. Its effect: where others disturb the device, being late is not held against a module
/// ([`time_counts`]); what a module did in spite of them stands.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let noise = steady(record)?;
    let host = &record.device.host;
    let mut saw = vec![other_work(record, noise)];
    let mut amiss = Vec::new();
    if let Err(unseen) = time_counts(record) {
        amiss.push((Reason::Unstable, unseen.because));
    }
    match host.heat.seen() {
        Some(heat) => {
            let told = format!("{} at {:.0} °C", heat.zone, heat.celsius);
            if heat.limit.is_some_and(|limit| heat.celsius >= limit) {
                amiss.push((Reason::Infrastructure, format!("{told}, too hot")));
            }
            saw.push(told);
        }
        None => saw.push("no temperature told".to_owned()),
    }
    match host.power.seen() {
        Some(power) if power.under_voltage || power.throttled => {
            let what = match (power.under_voltage, power.throttled) {
                (true, _) => "too little voltage",
                (false, _) => "held back by its firmware",
            };
            amiss.push((Reason::Infrastructure, format!("{what} ({})", power.source)));
        }
        Some(power) if power.since_boot => {
            saw.push("too little voltage or held back at some time since it started".to_owned());
        }
        Some(_) => saw.push("power as it should be".to_owned()),
        None => saw.push("no power flags told".to_owned()),
    }
    match host.disk.seen() {
        Some(disk) => {
            let told = format!("{} of disk free", disk.free);
            if disk.free < LEAST_FREE {
                amiss.push((Reason::Infrastructure, told.clone()));
            }
            saw.push(told);
        }
        None => saw.push("free disk not told".to_owned()),
    }
    saw.push(
        match host.time_synchronised.seen() {
            Some(true) => "clock synchronised",
            Some(false) => "clock not synchronised",
            None => "clock not told",
        }
        .to_owned(),
    );
    if let Some(clock) = host.wall_clock.seen() {
        // Being set spoils no measurement: no duration comes from it.
        saw.extend(clock.implausible.clone());
        if clock.stepped_millis.unsigned_abs() >= 1_000 {
            let stepped = clock.stepped_millis;
            saw.push(format!("wall clock set by {stepped} ms during the run"));
        }
    }
    let catalogue = &record.run.catalogue;
    if record.run.started.get(..7) < catalogue.get(..7) {
        let why = format!(
            "its clock says {}, before this catalogue was made",
            record.run.started
        );
        amiss.push((Reason::Infrastructure, why));
    }
    let Some((reason, _)) = amiss.first() else {
        let wanted = format!(
            "others below {:.0} % of the cores, below every trip point, no under-voltage, {LEAST_FREE} of disk",
            DISTURBING_SHARE * 100.0
        );
        return Ok(Outcome::met(saw.join(", "), wanted));
    };
    let told: Vec<&str> = amiss.iter().map(|(_, told)| told.as_str()).collect();
    Err(Unseen::new(*reason, told.join("; ")))
}

/// The steady window is the one stretch in which neither engine nor probe has work of its own.
fn steady(record: &Record) -> Result<&Noise, Unseen> {
    let noise = &record.observations.noise;
    noise
        .iter()
        .find(|noise| noise.phase == STEADY)
        .ok_or_else(|| {
            Unseen::new(
                Reason::InputMissing,
                "no steady window was seen, so nothing tells what else the device did",
            )
        })
}

fn other_work(record: &Record, noise: &Noise) -> String {
    let cores = record.device.cores.unwrap_or(1);
    let other = noise.other_cores.seen().unwrap_or(&noise.busy_cores);
    format!(
        "others took {other:.2} of {cores} cores in {} ({})",
        noise.phase, noise.window
    )
}

/// Whether being late may be held against a module: nobody else kept the device busy in any phase that was watched.
///
/// Reports of earlier probes do not tell; there it may, as it did then.
///
/// # Errors
/// Somebody did, with the phase and the cores.
pub(super) fn time_counts(record: &Record) -> Result<(), Unseen> {
    let cores = record.device.cores.unwrap_or(1);
    let noise = &record.observations.noise;
    let mut loud = noise.iter().filter(|noise| noise.disturbs(cores));
    let Some(first) = loud.next() else {
        return Ok(());
    };
    // The steady window has no work of the engine's own in it, so it tells best.
    let loudest = loud.find(|noise| noise.phase == STEADY).unwrap_or(first);
    Err(Unseen::new(
        Reason::Unstable,
        format!(
            "{}: the device is not quiet, so being late says nothing",
            other_work(record, loudest)
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::observation::Observed;
    use crate::sample;

    #[test]
    fn a_quiet_cool_device_passes() {
        let outcome = judge(&sample::record()).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert_eq!(
            outcome.saw,
            "others took 0.06 of 4 cores in steady (30.0 s), cpu-thermal at 48 °C, power as it should be, 18.6 GiB of disk free, clock synchronised"
        );
    }

    type Spoil = fn(&mut Record);

    #[test]
    fn what_disturbs_is_named() {
        let spoilt: [(Spoil, &str); 5] = [
            (
                |record| record.observations.noise[0].other_cores = Observed::Seen(1.7),
                "others took 1.70 of 4 cores",
            ),
            (
                |record| {
                    if let Observed::Seen(heat) = &mut record.device.host.heat {
                        heat.celsius = 82.0;
                    }
                },
                "too hot",
            ),
            (
                |record| {
                    if let Observed::Seen(power) = &mut record.device.host.power {
                        power.under_voltage = true;
                    }
                },
                "too little voltage",
            ),
            (
                |record| {
                    if let Observed::Seen(disk) = &mut record.device.host.disk {
                        disk.free = Bytes::mib(10);
                    }
                },
                "10 MiB of disk free",
            ),
            (
                |record| record.run.started = "1970-01-01T00:03:00Z".to_owned(),
                "1970-01-01",
            ),
        ];
        for (spoil, told) in spoilt {
            let mut record = sample::record();
            spoil(&mut record);
            let unseen = judge(&record).unwrap_err();
            assert!(unseen.because.contains(told), "{}", unseen.because);
        }
    }

    #[test]
    fn what_is_not_told_is_said_and_a_window_that_was_not_seen_leaves_it_open() {
        let mut record = sample::record();
        record.device.host.heat = Observed::default();
        record.device.host.power = Observed::default();
        let outcome = judge(&record).unwrap();
        assert!(
            outcome
                .saw
                .contains("no temperature told, no power flags told")
        );
        record.observations.noise.clear();
        assert_eq!(judge(&record).unwrap_err().reason, Reason::InputMissing);
    }
}
