//! Numbers and closed sets as people read them, the same in every face of a report.

use conformance::data::DataFile;
use conformance::finding::{Finding, Reason, Verdict};
use conformance::record::{DeviationKind, Edition, ProfileName, ScopeName};
use conformance::report::{Report, RunVerdict};
use conformance::requirement::{Force, Stage};
use conformance::units::{Bytes, Millis};

/// What every face says of a run whose profile is not the programme's own.
pub(crate) const CUSTOM_NOTICE: &str = "This run used a custom profile or another image than the offer's: it certifies nothing, whatever its verdict.";

/// A number with its unit: `72.5 MiB`, `0.31 cores`, `1.42 s`, `3.1 %`, `17`.
///
/// `unit` is one of `bytes`, `cores`, `seconds`, `ratio`, `count`; another unit is written behind the number as it is.
#[must_use]
pub fn quantity(value: f64, unit: &str) -> String {
    match unit {
        "bytes" => bytes(value).to_string(),
        "cores" => format!("{} {}", decimal(value), plural(value, "core")),
        "seconds" => seconds(value),
        "ratio" => format!("{} %", decimal(value * 100.0)),
        "count" => decimal(value),
        other => format!("{} {other}", decimal(value)),
    }
}

/// The dated data that judged, each with its date and digest; empty where the report does not say.
pub(crate) fn data(files: &[DataFile]) -> String {
    let files: Vec<String> = files.iter().map(DataFile::in_words).collect();
    files.join(", ")
}

/// Two decimals below ten, one below a hundred, none above; no trailing zeros.
pub(crate) fn decimal(value: f64) -> String {
    let places = match value.abs() {
        size if size < 0.01 && size > 0.0 => 4,
        size if size < 10.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.places$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn plural(value: f64, word: &str) -> String {
    if (value - 1.0).abs() < f64::EPSILON {
        word.to_owned()
    } else {
        format!("{word}s")
    }
}

fn seconds(value: f64) -> String {
    if value.abs() < 1.0 {
        format!("{} ms", decimal(value * 1000.0))
    } else {
        format!("{} s", decimal(value))
    }
}

/// Bytes out of a number that JSON keeps as a float.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates, and byte counts stay far below 2^53"
)]
pub(crate) fn bytes(value: f64) -> Bytes {
    Bytes(value.max(0.0).round() as u64)
}

/// A moment on the run's time line: `0:04`, `2:31`.
pub(crate) fn moment(at: Millis) -> String {
    let seconds = at.0 / 1000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// What a measurement's name stands for.
pub(crate) fn measurement_title(name: &str) -> &str {
    match name {
        "memory.peak" => "Memory, highest charge",
        "memory.nonreclaimable.peak" => "Memory that cannot be reclaimed, highest",
        "cpu.cores.mean" => "CPU, mean",
        "cpu.cores.p95" => "CPU, 95th percentile of one second",
        "cpu.cores.max" => "CPU, busiest second",
        "cpu.throttled.ratio" => "CPU periods held back by the quota",
        "storage.image" => "Image, in the engine's store",
        "storage.image.compressed" => "Image, compressed",
        "storage.image.shared" => "Of the image, shared with other images",
        "storage.writable" => "Writable layer",
        "storage.volumes" => "Volumes",
        "startup.running" => "Start until running",
        "startup.healthy" => "Start until healthy",
        "stop.duration" => "SIGTERM until exit",
        "pids.peak" => "Processes and threads, most at once",
        "network.rx" => "Network, received",
        "network.tx" => "Network, sent",
        "probe.cpu" => "The probe's own CPU",
        "probe.memory.peak" => "The probe's own memory, highest",
        other => other,
    }
}

pub(crate) const fn force(force: Force) -> &'static str {
    match force {
        Force::Must => "must",
        Force::Should => "should",
        Force::May => "may",
        Force::Info => "info",
    }
}

pub(crate) const fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Offer => "offer",
        Stage::Image => "image",
        Stage::Registry => "registry",
        Stage::Device => "device",
        Stage::Fleet => "fleet",
        Stage::Person => "person",
    }
}

pub(crate) fn stages(stages: &[Stage]) -> String {
    let words: Vec<&str> = stages.iter().map(|one| stage(*one)).collect();
    words.join(", ")
}

pub(crate) const fn scope(scope: ScopeName) -> &'static str {
    match scope {
        ScopeName::Offer => "offer",
        ScopeName::Registry => "registry",
        ScopeName::Device => "device",
        ScopeName::Fleet => "fleet",
        ScopeName::Full => "full",
    }
}

pub(crate) const fn profile(profile: ProfileName) -> &'static str {
    match profile {
        ProfileName::Quick => "quick",
        ProfileName::Standard => "standard",
        ProfileName::Soak => "soak",
        ProfileName::Custom => "custom",
    }
}

pub(crate) const fn edition(edition: Edition) -> &'static str {
    match edition {
        Edition::Current => "current",
        Edition::Edition2018 => "2018",
    }
}

pub(crate) const fn deviation(kind: DeviationKind) -> &'static str {
    match kind {
        DeviationKind::Tag => "tag",
        DeviationKind::CreateOptions => "create options",
        DeviationKind::Environment => "environment",
        DeviationKind::Twin => "twin",
        DeviationKind::Routes => "routes",
        DeviationKind::Image => "image",
        DeviationKind::Envelope => "envelope",
        DeviationKind::StandIn => "stand-in",
        DeviationKind::Harness => "harness",
    }
}

/// Whether a deviation counts against the offer: its defaults alone were not enough.
pub(crate) const fn counts_against_the_offer(kind: DeviationKind) -> bool {
    match kind {
        DeviationKind::Tag
        | DeviationKind::CreateOptions
        | DeviationKind::Environment
        | DeviationKind::Twin
        | DeviationKind::Routes => true,
        DeviationKind::Image
        | DeviationKind::Envelope
        | DeviationKind::StandIn
        | DeviationKind::Harness => false,
    }
}

/// The reason's word, as in `report.json`.
pub(crate) const fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Infrastructure => "infrastructure",
        Reason::Configuration => "configuration",
        Reason::InputMissing => "input-missing",
        Reason::CannotMeasure => "cannot-measure",
        Reason::Unstable => "unstable",
        Reason::Tool => "tool",
    }
}

/// Whom an inconclusive finding concerns, and what that means.
pub(crate) const fn reason_means(reason: Reason) -> &'static str {
    match reason {
        Reason::Infrastructure => {
            "the engine, the network, the device or the hub did not do their part"
        }
        Reason::Configuration => "this run was set up in a way that forbids looking",
        Reason::InputMissing => "nothing has looked, or what was needed to look was not given",
        Reason::CannotMeasure => "this device or its kernel cannot show it",
        Reason::Unstable => "repeated runs disagree",
        Reason::Tool => "edgeproof itself does not know how yet, or failed",
    }
}

/// A mark beside a verdict, so that colour is never the only sign.
pub(crate) const fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✓",
        Verdict::Fail => "✗",
        Verdict::Warn => "!",
        Verdict::NotApplicable => "–",
        Verdict::Manual => "☞",
        Verdict::Inconclusive => "?",
    }
}

/// The same for a roll-up.
pub(crate) const fn verdict_mark(verdict: RunVerdict) -> &'static str {
    match verdict {
        RunVerdict::Conformant => mark(Verdict::Pass),
        RunVerdict::NotConformant => mark(Verdict::Fail),
        RunVerdict::Undecided => mark(Verdict::Inconclusive),
    }
}

/// The verdict of a finding with what qualifies it: `pass, marginal`, `inconclusive: tool`, `fail, granted`.
pub(crate) fn qualified(finding: &Finding) -> String {
    let mut words = finding.verdict.word().to_owned();
    if let Some(why) = finding.reason {
        words.push_str(": ");
        words.push_str(reason(why));
    }
    if finding.marginal {
        words.push_str(", marginal");
    }
    if finding.granted.is_some() {
        words.push_str(", granted");
    }
    words
}

/// What the roll-up means, in a sentence or two.
pub(crate) fn verdict_means(report: &Report) -> String {
    let mut text = match report.verdict {
        RunVerdict::Conformant => {
            "Every requirement in this scope that must hold was judged, and none stands against it."
                .to_owned()
        }
        RunVerdict::NotConformant => format!(
            "{} that must hold {} not.",
            number(report.counts.fail, "requirement"),
            if report.counts.fail == 1 {
                "does"
            } else {
                "do"
            }
        ),
        RunVerdict::Undecided => {
            "At least one requirement that must hold could not be judged.".to_owned()
        }
    };
    if report.counts.granted > 0 {
        text.push_str(&format!(
            " {} failed under an exception that the lab granted.",
            number(report.counts.granted, "requirement")
        ));
    }
    text
}

/// `1 finding`, `3 findings`.
pub(crate) fn number(count: usize, word: &str) -> String {
    if count == 1 {
        format!("1 {word}")
    } else {
        format!("{count} {word}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_carry_the_unit_a_person_expects() {
        let cases = [
            (76_021_760.0, "bytes", "72.5 MiB"),
            (0.3051, "cores", "0.31 cores"),
            (1.0, "cores", "1 core"),
            (0.0012, "cores", "0.0012 cores"),
            (0.25, "seconds", "250 ms"),
            (12.34, "seconds", "12.3 s"),
            (0.031, "ratio", "3.1 %"),
            (17.0, "count", "17"),
            (4.0, "kelvins", "4 kelvins"),
            (0.0, "cores", "0 cores"),
        ];
        for (value, unit, text) in cases {
            assert_eq!(quantity(value, unit), text, "{value} {unit}");
        }
    }

    #[test]
    fn moments_are_minutes_and_seconds() {
        assert_eq!(moment(Millis(4_900)), "0:04");
        assert_eq!(moment(Millis(151_000)), "2:31");
    }
}
