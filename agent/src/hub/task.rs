//! The one task behind a client: opens links, moves bytes, keeps time, takes requests.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::backoff::Backoff;
use super::error::LinkError;
use super::link::{Credentials, Opened};
use super::method::MethodResult;
use super::outbox::Message;
use super::requests::Report;
use super::session::Session;
use super::{FromHub, Unsent};

/// How long [`close`](super::HubClient::close) waits for acknowledgements.
const CLOSE_PATIENCE: Duration = Duration::from_secs(10);

/// How long a link whose token is to be renewed may finish what is in flight.
const QUIET_PATIENCE: Duration = Duration::from_secs(5);

/// How long the last bytes and the TLS goodbye may take.
const GOODBYE_PATIENCE: Duration = Duration::from_secs(2);

/// A link that lasted this long ends the run of failures before it. A shorter one does not:
/// two clients with one identity cut each other off as soon as they are connected.
const STABLE: Duration = Duration::from_secs(60);

/// Size of a read: the largest TLS record's half, since most packets are far smaller.
const READ_BYTES: usize = 8 * 1024;

/// Who wants to know when the client is closed.
pub(super) type Close = oneshot::Sender<Result<(), Unsent>>;

/// The task's ends of the client's channels.
pub(super) struct Desk {
    pub(super) messages: mpsc::Receiver<Message>,
    pub(super) reports: mpsc::Receiver<Report>,
    pub(super) closes: mpsc::Receiver<Close>,
    pub(super) results: mpsc::UnboundedReceiver<MethodResult>,
    pub(super) events: mpsc::Sender<FromHub>,
}

/// What came to the desk.
enum Came {
    Message(Message),
    Report(Report),
    Result(MethodResult),
    Close(Option<Close>),
    /// The application can take an event, or, if false, never will again.
    Listener(bool),
}

impl Desk {
    /// The next thing that the session has room for. Cancel-safe.
    async fn next(&mut self, wants: Wants) -> Came {
        tokio::select! {
            Some(result) = self.results.recv() => Came::Result(result),
            close = self.closes.recv(), if wants.close => Came::Close(close),
            Some(report) = self.reports.recv(), if wants.report => Came::Report(report),
            Some(message) = self.messages.recv(), if wants.message => Came::Message(message),
            permit = self.events.reserve(), if wants.listener => Came::Listener(permit.is_ok()),
            else => std::future::pending().await,
        }
    }
}

/// What the session has room for.
#[derive(Debug, Clone, Copy)]
struct Wants {
    message: bool,
    report: bool,
    close: bool,
    listener: bool,
}

/// A client that is being closed.
struct Closing {
    by: Instant,
    who: Vec<Close>,
}

/// How a link ended.
enum End {
    /// Because of this.
    Lost(LinkError),
    /// Because the client was closed.
    Closed,
}

/// The task's whole state.
pub(super) struct Task {
    session: Session,
    desk: Desk,
    backoff: Backoff,
    closing: Option<Closing>,
}

impl Task {
    pub(super) fn new(session: Session, desk: Desk, seed: u64) -> Task {
        Task {
            session,
            desk,
            backoff: Backoff::new(seed),
            closing: None,
        }
    }

    pub(super) fn pause_at_most(&mut self, longest: Duration) {
        self.backoff.at_most(longest);
    }

    /// Runs until the client is closed; `dial` makes a link.
    pub(super) async fn run<S, D, F>(mut self, mut dial: D)
    where
        S: AsyncRead + AsyncWrite + Unpin,
        D: FnMut() -> F,
        F: Future<Output = Result<Opened<S>, LinkError>>,
    {
        loop {
            let end = match self.meanwhile(dial()).await {
                None => End::Closed,
                Some(Err(why)) => End::Lost(why),
                Some(Ok(opened)) => self.serve(opened).await,
            };
            let ready_since = self.session.ready_since();
            self.session.end(Instant::now());
            let End::Lost(why) = end else { break };
            let wait = self.wait_after(&why, ready_since);
            tracing::debug!(%why, ?wait, "no link to the hub");
            self.tell(why, wait);
            let pause = tokio::time::sleep(wait);
            if self.meanwhile(pause).await.is_none() {
                break;
            }
        }
        self.finish();
    }

    /// Failures that the application has not yet heard of leave only their last: it may be long
    /// before anybody listens.
    fn tell(&mut self, why: LinkError, retry_in: Duration) {
        let events = &mut self.session.events;
        if matches!(events.back(), Some(FromHub::Disconnected { .. })) {
            events.pop_back();
        }
        events.push_back(FromHub::Disconnected { why, retry_in });
    }

    fn wait_after(&mut self, why: &LinkError, ready_since: Option<Instant>) -> Duration {
        if matches!(why, LinkError::Renewal { .. }) {
            return Duration::ZERO;
        }
        if ready_since.is_some_and(|since| since.elapsed() >= STABLE) {
            self.backoff.reset();
        }
        self.backoff.next()
    }

    /// Takes requests while there is no link and `work` goes on; `None` when the client is closed
    /// first.
    async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(work);
        loop {
            if self.is_over() {
                return None;
            }
            let wants = self.wants();
            tokio::select! {
                done = &mut work => return Some(done),
                came = self.desk.next(wants) => {
                    // Without a link there is nothing to fail here.
                    let _ = self.put(came);
                }
                () = until(self.closing.as_ref().map(|closing| closing.by)) => {}
            }
        }
    }

    async fn serve<S>(&mut self, opened: Opened<S>) -> End
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (mut reader, mut writer) = tokio::io::split(opened.stream);
        let end = match self.session.begin(opened.login, Instant::now()) {
            Err(error) => End::Lost(error),
            Ok(()) => match self
                .talk(&mut reader, &mut writer, opened.credentials)
                .await
            {
                Ok(end) => end,
                Err(error) => End::Lost(error),
            },
        };
        if matches!(end, End::Closed | End::Lost(LinkError::Renewal { .. })) {
            // The hub sees to a missing goodbye itself: nothing depends on this one.
            let _ = timeout(GOODBYE_PATIENCE, self.goodbye(&mut writer)).await;
        }
        end
    }

    /// Moves bytes both ways until the link ends or is to be ended.
    async fn talk<R, W>(
        &mut self,
        reader: &mut R,
        writer: &mut W,
        mut credentials: Credentials,
    ) -> Result<End, LinkError>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut buffer = vec![0; READ_BYTES];
        let mut quiet_by: Option<Instant> = None;
        loop {
            let now = Instant::now();
            self.session.tick(now)?;
            if self.is_over() {
                return Ok(End::Closed);
            }
            if quiet_by.is_none() && credentials.are_due(now) {
                self.session.hold();
                quiet_by = Some(now + QUIET_PATIENCE);
            }
            if quiet_by.is_some_and(|by| by <= now || self.session.is_quiet()) {
                let what = credentials.name();
                return Ok(End::Lost(LinkError::Renewal { what }));
            }
            self.session.pump(now)?;
            let renewal = Some(quiet_by.unwrap_or_else(|| credentials.renew_at()));
            let closing = self.closing.as_ref().map(|closing| closing.by);
            let deadline = [self.session.deadline(), renewal, closing]
                .into_iter()
                .flatten()
                .min();
            let wants = self.wants();
            let (input, output) = (self.session.wants_input(), !self.session.wire.is_empty());
            tokio::select! {
                read = reader.read(&mut buffer), if input => {
                    match read.map_err(|source| LinkError::Io { source })? {
                        0 => return Err(LinkError::ClosedByHub),
                        count => self.session.receive(&buffer[..count], Instant::now())?,
                    }
                }
                written = self.session.wire.write(writer), if output => {
                    written.map_err(|source| LinkError::Io { source })?;
                    self.session.progressed(Instant::now());
                }
                came = self.desk.next(wants) => self.put(came)?,
                () = until(deadline) => {}
            }
        }
    }

    async fn goodbye<W: AsyncWrite + Unpin>(&mut self, writer: &mut W) -> Result<(), LinkError> {
        self.session.leave(Instant::now())?;
        let io = |source| LinkError::Io { source };
        while !self.session.wire.is_empty() {
            self.session.wire.write(writer).await.map_err(io)?;
        }
        writer.shutdown().await.map_err(io)
    }

    fn wants(&self) -> Wants {
        Wants {
            message: self.session.outbox.has_room(),
            report: self.session.requests.has_room(),
            close: self.closing.is_none(),
            listener: !self.session.events.is_empty(),
        }
    }

    /// Gives what came to the desk to the session.
    fn put(&mut self, came: Came) -> Result<(), LinkError> {
        match came {
            Came::Message(message) => self.session.outbox.push(message),
            Came::Report(report) => self.session.requests.push(report, Instant::now()),
            Came::Result(result) => self.session.reply(result, Instant::now())?,
            Came::Listener(true) => {
                if let Some(event) = self.session.events.pop_front()
                    && let Err(mpsc::error::TrySendError::Full(event)) =
                        self.desk.events.try_send(event)
                {
                    self.session.events.push_front(event);
                }
            }
            Came::Listener(false) => self.session.events.clear(),
            Came::Close(who) => self.close(who),
        }
        Ok(())
    }

    /// From here on nothing new is taken; what was handed over before still leaves.
    fn close(&mut self, who: Option<Close>) {
        self.desk.messages.close();
        self.desk.reports.close();
        self.desk.closes.close();
        let mut who: Vec<Close> = who.into_iter().collect();
        while let Ok(more) = self.desk.closes.try_recv() {
            who.push(more);
        }
        let by = Instant::now() + CLOSE_PATIENCE;
        self.closing = Some(Closing { by, who });
    }

    /// The client is closed, and nothing is left to do or no time to do it.
    fn is_over(&self) -> bool {
        let done = self.session.is_done()
            && self.desk.messages.is_empty()
            && self.desk.reports.is_empty()
            && self.desk.results.is_empty();
        let closing = self.closing.as_ref();
        closing.is_some_and(|closing| done || closing.by <= Instant::now())
    }

    fn finish(self) {
        let messages = self.session.outbox.len() + self.desk.messages.len();
        let reports = self.session.requests.waiting_reports() + self.desk.reports.len();
        for who in self.closing.map(|closing| closing.who).unwrap_or_default() {
            let result = match messages + reports {
                0 => Ok(()),
                _ => Err(Unsent { messages, reports }),
            };
            // Who asked may have stopped waiting.
            let _ = who.send(result);
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
