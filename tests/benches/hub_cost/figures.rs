//! What was measured, held against its bars, and its two faces: a table and JSON. Pure.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::bar::{self, Bar};

/// Most resident memory of the hub's process with a thousand clients, in MiB.
pub(crate) const MEMORY_BAR_MIB: f64 = 64.0;

/// Everything of one run: of clients that say nothing, and of one that does.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    /// Messages of one turn.
    pub(crate) messages: usize,
    /// The stand-in.
    pub(crate) hub: (Idle, Rate),
    /// Mosquitto, with the same clients.
    pub(crate) mosquitto: (Idle, Rate),
}

/// A server full of clients that say nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Idle {
    /// Resident memory without them, in bytes.
    pub(crate) before: u64,
    /// Resident memory with them, in bytes.
    pub(crate) full: u64,
    /// Cores it uses meanwhile.
    pub(crate) cpu: f64,
    /// How many logged in.
    pub(crate) clients: usize,
    /// How many were answered afterwards.
    pub(crate) answered: usize,
}

/// One client that publishes as fast as it may.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// Messages that were acknowledged, a second, start and end of the client counted in.
    pub(crate) a_second: f64,
    /// CPU time of the server, in seconds.
    pub(crate) cpu: f64,
}

impl Figures {
    pub(crate) fn bars(&self) -> Vec<Bar> {
        let (idle, _) = &self.hub;
        vec![
            Bar::at_most(
                "memory of the hub with a thousand idle clients",
                mib(idle.full),
                MEMORY_BAR_MIB,
                "MiB",
            ),
            Bar::at_least(
                "of them answered afterwards",
                count(idle.answered),
                count(idle.clients),
                "clients",
            ),
        ]
    }

    pub(crate) fn text(&self) -> String {
        let (ours, theirs) = (&self.hub, &self.mosquitto);
        let rows = [
            (
                "memory without clients, MiB",
                mib(ours.0.before),
                mib(theirs.0.before),
            ),
            (
                "memory with idle clients, MiB",
                mib(ours.0.full),
                mib(theirs.0.full),
            ),
            ("KiB a client", a_client(&ours.0), a_client(&theirs.0)),
            ("cores, idle", ours.0.cpu, theirs.0.cpu),
            (
                "messages a second at QoS 1",
                ours.1.a_second,
                theirs.1.a_second,
            ),
            ("CPU s of that turn", ours.1.cpu, theirs.1.cpu),
        ];
        let mut text = bar::of_bars(&self.bars());
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  {:<53} {:>9} {:>10} {:>8}",
            "", "hub", "mosquitto", "ratio"
        );
        for (name, ours, theirs) in rows {
            let ratio = if theirs > 0.0 {
                format!("{:.2}", ours / theirs)
            } else {
                "-".to_owned()
            };
            let _ = writeln!(text, "  {name:<53} {ours:>9.3} {theirs:>10.3} {ratio:>8}");
        }
        text
    }

    pub(crate) fn json(&self) -> Value {
        let side = |(idle, rate): &(Idle, Rate)| {
            json!({
                "idle": {"before": idle.before, "full": idle.full, "cores": idle.cpu, "clients": idle.clients, "answered": idle.answered},
                "publish": {"messages": self.messages, "perSecond": rate.a_second, "cpuSeconds": rate.cpu},
            })
        };
        let bars: Vec<Value> = self.bars().iter().map(Bar::json).collect();
        json!({
            "schema": 1, "bars": bars, "hub": side(&self.hub), "mosquitto": side(&self.mosquitto),
            "ratio": {"publish": self.hub.1.a_second / self.mosquitto.1.a_second},
        })
    }
}

#[allow(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[allow(clippy::cast_precision_loss, reason = "clients are some thousand")]
fn count(number: usize) -> f64 {
    number as f64
}

fn a_client(idle: &Idle) -> f64 {
    mib(idle.full.saturating_sub(idle.before)) * 1024.0 / count(idle.clients)
}

/// The middle one of an odd number; not a number where there is none.
pub(crate) fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
