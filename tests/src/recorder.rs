//! A socket before the engine's that writes down every call: who made it, what was asked, and how the engine answered.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};

/// Bytes kept of one body.
const KEPT: usize = 64 * 1024;
/// No head of a request is longer.
const LONGEST_HEAD: usize = 64 * 1024;

/// One call on the engine.
#[derive(Debug, Clone, Default)]
pub struct Exchange {
    /// Name of the program that called, as the kernel has it (proc_pid_comm(5)).
    pub program: String,
    /// HTTP method.
    pub method: String,
    /// Path, without the query.
    pub path: String,
    /// Query.
    pub query: String,
    /// Body of the request, up to 64 KiB; empty where it came in chunks.
    pub body: Vec<u8>,
    /// The answer, head and body, up to 64 KiB.
    pub answer: Vec<u8>,
    /// Something came after the request on the same connection, and the engine had not agreed to that.
    pub more: bool,
}

impl Exchange {
    /// The value of a key in the JSON answer.
    #[must_use]
    pub fn answered(&self, key: &str) -> Option<String> {
        let from = self.answer.iter().position(|byte| *byte == b'{')?;
        let to = self.answer.iter().rposition(|byte| *byte == b'}')?;
        let answer: Value = serde_json::from_slice(self.answer.get(from..=to)?).ok()?;
        answer[key].as_str().map(str::to_owned)
    }

    /// The request's body as JSON; null if it is none.
    #[must_use]
    pub fn asked(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The value of a key in the query, as it was sent.
    #[must_use]
    pub fn parameter(&self, key: &str) -> Option<&str> {
        let pairs = self
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        pairs
            .into_iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    }

    /// The engine changed the protocol of the connection (101), so that both sides may say what they like.
    fn is_upgraded(&self) -> bool {
        self.answer.starts_with(b"HTTP/1.1 101")
    }
}

/// A recording under way.
#[derive(Debug)]
pub struct Recorder {
    socket: PathBuf,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
}

impl Recorder {
    /// Listens in `directory` and passes everything on to the engine behind `engine`, until the runtime ends.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn start(directory: &Path, engine: &Path) -> anyhow::Result<Recorder> {
        let socket = directory.join("engine.sock");
        let listener = UnixListener::bind(&socket)
            .with_context(|| format!("listen at {}", socket.display()))?;
        let exchanges = Arc::new(Mutex::new(Vec::new()));
        let (kept, engine) = (Arc::clone(&exchanges), engine.to_owned());
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                let (kept, engine) = (Arc::clone(&kept), engine.clone());
                tokio::spawn(async move {
                    // A caller that hangs up, or an engine that does, ends the connection: that is no trouble here.
                    let _ended = carry(caller, &engine, &kept).await;
                });
            }
        });
        Ok(Recorder { socket, exchanges })
    }

    /// `unix://…`, for `--engine`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Every call so far, in the order in which they came.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        let exchanges = self.exchanges.lock();
        exchanges.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

type Kept = Arc<Mutex<Vec<Exchange>>>;

async fn carry(caller: UnixStream, engine: &Path, kept: &Kept) -> anyhow::Result<()> {
    let pid = caller
        .peer_cred()?
        .pid()
        .context("the kernel names no caller")?;
    let program = std::fs::read_to_string(format!("/proc/{pid}/comm"))?;
    let (mut asking, answering) = caller.into_split();
    let mut head = Vec::new();
    let ends = loop {
        if let Some(at) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        let room = head.len() < LONGEST_HEAD;
        anyhow::ensure!(room && asking.read_buf(&mut head).await? > 0, "no request");
    };
    let (exchange, length) = read_head(&head[..ends], program.trim())?;
    let number = {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(exchange);
        kept.len() - 1
    };
    let (from_engine, mut to_engine) = UnixStream::connect(engine).await?.into_split();
    to_engine.write_all(&head[..ends]).await?;
    let asked = asked(
        asking,
        to_engine,
        head.split_off(ends),
        length,
        (kept, number),
    );
    tokio::select! {
        asked = asked => asked,
        answered = answered(from_engine, answering, (kept, number)) => answered,
    }
}

/// The request of a head, and how long its body is: `None` where that is not said.
fn read_head(head: &[u8], program: &str) -> anyhow::Result<(Exchange, Option<usize>)> {
    let text = std::str::from_utf8(head)?;
    let mut lines = text.lines();
    let line = lines.next().unwrap_or_default();
    let [method, target, "HTTP/1.1"] = line.split(' ').collect::<Vec<_>>()[..] else {
        anyhow::bail!("no request line: {line}");
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut length = Some(0);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = Some(value.trim().parse()?),
            "transfer-encoding" => length = None,
            _ => {}
        }
    }
    let exchange = Exchange {
        program: program.to_owned(),
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        ..Exchange::default()
    };
    Ok((exchange, length))
}

async fn asked(
    mut caller: OwnedReadHalf,
    mut engine: OwnedWriteHalf,
    mut piece: Vec<u8>,
    mut length: Option<usize>,
    (kept, number): (&Kept, usize),
) -> anyhow::Result<()> {
    loop {
        {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            let exchange = &mut kept[number];
            if let Some(left) = &mut length {
                let ours = piece.len().min(*left);
                *left -= ours;
                keep(&mut exchange.body, &piece[..ours]);
                exchange.more |= ours < piece.len() && !exchange.is_upgraded();
            }
        }
        if engine.write_all(&piece).await.is_err() {
            // The engine has heard enough; what it answers decides when this is over.
            return std::future::pending().await;
        }
        piece.clear();
        if caller.read_buf(&mut piece).await? == 0 {
            return Ok(());
        }
    }
}

async fn answered(
    mut engine: OwnedReadHalf,
    mut caller: OwnedWriteHalf,
    (kept, number): (&Kept, usize),
) -> anyhow::Result<()> {
    let mut piece = Vec::new();
    while engine.read_buf(&mut piece).await? > 0 {
        {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            keep(&mut kept[number].answer, &piece);
        }
        caller.write_all(&piece).await?;
        piece.clear();
    }
    Ok(())
}

fn keep(kept: &mut Vec<u8>, piece: &[u8]) {
    let room = KEPT.saturating_sub(kept.len());
    kept.extend_from_slice(&piece[..room.min(piece.len())]);
}
