//! Starts foreign clients as programs of their own and reads the JSON lines they say.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// The SDK waits up to 60 s for a step of the cloud; nothing takes longer.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running client; it is killed when dropped.
pub(crate) struct Program {
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        Self {
            _child: child,
            lines: BufReader::new(stdout).lines(),
        }
    }

    /// The next line, which must be the step `wanted`.
    pub(crate) async fn step(&mut self, wanted: &str) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
        let line = line
            .unwrap_or_else(|_| panic!("`{wanted}` did not come in time"))
            .unwrap();
        let line = line.unwrap_or_else(|| panic!("the program ended before `{wanted}`"));
        let value: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        assert_eq!(value["step"], wanted, "{line}");
        value
    }
}

/// `module.py` under the official SDK.
pub(crate) async fn python(how: &str, environment: &[(&str, &str)]) -> Program {
    // Making the environment takes a minute at first; the hub's tasks must run meanwhile.
    let interpreter = tokio::task::spawn_blocking(interpreter).await.unwrap();
    let mut command = Command::new(interpreter);
    command.arg(package().join("sdk/module.py")).arg(how);
    Program::start(command.envs(environment.iter().copied()))
}

/// The example `foreign_device`, which trusts `anchor` alone.
pub(crate) async fn foreign_device(arguments: &[&str], anchor: &Path) -> Program {
    let program = tokio::task::spawn_blocking(foreign_device_program)
        .await
        .unwrap();
    let mut command = Command::new(program);
    Program::start(command.args(arguments).env("SSL_CERT_FILE", anchor))
}

fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Builds the example, which cargo does not do when it runs this test alone.
fn foreign_device_program() -> PathBuf {
    let built = std::process::Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--example",
            "foreign_device",
            "--manifest-path",
        ])
        .arg(package().join("Cargo.toml"))
        .status()
        .unwrap();
    assert!(built.success(), "the example foreign_device does not build");
    let own = std::env::current_exe().unwrap();
    own.parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples/foreign_device")
}

/// Python with exactly the packages of `requirements.txt`, in `.venv` beside the workspace.
fn interpreter() -> PathBuf {
    static READY: OnceLock<PathBuf> = OnceLock::new();
    READY.get_or_init(prepare).clone()
}

fn prepare() -> PathBuf {
    let environment = package().parent().unwrap().join(".venv");
    let interpreter = environment.join("bin/python");
    let requirements = package().join("sdk/requirements.txt");
    let wanted = std::fs::read_to_string(&requirements).unwrap();
    let stamp = environment.join("installed-requirements.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return interpreter;
    }
    let made = std::process::Command::new("python3")
        .args(["-m", "venv"])
        .arg(&environment)
        .status();
    assert!(
        made.is_ok_and(|status| status.success()),
        "python3 with venv is missing: install it with `apt-get install python3 python3-venv`"
    );
    let installed = std::process::Command::new(&interpreter)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ])
        .arg(&requirements)
        .status()
        .unwrap();
    assert!(
        installed.success(),
        "pip could not install {}",
        requirements.display()
    );
    std::fs::write(&stamp, wanted).unwrap();
    interpreter
}
