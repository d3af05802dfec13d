//! What the probe is told when it starts: command line and environment, checked together.

use std::path::PathBuf;
use std::time::Duration;

use conformance::record::{Edition, MOST_CADENCE_HZ, RunOptions};
use conformance::units::{Bytes, Millis};

use crate::outbox::Limits;

/// Text of `--help`.
pub const HELP: &str = "\
edgeproof-agent: the probe of edgeproof, an IoT Edge module that certifies another one

Usage:
  edgeproof-agent                        run as an IoT Edge module: take runs from the module twin
  edgeproof-agent once --offer FILE --report FILE [options]
                                         certify one offer here and write report.json
  edgeproof-agent noop SECONDS           do nothing        (sacrificial containers)
  edgeproof-agent spin SECONDS           burn one core     (sacrificial containers)
  edgeproof-agent eat MIB                hold memory       (sacrificial containers)
  edgeproof-agent fill MIB               write to /        (sacrificial containers)
  edgeproof-agent golden SECONDS         a known footprint (sacrificial containers)
  edgeproof-agent calibrate RUNS         how fast this processor is, as JSON
  edgeproof-agent relay PORT SOCKET      carry connections to a harness over standard input and output

Options:
  --engine SOCKET        the container engine            [/var/run/docker.sock]
  --host-root DIR        where the device's /proc, /sys/fs/cgroup and data root are mounted
                         [/host if it exists, else /]
  --state DIR            journal, reports, sockets       [/var/lib/edgeproof]
  --image REF            image of the sacrificial containers [the probe's own]
  --window SECONDS       steady window  (makes the profile custom)
  --starts N             cold starts    (makes the profile custom)
  --cadence HZ           readings of the candidate a second, 1 to 100 [10] (fewer make the profile custom)
  --start-budget SECONDS how long a start may take (makes the profile custom)
  --reserve-mib N        memory that system and runtime take first
  --wait SECONDS         how long to wait for another run on this engine [600]
  --faults LIST          pokes and faults for a module on the SDK: all, or names with commas between them [none]
  --outage SECONDS       how long edgeHub is gone; nothing else is held longer [300]
  --recovery SECONDS     how soon the module has to be back after each [60]
  --edition current|2018
  --outbox-mib N         most that reports may take that the hub does not have yet [64]
  --outbox-pace on|off   whether they leave at no more than one message a second [on]
  --allow-elevated       start a candidate even if it reaches for the host
  --hermetic             start the candidate on a network without a way out
  -V, --version; -h, --help

Environment as a module: IOTEDGE_* as set by IoT Edge, or EdgeHubConnectionString with
EdgeModuleCACertificateFile; with x509=true in it, EDGEPROOF_X509_CERTIFICATE and
EDGEPROOF_X509_KEY name certificate and key (PEM). EDGEPROOF_ENGINE, EDGEPROOF_HOST_ROOT, EDGEPROOF_STATE,
EDGEPROOF_OUTBOX_MIB and EDGEPROOF_OUTBOX_PACE do as the options of that name.

Examples:
  edgeproof-agent once --offer offer.json --report report.json --state /tmp/edgeproof
  edgeproof-agent once --offer offer.json --report report.json --window 5 --starts 1";

/// What to do.
#[derive(Debug, PartialEq)]
pub enum Command {
    /// Serve runs from the module twin.
    Module(Settings),
    /// Certify one offer here.
    Once {
        settings: Settings,
        offer: PathBuf,
        report: PathBuf,
        options: Box<RunOptions>,
    },
    /// Do nothing for a while.
    Noop(u64),
    /// Burn one core for a while.
    Spin(u64),
    /// Hold so many MiB.
    Eat(u64),
    /// Write so many MiB.
    Fill(u64),
    /// Take what is known for a while.
    Golden(u64),
    /// Time the fixed kernel so many times.
    Calibrate(u32),
    /// Carry connections to the lab.
    Relay { port: u16, socket: PathBuf },
    /// Print the help.
    Help,
    /// Print the version.
    Version,
}

/// Where things are on this device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Socket of the container engine.
    pub engine: PathBuf,
    /// Where the device's `/proc` and so on are mounted; `None`: `/host` if it exists, else `/`.
    pub host_root: Option<PathBuf>,
    /// Journal, reports, sockets.
    pub state: PathBuf,
    /// Image of the sacrificial containers, if not the probe's own.
    pub image: Option<String>,
    /// Bound and pace of the outbox.
    pub outbox: Limits,
}

/// A usage mistake, in words.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; see --help")]
pub struct Usage(String);

impl From<lexopt::Error> for Usage {
    fn from(error: lexopt::Error) -> Usage {
        Usage(error.to_string())
    }
}

/// Reads the command line; `environment` gives the value of a variable.
///
/// # Errors
/// The first usage mistake, in words.
pub fn read(
    arguments: impl IntoIterator<Item = impl Into<std::ffi::OsString>>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Command, Usage> {
    use lexopt::prelude::{Long, Short, Value};
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut given = Given::from_environment(environment)?;
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            Value(word) if given.words.len() < 3 => given.words.push(text(word)?),
            Long("allow-elevated") => given.options.allow_elevated = true,
            Long("hermetic") => given.options.hermetic = true,
            Long(name) => {
                let name = name.to_owned();
                let value = text(parser.value()?)?;
                given.option(&name, value)?;
            }
            Short(_) | Value(_) => return Err(argument.unexpected().into()),
        }
    }
    given.command()
}

fn text(word: std::ffi::OsString) -> Result<String, Usage> {
    word.into_string()
        .map_err(|word| Usage(format!("{} is not UTF-8", word.display())))
}

/// What was given so far.
#[derive(Debug)]
struct Given {
    words: Vec<String>,
    settings: Settings,
    offer: Option<PathBuf>,
    report: Option<PathBuf>,
    options: RunOptions,
}

impl Given {
    fn from_environment(environment: &dyn Fn(&str) -> Option<String>) -> Result<Given, Usage> {
        let path = |name: &str| environment(name).map(PathBuf::from);
        let mut given = Given {
            words: Vec::new(),
            settings: Settings {
                engine: path("EDGEPROOF_ENGINE").unwrap_or_else(|| "/var/run/docker.sock".into()),
                host_root: path("EDGEPROOF_HOST_ROOT"),
                state: path("EDGEPROOF_STATE").unwrap_or_else(|| "/var/lib/edgeproof".into()),
                image: None,
                outbox: Limits::default(),
            },
            offer: None,
            report: None,
            options: RunOptions::default(),
        };
        for (variable, name) in [
            ("EDGEPROOF_OUTBOX_MIB", "outbox-mib"),
            ("EDGEPROOF_OUTBOX_PACE", "outbox-pace"),
        ] {
            if let Some(value) = environment(variable) {
                given.option(name, value)?;
            }
        }
        Ok(given)
    }

    fn option(&mut self, name: &str, value: String) -> Result<(), Usage> {
        match name {
            "engine" => self.settings.engine = value.into(),
            "host-root" => self.settings.host_root = Some(value.into()),
            "state" => self.settings.state = value.into(),
            "image" => self.settings.image = Some(value),
            "outbox-mib" => {
                let mib: u32 = number(name, &value)?;
                self.settings.outbox.room = Bytes::mib(u64::from(mib));
            }
            "outbox-pace" => {
                self.settings.outbox.is_paced = match value.as_str() {
                    "on" => true,
                    "off" => false,
                    _ => return Err(Usage(format!("--outbox-pace {value}: on or off"))),
                };
            }
            "offer" => self.offer = Some(value.into()),
            "report" => self.report = Some(value.into()),
            "window" => self.options.window = Some(seconds(name, &value)?.into()),
            "start-budget" => self.options.start_budget = Some(seconds(name, &value)?.into()),
            "wait" => self.options.wait = Some(seconds(name, &value)?.into()),
            "outage" => self.options.outage = Some(seconds(name, &value)?.into()),
            "recovery" => self.options.recovery = Some(seconds(name, &value)?.into()),
            "faults" => {
                let asked = conformance::faults::named(&value);
                let asked = asked.map_err(|mistake| Usage(format!("--faults: {mistake}")))?;
                self.options.faults = Some(asked);
            }
            "starts" => self.options.starts = Some(number(name, &value)?),
            "cadence" => {
                let hz: u32 = number(name, &value)?;
                if !(1..=MOST_CADENCE_HZ).contains(&hz) {
                    return Err(Usage(format!("--cadence {hz}: 1 to {MOST_CADENCE_HZ}")));
                }
                self.options.cadence_hz = Some(hz);
            }
            "reserve-mib" => {
                let mib: u32 = number(name, &value)?;
                self.options.reserve_bytes = Some(Bytes::mib(u64::from(mib)));
            }
            "edition" => {
                self.options.edition = match value.as_str() {
                    "current" => Edition::Current,
                    "2018" => Edition::Edition2018,
                    _ => return Err(Usage(format!("--edition {value}: current or 2018"))),
                };
            }
            _ => return Err(Usage(format!("unknown option --{name}"))),
        }
        Ok(())
    }

    fn command(self) -> Result<Command, Usage> {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        match words.as_slice() {
            [] => Ok(Command::Module(self.settings)),
            ["once"] => match (self.offer, self.report) {
                (Some(offer), Some(report)) => Ok(Command::Once {
                    settings: self.settings,
                    offer,
                    report,
                    options: Box::new(self.options),
                }),
                _ => Err(Usage(
                    "once needs --offer FILE and --report FILE".to_owned(),
                )),
            },
            ["noop", length] => Ok(Command::Noop(number("SECONDS", length)?)),
            ["spin", length] => Ok(Command::Spin(number("SECONDS", length)?)),
            ["eat", mib] => Ok(Command::Eat(number("MIB", mib)?)),
            ["fill", mib] => Ok(Command::Fill(number("MIB", mib)?)),
            ["golden", length] => Ok(Command::Golden(number("SECONDS", length)?)),
            ["calibrate", runs] => Ok(Command::Calibrate(number("RUNS", runs)?)),
            ["relay", port, socket] => Ok(Command::Relay {
                port: number("PORT", port)?,
                socket: socket.into(),
            }),
            _ => Err(Usage(format!("unknown command `{}`", words.join(" ")))),
        }
    }
}

fn seconds(name: &str, value: &str) -> Result<Duration, Usage> {
    value
        .parse::<f64>()
        .ok()
        .filter(|seconds| (0.0..=31_536_000.0).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| {
            Usage(format!(
                "{name} {value}: a number of seconds, at most a year"
            ))
        })
}

fn number<N: std::str::FromStr>(name: &str, value: &str) -> Result<N, Usage> {
    value
        .parse()
        .map_err(|_| Usage(format!("{name} {value}: a whole number")))
}

/// How long a run waits for another one on the same engine, unless told.
pub const DEFAULT_WAIT: Millis = Millis(600_000);

#[cfg(test)]
mod tests {
    use super::*;

    fn read_line(line: &str) -> Result<Command, Usage> {
        read(line.split_whitespace(), &|_| None)
    }

    #[test]
    fn without_words_the_probe_is_a_module() {
        let settings = Settings {
            engine: "/var/run/docker.sock".into(),
            host_root: None,
            state: "/var/lib/edgeproof".into(),
            image: None,
            outbox: Limits::default(),
        };
        assert_eq!(read_line(""), Ok(Command::Module(settings)));
    }

    #[test]
    fn the_environment_sets_what_the_command_line_does_not() {
        let environment = |name: &str| (name == "EDGEPROOF_STATE").then(|| "/state".to_owned());
        let command = read(["--engine", "/run/e.sock"], &environment).unwrap();
        let Command::Module(settings) = command else {
            panic!("{command:?}")
        };
        assert_eq!(settings.state, PathBuf::from("/state"));
        assert_eq!(settings.engine, PathBuf::from("/run/e.sock"));
    }

    #[test]
    fn the_outbox_is_bounded_and_paced_by_option_or_environment() {
        let environment = |name: &str| (name == "EDGEPROOF_OUTBOX_PACE").then(|| "off".to_owned());
        let Ok(Command::Module(settings)) = read(["--outbox-mib", "8"], &environment) else {
            panic!("it is a module")
        };
        assert_eq!(settings.outbox.room, Bytes::mib(8));
        assert!(!settings.outbox.is_paced);
        assert!(read(["x"], &|_| Some("some".to_owned())).is_err());
    }

    #[test]
    fn once_reads_its_options() {
        let command = read_line(
            "once --offer o.json --report r.json --window 2.5 --starts 1 --reserve-mib 300 --edition 2018",
        )
        .unwrap();
        let Command::Once { options, .. } = command else {
            panic!("{command:?}")
        };
        assert_eq!(options.window, Some(Millis(2_500)));
        assert_eq!(options.starts, Some(1));
        assert_eq!(options.reserve_bytes, Some(Bytes::mib(300)));
        assert_eq!(options.edition, Edition::Edition2018);
    }

    #[test]
    fn mistakes_name_the_word() {
        for (line, named) in [
            ("dance", "dance"),
            ("once --offer o", "--report"),
            ("eat lots", "lots"),
            ("--outbox-pace slow", "slow"),
            ("--frob 1", "--frob"),
            ("noop -1", "-1"),
            ("relay many /s", "many"),
            ("noop 1 2", "noop 1 2"),
            ("once --offer o --report r --edition 1999", "1999"),
            ("once --offer o --report r --faults storm", "storm"),
        ] {
            let mistake = read_line(line).unwrap_err().to_string();
            assert!(mistake.contains(named), "{line}: {mistake}");
        }
    }
}
