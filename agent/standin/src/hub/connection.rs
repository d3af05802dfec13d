//! One client's connection: bytes in, reactions out, and the clocks that end it.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

use super::event::{DisconnectReason, EventBus};
use super::limits;
use super::registry::Command;
use super::session::{Opened, Reaction, Session, Shared, TlsFacts};
use super::wire::{Outbound, Wire};

/// Bytes read at once.
pub(super) const CHUNK: usize = 16 * 1024;

/// A deadline nobody waits for; far enough, and small enough for every clock.
pub(super) const FAR: Duration = Duration::from_secs(30 * 24 * 3600);

/// What every connection needs.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) shared: Arc<Shared>,
    pub(crate) events: Arc<EventBus>,
}

/// Serves the client at the other end of a stream until it is gone; its CONNECT must be there by `connect_by`.
pub(crate) async fn serve<S>(context: &Context, stream: S, facts: TlsFacts, connect_by: Instant)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    Connection {
        stream,
        wire: Wire::new(context.shared.mode.packet()),
        session: Session::new(Arc::clone(&context.shared), facts),
        events: Arc::clone(&context.events),
        silence: None,
        silence_ends: connect_by,
        token_ends: Instant::now() + FAR,
        commands: None,
        close: None,
        later: Vec::new(),
    }
    .run()
    .await;
}

struct Connection<S> {
    stream: S,
    wire: Wire,
    session: Session,
    events: Arc<EventBus>,
    silence: Option<Duration>,
    silence_ends: Instant,
    token_ends: Instant,
    commands: Option<mpsc::Receiver<Command>>,
    close: Option<watch::Receiver<Option<DisconnectReason>>>,
    /// Answers that are held back, and until when.
    later: Vec<(Instant, Outbound)>,
}

/// What woke the connection.
enum Wake {
    Bytes(std::io::Result<usize>),
    Command(Option<Command>),
    Close(DisconnectReason),
    Silence,
    TokenEnd,
    Due,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    async fn run(mut self) {
        let mut buffer = vec![0; CHUNK];
        let reason = loop {
            let wake = self.wait(&mut buffer).await;
            let step = match wake {
                Wake::Bytes(Ok(0) | Err(_)) => Err(DisconnectReason::Lost),
                Wake::Bytes(Ok(count)) => self.bytes(&buffer[..count]).await,
                Wake::Command(Some(command)) => {
                    let reactions = self.session.command(command);
                    self.react(reactions).await
                }
                Wake::Command(None) => Err(DisconnectReason::TakenOver),
                Wake::Close(reason) => Err(reason),
                Wake::Due => self.send_due().await,
                Wake::TokenEnd => Err(DisconnectReason::TokenExpired),
                Wake::Silence if self.silence.is_some() => Err(DisconnectReason::KeepAlive),
                Wake::Silence => {
                    let reactions = self.session.no_connect();
                    self.react(reactions).await
                }
            };
            if let Err(reason) = step {
                break reason;
            }
        };
        // The socket closes first, so that whoever hears of the end finds the client gone.
        let mut session = self.session;
        if reason != DisconnectReason::Requested {
            let _closed = timeout(limits::CLOSE_WITHIN, self.stream.shutdown()).await;
        }
        drop(self.stream);
        for event in session.end(reason) {
            self.events.emit(event).await;
        }
    }

    async fn wait(&mut self, buffer: &mut [u8]) -> Wake {
        let due = self.next_due();
        tokio::select! {
            biased;
            reason = closed(&mut self.close) => Wake::Close(reason),
            () = sleep_until(self.token_ends) => Wake::TokenEnd,
            command = next(&mut self.commands) => Wake::Command(command),
            read = self.stream.read(buffer) => Wake::Bytes(read),
            () = sleep_until(due) => Wake::Due,
            () = sleep_until(self.silence_ends) => Wake::Silence,
        }
    }

    fn next_due(&self) -> Instant {
        let due = self.later.iter().map(|(due, _)| *due).min();
        due.unwrap_or_else(|| Instant::now() + FAR)
    }

    async fn send_due(&mut self) -> Result<(), DisconnectReason> {
        let now = Instant::now();
        let held = std::mem::take(&mut self.later);
        let (due, held): (Vec<_>, Vec<_>) = held.into_iter().partition(|(due, _)| *due <= now);
        self.later = held;
        let due = due.into_iter().map(|(_, answer)| Reaction::Send(answer));
        self.react(due.collect()).await
    }

    async fn bytes(&mut self, mut bytes: &[u8]) -> Result<(), DisconnectReason> {
        while !bytes.is_empty() {
            let (packets, taken) = self.wire.feed(bytes);
            bytes = &bytes[taken.min(bytes.len())..];
            for packet in packets {
                let reactions = self.session.receive(packet, unix_now());
                self.react(reactions).await?;
                if let Some(silence) = self.silence {
                    self.silence_ends = Instant::now() + silence;
                }
            }
        }
        Ok(())
    }

    async fn react(&mut self, reactions: Vec<Reaction>) -> Result<(), DisconnectReason> {
        for reaction in reactions {
            match reaction {
                Reaction::Send(outbound) => {
                    if let Some(bytes) = self.wire.encode(outbound) {
                        self.write(&bytes).await?;
                    }
                }
                // As many as may wait for it anyway; a client that asks more often gets no answer.
                Reaction::Later(by, outbound) if self.later.len() < limits::COMMANDS => {
                    self.later.push((Instant::now() + by, outbound));
                }
                Reaction::Later(..) => {}
                Reaction::Raw(bytes) => self.write(&bytes).await?,
                Reaction::Emit(event) => self.events.emit(event).await,
                Reaction::Opened(opened) => self.opened(opened),
                Reaction::Close(reason) => return Err(reason),
            }
        }
        Ok(())
    }

    fn opened(&mut self, opened: Opened) {
        self.silence = Some(opened.silence);
        self.silence_ends = Instant::now() + opened.silence;
        self.token_ends = Instant::now() + opened.token_life.min(FAR);
        self.commands = Some(opened.link.commands);
        self.close = Some(opened.link.close);
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), DisconnectReason> {
        let written = timeout(limits::WRITE_WITHIN, async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        });
        // A client that takes nothing must not keep the hub from closing.
        tokio::select! {
            biased;
            reason = closed(&mut self.close) => Err(reason),
            written = written => match written {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) => Err(DisconnectReason::Lost),
                Err(_) => Err(DisconnectReason::Stalled),
            },
        }
    }
}

pub(super) async fn next(commands: &mut Option<mpsc::Receiver<Command>>) -> Option<Command> {
    match commands {
        Some(commands) => commands.recv().await,
        None => std::future::pending().await,
    }
}

pub(super) async fn closed(
    close: &mut Option<watch::Receiver<Option<DisconnectReason>>>,
) -> DisconnectReason {
    let Some(close) = close else {
        return std::future::pending().await;
    };
    let reason = close.wait_for(Option::is_some).await.map(|reason| *reason);
    reason.ok().flatten().unwrap_or(DisconnectReason::TakenOver)
}

pub(super) fn unix_now() -> u64 {
    // A clock before 1970 counts as 1970: every token is then still valid, none is refused in error.
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
