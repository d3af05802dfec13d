//! An engine that let a call go without an answer is asked whether it answers at all before it is given another one: several
//! calls in a row would each wait their minute for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long an engine that was silent may take for an answer to a ping, which costs it nothing.
pub(crate) const PING_WITHIN: Duration = Duration::from_secs(5);

/// Whether the engine let a call go without an answer and has answered nothing since; one for an engine and all its clones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Silence(Arc<AtomicBool>);

/// The engine is asked nothing more until it answers a ping.
#[derive(Debug, thiserror::Error)]
#[error("the engine answers nothing, not even a ping")]
pub(crate) struct Silent;

impl Silence {
    /// A call went without an answer.
    pub(crate) fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Something was answered.
    pub(crate) fn end(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    pub(crate) fn lasts(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixListener;
    use tokio::sync::watch;
    use tokio::time::Instant;

    use crate::client::Engine;

    const VERSION: &str = r#"{"ApiVersion":"1.41"}"#;

    /// An engine that tells its version, and whatever it is asked, as long as it answers; else it takes connections and says nothing.
    fn serve(socket: &Path, answers: watch::Receiver<bool>) {
        let listener = UnixListener::bind(socket).unwrap();
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                if !*answers.borrow() {
                    held.push(stream);
                    continue;
                }
                let mut request = [0; 4096];
                let _read = stream.read(&mut request).await.unwrap();
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
                let answer = format!(
                    "{head}\r\ncontent-length: {}\r\n\r\n{VERSION}",
                    VERSION.len()
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_first_call_that_a_silent_engine_is_asked_waits_its_minute() {
        let place = tempfile::tempdir().unwrap();
        let socket = place.path().join("engine.sock");
        let (answers, listens) = watch::channel(true);
        serve(&socket, listens);
        let engine = Engine::connect(&socket).await.unwrap();
        answers.send_replace(false);
        let (mut took, mut words) = (Vec::new(), Vec::new());
        for ways in 0..4 {
            let asked = Instant::now();
            // By bollard and byte for byte.
            let error = match ways % 2 {
                0 => engine.start("x").await.map(|_| ()).unwrap_err(),
                _ => engine.inspect("x").await.map(|_| ()).unwrap_err(),
            };
            took.push(asked.elapsed().as_secs());
            words.push(error.to_string());
        }
        assert_eq!(took, [60, 5, 5, 5]);
        assert_eq!(words[0], "start container x: no answer within 60 s");
        assert_eq!(words[1], "inspect container x: no answer within 5 s");
        assert_eq!(words[2], "start container x: no answer within 5 s");

        answers.send_replace(true);
        engine.ping().await.unwrap();
        answers.send_replace(false);
        let asked = Instant::now();
        engine.start("x").await.unwrap_err();
        assert_eq!(asked.elapsed().as_secs(), 60, "it has answered since");
    }
}
