//! The pure parts of the bench of the hub's cost: what they judge and print. Nothing here is timed.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

#[path = "../probe_cost/bar.rs"]
mod bar;
mod figures;

use bar::Bar;
use figures::{Figures, Idle, Rate, median};

const MIB: u64 = 1 << 20;

fn figures() -> Figures {
    let idle = Idle {
        before: 8 * MIB,
        full: 48 * MIB,
        cpu: 0.01,
        clients: 1000,
        answered: 1000,
    };
    let rate = Rate {
        a_second: 9000.0,
        cpu: 1.5,
    };
    Figures {
        messages: 20_000,
        hub: (idle, rate),
        mosquitto: (
            Idle {
                full: 40 * MIB,
                cpu: 0.0,
                ..idle
            },
            Rate {
                a_second: 12_000.0,
                ..rate
            },
        ),
    }
}

#[test]
fn every_bar_can_be_missed() {
    assert!(figures().bars().iter().all(Bar::met));
    let mut fat = figures();
    fat.hub.0.full = 64 * MIB + 1;
    let mut deaf = figures();
    deaf.hub.0.answered = 999;
    for (number, wrong) in [fat, deaf].iter().enumerate() {
        let missed: Vec<bool> = wrong.bars().iter().map(|bar| !bar.met()).collect();
        assert_eq!(missed, [number == 0, number == 1]);
    }
}

#[test]
fn the_table_has_both_and_their_ratio() {
    let text = figures().text();
    let row = |name: &str| {
        let line = text.lines().find(|line| line.trim().starts_with(name));
        let words = line.unwrap().trim().strip_prefix(name).unwrap();
        words.split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!(
        row("messages a second at QoS 1"),
        ["9000.000", "12000.000", "0.75"]
    );
    assert_eq!(row("cores, idle"), ["0.010", "0.000", "-"]);
    assert_eq!(row("KiB a client"), ["40.960", "32.768", "1.25"]);
}

#[test]
fn json_has_the_bars_and_both_sides() {
    let json = figures().json();
    assert_eq!(json["hub"]["publish"]["perSecond"], 9000.0);
    assert_eq!(json["mosquitto"]["idle"]["full"], 40 * MIB);
    assert_eq!(json["ratio"]["publish"], 0.75);
    assert_eq!(json["bars"][0]["met"], true);
}

#[test]
fn the_median_is_the_middle_one() {
    assert!((median([3.0, 1.0, 2.0].into_iter()) - 2.0).abs() < f64::EPSILON);
    assert!(median(std::iter::empty()).is_nan());
}
