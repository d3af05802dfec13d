//! Starts foreign clients as programs of their own and reads the JSON lines they say.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// The SDK waits up to 60 s for a step of the cloud; nothing takes longer.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running client; it is killed when dropped.
pub(crate) struct Program {
    child: Child,
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
            child,
            lines: BufReader::new(stdout).lines(),
        }
    }

    /// Lets a client go on that waits for a line.
    pub(crate) async fn go_on(&mut self) {
        let input = self.child.stdin.as_mut().expect("its input is a pipe");
        input.write_all(b"\n").await.unwrap();
        input.flush().await.unwrap();
    }

    /// The next line that is not the step `passed`; it must be the step `wanted`.
    pub(crate) async fn step_after(&mut self, passed: &str, wanted: &str) -> Value {
        loop {
            let value = self.any_step(wanted).await;
            if value["step"] != passed {
                assert_eq!(value["step"], wanted, "{value}");
                return value;
            }
        }
    }

    /// The next line, which must be the step `wanted`.
    pub(crate) async fn step(&mut self, wanted: &str) -> Value {
        let value = self.any_step(wanted).await;
        assert_eq!(value["step"], wanted, "{value}");
        value
    }

    /// The next line; `wanted` is what is said where none comes.
    async fn any_step(&mut self, wanted: &str) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
        let line = line
            .unwrap_or_else(|_| panic!("`{wanted}` did not come in time"))
            .unwrap();
        let line = line.unwrap_or_else(|| panic!("the program ended before `{wanted}`"));
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"))
    }
}

/// `module.py` under the official SDK.
pub(crate) async fn python(how: &str, environment: &[(&str, &str)]) -> Program {
    python_program("module.py", how, environment).await
}

/// `module.js` under the official SDK.
pub(crate) async fn node(how: &str, environment: &[(&str, &str)]) -> Program {
    node_program("module.js", how, environment).await
}

/// A program of `sdk/` under the official Python SDK.
pub(crate) async fn python_program(file: &str, how: &str, environment: &[(&str, &str)]) -> Program {
    // Making the environment takes a minute at first; the hub's tasks must run meanwhile.
    let made = || interpreter("requirements.txt", ".venv");
    let interpreter = tokio::task::spawn_blocking(made).await.unwrap();
    let mut command = Command::new(interpreter);
    command.arg(package().join("sdk").join(file)).arg(how);
    Program::start(command.envs(environment.iter().copied()))
}

/// `service.py` under the official SDK of the service side, whose HTTP client trusts `anchor` alone.
pub(crate) async fn python_service(environment: &[(&str, &str)], anchor: &Path) -> Program {
    let made = || interpreter("service-requirements.txt", ".venv-service");
    let interpreter = tokio::task::spawn_blocking(made).await.unwrap();
    let mut command = Command::new(interpreter);
    command.arg(package().join("sdk/service.py"));
    command.env("REQUESTS_CA_BUNDLE", anchor);
    Program::start(command.envs(environment.iter().copied()))
}

/// `events.py` under the official SDK of Event Hubs, which trusts `anchor` alone.
pub(crate) async fn python_events(environment: &[(&str, &str)], anchor: &Path) -> Program {
    let made = || interpreter("events-requirements.txt", ".venv-events");
    let interpreter = tokio::task::spawn_blocking(made).await.unwrap();
    let mut command = Command::new(interpreter);
    command.arg(package().join("sdk/events.py"));
    command.env("ANCHOR", anchor).stdin(Stdio::piped());
    Program::start(command.envs(environment.iter().copied()))
}

/// A program of `sdk/` under the official SDK for Node.
pub(crate) async fn node_program(file: &str, how: &str, environment: &[(&str, &str)]) -> Program {
    let packages = tokio::task::spawn_blocking(node_packages).await.unwrap();
    let mut command = Command::new("node");
    command.arg(packages.join(file)).arg(how);
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

/// Builds the example where this test was built, which cargo does not do when it runs this test alone.
fn foreign_device_program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    // …/target/debug/deps/local_hub-…
    let profile = own.parent().unwrap().parent().unwrap();
    let mut build = std::process::Command::new(env!("CARGO"));
    build.args([
        "build",
        "--quiet",
        "--locked",
        "--example",
        "foreign_device",
    ]);
    build
        .arg("--manifest-path")
        .arg(package().join("Cargo.toml"));
    build.arg("--target-dir").arg(profile.parent().unwrap());
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    let built = build.status().unwrap();
    assert!(built.success(), "the example foreign_device does not build");
    profile.join("examples/foreign_device")
}

/// Python with exactly the packages of a file of `sdk/`, in `place` beside the workspace.
///
/// Tests may run as processes of their own, so a lock on a file lets one of them make it.
fn interpreter(requirements: &str, place: &str) -> PathBuf {
    let lock = File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("venv.lock")).unwrap();
    lock.lock().unwrap();
    let environment = package().parent().unwrap().join(place);
    let interpreter = environment.join("bin/python");
    let requirements = package().join("sdk").join(requirements);
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
        "no virtual environment: install Python with `apt-get install python3 python3-venv`"
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
        "pip could not install {}: a package index must be reachable",
        requirements.display()
    );
    std::fs::write(&stamp, wanted).unwrap();
    interpreter
}

/// Exactly the packages of `package.json`, with the program beside them, as Node looks for packages.
fn node_packages() -> PathBuf {
    let lock = File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("node.lock")).unwrap();
    lock.lock().unwrap();
    let place = package().parent().unwrap().join(".node");
    std::fs::create_dir_all(&place).unwrap();
    let source = package().join("sdk");
    for file in ["module.js", "renewing.js"] {
        std::fs::copy(source.join(file), place.join(file)).unwrap();
    }
    let wanted = std::fs::read_to_string(source.join("package.json")).unwrap();
    let stamp = place.join("installed-package.json");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return place;
    }
    std::fs::write(place.join("package.json"), &wanted).unwrap();
    let installed = std::process::Command::new("npm")
        .args([
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
        ])
        .current_dir(&place)
        .status();
    assert!(
        installed.is_ok_and(|status| status.success()),
        "no packages for Node: install it with `apt-get install nodejs npm`; a package index must be reachable"
    );
    std::fs::write(stamp, wanted).unwrap();
    place
}
