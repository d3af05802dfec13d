//! A second Docker engine on this host, for tests only: one that finds no memory controller, or one for a lane of the fault
//! campaign, or one that is restarted beneath its users.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use crate::{docker, repository};

/// The engine; it ends, and its directories go, when this is dropped or its process dies.
#[derive(Debug)]
pub struct SecondEngine {
    script: Child,
    said: BufReader<ChildStdout>,
    url: String,
}

impl SecondEngine {
    /// Starts one that finds no memory controller, and waits until it answers.
    ///
    /// # Errors
    /// Whoever runs the tests is not root and may not become it without a password, or the engine does not start.
    pub fn without_memory_controller() -> anyhow::Result<SecondEngine> {
        SecondEngine::start(&[])
    }

    /// Starts one that has what the host has, and waits until it answers.
    ///
    /// # Errors
    /// As [`SecondEngine::without_memory_controller`].
    pub fn with_memory_controller() -> anyhow::Result<SecondEngine> {
        SecondEngine::start(&["--memory"])
    }

    /// The same, and its containers live on while it is restarted.
    ///
    /// # Errors
    /// As [`SecondEngine::without_memory_controller`].
    pub fn with_live_restore() -> anyhow::Result<SecondEngine> {
        SecondEngine::start(&["--memory", "--live-restore"])
    }

    fn start(arguments: &[&str]) -> anyhow::Result<SecondEngine> {
        let path = repository().join("tests/src/second_engine.sh");
        let mut script = Command::new(&path)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Whoever ends the tests with a signal to their group must not keep it from cleaning up.
            .process_group(0)
            .spawn()
            .with_context(|| format!("run {}", path.display()))?;
        let said = BufReader::new(script.stdout.take().context("its output is not piped")?);
        let mut engine = SecondEngine {
            script,
            said,
            url: String::new(),
        };
        let mut line = String::new();
        engine.said.read_line(&mut line)?;
        if !line.starts_with("unix://") {
            let more = engine.end()?;
            bail!(
                "the second engine, which takes root, dockerd and mount namespaces:\n{line}{more}"
            );
        }
        line.trim().clone_into(&mut engine.url);
        Ok(engine)
    }

    /// `unix:///path/to/docker.sock`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Docker's own command-line tool on this engine.
    ///
    /// # Errors
    /// It is not installed, or says no.
    pub fn docker(&self, arguments: &[&str]) -> anyhow::Result<String> {
        docker(&[&["--host", self.url()], arguments].concat())
    }

    /// Containers, networks and volumes on it, whosever they are: only a test puts any there.
    ///
    /// # Errors
    /// It cannot be asked.
    pub fn holds(&self) -> anyhow::Result<Vec<String>> {
        let lists = [
            self.docker(&["ps", "--all", "--format", "container {{.Names}}"])?,
            self.docker(&[
                "network",
                "ls",
                "--filter",
                "type=custom",
                "--format",
                "network {{.Name}}",
            ])?,
            self.docker(&["volume", "ls", "--format", "volume {{.Name}}"])?,
        ];
        let lines = lists.iter().flat_map(|list| list.lines());
        Ok(lines.map(str::to_owned).collect())
    }

    /// Stops it and starts it again, at the same socket and with what it held; answers when it does.
    ///
    /// # Errors
    /// It does not stop or does not start, or the host's own engine has another default bridge now.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        let bridge = || std::fs::read_to_string("/sys/class/net/docker0/address").ok();
        let before = bridge();
        let script = self.script.stdin.as_mut();
        writeln!(script.context("it was told to end")?, "restart")?;
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        if line.trim() != "restarted" {
            let more = self.end()?;
            bail!("the second engine:\n{line}{more}");
        }
        ensure!(bridge() == before, "docker0 is not what it was");
        Ok(())
    }

    /// Ends it.
    ///
    /// # Errors
    /// Something is left: a process, a mount or a directory.
    pub fn stop(mut self) -> anyhow::Result<()> {
        let trouble = self.end()?;
        ensure!(trouble.is_empty(), "the second engine:\n{trouble}");
        Ok(())
    }

    /// Lets it clean up, and waits; what it has to complain of.
    fn end(&mut self) -> anyhow::Result<String> {
        drop(self.script.stdin.take());
        let mut trouble = String::new();
        self.said.read_to_string(&mut trouble)?;
        self.script.wait()?;
        Ok(trouble)
    }
}

impl Drop for SecondEngine {
    fn drop(&mut self) {
        // What is left was said to `stop`, or belongs to a test that fails already.
        let _ = self.end();
    }
}
