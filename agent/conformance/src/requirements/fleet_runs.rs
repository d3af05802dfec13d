//! How the runs of several devices came out, platform by platform: what the platform requirements share.

use super::remarks::Remarks;
use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::PlatformRun;
use crate::platform::Platform;

/// Whether a run speaks of a platform: the device is one, or an image for it came up there.
///
/// A 64-bit engine that starts a 32-bit image shows that the image works. That it does *not* come up there says nothing of
/// 32-bit devices.
pub(super) fn speaks_of(run: &PlatformRun, platform: &Platform) -> bool {
    run.platform.as_ref() == Some(platform)
        || (run.is_healthy() && run.image_platform.as_ref() == Some(platform))
}

/// Starts on every one of these platforms, with what `remarks` hold already.
///
/// A failed start decides. Without one, a platform that no run speaks of, or only a run that could not be judged, leaves it
/// undecided. Emulated devices alone are a concern.
///
/// # Errors
/// A platform is missing or undecided.
pub(super) fn starts_on_each(
    platforms: &[Platform],
    runs: &[PlatformRun],
    mut remarks: Remarks,
    wanted: String,
) -> Result<Outcome, Unseen> {
    let mut seen = Vec::new();
    let mut open: Vec<Unseen> = Vec::new();
    for platform in platforms {
        match on(platform, runs) {
            OnPlatform::Failed(run) => remarks.breach(
                format!(
                    "{platform}: no healthy start on {}: {}",
                    run.named(),
                    run.starts_healthy.saw
                ),
                format!(
                    "make the image for {platform} start with the defaults, or withdraw the claim"
                ),
            ),
            OnPlatform::Healthy(run) => seen.push(format!("{platform} on {}", run.named())),
            OnPlatform::Odd(run) => remarks.doubt(
                format!(
                    "{platform}: came up on {}, with a warning: {}",
                    run.named(),
                    run.starts_healthy.saw
                ),
                "mend what IEM-CFG-07 warns of",
            ),
            OnPlatform::EmulatedAlone(run) => remarks.doubt(
                format!("{platform}: healthy on {} alone (emulated)", run.device),
                format!("run the certification on a real {platform} board too"),
            ),
            OnPlatform::Undecided(run) => open.push(Unseen::new(
                run.starts_healthy.reason.unwrap_or(Reason::InputMissing),
                format!(
                    "{platform} could not be judged on {}: {}",
                    run.named(),
                    run.starts_healthy.saw
                ),
            )),
            OnPlatform::NoRun => open.push(Unseen::new(
                Reason::InputMissing,
                format!("{platform} has no run; {}", device_to_add(platform)),
            )),
        }
    }
    if remarks.has_breach() || open.is_empty() {
        return Ok(remarks.outcome(format!("healthy: {}", seen.join(", ")), wanted));
    }
    Err(together(open, &seen))
}

/// Everything that is open in one reason: a missing run first, because that is the reader's to add.
fn together(open: Vec<Unseen>, seen: &[String]) -> Unseen {
    let missing = |unseen: &&Unseen| unseen.reason == Reason::InputMissing;
    let reason = open
        .iter()
        .find(missing)
        .or(open.first())
        .map_or(Reason::InputMissing, |unseen| unseen.reason);
    let mut told: Vec<String> = open.into_iter().map(|unseen| unseen.because).collect();
    if !seen.is_empty() {
        told.push(format!("healthy so far: {}", seen.join(", ")));
    }
    Unseen::new(reason, told.join("; "))
}

/// What the runs say of one platform.
enum OnPlatform<'a> {
    Failed(&'a PlatformRun),
    Healthy(&'a PlatformRun),
    Odd(&'a PlatformRun),
    EmulatedAlone(&'a PlatformRun),
    Undecided(&'a PlatformRun),
    NoRun,
}

fn on<'a>(platform: &Platform, runs: &'a [PlatformRun]) -> OnPlatform<'a> {
    use crate::finding::Verdict;
    let here = || runs.iter().filter(|run| speaks_of(run, platform));
    let healthy = || here().filter(|run| run.is_healthy());
    let passed = |run: &&PlatformRun| run.starts_healthy.verdict == Verdict::Pass;
    if let Some(run) = here().find(|run| run.has_failed()) {
        return OnPlatform::Failed(run);
    }
    if let Some(run) = healthy().find(|run| !run.emulated && passed(run)) {
        return OnPlatform::Healthy(run);
    }
    match (healthy().find(passed), healthy().next(), here().next()) {
        (Some(run), _, _) => OnPlatform::EmulatedAlone(run),
        (None, Some(run), _) => OnPlatform::Odd(run),
        (None, None, Some(run)) => OnPlatform::Undecided(run),
        (None, None, None) => OnPlatform::NoRun,
    }
}

/// The next step for a platform without a run.
pub(super) fn device_to_add(platform: &Platform) -> String {
    let profile = match platform.to_string().as_str() {
        "linux/amd64" => "x64",
        "linux/arm64" => "arm64",
        "linux/arm/v7" => "arm32",
        _ => return format!("add a run on a {platform} device"),
    };
    format!("add a run on such a device (`edgeproof device start {profile}` gives an emulated one)")
}

/// Platforms in words, or that there are none.
pub(super) fn listed(platforms: &[Platform]) -> String {
    let words: Vec<String> = platforms.iter().map(ToString::to_string).collect();
    if words.is_empty() {
        "none".to_owned()
    } else {
        words.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Verdict};
    use crate::sample;

    fn check(runs: &[PlatformRun]) -> Result<Outcome, Unseen> {
        let platforms = ["linux/arm/v7".parse().unwrap()];
        starts_on_each(&platforms, runs, Remarks::default(), "a start".to_owned())
    }

    #[test]
    fn a_32_bit_image_that_comes_up_on_a_64_bit_engine_counts_and_its_failure_does_not() {
        let mut run = sample::platform_run("pi4", "linux/arm64");
        run.image_platform = Some("linux/arm/v7".parse().unwrap());
        assert_eq!(check(&[run.clone()]).unwrap().kind, OutcomeKind::Met);
        run.starts_healthy.verdict = Verdict::Fail;
        assert_eq!(check(&[run]).unwrap_err().reason, Reason::InputMissing);
    }

    #[test]
    fn a_run_that_did_not_finish_speaks_for_nothing() {
        let mut run = sample::platform_run("pi4", "linux/arm/v7");
        run.finished = None;
        assert!(check(&[run]).is_err());
    }

    #[test]
    fn a_start_with_a_warning_is_a_concern() {
        let mut run = sample::platform_run("pi4", "linux/arm/v7");
        run.starts_healthy.verdict = Verdict::Warn;
        let outcome = check(&[run]).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Concern);
        assert!(outcome.saw.contains("with a warning"), "{}", outcome.saw);
    }

    #[test]
    fn what_the_device_could_not_show_keeps_its_reason() {
        let mut run = sample::platform_run("pi4", "linux/arm/v7");
        run.starts_healthy.verdict = Verdict::Inconclusive;
        run.starts_healthy.reason = Some(Reason::CannotMeasure);
        assert_eq!(check(&[run]).unwrap_err().reason, Reason::CannotMeasure);
    }
}
