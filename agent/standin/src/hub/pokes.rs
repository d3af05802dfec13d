//! What an owner of the hub may do to see how a client bears it: ask what it hears, vanish, come back, renew, refuse.

use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::topics::Subscription;
use super::{HubError, Identity, LocalHub, Met, TwinAnswers};

/// What a client can have subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hearing {
    /// Changes of desired properties.
    Desired,
    /// Direct methods.
    Methods,
    /// Messages to its inputs.
    Inputs,
}

impl LocalHub {
    /// Whether the identity has subscribed to this. A session that is not clean keeps its subscriptions while nobody is connected.
    pub fn hears(&self, identity: &Identity, what: Hearing) -> bool {
        let subscription = match what {
            Hearing::Desired => Subscription::Desired,
            Hearing::Methods => Subscription::Methods,
            Hearing::Inputs => Subscription::Inputs,
        };
        self.shared.registry.is_subscribed(identity, subscription)
    }

    /// Whether the identity has a live connection.
    pub fn is_connected(&self, identity: &Identity) -> bool {
        self.shared.registry.is_connected(identity)
    }

    /// Drops every connection without a word and refuses new ones, as while its container is restarted. What it remembers stays.
    /// No event tells of the end of these connections.
    pub async fn vanish(&self) {
        self.door.close().await;
    }

    /// Listens again where it did before.
    ///
    /// # Errors
    /// An address was taken meanwhile.
    pub async fn reappear(&self) -> Result<(), HubError> {
        self.door.reopen().await
    }

    /// Shows a new server certificate of the same authority to whoever comes after the next [`LocalHub::reappear`]. edgeHub
    /// renews its own by a restart (Azure/iotedge, `CertificateRenewal.cs`).
    ///
    /// # Errors
    /// No certificate could be made.
    pub fn renew_certificate(&self) -> Result<(), HubError> {
        let server = self.authority.server(&self.shared.names)?;
        self.door.show(TlsAcceptor::from(server));
        Ok(())
    }

    /// Refuses the next so many logins as if their token were not the identity's; zero takes it back.
    pub fn refuse_logins(&self, times: u32) {
        self.shared.registry.faults.refuse_logins(times);
    }

    /// Logins refused on purpose so far. They are no violation, and no event tells of them.
    pub fn refused_logins(&self) -> u64 {
        self.met().borrow().refused
    }

    /// How twin requests are answered from now on.
    pub fn answer_twin(&self, answers: TwinAnswers) {
        self.shared.registry.faults.answer_twin(answers);
    }

    /// Twin requests so far that were answered late or with 429 on purpose.
    pub fn twin_requests_met(&self) -> u64 {
        let met = *self.met().borrow();
        met.late + met.busy
    }

    /// How often what is done wrong on purpose was met, as it changes.
    pub fn met(&self) -> watch::Receiver<Met> {
        self.shared.registry.faults.met()
    }
}
