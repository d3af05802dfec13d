//! The Debian mirror that this machine's own apt uses: what a root image without updates is made from.

use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

/// Names another mirror.
const VARIABLE: &str = "EDGEPROOF_MIRROR";

/// Address of the mirror.
///
/// # Errors
/// This machine's apt has none of Debian's, and none is named.
pub(super) fn address() -> anyhow::Result<String> {
    if let Ok(named) = std::env::var(VARIABLE) {
        return Ok(named);
    }
    let output = Command::new("apt-get")
        .args(["indextargets", "--format", "$(ORIGIN) $(CODENAME) $(SITE)"])
        .stdin(Stdio::null())
        .output()
        .context("ask apt-get for this machine's mirrors")?;
    ensure!(output.status.success(), "apt-get tells no mirrors");
    main_site(&String::from_utf8_lossy(&output.stdout))
        .with_context(|| format!("this machine's apt has no Debian mirror; name one in {VARIABLE}"))
}

/// The first of Debian's sites that does not carry security updates alone.
fn main_site(targets: &str) -> Option<String> {
    targets.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let (origin, codename, site) = (words.next()?, words.next()?, words.next()?);
        let is_main = origin == "Debian" && !codename.ends_with("-security");
        is_main.then(|| site.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_mirror_is_told_from_security_updates_and_from_others() {
        let targets = "Contoso stable http://contoso.example/apt\n\
                       Debian bookworm-security http://one.example/debian-security\n\
                       Debian bookworm http://two.example/debian\n";
        let found = main_site(targets);
        assert_eq!(found.as_deref(), Some("http://two.example/debian"));
        assert_eq!(
            main_site("Contoso stable http://contoso.example/apt\n\n"),
            None
        );
    }
}
