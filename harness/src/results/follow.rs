//! Looks at devices until each has a result, or only once: twins for where a run stands, a direct method for its report.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use conformance::report::Report;
use tokio::time::{Instant, sleep};

use super::fetch::{self, FetchError};
use super::standing::{Ending, Standing, standing};
use crate::certify::deployment::MODULE;
use crate::input;
use crate::output;
use crate::render::text::plain;
use crate::render::write_all;
use crate::service::{Service, ServiceError, Who};

/// Between two looks at a device; IoT Hub's smallest tier takes 100 reads of twins a second from everybody.
const EACH: Duration = Duration::from_millis(100);
/// The shortest pause between two rounds.
const ROUND: Duration = Duration::from_secs(2);

/// What is wanted.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The devices, each once.
    pub devices: &'a [String],
    /// The run; see [`standing`].
    pub run: Option<&'a str>,
    /// How long to wait for ends; `None` for one look.
    pub wait: Option<Duration>,
    /// Where reports go.
    pub out: &'a Path,
    /// No progress.
    pub quiet: bool,
}

/// What a device came to.
#[derive(Debug)]
pub enum Outcome {
    /// Its report, and the page of it.
    Report(Box<Report>, Option<PathBuf>),
    /// No report, and why.
    Without(String),
}

/// One look at a device.
enum Look {
    Ended(Outcome),
    /// Not yet; where it stands.
    Not(String),
}

/// Follows the devices; the outcomes are in their order.
///
/// # Errors
/// The hub refuses the policy or cannot be used at all, or a report cannot be stored.
pub async fn follow(hub: &Service, wanted: &Wanted<'_>) -> anyhow::Result<Vec<Outcome>> {
    let begun = Instant::now();
    let mut ended: BTreeMap<usize, Outcome> = BTreeMap::new();
    let mut stands: BTreeMap<usize, String> = BTreeMap::new();
    loop {
        for (index, device) in wanted.devices.iter().enumerate() {
            if ended.contains_key(&index) {
                continue;
            }
            let (line, outcome) = match look(hub, device, wanted).await? {
                Look::Not(words) => (words, None),
                Look::Ended(outcome) => (words_of(&outcome), Some(outcome)),
            };
            if stands.get(&index) != Some(&line) && !wanted.quiet && wanted.wait.is_some() {
                output::note(&format!("{device}: {}", plain(&line)));
            }
            stands.insert(index, line);
            if let Some(outcome) = outcome {
                ended.insert(index, outcome);
            }
            sleep(EACH).await;
        }
        let over = wanted.wait.is_none_or(|wait| begun.elapsed() >= wait);
        if over || ended.len() == wanted.devices.len() {
            break;
        }
        sleep(ROUND).await;
    }
    let outcomes = (0..wanted.devices.len()).map(|index| {
        let stood = stands.remove(&index).unwrap_or_default();
        ended.remove(&index).unwrap_or(Outcome::Without(stood))
    });
    Ok(outcomes.collect())
}

async fn look(hub: &Service, device: &str, wanted: &Wanted<'_>) -> anyhow::Result<Look> {
    let twin = match hub.twin(Who::Module(device, MODULE)).await {
        Ok(twin) => twin,
        Err(error) if error.is_passing() => return Ok(Look::Not(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    let offline = twin
        .as_ref()
        .is_some_and(|twin| twin.connected == Some(false));
    let not = |words: String| {
        let offline = if offline { "; offline" } else { "" };
        Ok(Look::Not(format!("{words}{offline}")))
    };
    let without = |why: String| Ok(Look::Ended(Outcome::Without(why)));
    match standing(twin.as_ref(), wanted.run) {
        Standing::NoModule => not(format!("the hub knows no module {MODULE} on it")),
        Standing::Waiting { run, why } => not(match run {
            Some(run) => format!("run {run}: {why}"),
            None => why,
        }),
        Standing::UnderWay { run, words } => not(format!("run {run}: {words}")),
        Standing::Refused { mistakes } => without(format!(
            "the probe refuses the run that its twin asks for: {}",
            mistakes.join("; ")
        )),
        Standing::Ended { run, how } => match how {
            Ending::Done => take(hub, device, &run, wanted).await,
            Ending::Failed(why) => without(format!("run {run} failed: {why}")),
            Ending::Canceled => without(format!("run {run} was canceled")),
        },
        // The wanted run may have ended before the one that is told of.
        Standing::Another { run, told } => match take(hub, device, &run, wanted).await? {
            Look::Ended(Outcome::Report(report, page)) => {
                Ok(Look::Ended(Outcome::Report(report, page)))
            }
            Look::Ended(Outcome::Without(_)) | Look::Not(_) => not(format!(
                "run {run}: none seen; the probe tells of run {told}"
            )),
        },
    }
}

/// Fetches and stores the report of a run that is said to have one.
async fn take(hub: &Service, device: &str, run: &str, wanted: &Wanted<'_>) -> anyhow::Result<Look> {
    let without = |why: String| Ok(Look::Ended(Outcome::Without(why)));
    let bytes = match fetch::report(hub, device, run).await {
        Ok(bytes) => bytes,
        // Either may be over at the next look.
        Err(error @ FetchError::Offline) => {
            return Ok(Look::Not(format!("run {run} has ended; {error}")));
        }
        Err(FetchError::Service(error)) if error.is_passing() => {
            return Ok(Look::Not(error.to_string()));
        }
        Err(FetchError::Service(
            error @ ServiceError::Refused {
                status: 401 | 403, ..
            },
        )) => {
            return Err(error.into());
        }
        Err(error) => return without(error.to_string()),
    };
    Ok(Look::Ended(stored(&bytes, device, run, wanted.out)?))
}

/// A report that came whole, read and stored with its page.
///
/// # Errors
/// It cannot be stored.
pub(super) fn stored(bytes: &[u8], device: &str, run: &str, out: &Path) -> anyhow::Result<Outcome> {
    let report = match input::report_text(bytes) {
        Ok(report) => report,
        Err(why) => return Ok(Outcome::Without(format!("run {run}: {why}"))),
    };
    if report.run.id != run {
        let why = format!("a report of run {} came for run {run}", report.run.id);
        return Ok(Outcome::Without(why));
    }
    let files = write_all(&report, &out.join(directory(device)))?;
    let page = files.into_iter().find(|file| {
        file.extension()
            .is_some_and(|extension| extension == "html")
    });
    Ok(Outcome::Report(Box::new(report), page))
}

pub(super) fn words_of(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Report(report, _) => report.headline(),
        Outcome::Without(why) => why.clone(),
    }
}

/// The name of a device's directory: ids may hold `*`, `?`, `:` and dots, which are kept out or written as `%` and digits.
#[must_use]
pub fn directory(device: &str) -> String {
    let mut name = String::new();
    for (index, c) in device.chars().enumerate() {
        let plain = c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || (c == '.' && index > 0);
        if plain {
            name.push(c);
        } else {
            name.push_str(&format!("%{:02X}", u32::from(c)));
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::directory;

    #[test]
    fn a_device_s_directory_stays_below_the_one_given() {
        assert_eq!(directory("pi4-01.lab_a"), "pi4-01.lab_a");
        assert_eq!(directory(".."), "%2E.");
        assert_eq!(directory("."), "%2E");
        assert_eq!(directory("a:b*?%$'"), "a%3Ab%2A%3F%25%24%27");
        assert_eq!(directory("a/../b"), "a%2F..%2Fb");
    }
}
