//! A load in a real container: a fixture image that runs, what it says of itself, and a sampler on it.

use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use agent::sampler::{ContainerFiles, Roots, Sampler, layout};

const CADENCE_HZ: u32 = 10;
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn docker(arguments: &[&str]) -> String {
    let ran = Command::new("docker").args(arguments).output();
    let output =
        ran.expect("the tests need the docker command: install docker.io or docker-ce-cli");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {arguments:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A running container, removed with the test.
pub(super) struct Container {
    pub(super) id: String,
    pub(super) pid: u32,
}

impl Container {
    pub(super) fn run(load: &str, options: &[&str]) -> Container {
        Container::run_with(load, options, &[])
    }

    pub(super) fn run_with(load: &str, options: &[&str], words: &[&str]) -> Container {
        let image = format!("edgeproof.test/{load}:1.0.0");
        let mut arguments = vec!["run", "--detach", "--pull", "never"];
        arguments.extend(options);
        arguments.push(&image);
        arguments.extend(words);
        let id = docker(&arguments);
        let mut container = Container { id, pid: 0 };
        container.pid = container.inspect("{{.State.Pid}}").parse().unwrap();
        container
    }

    pub(super) fn inspect(&self, template: &str) -> String {
        docker(&["inspect", "--format", template, &self.id])
    }

    pub(super) fn sampler(&self, origin: Instant) -> Sampler {
        let roots = roots();
        let files = ContainerFiles::open(&roots, &layout::detect(&roots), &self.id).unwrap();
        Sampler::start(files, Some(self.pid), origin, CADENCE_HZ)
    }

    /// Waits for a line of the load's own account.
    pub(super) fn says(&self, part: &str) -> String {
        let begun = Instant::now();
        loop {
            let log = docker(&["logs", &self.id]);
            if let Some(line) = log.lines().find(|line| line.contains(part)) {
                return line.to_owned();
            }
            assert!(begun.elapsed() < PATIENCE, "no {part:?} in {log:?}");
            thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let removed = Command::new("docker")
            .args(["rm", "--force", "--volumes", &self.id])
            .output();
        drop(removed);
    }
}

pub(super) fn roots() -> Roots {
    let data_root = PathBuf::from(docker(&["info", "--format", "{{.DockerRootDir}}"]));
    Roots {
        proc: "/proc".into(),
        cgroup: "/sys/fs/cgroup".into(),
        data_root: Some(data_root.clone()),
        data_root_on_host: data_root,
    }
}
