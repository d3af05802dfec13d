//! Facts of the host as named rows: clock, disk, power, heat, swap, time, GPUs, and what else the device did.

use conformance::observation::{Noise, Observed};
use conformance::record::{HostFacts, WallClock};

use crate::render::words;

/// One row for every fact that a probe has looked at; an unseen one says why.
pub(crate) fn rows(host: &HostFacts) -> Vec<(&'static str, String)> {
    let rows = [
        row("Clock", &host.clock, |clock| {
            format!("{} MHz ({})", clock.hz / 1_000_000, clock.source)
        }),
        row("Userland", &host.userland_bits, |bits| {
            format!("{bits} bits")
        }),
        row("Disk", &host.disk, |disk| {
            format!("{} free of {}", disk.free, disk.size)
        }),
        row(
            "Clock synchronised",
            &host.time_synchronised,
            |synchronised| if *synchronised { "yes" } else { "no" }.to_owned(),
        ),
        row("Wall clock", &host.wall_clock, wall_clock),
        row("Power", &host.power, |power| {
            let state = match (power.under_voltage, power.throttled, power.since_boot) {
                (true, _, _) => "too little voltage",
                (false, true, _) => "held back",
                (false, false, true) => "well now, not always since it started",
                (false, false, false) => "well",
            };
            format!("{state} ({})", power.source)
        }),
        row("Temperature", &host.heat, |heat| {
            let limit = heat.limit.map_or_else(String::new, |limit| {
                format!(", trip point at {limit:.0} °C")
            });
            format!("{} {:.1} °C{limit}", heat.zone, heat.celsius)
        }),
        row("Swap areas", &host.swap, |swap| {
            format!(
                "{}, {} of it compressed memory, {} in use",
                swap.total, swap.zram, swap.used
            )
        }),
        row("GPUs", &host.gpus, |gpus| {
            let nodes: Vec<String> = gpus
                .iter()
                .map(|gpu| match &gpu.driver {
                    Some(driver) => format!("{} ({driver})", gpu.node),
                    None => gpu.node.clone(),
                })
                .collect();
            if nodes.is_empty() {
                "none".to_owned()
            } else {
                nodes.join(", ")
            }
        }),
    ];
    rows.into_iter().flatten().collect()
}

fn wall_clock(clock: &WallClock) -> String {
    let way = if clock.stepped_millis < 0 {
        "back"
    } else {
        "forward"
    };
    let far = clock.stepped_millis.unsigned_abs();
    let course = match far {
        0..1_000 => "not set during the run".to_owned(),
        _ => format!(
            "set {way} by {}.{} s during the run",
            far / 1_000,
            far % 1_000 / 100
        ),
    };
    match &clock.implausible {
        Some(why) => format!("{course}; at its beginning {why}"),
        None => course,
    }
}

fn row<T: PartialEq>(
    name: &'static str,
    fact: &Observed<T>,
    words: impl Fn(&T) -> String,
) -> Option<(&'static str, String)> {
    match fact {
        Observed::Seen(fact) => Some((name, words(fact))),
        unlooked if *unlooked == Observed::default() => None,
        Observed::Unseen(unseen) => Some((
            name,
            format!(
                "unseen ({}): {}",
                words::reason(unseen.reason),
                unseen.because
            ),
        )),
    }
}

/// What others did in the steady window, where it was heard.
pub(crate) fn other_load(noise: &[Noise]) -> Option<String> {
    let steady = noise.iter().find(|noise| noise.phase == "steady")?;
    Some(match &steady.other_cores {
        Observed::Seen(other) => format!("{other:.2} cores in the steady window"),
        Observed::Unseen(unseen) => format!(
            "{:.2} cores busy in the steady window, the candidate's among them: {}",
            steady.busy_cores, unseen.because
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use conformance::finding::Reason;
    use conformance::record::Heat;

    #[test]
    fn a_wall_clock_that_was_set_says_so() {
        let told = |stepped_millis, implausible: Option<&str>| {
            wall_clock(&WallClock {
                stepped_millis,
                implausible: implausible.map(str::to_owned),
            })
        };
        assert_eq!(told(-12, None), "not set during the run");
        assert_eq!(told(-61_500, None), "set back by 61.5 s during the run");
        assert_eq!(
            told(9_000, Some("the clock says 1970")),
            "set forward by 9.0 s during the run; at its beginning the clock says 1970"
        );
    }

    #[test]
    fn what_nothing_looked_at_is_left_out_and_what_was_not_seen_says_why() {
        assert_eq!(rows(&HostFacts::default()), []);
        let host = HostFacts {
            heat: Observed::Seen(Heat {
                zone: "cpu-thermal".to_owned(),
                celsius: 61.2,
                limit: Some(80.0),
            }),
            power: Observed::unseen(Reason::CannotMeasure, "no flags"),
            ..HostFacts::default()
        };
        assert_eq!(
            rows(&host),
            [
                ("Power", "unseen (cannot-measure): no flags".to_owned()),
                (
                    "Temperature",
                    "cpu-thermal 61.2 °C, trip point at 80 °C".to_owned()
                )
            ]
        );
    }
}
