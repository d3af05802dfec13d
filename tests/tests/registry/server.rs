//! A registry of our own making, for what a real one does not do: refuse, dawdle, send in circles.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A question: its line, and what was sent along to open the door.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
}

/// What is answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Status, headers, body.
    Whole(&'static str, Vec<(&'static str, String)>, Vec<u8>),
    /// A body without an end.
    Endless,
    /// Nothing, ever.
    Silence,
}

/// Such a registry; it ends with the test's process.
pub(crate) struct Server {
    pub(crate) address: String,
    questions: Arc<AtomicUsize>,
}

impl Server {
    /// Answers every question by this function.
    pub(crate) fn start(answer: impl Fn(&Asked, &str) -> Answer + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let questions = Arc::new(AtomicUsize::new(0));
        let (counter, here) = (Arc::clone(&questions), address.clone());
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (counter, answer, here) =
                    (Arc::clone(&counter), Arc::clone(&answer), here.clone());
                thread::spawn(move || {
                    serve(stream, |asked| {
                        counter.fetch_add(1, Ordering::Relaxed);
                        answer(asked, &here)
                    })
                });
            }
        });
        Server { address, questions }
    }

    /// How many questions came.
    pub(crate) fn questions(&self) -> usize {
        self.questions.load(Ordering::Relaxed)
    }
}

/// Answers on one connection until the other side has enough.
fn serve(stream: TcpStream, answer: impl Fn(&Asked) -> Answer) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut writer = stream;
    loop {
        let asked = read(&mut reader)?;
        match answer(&asked) {
            Answer::Whole(status, headers, body) => {
                let mut head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                writer.write_all(format!("{head}\r\n").as_bytes()).ok()?;
                if asked.method != "HEAD" {
                    writer.write_all(&body).ok()?;
                }
            }
            Answer::Endless => {
                writer
                    .write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
                    .ok()?;
                loop {
                    writer.write_all(&[b' '; 65_536]).ok()?;
                }
            }
            Answer::Silence => loop {
                thread::park();
            },
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut first = String::new();
    reader
        .read_line(&mut first)
        .ok()
        .filter(|length| *length > 0)?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut authorization = None;
    loop {
        let mut line = String::new();
        reader
            .read_line(&mut line)
            .ok()
            .filter(|length| *length > 0)?;
        if line.trim().is_empty() {
            return Some(Asked {
                method,
                path,
                authorization,
            });
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("authorization")
        {
            authorization = Some(value.trim().to_owned());
        }
    }
}

/// An answer with a body and a type.
pub(crate) fn json(body: String) -> Answer {
    Answer::Whole(
        "200 OK",
        vec![("Content-Type", "application/json".to_owned())],
        body.into_bytes(),
    )
}

/// An answer without a body.
pub(crate) fn status(status: &'static str, headers: Vec<(&'static str, String)>) -> Answer {
    Answer::Whole(status, headers, Vec::new())
}
