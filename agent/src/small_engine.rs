//! For tests alone: the smallest engine on which calls end, for what no real one can be made to do at the right moment.

use std::path::Path;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;

/// Tells its version itself and answers every other path with `body`; each request is told, head and all.
pub(crate) fn serve(
    socket: &Path,
    body: impl Fn(&str) -> String + Send + 'static,
) -> (JoinHandle<()>, UnboundedReceiver<String>) {
    let listener = UnixListener::bind(socket).unwrap();
    let (tell, asked) = unbounded_channel();
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let body = match request.split(' ').nth(1).unwrap_or_default() {
                "/version" => r#"{"ApiVersion":"1.41"}"#.to_owned(),
                path => body(path),
            };
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
            let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
            // Not every test listens.
            let _ = tell.send(request);
        }
    });
    (serving, asked)
}
