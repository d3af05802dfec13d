//! A module's own certificate, made by `openssl` as a lab makes one.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, ensure};

/// Writes a self-signed certificate of two days, `m.pem`, and its key, `m.key`, into a directory.
///
/// # Errors
/// `openssl` is not installed, or says no.
pub fn make(directory: &Path) -> anyhow::Result<()> {
    let request = [
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
    ];
    let names = ["-subj", "/CN=device-1", "-keyout", "m.key", "-out", "m.pem"];
    openssl(directory, &[&request[..], &names].concat()).map(drop)
}

/// The thumbprint of `m.pem`, as `openssl` tells it, by `-sha1` or `-sha256`.
///
/// # Errors
/// As [`make`].
pub fn thumbprint(directory: &Path, digest: &str) -> anyhow::Result<String> {
    let told = openssl(
        directory,
        &["x509", "-in", "m.pem", "-noout", "-fingerprint", digest],
    )?;
    let text = String::from_utf8(told.stdout)?;
    let (_, digits) = text.trim().split_once('=').context("no thumbprint")?;
    Ok(digits.replace(':', ""))
}

fn openssl(directory: &Path, arguments: &[&str]) -> anyhow::Result<Output> {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(directory)
        .output()
        .context("run openssl: install it with `apt-get install openssl`")?;
    ensure!(output.status.success(), "openssl: {output:?}");
    Ok(output)
}
