//! The loop: one thing at a time is done, while hub, twin and signals are listened to.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use super::Runs;
use super::desk::{Begun, Control, Order, Outcome, Step};
use crate::events::RunEvent;
use crate::hub::{FromHub, HubClient};

/// How long the last words to the twin may take.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How long the engine may take for what a run has on it, once the probe is asked to end; the next start sweeps the rest.
const CLEAN_WITHIN: Duration = Duration::from_secs(5);

/// What came of a step.
enum Done {
    Run(Outcome),
    Sent(anyhow::Result<()>),
}

type Work<'a> = Pin<Box<dyn Future<Output = Done> + 'a>>;

/// Carries out runs until `stop`, or until the client is gone. Nothing of a run is on the engine when this returns, and
/// the next start takes up what was not done.
pub async fn serve(
    control: &mut Control,
    runs: &impl Runs,
    client: &HubClient,
    from_hub: &mut Receiver<FromHub>,
    stop: impl Future<Output = ()>,
) {
    let board = control.board();
    let mut publishing = Box::pin(board.publish(client));
    let mut work: Option<Work<'_>> = None;
    tokio::pin!(stop);
    loop {
        if work.is_none() {
            work = control.next().map(|step| carry_out(runs, step));
        }
        control.held = runs.held();
        control.show();
        tokio::select! {
            done = under_way(&mut work) => {
                work = None;
                take(control, done);
            }
            event = from_hub.recv() => match event {
                Some(event) => {
                    control.take(event);
                    // A twin that changes a thousand times a second is considered as often as there is time for it.
                    while let Ok(more) = from_hub.try_recv() {
                        control.take(more);
                    }
                    control.decide();
                }
                None => break,
            },
            () = control.progressed() => {}
            () = runs.held_changed() => {}
            never = &mut publishing => match never {},
            () = &mut stop => break,
        }
    }
    drop(publishing);
    if let (true, Some(work)) = (control.order(Order::Stop), work) {
        control.stopping();
        match timeout(CLEAN_WITHIN, work).await {
            Ok(done) => take(control, done),
            Err(_) => {
                tracing::warn!(
                    "the engine does not let go of the run; the next start sweeps what is left"
                );
                control.abandoned();
            }
        }
    }
    if timeout(LAST_WORDS, board.finish(client)).await.is_err() {
        tracing::warn!("the twin does not know how things stand");
    }
}

fn take(control: &mut Control, done: Done) {
    match done {
        Done::Run(outcome) => control.ended(outcome),
        Done::Sent(sent) => control.sent(sent),
    }
}

async fn under_way(work: &mut Option<Work<'_>>) -> Done {
    match work {
        Some(work) => work.await,
        None => std::future::pending().await,
    }
}

fn carry_out<'a>(runs: &'a impl Runs, step: Step) -> Work<'a> {
    match step {
        Step::Send { run, report } => {
            Box::pin(async move { Done::Sent(runs.deliver(&run, &report).await) })
        }
        Step::Run(begun) => Box::pin(async move { Done::Run(certify(runs, *begun).await) }),
    }
}

/// One run; nothing of it is on the engine when this returns.
async fn certify(runs: &impl Runs, begun: Begun) -> Outcome {
    let Begun {
        assignment,
        events,
        mut order,
    } = begun;
    let run = assignment.run.clone();
    let certified = tokio::select! {
        biased;
        _ = order.wait_for(|order| *order != Order::GoOn) => None,
        certified = runs.certify(assignment, &events) => Some(certified),
    };
    let phase = events.watch().borrow().phase.clone();
    let removed = runs.clean_up(&run).await;
    events.emit(RunEvent::CleanedUp { removed });
    let order = *order.borrow();
    match (order, certified) {
        (Order::Cancel, _) => {
            events.emit(RunEvent::Canceled);
            Outcome::Canceled
        }
        (_, Some(Ok(report))) => Outcome::Judged(Box::new(report)),
        (_, Some(Err(error))) => {
            let why = format!("{error:#}");
            events.emit(RunEvent::Failed { why: why.clone() });
            Outcome::Failed(why)
        }
        (Order::Stop | Order::GoOn, None) => {
            tracing::info!(
                removed,
                run,
                "interrupted; nothing of the run is left on the engine"
            );
            events.emit(RunEvent::Interrupted { phase });
            Outcome::Stopped
        }
    }
}
