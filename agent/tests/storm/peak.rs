//! What this process has taken of memory, for tests that hold it to a bound.

/// Most memory that this process ever had, in KiB. https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
pub(crate) fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.unwrap().split_whitespace().next().unwrap();
    number.parse().unwrap()
}
