//! One boot: QEMU is started, its console followed until the container engine answers; a kernel that panics is given
//! another try.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::cache;
use super::certificates::{CERTS, InGuest};
use super::console::{Console, Told};
use super::initrd;
use super::interrupt::Interrupt;
use super::ping;
use super::process::Process;
use super::qemu::{self, Acceleration, Launch, NotStarted};
use super::record::Record;
use super::stages::Stages;

/// An emulated x86 kernel has panicked once in four boots.
const ATTEMPTS: u32 = 3;
/// How long a guest may come to no further stage, on a machine with nothing else to do. The longest, from the system to
/// the engine of a 32-bit device, takes 30 s there.
const SILENCE: Duration = Duration::from_secs(120);

/// What a boot needs.
#[derive(Debug)]
pub(super) struct Boot<'a> {
    /// The device's directory.
    pub directory: &'a Path,
    /// How the processor is run at first.
    pub acceleration: Acceleration,
    /// How many times longer than usual things may take.
    pub patience: f64,
    /// Whether the program was asked to end.
    pub interrupt: &'a Interrupt,
}

/// A guest that ends with its start, unless that came to its end.
#[derive(Debug)]
pub(super) struct Guest<'a> {
    directory: &'a Path,
    is_kept: bool,
}

impl Guest<'_> {
    /// The guest outlives this program.
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            qemu::end_unfinished(self.directory);
        }
    }
}

/// How one attempt ended without an engine.
enum End {
    /// It is worth another attempt.
    Again(String),
    /// It is not.
    Trouble(anyhow::Error),
}

/// Boots a device until its engine answers, and notes its process and port in the record.
///
/// # Errors
/// The engine does not answer, or the program was asked to end.
pub(super) fn run<'a>(
    boot: &Boot<'a>,
    record: &mut Record,
    stages: &mut Stages,
) -> anyhow::Result<Guest<'a>> {
    let mut acceleration = boot.acceleration;
    for attempt in 1..=ATTEMPTS {
        let guest = Guest {
            directory: boot.directory,
            is_kept: false,
        };
        match boot.attempt(acceleration, record, stages) {
            Ok(()) => return Ok(guest),
            Err(End::Trouble(error)) => return Err(error),
            Err(End::Again(why)) => {
                drop(guest);
                let kept = format!("serial-failed-{attempt}.log");
                let log = boot.directory.join(qemu::SERIAL_LOG);
                fs::rename(&log, boot.directory.join(&kept))
                    .with_context(|| format!("keep {} as {kept}", log.display()))?;
                if attempt < ATTEMPTS {
                    stages.say(&format!("{why}; attempt {} of {ATTEMPTS}", attempt + 1));
                }
                acceleration = Acceleration::Tcg;
            }
        }
    }
    bail!(
        "the device has not booted in {ATTEMPTS} attempts; its console is in {}",
        boot.directory.join("serial-failed-*.log").display()
    )
}

impl Boot<'_> {
    fn attempt(
        &self,
        acceleration: Acceleration,
        record: &mut Record,
        stages: &mut Stages,
    ) -> Result<(), End> {
        let begun = Instant::now();
        let process = self.launch(acceleration, record).map_err(End::Trouble)?;
        let mut console = Console::new(self.directory.join(qemu::SERIAL_LOG));
        let mut heard = Instant::now();
        stages.say("booting");
        loop {
            for told in console.news() {
                heard = Instant::now();
                match told {
                    Told::Stage { name, uptime } => {
                        tracing::debug!(name, uptime, "guest's own clock");
                        stages.done(stage(&name), begun.elapsed());
                        if name == "engine" {
                            return self.answer(record, begun, stages).map_err(End::Trouble);
                        }
                        stages.say(&format!("booting: {} is up", stage(&name)));
                    }
                    Told::Failed(why) => return Err(End::Trouble(self.told(&why))),
                    Told::Panic(why) => {
                        return Err(End::Again(format!("the guest's kernel panicked ({why})")));
                    }
                }
            }
            if !process.is_alive() {
                return Err(End::Again("the guest ended while it booted".to_owned()));
            }
            if heard.elapsed() > self.scaled(SILENCE) {
                let why = format!(
                    "it came to no further stage within {:.0} s",
                    self.scaled(SILENCE).as_secs_f64()
                );
                return Err(match acceleration {
                    Acceleration::Kvm => End::Again(why),
                    Acceleration::Tcg => End::Trouble(self.told(&why)),
                });
            }
            self.interrupt.pause().map_err(End::Trouble)?;
        }
    }

    fn told(&self, why: &str) -> anyhow::Error {
        let log = self.directory.join(qemu::SERIAL_LOG);
        anyhow::anyhow!(
            "the device has not booted: {why}; its console is in {}",
            log.display()
        )
    }

    fn scaled(&self, limit: Duration) -> Duration {
        limit.mul_f64(self.patience)
    }

    fn launch(&self, acceleration: Acceleration, record: &mut Record) -> anyhow::Result<Process> {
        let told = initrd::Told {
            name: &record.name,
            cgroup: record.cgroup,
            storage: record.storage,
            certificates: &InGuest::read(self.directory)?,
            now: jiff::Timestamp::now().as_second(),
        };
        let initrd = initrd::make(self.directory, &told)?;
        cache::write(&self.directory.join("initrd"), &initrd)?;
        // The port of the last time, if nobody else has it, keeps the URL that people noted.
        let mut port = free_port(record.port).or_else(|_| free_port(0))?;
        for _ in 0..5 {
            let launch = Launch {
                profile: record.profile,
                memory: record.memory,
                cores: record.cores,
                storage: record.storage,
                port,
                acceleration,
            };
            match qemu::start(self.directory, &launch) {
                Ok(process) => {
                    record.port = launch.port;
                    record.emulated = acceleration == Acceleration::Tcg;
                    record.set_process(Some(process));
                    record.write(self.directory)?;
                    return Ok(process);
                }
                Err(NotStarted::PortTaken) => port = free_port(0)?,
                Err(NotStarted::Other(error)) => return Err(error),
            }
        }
        bail!("no port on 127.0.0.1 stays free long enough for the container engine")
    }

    /// Waits until the engine answers from outside.
    fn answer(&self, record: &Record, begun: Instant, stages: &mut Stages) -> anyhow::Result<()> {
        stages.say("asking the engine from outside");
        let certs = self.directory.join(CERTS);
        let asked = Instant::now();
        loop {
            match ping::ask(record.port, &certs, self.scaled(Duration::from_secs(20))) {
                Ok(()) => {
                    stages.done("answer over tls", begun.elapsed());
                    return Ok(());
                }
                Err(error) if asked.elapsed() > self.scaled(SILENCE) => return Err(error),
                Err(error) => tracing::debug!("{error:#}"),
            }
            self.interrupt.pause()?;
        }
    }
}

/// What a stage of the guest is called.
fn stage(name: &str) -> &str {
    match name {
        "kernel" => "kernel",
        "disk" => "disk",
        "system" => "system",
        "engine" => "container engine",
        other => other,
    }
}

/// The port, if nobody listens on it now; any such port for 0.
fn free_port(wanted: u16) -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)).context("find a free port")?;
    Ok(listener.local_addr().context("find a free port")?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_the_last_time_is_taken_only_if_nobody_else_has_it() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert!(free_port(port).is_err());
        drop(taken);
        assert_eq!(free_port(port).unwrap(), port);
        assert_ne!(free_port(0).unwrap(), 0);
    }
}
