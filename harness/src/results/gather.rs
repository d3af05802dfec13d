//! Gathers reports from messages until every wanted one is there, the messages end, or the time is over.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::follow::{Outcome, stored, words_of};
use super::messages::{Heard, Message, Told};
use crate::output;
use crate::render::text::plain;

/// Longest time for reading what the hub has, where nothing is waited for.
const READING: Duration = Duration::from_secs(600);

/// What is wanted.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The devices, each once.
    pub devices: &'a [String],
    /// The run.
    pub run: &'a str,
    /// How long to wait for what has not come yet; `None` for what is there already.
    pub wait: Option<Duration>,
    /// Where reports go.
    pub out: &'a Path,
    /// No progress.
    pub quiet: bool,
}

/// Something that reads messages.
#[derive(Debug)]
pub enum News {
    /// A message.
    Message(Message),
    /// Everything that was there at the beginning has been read.
    CaughtUp,
    /// It cannot go on, and why.
    Failed(anyhow::Error),
}

/// Takes messages in until it is done; the outcomes are in the devices' order.
///
/// # Errors
/// The messages cannot be read, or a report cannot be stored.
pub async fn gather(
    mut news: mpsc::Receiver<News>,
    wanted: &Wanted<'_>,
) -> anyhow::Result<Vec<Outcome>> {
    let note = |device: &str, words: &str| {
        if !wanted.quiet {
            output::note(&format!("{device}: {}", plain(words)));
        }
    };
    let mut heard = Heard::of(wanted.run, wanted.devices);
    let mut ended: BTreeMap<String, Outcome> = BTreeMap::new();
    let over = Instant::now() + wanted.wait.unwrap_or(READING);
    while ended.len() < wanted.devices.len() {
        let next = tokio::select! {
            next = news.recv() => next,
            () = sleep_until(over) => break,
        };
        let message = match next {
            Some(News::Message(message)) => message,
            Some(News::CaughtUp) if wanted.wait.is_none() => break,
            Some(News::CaughtUp) => continue,
            Some(News::Failed(error)) => return Err(error).context("read the hub's messages"),
            None => break,
        };
        match heard.take(&message) {
            Told::Nothing => {}
            Told::Summary(device, summary) => note(&device, &summary.headline),
            Told::Part { device, have, of } => note(&device, &format!("part {have} of {of}")),
            Told::Broken(device) => note(&device, "the report's parts do not fit together"),
            // A second copy of a report that is stored says nothing new.
            Told::Whole(device, _) if ended.contains_key(&device) => {}
            Told::Whole(device, bytes) => {
                let outcome = stored(&bytes, &device, wanted.run, wanted.out)?;
                note(&device, &format!("report: {}", words_of(&outcome)));
                ended.insert(device, outcome);
            }
        }
    }
    let outcomes = wanted.devices.iter().map(|device| {
        let lacks = || Outcome::Without(heard.lacks(device));
        ended.remove(device).unwrap_or_else(lacks)
    });
    Ok(outcomes.collect())
}

#[cfg(test)]
mod tests {
    use super::super::messages::tests::part;
    use super::*;
    use conformance::report::Report;

    const RUN: &str = "monday";

    fn report() -> Vec<u8> {
        let report = include_bytes!("../../../tests/reports/conformant.json");
        let mut report: Report = serde_json::from_slice(report).unwrap();
        report.run.id = RUN.to_owned();
        serde_json::to_vec(&report).unwrap()
    }

    /// The report in two parts.
    fn parts(device: &str) -> Vec<News> {
        let report = report();
        let (first, second) = report.split_at(report.len() / 2);
        let message = |number, body| News::Message(part(device, (number, "2"), &report, body));
        vec![message("1", first), message("2", second)]
    }

    /// Gathers what was sent for devices `a` and `b`; `held` keeps the messages from ending.
    async fn gathered(
        sent: Vec<News>,
        wait: Option<Duration>,
        out: &Path,
    ) -> anyhow::Result<Vec<Outcome>> {
        let (sender, receiver) = mpsc::channel(16);
        for news in sent {
            sender.send(news).await.unwrap();
        }
        let devices = ["a".to_owned(), "b".to_owned()];
        let wanted = Wanted {
            devices: &devices,
            run: RUN,
            wait,
            out,
            quiet: true,
        };
        let outcomes = gather(receiver, &wanted).await;
        drop(sender);
        outcomes
    }

    #[tokio::test(start_paused = true)]
    async fn reports_are_stored_and_a_device_without_one_is_told_which_parts_it_lacks() {
        let place = tempfile::tempdir().unwrap();
        let mut sent = parts("a");
        sent.extend(parts("b").into_iter().skip(1));
        sent.push(News::CaughtUp);
        let begun = Instant::now();
        let outcomes = gathered(sent, None, place.path()).await.unwrap();
        assert!(matches!(&outcomes[0], Outcome::Report(report, Some(_)) if report.run.id == RUN));
        let stored = std::fs::read(place.path().join("a/report.json")).unwrap();
        let stored: Report = serde_json::from_slice(&stored).unwrap();
        assert_eq!(stored, serde_json::from_slice(&report()).unwrap());
        let Outcome::Without(why) = &outcomes[1] else {
            panic!("{outcomes:?}");
        };
        assert_eq!(why, "run monday: missing of 2 parts of the report: 1");
        assert_eq!(begun.elapsed(), Duration::ZERO, "nothing is waited for");
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_when_all_are_there_or_the_time_is_over_and_not_before() {
        let place = tempfile::tempdir().unwrap();
        let wait = Duration::from_secs(60);
        let mut sent = vec![News::CaughtUp];
        sent.extend(parts("a"));
        let begun = Instant::now();
        let outcomes = gathered(sent, Some(wait), place.path()).await.unwrap();
        assert_eq!(begun.elapsed(), wait);
        assert!(matches!(&outcomes[1], Outcome::Without(_)));
        let mut sent = vec![News::CaughtUp];
        sent.extend(parts("a"));
        sent.extend(parts("b"));
        let begun = Instant::now();
        let outcomes = gathered(sent, Some(wait), place.path()).await.unwrap();
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert!(matches!(&outcomes[1], Outcome::Report(..)));
    }

    #[tokio::test(start_paused = true)]
    async fn messages_that_cannot_be_read_are_an_error_and_never_an_empty_result() {
        let place = tempfile::tempdir().unwrap();
        let failed = News::Failed(anyhow::anyhow!("unauthorized"));
        let error = gathered(vec![failed], None, place.path())
            .await
            .unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "read the hub's messages: unauthorized"
        );
    }
}
