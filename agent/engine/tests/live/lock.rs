//! One run per engine, on a real engine. One test, for there is one lock.

use std::time::Duration;

use engine::{EngineError, LOCK_NAME, Role};
use tokio::time::timeout;

use crate::busybox::{IMAGE, busybox, dead, engine, me, run, stamp};

/// Another run may hold this engine while the tests run.
const PATIENCE: Duration = Duration::from_secs(300);

#[tokio::test]
async fn one_run_has_the_engine_and_the_next_waits_for_it() {
    let engine = engine().await;
    let first = stamp("first", &me());
    let second = stamp("second", &me());
    let held = engine
        .lock(first.clone(), IMAGE, PATIENCE, |_| {})
        .await
        .unwrap();
    let inspect = engine.inspect(LOCK_NAME).await.unwrap();
    assert!(inspect.started_at.is_none(), "a lock never runs");
    assert_eq!(inspect.labels["edgeproof.role"], "lock");

    // Whoever does not want to wait is told who has it.
    let mut told = Vec::new();
    let busy = engine
        .lock(second.clone(), IMAGE, Duration::ZERO, |who| told.push(who))
        .await
        .unwrap_err();
    let holder = format!("run {}, owner {}", first.run, first.owner);
    assert!(
        matches!(&busy, EngineError::Busy { holder: who } if *who == holder),
        "{busy}"
    );
    assert_eq!(told, [holder]);

    // Whoever waits gets it as soon as it is released.
    let (waiting, waits) = tokio::sync::oneshot::channel();
    let mut waiting = Some(waiting);
    let next = engine.lock(second, IMAGE, PATIENCE, |_| {
        if let Some(waiting) = waiting.take() {
            waiting.send(()).unwrap();
        }
    });
    let release = async {
        waits.await.unwrap();
        held.release().await.unwrap();
    };
    let both = async { tokio::join!(next, release) };
    let (next, ()) = timeout(PATIENCE, both).await.unwrap();
    next.unwrap().release().await.unwrap();

    // The lock of a dead owner is nobody's.
    let corpse = stamp("corpse", &dead()).with_role(Role::Lock);
    let left = engine.create(LOCK_NAME, &busybox(&["noop"]), &corpse).await;
    let left = left.unwrap();
    let taken = engine.lock(stamp("heir", &me()), IMAGE, Duration::from_secs(20), |_| {});
    let taken = taken.await.unwrap();
    assert_eq!(engine.find(&left.id).await.unwrap(), None);
    let inspect = engine.inspect(LOCK_NAME).await.unwrap();
    assert_eq!(inspect.labels["edgeproof.run"], run("heir"));
    // Nor is one that the same run took before its owner was started again, though the owner lives.
    let again = engine.lock(stamp("heir", &me()), IMAGE, Duration::from_secs(20), |_| {});
    again.await.unwrap().release().await.unwrap();
    drop(taken);
    assert_eq!(engine.find(LOCK_NAME).await.unwrap(), None);
}
