//! The task that empties the outbox beside everything else that the probe does, and its end.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Outbox, Totals};
use crate::hub::HubClient;

/// How long the end waits for what is unsent. It is on disk, so nothing is lost by not waiting longer.
const LAST_CHANCE: Duration = Duration::from_secs(3);

/// How long the whole end may take. An engine kills a container that is still there ten seconds after SIGTERM.
const CLOSE_WITHIN: Duration = Duration::from_secs(8);

/// An outbox that is being emptied; dropping it stops that.
#[derive(Debug)]
pub struct Sending {
    outbox: Outbox,
    task: JoinHandle<()>,
}

impl Sending {
    /// Starts to send.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn start(outbox: &Outbox, client: &HubClient) -> Sending {
        let (mine, client) = (outbox.clone(), client.clone());
        let task = tokio::spawn(async move { mine.send(&client).await });
        Sending {
            outbox: outbox.clone(),
            task,
        }
    }

    /// Sends what can still be sent in a few seconds, and closes the client. What is left goes out after the next start.
    pub async fn close(self, client: HubClient) {
        self.close_within(client, CLOSE_WITHIN).await;
    }

    /// The same in less time, where less is left.
    pub async fn close_within(self, client: HubClient, within: Duration) {
        let closing = async {
            // What is left is told below.
            let _ = timeout(LAST_CHANCE, self.outbox.emptied()).await;
            self.task.abort();
            client.close().await
        };
        match timeout(within.min(CLOSE_WITHIN), closing).await {
            Ok(Ok(())) => {}
            Ok(Err(unsent)) => tracing::warn!(%unsent, "closed early"),
            Err(_) => tracing::warn!("closed without a goodbye"),
        }
        let Totals { messages, bytes } = self.outbox.totals();
        if messages > 0 {
            tracing::info!(messages, bytes, "stay in the outbox until the next start");
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.task.abort();
    }
}
