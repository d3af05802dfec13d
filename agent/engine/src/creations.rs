//! Calls that create something go on to their end, also when whoever asked has gone: the engine does not stop either.
//!
//! So a run that is cut short can wait until nothing is on its way any more, and then remove everything there is.

use std::sync::Arc;

use tokio::sync::RwLock;

use crate::error::{Doing, EngineError};

/// Creations that are under way, of one engine and all its clones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Creations(Arc<RwLock<()>>);

impl Creations {
    /// Runs a creation to its end in a task of its own. Dropping the returned future does not stop it.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        doing: &Doing,
        creation: impl Future<Output = Result<T, EngineError>> + Send + 'static,
    ) -> Result<T, EngineError> {
        let under_way = Arc::clone(&self.0).read_owned().await;
        let task = tokio::spawn(async move {
            let created = creation.await;
            drop(under_way);
            created
        });
        task.await.map_err(|error| doing.malformed(error))?
    }

    /// Waits until none is under way. Each has a time limit of its own, so this ends.
    pub(crate) async fn settled(&self) {
        drop(self.0.write().await);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use tokio::time::{sleep, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_creation_whose_asker_has_gone_is_waited_for() {
        let creations = Creations::default();
        let doing = Doing {
            line: crate::line::Line {
                socket: "/s".into(),
                caller: crate::Caller::Probe,
                silence: crate::silence::Silence::default(),
            },
            action: "create",
            object: "container x".to_owned(),
            limit: Duration::from_secs(1),
        };
        let created = Arc::new(AtomicBool::new(false));
        let there = Arc::clone(&created);
        let slow = creations.run(&doing, async move {
            sleep(Duration::from_secs(30)).await;
            there.store(true, Ordering::SeqCst);
            Ok(())
        });
        assert!(timeout(Duration::from_secs(1), slow).await.is_err());
        assert!(!created.load(Ordering::SeqCst));
        creations.settled().await;
        assert!(created.load(Ordering::SeqCst));
    }
}
