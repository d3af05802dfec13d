//! Requests that the hub answers under a request id: the twin, and changes of reported
//! properties. Pure: time is an argument.
//!
//! They go out with QoS 0, because the answer is the acknowledgement. Reported properties are
//! sent one at a time, so that a repetition can never overtake a later change.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::HubError;
use super::topics;

/// How long an answer may take before the request is repeated. Hubs answer within a second or
/// two; edgeHub may first have to ask its own hub.
const PATIENCE: Duration = Duration::from_secs(30);

/// Pause before a request that the hub could not serve (429 or 5xx) is repeated: well above the
/// second over which IoT Hub counts its throttles.
const PAUSE: Duration = Duration::from_secs(5);

/// How often reported properties are tried on a working link before the caller is told.
const TRIES: u32 = 5;

/// Changes of reported properties that wait at a time; each is at most 32 KiB.
const MAX_WAITING: usize = 4;

/// Longest piece of the hub's own words that goes into an error.
const MAX_DETAIL: usize = 200;

/// What the hub says to a change of reported properties: its version, where the hub tells it
/// (IoT Hub does, edgeHub does not).
pub(super) type ReportAnswer = Result<Option<u64>, HubError>;

/// A change of reported properties on its way.
#[derive(Debug)]
pub(super) struct Report {
    /// The JSON text.
    pub(super) body: Vec<u8>,
    /// Told what the hub answered.
    pub(super) done: oneshot::Sender<ReportAnswer>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Turn {
    Idle,
    Due(Instant),
    Asked { request: String, by: Instant },
}

/// All requests of one client, across links.
#[derive(Debug)]
pub(super) struct Requests {
    next: u64,
    twin: Turn,
    reports: VecDeque<Report>,
    /// State of the first of `reports`.
    first: Turn,
    tries: u32,
}

/// A publish to make.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) topic: String,
    pub(super) body: Vec<u8>,
}

impl Requests {
    pub(super) fn new() -> Requests {
        Requests {
            next: 1,
            twin: Turn::Idle,
            reports: VecDeque::new(),
            first: Turn::Idle,
            tries: 0,
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.reports.len() < MAX_WAITING
    }

    pub(super) fn waiting_reports(&self) -> usize {
        self.reports.len()
    }

    /// An answer to a request made on this link is outstanding.
    pub(super) fn report_asked(&self) -> bool {
        matches!(self.first, Turn::Asked { .. })
    }

    pub(super) fn push(&mut self, report: Report, now: Instant) {
        self.reports.push_back(report);
        if self.first == Turn::Idle {
            self.first = Turn::Due(now);
        }
    }

    /// The twin is wanted.
    pub(super) fn want_twin(&mut self, now: Instant) {
        if self.twin == Turn::Idle {
            self.twin = Turn::Due(now);
        }
    }

    /// The twin that came was of no use: try again after a pause.
    pub(super) fn want_twin_later(&mut self, now: Instant) {
        self.twin = Turn::Due(now + PAUSE);
    }

    /// No answer will come any more on the old link: ask again on the next.
    pub(super) fn link_lost(&mut self, now: Instant) {
        self.twin = Turn::Idle;
        if self.first != Turn::Idle {
            self.first = Turn::Due(now);
        }
    }

    /// The next publish that is due, if any.
    pub(super) fn due(&mut self, now: Instant) -> Option<Ask> {
        if matches!(self.twin, Turn::Due(at) if at <= now) {
            let request = self.id();
            let topic = topics::twin_get(&request);
            let by = now + PATIENCE;
            self.twin = Turn::Asked { request, by };
            return Some(Ask {
                topic,
                body: Vec::new(),
            });
        }
        if matches!(self.first, Turn::Due(at) if at <= now) {
            let body = self.reports.front()?.body.clone();
            let request = self.id();
            let topic = topics::reported_patch(&request);
            let by = now + PATIENCE;
            self.first = Turn::Asked { request, by };
            self.tries += 1;
            return Some(Ask { topic, body });
        }
        None
    }

    /// When something is to be done next.
    pub(super) fn deadline(&self) -> Option<Instant> {
        [&self.twin, &self.first]
            .into_iter()
            .filter_map(|turn| match turn {
                Turn::Idle => None,
                Turn::Due(at) => Some(*at),
                Turn::Asked { by, .. } => Some(*by),
            })
            .min()
    }

    /// Repeats what was not answered in time.
    pub(super) fn tick(&mut self, now: Instant) {
        if matches!(self.twin, Turn::Asked { by, .. } if by <= now) {
            self.twin = Turn::Due(now);
        }
        if matches!(self.first, Turn::Asked { by, .. } if by <= now) {
            if self.tries >= TRIES {
                let tries = self.tries;
                self.finish(Err(HubError::NoAnswer { tries }), now);
            } else {
                self.first = Turn::Due(now);
            }
        }
    }

    /// Takes an answer. Returns true if `body` is the twin that was asked for; answers to
    /// anything else than what was asked are ignored, as they may be late.
    pub(super) fn answer(
        &mut self,
        request: &str,
        status: u16,
        version: Option<u64>,
        body: &[u8],
        now: Instant,
    ) -> bool {
        if matches!(&self.twin, Turn::Asked { request: asked, .. } if asked == request) {
            let good = status == 200;
            self.twin = if good {
                Turn::Idle
            } else {
                Turn::Due(now + PAUSE)
            };
            return good;
        }
        if matches!(&self.first, Turn::Asked { request: asked, .. } if asked == request) {
            match status {
                200..=299 => self.finish(Ok(version), now),
                429 | 500.. if self.tries < TRIES => self.first = Turn::Due(now + PAUSE),
                _ => {
                    let detail = detail(body);
                    self.finish(Err(HubError::Refused { status, detail }), now);
                }
            }
        }
        false
    }

    fn finish(&mut self, answer: ReportAnswer, now: Instant) {
        self.tries = 0;
        if let Some(report) = self.reports.pop_front() {
            // A caller that no longer waits has no use for the answer.
            let _ = report.done.send(answer);
        }
        self.first = match self.reports.is_empty() {
            true => Turn::Idle,
            false => Turn::Due(now),
        };
    }

    fn id(&mut self) -> String {
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        format!("{id:x}")
    }
}

fn detail(body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(body)
        .chars()
        .take(MAX_DETAIL)
        .collect();
    match text.trim() {
        "" => String::new(),
        words => format!(": {}", words.escape_debug()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(
        requests: &mut Requests,
        body: &str,
        now: Instant,
    ) -> oneshot::Receiver<ReportAnswer> {
        let (done, answer) = oneshot::channel();
        let body = body.as_bytes().to_vec();
        requests.push(Report { body, done }, now);
        answer
    }

    #[test]
    fn reports_go_one_at_a_time_and_each_gets_its_version() {
        let (mut requests, now) = (Requests::new(), Instant::now());
        let mut first = report(&mut requests, "{\"a\":1}", now);
        let mut second = report(&mut requests, "{\"a\":2}", now);
        let ask = requests.due(now).unwrap();
        assert_eq!(ask.topic, "$iothub/twin/PATCH/properties/reported/?$rid=1");
        assert!(requests.due(now).is_none());
        requests.answer("1", 204, Some(7), b"", now);
        assert_eq!(first.try_recv().unwrap(), Ok(Some(7)));
        assert_eq!(requests.due(now).unwrap().body, b"{\"a\":2}");
        requests.answer("2", 204, None, b"", now);
        assert_eq!(second.try_recv().unwrap(), Ok(None));
        assert_eq!(requests.deadline(), None);
    }

    #[test]
    fn a_refusal_carries_the_hubs_words_and_lets_the_next_one_go() {
        let (mut requests, now) = (Requests::new(), Instant::now());
        let mut first = report(&mut requests, "{}", now);
        let _second = report(&mut requests, "{}", now);
        requests.due(now);
        requests.answer("1", 400, None, b"bad\n", now);
        let text = first.try_recv().unwrap().unwrap_err().to_string();
        assert_eq!(
            text,
            "the hub refused reported properties with status 400: bad"
        );
        assert!(requests.due(now).is_some());
    }

    #[test]
    fn a_throttled_report_is_tried_again_after_a_pause_and_not_for_ever() {
        let (mut requests, mut now) = (Requests::new(), Instant::now());
        let mut answer = report(&mut requests, "{}", now);
        for _ in 0..TRIES {
            let ask = requests.due(now).unwrap();
            let id = ask.topic.rsplit('=').next().unwrap().to_owned();
            requests.answer(&id, 429, None, b"", now);
            assert!(requests.due(now).is_none());
            now += PAUSE;
        }
        let refused = HubError::Refused {
            status: 429,
            detail: String::new(),
        };
        assert_eq!(answer.try_recv().unwrap(), Err(refused));
    }

    #[test]
    fn a_silent_hub_is_asked_again_and_then_named() {
        let (mut requests, mut now) = (Requests::new(), Instant::now());
        let mut answer = report(&mut requests, "{}", now);
        for _ in 0..TRIES {
            assert!(requests.due(now).is_some());
            now = requests.deadline().unwrap();
            requests.tick(now);
        }
        assert_eq!(
            answer.try_recv().unwrap(),
            Err(HubError::NoAnswer { tries: TRIES })
        );
    }

    #[test]
    fn a_lost_link_repeats_the_report_and_late_answers_count_for_nothing() {
        let (mut requests, now) = (Requests::new(), Instant::now());
        let mut answer = report(&mut requests, "{}", now);
        requests.due(now);
        requests.link_lost(now);
        requests.answer("1", 204, None, b"", now);
        assert!(answer.try_recv().is_err());
        assert!(requests.due(now).is_some());
    }

    #[test]
    fn a_twin_that_could_not_be_had_is_asked_for_again_later() {
        let (mut requests, now) = (Requests::new(), Instant::now());
        requests.want_twin(now);
        assert_eq!(requests.due(now).unwrap().topic, "$iothub/twin/GET/?$rid=1");
        assert!(!requests.answer("1", 503, None, b"", now));
        assert!(requests.due(now).is_none());
        assert!(requests.due(now + PAUSE).is_some());
        assert!(requests.answer("2", 200, None, b"{}", now));
    }
}
