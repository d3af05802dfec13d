//! Facts of the host as named rows: clock, disk, power, heat, swap, time, GPUs, and what else the device did.

use conformance::observation::{Noise, Observed};
use conformance::record::HostFacts;

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
