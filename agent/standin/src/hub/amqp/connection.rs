//! One AMQP client's connection: bytes in, steps out, signs of life, and the clocks that end it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::conversation::{Conversation, SILENCE, Step};
use super::frame;
use super::message::Message;
use crate::hub::connection::{CHUNK, Context, FAR, closed, next, unix_now};
use crate::hub::event::{DisconnectReason, EventBus};
use crate::hub::limits;
use crate::hub::registry::Command;
use crate::hub::session::TlsFacts;

/// How often the hub gives a sign of life to a client that asks for none (Azure/iotedge, `Constants.cs`).
const SIGN_OF_LIFE: Duration = Duration::from_secs(120);

/// Serves the client at the other end of a stream until it is gone; its `open` must be there by `open_by`.
pub(crate) async fn serve<S>(context: &Context, stream: S, facts: TlsFacts, open_by: Instant)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let conversation = Conversation::new(Arc::clone(&context.shared), facts);
    converse(context, stream, (conversation, None), open_by).await;
}

/// The same for a reader of the messages that came to the cloud.
#[cfg(feature = "hub")]
pub(crate) async fn serve_consumer<S>(
    context: &Context,
    stream: S,
    facts: TlsFacts,
    open_by: Instant,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let news = context.shared.service.stream.news();
    let conversation = Conversation::of_consumer(Arc::clone(&context.shared), facts);
    converse(context, stream, (conversation, Some(news)), open_by).await;
}

async fn converse<S>(
    context: &Context,
    stream: S,
    (conversation, news): (Conversation, Option<watch::Receiver<()>>),
    open_by: Instant,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    Connection {
        stream,
        conversation,
        news,
        events: Arc::clone(&context.events),
        is_open: false,
        silence_ends: open_by,
        token_ends: Instant::now() + FAR,
        sign_every: FAR,
        sign_at: Instant::now() + FAR,
        commands: None,
        close: None,
        later: VecDeque::new(),
    }
    .run()
    .await;
}

struct Connection<S> {
    stream: S,
    conversation: Conversation,
    /// Ticks when there may be something to send that no command brings.
    news: Option<watch::Receiver<()>>,
    events: Arc<EventBus>,
    is_open: bool,
    silence_ends: Instant,
    token_ends: Instant,
    sign_every: Duration,
    sign_at: Instant,
    commands: Option<mpsc::Receiver<Command>>,
    close: Option<watch::Receiver<Option<DisconnectReason>>>,
    /// Answers whose time has not come, the next one first.
    later: VecDeque<(Instant, Message)>,
}

/// What woke the connection.
enum Wake {
    Bytes(std::io::Result<usize>),
    Command(Option<Command>),
    Close(DisconnectReason),
    Later(Message),
    News,
    SignOfLife,
    Silence,
    TokenEnd,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    async fn run(mut self) {
        let mut buffer = vec![0; CHUNK];
        let reason = loop {
            let taken = match self.wait(&mut buffer).await {
                Wake::Bytes(Ok(0) | Err(_)) => Err(DisconnectReason::Lost),
                Wake::Bytes(Ok(count)) => {
                    if self.is_open {
                        self.silence_ends = Instant::now() + SILENCE;
                    }
                    self.conversation.feed(&buffer[..count]);
                    self.react().await
                }
                Wake::Command(Some(command)) => {
                    let steps = self.conversation.command(command);
                    self.take(steps).await
                }
                Wake::Command(None) => Err(DisconnectReason::TakenOver),
                Wake::Close(reason) => Err(reason),
                Wake::Later(answer) => {
                    let steps = self.conversation.late(&answer);
                    self.take(steps).await
                }
                Wake::News => {
                    let steps = self.conversation.flush();
                    self.take(steps).await
                }
                Wake::SignOfLife => self.write(&frame::sign_of_life()).await,
                Wake::TokenEnd => Err(DisconnectReason::TokenExpired),
                Wake::Silence if self.is_open => Err(DisconnectReason::KeepAlive),
                Wake::Silence => {
                    let steps = self.conversation.no_open();
                    self.take(steps).await
                }
            };
            if let Err(reason) = taken {
                break reason;
            }
        };
        // The socket closes first, so that whoever hears of the end finds the client gone.
        let mut conversation = self.conversation;
        if reason != DisconnectReason::Requested {
            let _closed = timeout(limits::CLOSE_WITHIN, self.stream.shutdown()).await;
        }
        drop(self.stream);
        if let Some(event) = conversation.end(reason) {
            self.events.emit(event).await;
        }
    }

    async fn wait(&mut self, buffer: &mut [u8]) -> Wake {
        tokio::select! {
            biased;
            reason = closed(&mut self.close) => Wake::Close(reason),
            () = sleep_until(self.token_ends) => Wake::TokenEnd,
            command = next(&mut self.commands) => Wake::Command(command),
            answer = due(&mut self.later) => Wake::Later(answer),
            () = ticked(&mut self.news) => Wake::News,
            () = sleep_until(self.sign_at) => Wake::SignOfLife,
            read = self.stream.read(buffer) => Wake::Bytes(read),
            () = sleep_until(self.silence_ends) => Wake::Silence,
        }
    }

    async fn react(&mut self) -> Result<(), DisconnectReason> {
        while let Some(steps) = self.conversation.react(unix_now()) {
            self.take(steps).await?;
        }
        Ok(())
    }

    async fn take(&mut self, steps: Vec<Step>) -> Result<(), DisconnectReason> {
        for step in steps {
            match step {
                Step::Send(bytes) => self.write(&bytes).await?,
                // As many as may wait for it anyway; a client that asks more often gets no answer.
                Step::Later(by, answer) if self.later.len() < limits::COMMANDS => {
                    self.later.push_back((Instant::now() + by, answer));
                }
                Step::Later(..) => {}
                Step::Emit(event) => self.events.emit(event).await,
                Step::Open(idle) => {
                    self.is_open = true;
                    self.silence_ends = Instant::now() + SILENCE;
                    // Half of what the client waits for, so that a late sign is still in time.
                    self.sign_every =
                        idle.map_or(SIGN_OF_LIFE, |idle| (idle / 2).min(SIGN_OF_LIFE));
                    self.sign_at = Instant::now() + self.sign_every;
                }
                Step::LoggedIn(opened) => {
                    self.token_life(opened.token_life);
                    self.commands = Some(opened.link.commands);
                    self.close = Some(opened.link.close);
                }
                Step::TokenLife(life) => self.token_life(life),
                Step::Close(reason) => return Err(reason),
            }
        }
        Ok(())
    }

    fn token_life(&mut self, life: Duration) {
        self.token_ends = Instant::now() + life.min(FAR);
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), DisconnectReason> {
        self.sign_at = Instant::now() + self.sign_every;
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

/// The first answer, once its time has come; never, where there is none.
async fn due(later: &mut VecDeque<(Instant, Message)>) -> Message {
    let Some((at, _)) = later.front() else {
        return std::future::pending().await;
    };
    sleep_until(*at).await;
    match later.pop_front() {
        Some((_, answer)) => answer,
        None => std::future::pending().await,
    }
}

/// The next tick; never, where there is nothing that ticks.
async fn ticked(news: &mut Option<watch::Receiver<()>>) {
    let is_gone = match news {
        Some(news) => news.changed().await.is_err(),
        None => true,
    };
    if is_gone {
        std::future::pending().await
    }
}
