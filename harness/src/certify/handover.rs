//! Hands an offer over by the direct method `offer`, part by part, as IoT Hub would be asked to.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use conformance::offer_calls::OfferCall;
use serde_json::to_value;
use standin::hub::{Identity, InvokeError, LocalHub};
use tokio::time::{Instant, sleep};

/// How long the probe may take until it listens for methods: its image is there, its container is started.
const ONLINE_WITHIN: Duration = Duration::from_secs(120);
/// How long one call may take: a slow board unpacks what it is given.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
/// Between two looks whether it listens.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Makes the calls in order, the first one as soon as the module listens. Without calls nothing is done.
///
/// # Errors
/// The module never listens, does not answer, or refuses a part in its own words.
pub(super) async fn hand_over(
    hub: &LocalHub,
    module: &Identity,
    calls: &[OfferCall],
) -> anyhow::Result<()> {
    let until = Instant::now() + ONLINE_WITHIN;
    for call in calls {
        let payload = to_value(call).context("write a part of the offer")?;
        let answer = loop {
            match hub.invoke(module, "offer", &payload, ANSWERED_WITHIN).await {
                Err(InvokeError::Offline(_) | InvokeError::NotSubscribed(_))
                    if Instant::now() < until =>
                {
                    sleep(LOOK_AGAIN).await;
                }
                answer => break answer.context("hand the offer over")?,
            }
        };
        ensure!(
            answer.status == 200,
            "the probe does not take part {} of {} of the offer ({}): {}",
            call.part,
            call.parts,
            answer.status,
            answer.payload
        );
    }
    Ok(())
}
