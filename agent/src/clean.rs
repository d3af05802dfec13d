//! Takes a run off the engine; what an engine that is away keeps of it is tried again until it is back.
//!
//! A probe need not end with its engine: one on another host does not, and none does on an engine that lets containers live while
//! it is restarted. The lock that its run left would then be a living owner's, and keep every later run waiting.

use std::time::Duration;

use engine::{Engine, Owner};
use tokio::time::sleep;

/// Between the first two attempts: an engine that restarts takes a few seconds.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Between two attempts at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Removes everything of a run from the engine; how many things went at once.
pub(crate) async fn clean_up(engine: &Engine, owner: &Owner, run: &str) -> usize {
    engine.remove_run(run, owner).await.unwrap_or_else(|error| {
        tracing::error!(%error, run, "left on the engine; it is tried again, and the next start sweeps it");
        tokio::spawn(later(engine.clone(), owner.clone(), run.to_owned()));
        0
    })
}

async fn later(engine: Engine, owner: Owner, run: String) {
    let mut pause = FIRST_PAUSE;
    loop {
        sleep(pause).await;
        match engine.remove_run(&run, &owner).await {
            Ok(removed) => {
                tracing::info!(
                    removed,
                    run,
                    "nothing of the run is left on the engine any more"
                );
                return;
            }
            Err(error) => tracing::debug!(%error, run, "still left on the engine"),
        }
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::small_engine::serve;

    /// It has nothing.
    fn nothing(path: &str) -> String {
        let volumes = path.contains("/volumes");
        if volumes { r#"{"Volumes":[]}"# } else { "[]" }.to_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn what_an_engine_that_is_away_keeps_is_removed_when_it_is_back() {
        let place = tempfile::tempdir().unwrap();
        let socket = place.path().join("engine.sock");
        let (serving, _) = serve(&socket, nothing);
        let engine = Engine::connect(&socket).await.unwrap();
        serving.abort();
        std::fs::remove_file(&socket).unwrap();
        let owner = Owner::Container("0".repeat(64));
        assert_eq!(clean_up(&engine, &owner, "r-1").await, 0);
        sleep(Duration::from_secs(90)).await;

        let (_serving, mut asked) = serve(&socket, nothing);
        while !asked.recv().await.unwrap().contains("/volumes") {}
        sleep(LONGEST_PAUSE * 2).await;
        assert!(asked.try_recv().is_err(), "it is done, and asks no more");
    }
}
