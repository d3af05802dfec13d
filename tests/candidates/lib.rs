//! What every fixture module does the same way, so that each differs from the well-behaved one in just one respect.
//!
//! A fixture must not do anything by chance: no time of day, no random numbers, no reading of its environment.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// One mebibyte, in bytes.
pub const MIB: usize = 1 << 20;

/// The TCP port that every serving fixture declares in its createOptions as `8080/tcp`.
pub const PORT: u16 = 8080;

/// How long one caller may keep the single-threaded server waiting.
const CALLER_PATIENCE: Duration = Duration::from_secs(2);

/// Ends the process with exit code 0 as soon as SIGTERM arrives, whatever it is doing.
///
/// The kernel drops signals without a handler when they are sent to process 1 of a container (pid_namespaces(7)):
/// a module has to ask for its own end.
///
/// # Errors
/// If the kernel refuses the handler.
pub fn exit_on_sigterm() -> Result<()> {
    let at_once = Arc::new(AtomicBool::new(true));
    signal_hook::flag::register_conditional_shutdown(signal_hook::consts::SIGTERM, 0, at_once)
        .context("install the SIGTERM handler")?;
    Ok(())
}

/// Writes one line to standard output, the module's log.
///
/// # Errors
/// If standard output is closed.
pub fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").context("write a log line")
}

/// Listens on [`PORT`] and answers every caller with one HTTP response, for ever.
///
/// # Errors
/// If the port cannot be bound or the log line cannot be written; a failing caller is none.
pub fn serve(name: &str) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT))
        .with_context(|| format!("listen on port {PORT}"))?;
    say(&format!("{name}: listening on TCP port {PORT}"))?;
    for caller in listener.incoming().flatten() {
        // A caller that hangs up early is no trouble of the module's.
        let _gone = answer(caller, name);
    }
    Ok(())
}

fn answer(mut caller: TcpStream, name: &str) -> std::io::Result<()> {
    caller.set_read_timeout(Some(CALLER_PATIENCE))?;
    caller.set_write_timeout(Some(CALLER_PATIENCE))?;
    let mut request = [0; 1024];
    let _seen = caller.read(&mut request)?;
    let body = format!("{name} is well\n");
    write!(
        caller,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Anonymous memory of `bytes` bytes, every page of it written, so that the kernel has to back it.
///
/// A zeroed allocation would come from untouched pages; any other value is written byte for byte.
#[must_use]
pub fn touched(bytes: usize) -> Vec<u8> {
    vec![0xA5; bytes]
}

/// Sleeps for ever; only a signal ends the process.
pub fn idle() -> ! {
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

/// What stands on a disk: bytes as written, and bytes of the blocks that hold them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Files written.
    pub files: u32,
    /// Sum of the lengths, in bytes.
    pub bytes: u64,
    /// Sum of the allocated blocks, in bytes (stat(2): `st_blocks` counts 512-byte units).
    pub blocks: u64,
}

/// Writes `files` files of `length` bytes each below `directory`, at most a thousand to a subdirectory, and syncs them.
///
/// The bytes are not zero, so that no file system can store them as holes. Directories themselves are not counted.
///
/// # Errors
/// Names the path that could not be written.
pub fn write_files(directory: &Path, files: u32, length: usize) -> Result<Written> {
    let content = touched(length);
    for number in 0..files {
        let path = file_path(directory, number);
        let parent = path.parent().unwrap_or(directory);
        fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
        fs::write(&path, &content).with_context(|| format!("write {}", path.display()))?;
    }
    // Delayed allocation: ext4 knows the blocks of a file only once it is written back (syncfs(2)).
    let opened =
        fs::File::open(directory).with_context(|| format!("open {}", directory.display()))?;
    rustix::fs::syncfs(&opened)
        .with_context(|| format!("sync the file system of {}", directory.display()))?;
    let mut sum = Written::default();
    for number in 0..files {
        let path = file_path(directory, number);
        let seen = fs::metadata(&path).with_context(|| format!("look at {}", path.display()))?;
        sum.files += 1;
        sum.bytes += seen.size();
        sum.blocks += seen.blocks() * 512;
    }
    Ok(sum)
}

fn file_path(directory: &Path, number: u32) -> std::path::PathBuf {
    directory
        .join(format!("{:03}", number / 1000))
        .join(format!("{:03}.dat", number % 1000))
}

/// Keeps one thread busy for exactly `share` of the time, in slices of `slice`: after each slice the processor time used so far
/// is compared with the share of the time gone by, so that no error adds up. Never returns.
///
/// `share` is a fraction of one core, 0 to 1.
pub fn burn(share: f64, slice: Duration) -> ! {
    let begun = std::time::Instant::now();
    let used_before = cpu_time();
    let mut slices: u32 = 0;
    loop {
        slices += 1;
        let boundary = slice * slices;
        let due = boundary.mul_f64(share);
        while cpu_time().saturating_sub(used_before) < due {
            std::hint::spin_loop();
        }
        thread::sleep(boundary.saturating_sub(begun.elapsed()));
    }
}

/// Keeps one thread busy until the process has used `used` of processor time.
pub fn burn_for(used: Duration) {
    while cpu_time() < used {
        std::hint::spin_loop();
    }
}

/// Processor time of this process so far, user and system together, as the kernel accounts it (clock_gettime(2)).
fn cpu_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(now).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn written_files_are_counted_as_the_file_system_sees_them() {
        let directory = tempfile::tempdir().unwrap();
        let seen = write_files(directory.path(), 1001, 5000).unwrap();
        assert_eq!((seen.files, seen.bytes), (1001, 1001 * 5000));
        assert!(seen.blocks >= seen.bytes, "{seen:?}");
        assert!(directory.path().join("001/000.dat").exists());
    }

    #[test]
    fn touched_memory_is_written_and_of_the_asked_size() {
        let memory = touched(3 * MIB);
        assert_eq!(memory.len(), 3 * MIB);
        assert!(memory.iter().all(|byte| *byte != 0));
    }

    #[test]
    fn a_caller_is_answered_by_name() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || answer(listener.accept().unwrap().0, "it").unwrap());
        let mut caller = TcpStream::connect(address).unwrap();
        caller.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let mut reply = String::new();
        caller.read_to_string(&mut reply).unwrap();
        server.join().unwrap();
        assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
        assert!(reply.ends_with("\r\n\r\nit is well\n"), "{reply}");
    }
}
