//! The layers of an image through ClamAV, where it is installed.
//!
//! Unpacked layers are written into a directory of our own while they are read, and one run of `clamscan` looks at all of them
//! and into the files in them: it reads tar archives itself, and loading its signatures takes far longer than looking.
//! Source: `clamscan(1)`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use conformance::finding::Reason;
use conformance::observation::{Layer, Observed, Scan, ScanHit};
use tokio::process::Command;

use super::copies::Waiting;
use crate::exit::Refused;

/// Where distributions keep ClamAV's signatures.
const SIGNATURES: &str = "/var/lib/clamav";
/// How long a whole scan may take.
const LONGEST: Duration = Duration::from_secs(2 * 3600);
/// Most hits told of one layer.
const MOST_HITS: usize = 20;
/// What it calls a file that it did not look at to its end. It is no malware.
const OVER_THE_LIMIT: &str = "Heuristics.Limits.Exceeded";

/// A scanner that can be used.
#[derive(Debug, Clone)]
pub(super) struct Clam {
    program: PathBuf,
    /// Signatures other than its own.
    database: Option<PathBuf>,
}

/// What a scan came to.
#[derive(Debug)]
pub(super) struct Scanned {
    scanner: String,
    signatures: String,
    /// By the name of a layer's file.
    hits: BTreeMap<String, Vec<String>>,
    layers: BTreeMap<String, Result<String, String>>,
}

impl Clam {
    /// ClamAV, if it is installed and has signatures, or with those that were named.
    ///
    /// # Errors
    /// Signatures were named, and there is no ClamAV or no such file.
    pub(super) fn find(database: Option<&Path>) -> Result<Option<Clam>, Refused> {
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let program = std::env::split_paths(&paths)
            .map(|directory| directory.join("clamscan"))
            .find(|path| path.is_file());
        let Some(database) = database else {
            let usable = program.filter(|_| has_signatures(Path::new(SIGNATURES)));
            return Ok(usable.map(|program| Clam {
                program,
                database: None,
            }));
        };
        let Some(program) = program else {
            return Err(Refused::Usage(
                "--clamav: no clamscan is installed (package clamav)".to_owned(),
            ));
        };
        if !database.exists() {
            let place = database.display();
            return Err(Refused::BadInput(format!(
                "--clamav {place}: no such file or directory"
            )));
        }
        Ok(Some(Clam {
            program,
            database: Some(database.to_owned()),
        }))
    }

    /// Looks at every layer that waits.
    ///
    /// # Errors
    /// In words, why it did not come to its end.
    pub(super) async fn scan(&self, waiting: Waiting) -> Result<Scanned, String> {
        let mut command = self.command();
        command
            .args([
                "--stdout",
                "--infected",
                "--allmatch=yes",
                "--recursive=yes",
            ])
            .args([
                "--alert-exceeds-max=yes",
                "--max-filesize=2000M",
                "--max-scansize=4000M",
            ])
            .args([
                "--max-files=2000000",
                "--max-recursion=30",
                "--max-scantime=3600000",
            ])
            .arg(format!("--tempdir={}", waiting.work().display()))
            .arg(waiting.layers());
        let output = ended(command).await?;
        // 0 is nothing found, 1 is something, anything else is no answer. Source: clamscan(1), "RETURN CODES".
        if !matches!(output.status.code(), Some(0 | 1)) {
            let told = String::from_utf8_lossy(&output.stderr);
            let last = told.lines().rfind(|line| !line.trim().is_empty());
            return Err(format!(
                "clamscan ended with {}: {:.300}",
                output.status,
                last.unwrap_or("it said nothing")
            ));
        }
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut command = self.command();
        command.arg("--version");
        let version = ended(command).await?;
        let version = String::from_utf8_lossy(&version.stdout).into_owned();
        Ok(Scanned {
            scanner: scanner(&told),
            signatures: self.signatures(&told, &version),
            hits: hits(&told),
            layers: waiting.names,
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(database) = &self.database {
            command.arg(format!("--database={}", database.display()));
        }
        command
    }

    /// How many signatures, and of which day they are or where they came from.
    fn signatures(&self, summary: &str, version: &str) -> String {
        let known = field(summary, "Known viruses").unwrap_or("an unknown number of");
        let mut parts = version.trim().splitn(3, '/').skip(1);
        match (parts.next(), parts.next(), &self.database) {
            (Some(number), Some(day), _) => {
                format!("{known} signatures, version {number} of {day}")
            }
            (_, _, Some(path)) => format!("{known} signatures of {}", path.display()),
            (_, _, None) => format!("{known} signatures"),
        }
    }
}

/// Runs a command to its end, or ends it.
async fn ended(mut command: Command) -> Result<Output, String> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    match tokio::time::timeout(LONGEST, command.output()).await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(error)) => Err(format!("start clamscan: {error}")),
        Err(_) => Err(format!(
            "clamscan did not end within {} s",
            LONGEST.as_secs()
        )),
    }
}

fn has_signatures(directory: &Path) -> bool {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let kind = |path: PathBuf| path.extension().map(|one| one.to_ascii_lowercase());
    let kinds = entries.filter_map(|entry| kind(entry.path()));
    let known = ["cvd", "cld", "cud", "ndb", "hdb", "hsb"];
    kinds
        .into_iter()
        .any(|kind| known.iter().any(|one| kind == *one))
}

fn field<'a>(summary: &'a str, name: &str) -> Option<&'a str> {
    let line = summary.lines().rfind(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}

fn scanner(summary: &str) -> String {
    format!(
        "ClamAV {}",
        field(summary, "Engine version").unwrap_or("of unknown version")
    )
}

/// `…/layers/sha256-12: Eicar-Test-Signature FOUND`, by the file's name.
fn hits(told: &str) -> BTreeMap<String, Vec<String>> {
    let mut hits: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in told.lines() {
        let named = line
            .strip_suffix(" FOUND")
            .and_then(|line| line.rsplit_once(": "));
        let Some((path, name)) = named else {
            continue;
        };
        let file = path.rsplit('/').next().unwrap_or_default();
        let of_layer = hits.entry(file.to_owned()).or_default();
        if of_layer.len() < MOST_HITS && !of_layer.iter().any(|one| one == name) {
            of_layer.push(name.to_owned());
        }
    }
    hits
}

impl Scanned {
    /// What it says of an image with these layers.
    pub(super) fn of(&self, layers: &[Layer]) -> Observed<Scan> {
        let mut scan = Scan {
            scanner: self.scanner.clone(),
            signatures: self.signatures.clone(),
            hits: Vec::new(),
            incomplete: Vec::new(),
        };
        for layer in layers {
            let digest = &layer.digest;
            match self.layers.get(digest) {
                Some(Ok(file)) => {
                    for name in self.hits.get(file).into_iter().flatten() {
                        if name.starts_with(OVER_THE_LIMIT) {
                            scan.incomplete.push(format!("layer {digest}: {name}"));
                        } else {
                            scan.hits.push(ScanHit {
                                layer: digest.clone(),
                                name: name.clone(),
                            });
                        }
                    }
                }
                Some(Err(why)) => scan.incomplete.push(format!("layer {digest}: {why}")),
                None => scan.incomplete.push(format!("layer {digest} was not read")),
            }
        }
        Observed::Seen(scan)
    }
}

/// Why nothing was scanned, where no scanner is there.
pub(super) fn no_scanner<T>() -> Observed<T> {
    Observed::unseen(
        Reason::InputMissing,
        "no ClamAV with signatures is installed here, or it was not to be used (--no-clamav)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned(told: &str) -> Scanned {
        Scanned {
            scanner: scanner(told),
            signatures: String::new(),
            hits: hits(told),
            layers: [
                ("sha256:a", Ok("layer-1")),
                ("sha256:b", Ok("layer-2")),
                ("sha256:c", Err("full")),
            ]
            .map(|(digest, file)| {
                let file = file.map(str::to_owned).map_err(str::to_owned);
                (digest.to_owned(), file)
            })
            .into(),
        }
    }

    fn layer(digest: &str) -> Layer {
        Layer {
            digest: digest.to_owned(),
            size: conformance::units::Bytes(1),
            media_type: String::new(),
        }
    }

    const TOLD: &str = "\
/tmp/edgeproof-scan-x/layers/layer-1: Win.Test.EICAR_HDB-1 FOUND
/tmp/edgeproof-scan-x/layers/layer-1: Win.Test.EICAR_HDB-1 FOUND
/tmp/edgeproof-scan-x/layers/layer-2: Heuristics.Limits.Exceeded.MaxFileSize FOUND

----------- SCAN SUMMARY -----------
Known viruses: 8700000
Engine version: 1.4.6
Infected files: 2
";

    #[test]
    fn what_clamscan_prints_is_told_by_layer_and_limits_are_no_malware() {
        let scanned = scanned(TOLD);
        assert_eq!(scanned.scanner, "ClamAV 1.4.6");
        let Observed::Seen(scan) = scanned.of(&[layer("sha256:a")]) else {
            panic!("it was scanned");
        };
        assert_eq!(scan.hits.len(), 1);
        assert_eq!(scan.hits[0].name, "Win.Test.EICAR_HDB-1");
        assert!(scan.incomplete.is_empty());
        let all = ["sha256:b", "sha256:c", "sha256:d"].map(layer);
        let Observed::Seen(scan) = scanned.of(&all) else {
            panic!("it was scanned");
        };
        assert_eq!((scan.hits.len(), scan.incomplete.len()), (0, 3), "{scan:?}");
    }

    #[test]
    fn signatures_are_told_with_their_day_or_their_place() {
        let own = Clam {
            program: PathBuf::new(),
            database: Some(PathBuf::from("/own.hdb")),
        };
        assert_eq!(
            own.signatures(TOLD, "ClamAV 1.4.6\n"),
            "8700000 signatures of /own.hdb"
        );
        let version = "ClamAV 1.4.6/27500/Thu Nov 26 08:00:00 2026\n";
        assert_eq!(
            own.signatures(TOLD, version),
            "8700000 signatures, version 27500 of Thu Nov 26 08:00:00 2026"
        );
    }
}
