//! Root images: built once for an architecture and release, from Debian packages alone, under a lock and a temporary name.
//!
//! mmdebstrap downloads and extracts, and our hook (`guest/build-root.sh`) does the rest; no program of the image is run.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::cache::{self, Cache};
use super::interrupt::Interrupt;
use super::mirror;
use super::packages;
use super::profile::{Debian, Profile};
use super::stages::Stages;

const BUILD_ROOT: &str = include_str!("guest/build-root.sh");
/// Size of a device's disk. It takes only the blocks that are used.
const DISK: &str = "8G";

/// What is known of a root image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    /// Digest of everything that goes into the build but the packages themselves.
    recipe: String,
    /// Where its packages came from.
    packages: Source,
}

/// Where the packages come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Source {
    /// The release, its updates and its security updates.
    All,
    /// The same, though the mirror's lists, signed as they are, are older than they may be.
    AllExpired,
    /// The release alone.
    ReleaseAlone,
}

/// The directory of an image, built where it is missing or was built by another recipe.
///
/// # Errors
/// A program of the host is missing, or the build failed.
pub(super) fn ensure(
    cache: &Cache,
    profile: Profile,
    debian: Debian,
    stages: &mut Stages,
    interrupt: &Interrupt,
) -> anyhow::Result<PathBuf> {
    let directory = cache.image(profile, debian);
    let name = file_name(&directory);
    let _lock = cache.lock(&format!("image-{name}"), || {
        stages.say("waiting for another command that builds the same root image");
    })?;
    if made(&directory).is_some_and(|made| made.recipe == recipe(profile, debian)) {
        return Ok(directory);
    }
    let as_root = rustix::process::geteuid().is_root();
    packages::check(&packages::to_build(debian, as_root))?;
    stages.say(&format!("building the root image {name}"));
    let begun = Instant::now();
    let unfinished = Unfinished::begin(cache.images().join(format!(".building-{name}")))?;
    let build = Build {
        profile,
        debian,
        directory: &unfinished.0,
        as_root,
        interrupt,
    };
    let made = Made {
        packages: build.run(stages)?,
        recipe: recipe(profile, debian),
    };
    finish(&unfinished.0, &directory, &made)?;
    stages.done("root image", begun.elapsed());
    Ok(directory)
}

fn file_name(directory: &Path) -> String {
    directory
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn made(directory: &Path) -> Option<Made> {
    serde_json::from_slice(&fs::read(directory.join("image.json")).ok()?).ok()
}

/// Takes the finished parts to their place, the note that they are finished last.
fn finish(unfinished: &Path, directory: &Path, made: &Made) -> anyhow::Result<()> {
    let result = unfinished.join("result");
    let note = serde_json::to_vec_pretty(made).context("write down the image")?;
    cache::write(&result.join("image.json"), &note)?;
    cache::remove(directory)?;
    fs::rename(&result, directory)
        .with_context(|| format!("move {} to {}", result.display(), directory.display()))
}

fn recipe(profile: Profile, debian: Debian) -> String {
    let mut digest = Sha256::new();
    for part in [BUILD_ROOT, DISK, &kernel(profile)] {
        digest.update(part);
    }
    digest.update(debian.packages().join(","));
    digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A directory that vanishes with its build, however that ends.
#[derive(Debug)]
struct Unfinished(PathBuf);

impl Unfinished {
    fn begin(directory: PathBuf) -> anyhow::Result<Unfinished> {
        // A build that was killed could not remove its own.
        cache::remove(&directory)?;
        cache::make(&directory.join("temporary"))?;
        cache::make(&directory.join("result"))?;
        Ok(Unfinished(directory))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Err(error) = cache::remove(&self.0) {
            tracing::warn!("{error:#}");
        }
    }
}

struct Build<'a> {
    profile: Profile,
    debian: Debian,
    directory: &'a Path,
    as_root: bool,
    interrupt: &'a Interrupt,
}

impl Build<'_> {
    /// Builds; tells where the packages came from.
    fn run(&self, stages: &mut Stages) -> anyhow::Result<Source> {
        let hook = self.directory.join("build-root.sh");
        fs::write(&hook, BUILD_ROOT).with_context(|| format!("write {}", hook.display()))?;
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("make {} a program", hook.display()))?;
        let mut source = Source::All;
        let mut failures = 0;
        loop {
            let (status, log) = self.attempt(source, &hook)?;
            if status.success() {
                return Ok(source);
            }
            failures += 1;
            let Some((next, why)) = after_failure(source, failures, &log) else {
                bail!("the root image cannot be built:\n{}", last_lines(&log));
            };
            stages.say(why);
            source = next;
        }
    }

    fn attempt(&self, source: Source, hook: &Path) -> anyhow::Result<(ExitStatus, String)> {
        let result = self.directory.join("result");
        cache::remove(&result)?;
        cache::make(&result)?;
        let log = self.directory.join("log");
        let output = File::create(&log).with_context(|| format!("make {}", log.display()))?;
        let program = if self.as_root {
            "mmdebstrap"
        } else {
            "fakeroot"
        };
        let mut command = Command::new(program);
        if !self.as_root {
            command.arg("mmdebstrap");
        }
        command
            .args(arguments(self.profile, self.debian, source, hook))
            .args(match source {
                Source::All | Source::AllExpired => None,
                Source::ReleaseAlone => Some(mirror::address()?),
            })
            .env("PATH", packages::search_path())
            .env("TMPDIR", self.directory.join("temporary"))
            .env("EDGEPROOF_OUT", &result)
            .env("EDGEPROOF_KERNEL", kernel(self.profile))
            .env("EDGEPROOF_DISK", DISK)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stderr(output.try_clone().context("share the log of the build")?)
            .stdout(output);
        let status = run_to_end(&mut command, self.interrupt)?;
        let text = fs::read(&log).with_context(|| format!("read {}", log.display()))?;
        Ok((status, String::from_utf8_lossy(&text).into_owned()))
    }
}

/// What is tried next, and why. Mirrors are at times behind their own lists, those of security updates more often than the
/// release's; and the lists of a release in the making expire within a week.
fn after_failure(source: Source, failures: u32, log: &str) -> Option<(Source, &'static str)> {
    if failures >= 4 {
        return None;
    }
    let is_expired = log.contains(" is expired ");
    let is_unfetched = log.contains("E: Failed to fetch") || log.contains("E: Some index files");
    match source {
        Source::All if is_expired => Some((
            Source::AllExpired,
            "the mirror's package lists have expired; taking them as they are",
        )),
        Source::All | Source::AllExpired if is_unfetched && failures < 2 => Some((
            source,
            "the package lists cannot be fetched whole; another attempt",
        )),
        Source::All | Source::AllExpired if is_unfetched => Some((
            Source::ReleaseAlone,
            "the package lists cannot be fetched whole; taking the release without its updates",
        )),
        Source::All | Source::AllExpired | Source::ReleaseAlone => None,
    }
}

/// The kernel's meta package, as apt calls it in the device.
fn kernel(profile: Profile) -> String {
    format!(
        "{}:{}",
        profile.kernel_package(),
        profile.kernel_architecture()
    )
}

/// The architecture of the device's programs, and that of its kernel where it is another.
fn architectures(profile: Profile) -> String {
    let mut names = vec![profile.debian_architecture(), profile.kernel_architecture()];
    names.dedup();
    names.join(",")
}

fn arguments(profile: Profile, debian: Debian, source: Source, hook: &Path) -> Vec<String> {
    let mut arguments = match source {
        // The mirror of a release alone comes last.
        Source::All | Source::ReleaseAlone => Vec::new(),
        Source::AllExpired => vec!["--aptopt=Acquire::Check-Valid-Until \"false\"".to_owned()],
    };
    arguments.extend([
        // Nothing is mounted and nothing of the image is run.
        "--mode=chrootless".to_owned(),
        "--variant=extract".to_owned(),
        format!("--architectures={}", architectures(profile)),
        "--format=null".to_owned(),
        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr".to_owned(),
        "--aptopt=Acquire::Retries \"3\"".to_owned(),
        // The directories here are closed to the user that apt would otherwise download as.
        "--aptopt=APT::Sandbox::User \"root\"".to_owned(),
        format!("--include={}", debian.packages().join(",")),
        format!("--extract-hook={}", hook.display()),
        debian.name().to_owned(),
        "-".to_owned(),
    ]);
    arguments
}

/// Runs a command in a process group of its own, which is ended as a whole when this program is asked to end.
fn run_to_end(command: &mut Command, interrupt: &Interrupt) -> anyhow::Result<ExitStatus> {
    let mut child = command
        .process_group(0)
        .spawn()
        .with_context(|| format!("start {}", command.get_program().to_string_lossy()))?;
    loop {
        if let Some(status) = child.try_wait().context("wait for the build")? {
            return Ok(status);
        }
        if let Err(interrupted) = interrupt.pause() {
            if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                // The group may have ended this very moment.
                let _ = kill_process_group(group, Signal::KILL);
            }
            child.wait().context("wait for the build")?;
            return Err(interrupted);
        }
    }
}

fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(profile: Profile, debian: Debian, source: Source) -> String {
        arguments(profile, debian, source, Path::new("/c/build-root.sh")).join(" ")
    }

    #[test]
    fn both_kinds_of_32_bit_arm_share_an_image() {
        assert_eq!(
            line(Profile::Arm32, Debian::Bookworm, Source::All),
            line(Profile::Arm32Stock, Debian::Bookworm, Source::All)
        );
        assert_eq!(
            recipe(Profile::Arm32, Debian::Bookworm),
            recipe(Profile::Arm32Stock, Debian::Bookworm)
        );
        assert_ne!(
            recipe(Profile::Arm32, Debian::Bookworm),
            recipe(Profile::Arm32, Debian::Trixie)
        );
    }

    #[test]
    fn a_64_bit_kernel_is_taken_beside_a_32_bit_system() {
        let line = line(Profile::Arm32Kernel64, Debian::Bookworm, Source::All);
        assert!(line.contains("--architectures=armhf,arm64 "), "{line}");
        assert_eq!(
            kernel(Profile::Arm32Kernel64),
            "linux-image-cloud-arm64:arm64"
        );
        assert_ne!(
            recipe(Profile::Arm32Kernel64, Debian::Bookworm),
            recipe(Profile::Arm32, Debian::Bookworm)
        );
    }

    #[test]
    fn newer_releases_have_the_engines_client_in_a_package_of_its_own() {
        let bookworm = line(Profile::X64, Debian::Bookworm, Source::All);
        let forky = line(Profile::X64, Debian::Forky, Source::All);
        assert!(!bookworm.contains("docker-cli"), "{bookworm}");
        assert!(forky.contains("docker-cli"), "{forky}");
        assert!(forky.ends_with(" forky -"), "{forky}");
    }

    #[test]
    fn a_mirror_behind_its_own_lists_costs_the_updates_at_last() {
        let log = "E: Failed to fetch http://mirror.example/ File has unexpected size";
        let next = |source, failures| after_failure(source, failures, log).map(|(next, _)| next);
        assert_eq!(next(Source::All, 1), Some(Source::All));
        assert_eq!(next(Source::All, 2), Some(Source::ReleaseAlone));
        assert_eq!(next(Source::ReleaseAlone, 3), None);
    }

    #[test]
    fn lists_that_have_expired_are_taken_only_once_they_are_known_to_have() {
        let log = "E: Release file for http://mirror.example/ is expired (invalid since 19d)";
        let next = after_failure(Source::All, 1, log).map(|(next, _)| next);
        assert_eq!(next, Some(Source::AllExpired));
        assert_eq!(after_failure(Source::AllExpired, 2, log), None);
        let option = "Check-Valid-Until";
        assert!(!line(Profile::X64, Debian::Forky, Source::All).contains(option));
        assert!(line(Profile::X64, Debian::Forky, Source::AllExpired).contains(option));
    }

    #[test]
    fn a_mistake_of_the_build_itself_is_not_tried_again() {
        assert_eq!(after_failure(Source::All, 1, "mke2fs: no space left"), None);
    }

    #[test]
    fn a_build_that_is_dropped_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join(".building-armhf-bookworm");
        drop(Unfinished::begin(directory).unwrap());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }
}
