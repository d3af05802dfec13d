//! A web server that answers as a bad day would have it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What is answered to a path.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A page.
    Page(&'static str),
    /// A status without a page.
    Status(&'static str),
    /// Sent on to there.
    To(String),
    /// A page without an end.
    Endless,
    /// A head without an end.
    EndlessHead,
    /// Nothing, ever.
    Silence,
    /// No HTTP.
    Noise,
}

/// Such a server on loopback; it ends with the test's process.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    questions: Arc<AtomicUsize>,
}

impl Server {
    /// Answers each path by this function.
    pub(crate) fn start(
        answer: impl Fn(&str, SocketAddr) -> Answer + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let questions = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&questions);
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (counter, answer) = (Arc::clone(&counter), Arc::clone(&answer));
                thread::spawn(move || {
                    serve(stream, |path| {
                        counter.fetch_add(1, Ordering::Relaxed);
                        answer(path, address)
                    })
                });
            }
        });
        Server { address, questions }
    }

    /// The link to a path.
    pub(crate) fn link(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many questions came.
    pub(crate) fn questions(&self) -> usize {
        self.questions.load(Ordering::Relaxed)
    }
}

/// Answers one question; every connection is closed behind it, for the next one to be let through anew.
fn serve(stream: TcpStream, answer: impl Fn(&str) -> Answer) -> Option<()> {
    let path = path(&mut BufReader::new(stream.try_clone().ok()?))?;
    let mut out = stream;
    match answer(&path) {
        Answer::Page(page) => write!(
            out,
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
            page.len()
        ),
        Answer::Status(status) => write!(
            out,
            "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ),
        Answer::To(target) => write!(
            out,
            "HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ),
        Answer::Endless => {
            write!(out, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").ok()?;
            loop {
                out.write_all(&[b' '; 65_536]).ok()?;
            }
        }
        Answer::EndlessHead => {
            write!(out, "HTTP/1.1 200 OK\r\n").ok()?;
            loop {
                write!(out, "X-{}: y\r\n", "x".repeat(8_000)).ok()?;
            }
        }
        Answer::Silence => loop {
            thread::park();
        },
        Answer::Noise => out.write_all(b"SSH-2.0-OpenSSH_9.2\r\n"),
    }
    .ok()
}

/// The path of a question, its head read to the end.
fn path(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        reader
            .read_line(&mut line)
            .ok()
            .filter(|length| *length > 0)?;
    }
    Some(path)
}
