//! Hands a probe a run whose offer its module twin has no room for: the direct method `offer`, part by part, then `start`.
//!
//! The probe has both on disk before it answers, and the same again is harmless; so whatever was lost on the way is asked for anew.

use std::time::Duration;

use conformance::offer_calls::OfferCall;
use conformance::run_request::RunRequest;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::certify::deployment::MODULE;
use crate::service::{MethodAnswer, Service, ServiceError, Who};

/// How long one call may take: a slow board unpacks what it is given.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
/// Before the second look whether the probe listens; doubled from look to look.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause between two looks: direct methods have a quota.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// A run, and the calls that have to come before it.
#[derive(Debug)]
pub struct Large {
    /// The run; it names its offer by digest alone.
    pub request: RunRequest,
    /// The offer, in order.
    pub calls: Vec<OfferCall>,
}

impl Large {
    /// Whether the offer goes by calls; else it is in the request, for the twin.
    #[must_use]
    pub fn is_large(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Every mistake in the run's own fields.
    #[must_use]
    pub fn mistakes(&self) -> Vec<String> {
        let mut mistakes = self.request.mistakes();
        if self.is_large() {
            mistakes.retain(|mistake| mistake != "/offer: missing");
        }
        mistakes
    }
}

/// How a probe took the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is on the probe's list, behind so many others.
    Queued(u64),
    /// It was before; nothing was begun anew.
    Known,
}

/// Why a probe has not got the run.
#[derive(Debug, Error)]
pub enum NotTaken {
    /// The probe said no.
    #[error("the probe refuses {what}: {status} {words}")]
    Refused {
        /// The run, or a part of its offer.
        what: String,
        /// Status of its answer.
        status: i64,
        /// Its own words.
        words: String,
    },
    /// The hub does not know a probe there.
    #[error("the hub knows no module {MODULE} on it")]
    NoModule,
    /// The probe is not connected to the hub, or does not listen yet.
    #[error("the probe is offline")]
    Offline,
    /// The hub said no, or cannot be reached.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl NotTaken {
    /// Whether a later attempt may do better: a probe that was just deployed is pulled and started first.
    fn is_passing(&self) -> bool {
        match self {
            NotTaken::Refused { .. } => false,
            NotTaken::NoModule | NotTaken::Offline => true,
            NotTaken::Service(error) => error.is_passing(),
        }
    }
}

/// A run on its way to probes.
#[derive(Debug)]
pub struct Handover<'a> {
    /// Through this hub.
    pub hub: &'a Service,
    /// What is handed over.
    pub run: &'a Large,
    /// How long a probe may take until it listens.
    pub within: Duration,
    /// How many probes may be spoken to at a time.
    pub turns: &'a Semaphore,
}

impl Handover<'_> {
    /// Hands the run to one device as soon as its probe listens; `told` hears, when it changes, why it has not got it yet. Who
    /// waits takes nobody's turn.
    ///
    /// # Errors
    /// The probe has not got it in time, or refuses it in its own words.
    pub async fn to(&self, device: &str, told: impl Fn(&NotTaken)) -> Result<Taken, NotTaken> {
        let until = Instant::now() + self.within;
        let (mut pause, mut last) = (FIRST_PAUSE, String::new());
        loop {
            let turn = self.turns.acquire().await;
            let attempt = once(self.hub, device, self.run).await;
            drop(turn);
            let why = match attempt {
                Err(why) if why.is_passing() && Instant::now() + pause < until => why,
                ended => return ended,
            };
            let words = why.to_string();
            if words != last {
                told(&why);
                last = words;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// One attempt. A probe that has the offer, or knows the run, needs no part of it.
async fn once(hub: &Service, device: &str, large: &Large) -> Result<Taken, NotTaken> {
    let run = json!(large.request);
    let first = call(hub, device, "start", &run).await?;
    if !wants_offer(&first) {
        return taken(&large.request.id, &first);
    }
    for part in &large.calls {
        let answer = call(hub, device, "offer", &json!(part)).await?;
        if answer.status != 200 {
            let what = format!("part {} of {} of the offer", part.part, part.parts);
            return Err(refused(what, &answer));
        }
    }
    taken(&large.request.id, &call(hub, device, "start", &run).await?)
}

async fn call(
    hub: &Service,
    device: &str,
    method: &str,
    payload: &Value,
) -> Result<MethodAnswer, NotTaken> {
    let who = Who::Module(device, MODULE);
    match hub.method(who, method, payload, ANSWERED_WITHIN).await {
        Ok(answer) => Ok(answer),
        Err(error) if error.is_offline() => Err(NotTaken::Offline),
        Err(error) if error.status() == Some(404) => Err(NotTaken::NoModule),
        Err(error) => Err(error.into()),
    }
}

/// Whether the probe's one objection to a run is that it has not got its offer (docs/module.md).
fn wants_offer(answer: &MethodAnswer) -> bool {
    let mistakes = answer.payload["mistakes"].as_array();
    let only = mistakes.and_then(|mistakes| match mistakes.as_slice() {
        [only] => only.as_str(),
        _ => None,
    });
    answer.status == 400 && only.is_some_and(|only| only.starts_with("/offer: missing"))
}

fn taken(run: &str, answer: &MethodAnswer) -> Result<Taken, NotTaken> {
    match answer.status {
        200 => Ok(Taken::Known),
        202 => Ok(Taken::Queued(
            answer.payload["position"].as_u64().unwrap_or(0),
        )),
        _ => Err(refused(format!("run {run}"), answer)),
    }
}

fn refused(what: String, answer: &MethodAnswer) -> NotTaken {
    let told = &answer.payload["message"];
    let words = told.as_str().map(str::to_owned);
    NotTaken::Refused {
        what,
        status: answer.status,
        words: words.unwrap_or_else(|| answer.payload.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: i64, payload: Value) -> MethodAnswer {
        MethodAnswer { status, payload }
    }

    #[test]
    fn the_offer_is_sent_only_where_it_is_all_that_is_missing() {
        let missing = "/offer: missing, and no offer with this offerSha256 was handed over";
        let mistakes = |list: &[&str]| answer(400, json!({"mistakes": list}));
        assert!(wants_offer(&mistakes(&[missing])));
        assert!(!wants_offer(&mistakes(&[missing, "/profile: missing"])));
        assert!(!wants_offer(&mistakes(&["/offer: not an offer"])));
        assert!(!wants_offer(&answer(202, json!({"position": 0}))));
    }

    #[test]
    fn the_probe_s_answer_to_the_run_is_read_and_anything_else_is_a_refusal_in_its_words() {
        let position = answer(202, json!({"run": "r", "position": 2}));
        assert_eq!(taken("r", &position).unwrap(), Taken::Queued(2));
        let known = answer(200, json!({"run": "r", "known": true}));
        assert_eq!(taken("r", &known).unwrap(), Taken::Known);
        let other = answer(409, json!({"message": "run id `r` was used before"}));
        assert_eq!(
            taken("r", &other).unwrap_err().to_string(),
            "the probe refuses run r: 409 run id `r` was used before"
        );
        let mistakes = answer(400, json!({"mistakes": ["/profile: missing"]}));
        assert_eq!(
            taken("r", &mistakes).unwrap_err().to_string(),
            r#"the probe refuses run r: 400 {"mistakes":["/profile: missing"]}"#
        );
        assert!(!taken("r", &mistakes).unwrap_err().is_passing());
    }
}
