//! Whether KVM works here: shown by a test boot with a limit of time, since `/dev/kvm` may be there and no stock kernel
//! boot with it (nested virtualisation that is not complete).

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::cache::{self, Cache};
use super::initrd;
use super::interrupt::Interrupt;
use super::profile::Profile;
use super::qemu::{self, Acceleration};
use super::stages::Stages;
use crate::cli::AccelerationArg;

/// A kernel that runs on the host's own processor says its first word within two seconds.
const LIMIT: Duration = Duration::from_secs(20);

/// What a test boot has shown, good until this machine is started anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    boot: String,
    works: bool,
    why: String,
}

/// Chooses how a device's processor is run.
///
/// # Errors
/// The test boot was interrupted or could not be prepared.
pub(super) fn choose(
    cache: &Cache,
    profile: Profile,
    image: &Path,
    asked: AccelerationArg,
    stages: &mut Stages,
    interrupt: &Interrupt,
) -> anyhow::Result<Acceleration> {
    let wants = match asked {
        AccelerationArg::Tcg => return Ok(Acceleration::Tcg),
        AccelerationArg::Auto => false,
        AccelerationArg::Kvm => true,
    };
    let refused = match excluded(profile) {
        Some(why) => why,
        None => {
            let shown = shown(cache, profile, image, stages, interrupt)?;
            if shown.works {
                return Ok(Acceleration::Kvm);
            }
            shown.why
        }
    };
    if wants {
        stages.say(&format!("kvm is not used: {refused}; emulating"));
    } else {
        tracing::info!("kvm is not used: {refused}");
    }
    Ok(Acceleration::Tcg)
}

/// Why KVM is out of the question without a test.
fn excluded(profile: Profile) -> Option<String> {
    if !profile.is_native() {
        return Some("the device's processor is of another kind than this machine's".to_owned());
    }
    let opened = fs::File::options().read(true).write(true).open("/dev/kvm");
    opened
        .err()
        .map(|error| format!("/dev/kvm cannot be opened: {error}"))
}

fn shown(
    cache: &Cache,
    profile: Profile,
    image: &Path,
    stages: &mut Stages,
    interrupt: &Interrupt,
) -> anyhow::Result<Shown> {
    let _lock = cache.lock("kvm", || {
        stages.say("waiting for another command's test of kvm")
    })?;
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .context("read the id of this machine's boot")?;
    let note = cache.root().join("kvm.json");
    let before: Option<Shown> = fs::read(&note)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok());
    if let Some(shown) = before.filter(|shown| shown.boot == boot) {
        return Ok(shown);
    }
    stages.say("testing whether kvm works here");
    let tested = test(cache, profile, image, interrupt)?;
    let shown = Shown {
        boot,
        works: tested.is_none(),
        why: tested.unwrap_or_default(),
    };
    let text = serde_json::to_vec_pretty(&shown).context("write down the test of kvm")?;
    cache::write(&note, &text)?;
    Ok(shown)
}

/// A QEMU that is never left behind.
struct Guest(Child);

impl Drop for Guest {
    fn drop(&mut self) {
        // One that has ended need not be ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Boots to the first word of the first stage; tells why that did not come.
fn test(
    cache: &Cache,
    profile: Profile,
    image: &Path,
    interrupt: &Interrupt,
) -> anyhow::Result<Option<String>> {
    let initrd_path = cache.root().join("kvm-test.initrd");
    cache::write(&initrd_path, &initrd::first_stage_alone(image)?)?;
    let program = profile.machine().program;
    let mut guest = Guest(
        Command::new(program)
            .args(qemu::processor(profile, Acceleration::Kvm))
            .args(["-m", "256M", "-serial", "stdio", "-kernel"])
            .arg(image.join("kernel"))
            .arg("-initrd")
            .arg(&initrd_path)
            .args(["-append", &qemu::kernel_line(profile)])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {program}"))?,
    );
    let heard = heard(&mut guest.0);
    let begun = Instant::now();
    let end = loop {
        if let Ok(text) = heard.try_recv() {
            break verdict(&text);
        }
        if begun.elapsed() > LIMIT {
            break Some(format!(
                "a test boot said nothing within {} s",
                LIMIT.as_secs()
            ));
        }
        interrupt.pause()?;
    };
    drop(guest);
    fs::remove_file(&initrd_path).with_context(|| format!("remove {}", initrd_path.display()))?;
    Ok(end)
}

/// Everything the guest says until its first word that matters, or until QEMU ends; what QEMU itself says comes last.
fn heard(child: &mut Child) -> std::sync::mpsc::Receiver<String> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let (out, err) = (child.stdout.take(), child.stderr.take());
    std::thread::spawn(move || {
        let mut text = String::new();
        let mut bytes = [0; 1024];
        if let Some(mut out) = out {
            while let Ok(count @ 1..) = out.read(&mut bytes) {
                text.push_str(&String::from_utf8_lossy(&bytes[..count]));
                if text.contains("edgeproof: stage") {
                    break;
                }
            }
        }
        if !text.contains("edgeproof: stage")
            && let Some(mut err) = err
        {
            // What cannot be read does not matter: that the guest is silent is known.
            let _ = err.read_to_string(&mut text);
        }
        // The test may have ended meanwhile.
        let _ = sender.send(text);
    });
    receiver
}

fn verdict(text: &str) -> Option<String> {
    if text.contains("edgeproof: stage") {
        return None;
    }
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    Some(format!(
        "a test boot ended: {}",
        last.unwrap_or("without a word").trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_that_speaks_shows_that_kvm_works() {
        assert_eq!(verdict("edgeproof: stage kernel (0.40 s)\r\n"), None);
        assert_eq!(
            verdict("qemu: error: failed to set MSR 0x10a to 0x0\nAborted.\n\n").as_deref(),
            Some("a test boot ended: Aborted.")
        );
        assert_eq!(
            verdict("").as_deref(),
            Some("a test boot ended: without a word")
        );
    }

    #[test]
    fn a_foreign_processor_excludes_kvm_without_a_test() {
        assert!(excluded(Profile::Arm32).is_some_and(|why| why.contains("another kind")));
    }
}
