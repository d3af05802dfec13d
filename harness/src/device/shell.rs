//! The root shell of a device, from outside: a command goes in on one socket, output and errors come out on two others.
//!
//! The guest's side, and the form of what passes, are in `guest/shell.sh`.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::qemu::PORTS;

/// Runs a command in the device whose directory is given; tells its exit code.
///
/// Callers take turns: the caller holds the device's shell lock. `silence` limits the wait for the first answer; a command
/// that runs may be silent as long as it likes.
///
/// # Errors
/// The device does not answer, or ends.
pub(super) fn run(
    directory: &Path,
    command: &str,
    silence: Duration,
    out: &mut (dyn Write + Send),
    err: &mut (dyn Write + Send),
) -> anyhow::Result<i32> {
    let token = token()?;
    let [mut commands, output, errors] = connect(directory)?;
    let line = format!("{token} {}\n", STANDARD.encode(command));
    commands
        .write_all(line.as_bytes())
        .context("hand the command to the device")?;
    std::thread::scope(|scope| {
        let errors = scope.spawn(|| follow(errors, &token, silence, err));
        let code = follow(output, &token, silence, out)?;
        errors
            .join()
            .map_err(|_| anyhow::anyhow!("the reader of errors ended"))??;
        Ok(code)
    })
}

/// A command and its arguments as one line of shell.
#[must_use]
pub(super) fn quoted(words: &[String]) -> String {
    let quoted: Vec<String> = words
        .iter()
        .map(|word| format!("'{}'", word.replace('\'', r"'\''")))
        .collect();
    format!("exec {}\n", quoted.join(" "))
}

fn token() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).context("draw a random token")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn connect(directory: &Path) -> anyhow::Result<[UnixStream; 3]> {
    let opened = File::open(directory).with_context(|| format!("open {}", directory.display()))?;
    let connect = |port: &str| {
        // The path of a socket may not have more than 107 letters; this one is short wherever the directory is.
        let path = format!("/proc/self/fd/{}/{port}.sock", opened.as_raw_fd());
        UnixStream::connect(path).context("connect to the root shell of the device")
    };
    // Whoever listens for answers is there before the command is.
    let [commands, output, errors] = PORTS;
    let (output, errors) = (connect(output)?, connect(errors)?);
    Ok([connect(commands)?, output, errors])
}

/// Hands on what a command says, to its end; tells its exit code.
fn follow(
    mut from: UnixStream,
    token: &str,
    silence: Duration,
    to: &mut (dyn Write + Send),
) -> anyhow::Result<i32> {
    let mut answer = Answer::new(token);
    let mut bytes = [0; 16 * 1024];
    loop {
        let limit = (!answer.has_begun).then_some(silence);
        from.set_read_timeout(limit)
            .context("limit the wait for the device")?;
        let count = match from.read(&mut bytes) {
            Ok(0) => bail!("the device ended before its command did"),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == ErrorKind::WouldBlock => bail!(
                "the root shell of the device has not answered for {} s",
                silence.as_secs()
            ),
            Err(error) => return Err(error).context("hear from the device"),
        };
        let end = answer.take(&bytes[..count]);
        to.write_all(&answer.ready)
            .and_then(|()| to.flush())
            .context("hand on what the command says")?;
        answer.ready.clear();
        if let Some(code) = end {
            return Ok(code);
        }
    }
}

/// The part of a stream that belongs to one command.
#[derive(Debug)]
struct Answer {
    begin: Vec<u8>,
    end: Vec<u8>,
    has_begun: bool,
    held: Vec<u8>,
    ready: Vec<u8>,
}

impl Answer {
    fn new(token: &str) -> Answer {
        Answer {
            begin: format!("begin {token}\n").into_bytes(),
            end: format!("\nend {token} ").into_bytes(),
            has_begun: false,
            held: Vec::new(),
            ready: Vec::new(),
        }
    }

    /// Takes what has come; `ready` grows by what is the command's own for sure. Tells the exit code at the end.
    fn take(&mut self, bytes: &[u8]) -> Option<i32> {
        self.held.extend_from_slice(bytes);
        if !self.has_begun {
            let Some(at) = find(&self.held, &self.begin) else {
                // Left by an earlier caller, but for what may be the begin of our begin.
                let keep = self.held.len().min(self.begin.len() - 1);
                self.held.drain(..self.held.len() - keep);
                return None;
            };
            self.held.drain(..at + self.begin.len());
            self.has_begun = true;
        }
        if let Some(at) = find(&self.held, &self.end) {
            let rest = &self.held[at + self.end.len()..];
            let line = rest.iter().position(|byte| *byte == b'\n')?;
            let code = std::str::from_utf8(&rest[..line]).ok()?.trim().parse().ok();
            self.ready.extend(self.held.drain(..at));
            return code;
        }
        // The longest tail that the end could begin with is held back.
        let longest = self.held.len().min(self.end.len() - 1);
        let keep = (0..=longest)
            .rev()
            .find(|count| self.held.ends_with(&self.end[..*count]))
            .unwrap_or(0);
        self.ready.extend(self.held.drain(..self.held.len() - keep));
        None
    }
}

fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len())
        .position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is handed on, and the exit code, if the stream comes in pieces of so many bytes.
    fn check(stream: &[u8], piece: usize) -> (Vec<u8>, Option<i32>) {
        let mut answer = Answer::new("t0ken");
        for bytes in stream.chunks(piece) {
            if let Some(code) = answer.take(bytes) {
                return (answer.ready, Some(code));
            }
        }
        (answer.ready, None)
    }

    #[test]
    fn output_is_handed_on_byte_for_byte_however_it_is_cut() {
        let stream =
            b"left over\nend 0ther 7\nbegin t0ken\na\n\x00\xff\nend t0ken\n\nend t0ken 3\n";
        for piece in 1..=stream.len() {
            let (output, code) = check(stream, piece);
            assert_eq!(output, b"a\n\x00\xff\nend t0ken\n", "pieces of {piece}");
            assert_eq!(code, Some(3), "pieces of {piece}");
        }
    }

    #[test]
    fn a_command_that_says_nothing_has_an_exit_code() {
        assert_eq!(
            check(b"begin t0ken\n\nend t0ken 0\n", 1),
            (Vec::new(), Some(0))
        );
    }

    #[test]
    fn what_cannot_be_the_end_is_not_held_back() {
        let (output, code) = check(b"begin t0ken\nworking\nen", 64);
        assert_eq!(output, b"working");
        assert_eq!(code, None);
    }

    #[test]
    fn words_reach_the_command_as_they_are() {
        let words = ["sh", "-c", "echo 'a b' $HOME"].map(str::to_owned);
        assert_eq!(
            quoted(&words),
            "exec 'sh' '-c' 'echo '\\''a b'\\'' $HOME'\n"
        );
        let output = std::process::Command::new("sh")
            .arg("-c")
            .arg(quoted(&["printf", "%s", "it's $5"].map(str::to_owned)))
            .output()
            .unwrap();
        assert_eq!(output.stdout, b"it's $5");
    }
}
