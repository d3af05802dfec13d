//! Processes of a container that have ended and that nobody has waited for.
//!
//! A zombie is in no `cgroup.procs` (kernel documentation, "Control Group v2", Processes), so it is found below the main
//! process: an orphan becomes a child of the first process of its pid namespace (`pid_namespaces(7)`).

use std::collections::HashMap;
use std::fs;

use conformance::finding::{Reason, Unseen};

use super::Roots;

/// How many there are below the main process `pid`, as the host numbers it.
///
/// # Errors
/// The table of processes cannot be read, or the main process is not in it.
pub fn count(roots: &Roots, pid: u32) -> Result<u64, Unseen> {
    let unseen = |because: String| Unseen::new(Reason::CannotMeasure, because);
    let table = fs::read_dir(&roots.proc)
        .map_err(|error| unseen(format!("{} cannot be read: {error}", roots.proc.display())))?;
    let processes: Vec<Process> = table
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok())
        // One that goes away meanwhile is no zombie.
        .filter_map(|entry| Process::read(&fs::read_to_string(entry.path().join("stat")).ok()?))
        .collect();
    if !processes.iter().any(|process| process.pid == pid) {
        return Err(unseen(format!(
            "its main process {pid} is not in {}",
            roots.proc.display()
        )));
    }
    Ok(below(&processes, pid))
}

#[derive(Debug, PartialEq, Eq)]
struct Process {
    pid: u32,
    parent: u32,
    zombie: bool,
}

impl Process {
    /// Reads `/proc/PID/stat` (proc_pid_stat(5)): `pid (comm) state ppid …`; the name may hold spaces and brackets.
    fn read(stat: &str) -> Option<Process> {
        let (head, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace();
        let zombie = fields.next()? == "Z";
        Some(Process {
            pid: head.split_once('(')?.0.trim().parse().ok()?,
            parent: fields.next()?.parse().ok()?,
            zombie,
        })
    }
}

fn below(processes: &[Process], top: u32) -> u64 {
    let mut children: HashMap<u32, Vec<&Process>> = HashMap::new();
    for process in processes {
        children.entry(process.parent).or_default().push(process);
    }
    let mut zombies = 0;
    let mut open = vec![top];
    while let Some(parent) = open.pop() {
        for child in children.remove(&parent).into_iter().flatten() {
            zombies += u64::from(child.zombie);
            open.push(child.pid);
        }
    }
    zombies
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tree(stats: &[&str]) -> (tempfile::TempDir, Roots) {
        let tree = tempfile::tempdir().unwrap();
        for stat in stats {
            let pid = stat.split(' ').next().unwrap();
            fs::create_dir(tree.path().join(pid)).unwrap();
            fs::write(tree.path().join(pid).join("stat"), stat).unwrap();
        }
        fs::create_dir(tree.path().join("self")).unwrap();
        let roots = Roots {
            proc: tree.path().to_owned(),
            cgroup: tree.path().to_owned(),
            data_root: None,
            data_root_on_host: "/var/lib/docker".into(),
        };
        (tree, roots)
    }

    #[test]
    fn zombies_below_the_main_process_count_and_others_do_not() {
        let (_tree, roots) = tree(&[
            "40 (containerd-shim) S 1 40 0",
            "41 (leaves-zombies) S 40 41 0",
            "50 (leaves-zombies) Z 41 41 0",
            "51 (a ) b) (c) Z 41 41 0",
            "52 (worker) S 41 41 0",
            "53 (helper) Z 52 41 0",
            "60 (elsewhere) Z 1 60 0",
        ]);
        assert_eq!(count(&roots, 41), Ok(3));
    }

    #[test]
    fn a_main_process_that_is_gone_shows_nothing() {
        let (_tree, roots) = tree(&["50 (x) Z 41 41 0"]);
        assert_eq!(count(&roots, 41).unwrap_err().reason, Reason::CannotMeasure);
    }

    proptest! {
        #[test]
        fn no_table_makes_it_panic_or_loop(stat in ".{0,60}", links in proptest::collection::vec((0_u32..9, 0_u32..9), 0..20)) {
            Process::read(&stat);
            let processes: Vec<Process> = links.iter().map(|(pid, parent)| Process { pid: *pid, parent: *parent, zombie: true }).collect();
            prop_assert!(below(&processes, 1) <= 20);
        }
    }
}
