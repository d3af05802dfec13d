//! Parsers of the kernel's flat text files. They work on bytes in place and allocate nothing.
//!
//! Formats: kernel documentation, "Control Group v2", "Memory Resource Controller" (v1), and proc(5).

use conformance::observation::{NetworkUse, Throttling};
use conformance::units::Bytes;

/// The one number in a file: `1234\n`. `max` and anything else are `None`.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    decimal(text.trim_ascii())
}

/// The number behind a name in a file of `name value` lines.
pub(super) fn field(text: &[u8], name: &str) -> Option<u64> {
    fields(text)
        .find(|(key, _)| *key == name.as_bytes())
        .and_then(|(_, value)| value)
}

/// The number behind `name:` in a file of `name: value` lines, such as `/proc/PID/io`.
pub(super) fn colon(text: &[u8], name: &str) -> Option<u64> {
    let lines = text.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b":"))
        .find_map(number)
}

/// The number behind `name` (with its colon) in a file of `Name:  1234 kB` lines, in bytes.
pub(super) fn kibibytes(text: &[u8], name: &str) -> Option<u64> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let value = lines.find_map(|line| line.strip_prefix(name.as_bytes()))?;
    number(value.trim_ascii().strip_suffix(b"kB")?)?.checked_mul(1024)
}

/// Bytes read and written in a v2 `io.stat`, over all devices: lines of `8:0 rbytes=1 wbytes=2 …`. `None` for an empty file,
/// which may be a group that has moved nothing or a device that does not count.
pub(super) fn io_stat(text: &[u8]) -> Option<(u64, u64)> {
    let sum = |name: &[u8]| {
        let words = text.split(u8::is_ascii_whitespace);
        let values = words.filter_map(|word| decimal(word.strip_prefix(name)?.strip_prefix(b"=")?));
        values.reduce(u64::saturating_add)
    };
    sum(b"rbytes").zip(sum(b"wbytes"))
}

/// Time that some, and all, of a group's tasks stood still for want of a resource, in microseconds, in a v2 `*.pressure`
/// (kernel documentation, "PSI"): `some avg10=0.00 … total=1234`. `cpu.pressure` has no `full` line before Linux 5.13.
pub(super) fn pressure(text: &[u8]) -> Option<(u64, Option<u64>)> {
    let total = |kind: &[u8]| {
        let mut lines = text.split(|byte| *byte == b'\n');
        let line = lines.find(|line| line.starts_with(kind))?;
        let mut words = line.split(u8::is_ascii_whitespace);
        words.find_map(|word| decimal(word.strip_prefix(b"total=")?))
    };
    Some((total(b"some")?, total(b"full")))
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, digit| {
        let value = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        sum.checked_mul(10)?.checked_add(value)
    })
}

fn fields(text: &[u8]) -> impl Iterator<Item = (&[u8], Option<u64>)> {
    text.split(|byte| *byte == b'\n').filter_map(|line| {
        let space = line.iter().position(|byte| *byte == b' ')?;
        Some((line.get(..space)?, number(line.get(space..)?)))
    })
}

/// The lines of `memory.stat` that matter here, in bytes; a line the kernel does not print is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct MemoryStat {
    /// v2 `anon`, v1 `rss`: anonymous memory.
    pub(super) anon: Option<u64>,
    /// v2 `file`, v1 `cache`: page cache, shared memory and tmpfs included.
    pub(super) file: Option<u64>,
    /// `shmem`: the part of `file` that is shared memory or tmpfs.
    pub(super) shmem: Option<u64>,
    /// v2 `kernel`, from Linux 5.18 on.
    pub(super) kernel: Option<u64>,
    /// v2 `kernel_stack`.
    pub(super) kernel_stack: Option<u64>,
    /// v2 `pagetables`.
    pub(super) pagetables: Option<u64>,
    /// v2 `percpu`.
    pub(super) percpu: Option<u64>,
    /// v2 `slab_reclaimable`.
    pub(super) slab_reclaimable: Option<u64>,
    /// v2 `slab_unreclaimable`.
    pub(super) slab_unreclaimable: Option<u64>,
    /// v1 `swap`.
    pub(super) swap: Option<u64>,
}

/// v1: the `total_` lines count child groups too, as the usage does; they win over the plain ones, which precede them.
pub(super) fn memory_stat_v1(text: &[u8]) -> MemoryStat {
    let mut stat = MemoryStat::default();
    for (name, value) in fields(text) {
        let place = match name.strip_prefix(b"total_").unwrap_or(name) {
            b"rss" => &mut stat.anon,
            b"cache" => &mut stat.file,
            b"shmem" => &mut stat.shmem,
            b"swap" => &mut stat.swap,
            _ => continue,
        };
        *place = value;
    }
    stat
}

/// v2: every line counts the whole subtree.
pub(super) fn memory_stat_v2(text: &[u8]) -> MemoryStat {
    let mut stat = MemoryStat::default();
    for (name, value) in fields(text) {
        let place = match name {
            b"anon" => &mut stat.anon,
            b"file" => &mut stat.file,
            b"shmem" => &mut stat.shmem,
            b"kernel" => &mut stat.kernel,
            b"kernel_stack" => &mut stat.kernel_stack,
            b"pagetables" => &mut stat.pagetables,
            b"percpu" => &mut stat.percpu,
            b"slab_reclaimable" => &mut stat.slab_reclaimable,
            b"slab_unreclaimable" => &mut stat.slab_unreclaimable,
            _ => continue,
        };
        *place = value;
    }
    stat
}

/// Throttling in a v1 `cpu.stat`: `throttled_time` is in nanoseconds.
pub(super) fn throttling_v1(text: &[u8]) -> Option<Throttling> {
    throttling(text, field(text, "throttled_time")? / 1000)
}

/// Throttling in a v2 `cpu.stat`; the lines exist only where the controller is switched on for the group.
pub(super) fn throttling_v2(text: &[u8]) -> Option<Throttling> {
    throttling(text, field(text, "throttled_usec")?)
}

fn throttling(text: &[u8], throttled_us: u64) -> Option<Throttling> {
    Some(Throttling {
        periods: field(text, "nr_periods")?,
        throttled_periods: field(text, "nr_throttled")?,
        throttled_us,
    })
}

/// Sum over all interfaces of `/proc/PID/net/dev` but `lo`; `None` if a line is not as proc(5) says.
pub(super) fn network(text: &[u8]) -> Option<NetworkUse> {
    let mut sum = NetworkUse::default();
    let lines = text.split(|byte| *byte == b'\n');
    for line in lines.skip(2).filter(|line| !line.trim_ascii().is_empty()) {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, counters) = line.split_at(colon);
        let mut counters = counters
            .get(1..)?
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
            .map(decimal);
        // Received bytes are the first column, sent bytes the ninth.
        let (rx, tx) = (counters.next()??, counters.nth(7)??);
        if name.trim_ascii() != b"lo" {
            sum.rx = sum.rx.saturating_add(Bytes(rx));
            sum.tx = sum.tx.saturating_add(Bytes(tx));
        }
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_file_with_one_number_is_that_number() {
        assert_eq!(number(b"76021760\n"), Some(76_021_760));
        assert_eq!(number(b"18446744073709551615\n"), Some(u64::MAX));
        assert_eq!(number(b"18446744073709551616\n"), None);
        assert_eq!(number(b"max\n"), None);
        assert_eq!(number(b""), None);
    }

    #[test]
    fn totals_win_over_the_group_alone_on_v1() {
        let stat = memory_stat_v1(b"cache 3\nrss 1\nshmem 0\ntotal_cache 30\ntotal_rss 10\n");
        assert_eq!(
            (stat.anon, stat.file, stat.shmem),
            (Some(10), Some(30), Some(0))
        );
    }

    #[test]
    fn throttled_time_is_microseconds_on_both_versions() {
        let v1 = throttling_v1(b"nr_periods 10\nnr_throttled 9\nthrottled_time 5000000\n");
        let v2 =
            throttling_v2(b"usage_usec 7\nnr_periods 10\nnr_throttled 9\nthrottled_usec 5000\n");
        assert_eq!(v1.unwrap().throttled_us, 5000);
        assert_eq!(v1, v2);
        assert_eq!(throttling_v2(b"usage_usec 7\n"), None);
    }

    #[test]
    fn loopback_is_left_out_of_the_network_sum() {
        let text = b"Inter-|   Receive  |  Transmit\n face |bytes packets\n\
            lo:  500  5 0 0 0 0 0 0  500  5 0 0 0 0 0 0\n\
            eth0:310  3 0 0 0 0 0 0   70  1 0 0 0 0 0 0\n\
            eth1: 90  1 0 0 0 0 0 0   30  1 0 0 0 0 0 0\n";
        let (rx, tx) = (Bytes(400), Bytes(100));
        assert_eq!(network(text), Some(NetworkUse { rx, tx }));
    }

    #[test]
    fn a_cut_network_table_is_no_number() {
        assert_eq!(network(b"a\nb\neth0: 310 3 0\n"), None);
    }

    #[test]
    fn pressure_is_told_in_microseconds_of_standstill() {
        let text = b"some avg10=0.00 avg60=0.12 avg300=0.05 total=1234567\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=89\n";
        assert_eq!(pressure(text), Some((1_234_567, Some(89))));
        assert_eq!(pressure(b"some avg10=0.00 total=5\n"), Some((5, None)));
        assert_eq!(pressure(b""), None);
    }

    #[test]
    fn every_device_counts_in_io_stat_and_an_empty_one_is_no_number() {
        let text =
            b"8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n254:0 rbytes=1 wbytes=2\n";
        assert_eq!(io_stat(text), Some((4097, 8194)));
        assert_eq!(io_stat(b""), None);
    }

    fn lines() -> impl Strategy<Value = Vec<u8>> {
        // Half noise, half almost-right lines: the second reaches deeper into the parsers.
        let almost = "([a-z_]{1,12}[ :][ 0-9a-fx:-]{0,40}\n){0,8}".prop_map(String::into_bytes);
        prop_oneof![proptest::collection::vec(any::<u8>(), 0..400), almost]
    }

    proptest! {
        #[test]
        fn no_text_makes_a_parser_panic(text in lines()) {
            number(&text);
            field(&text, "oom_kill");
            memory_stat_v1(&text);
            memory_stat_v2(&text);
            throttling_v1(&text);
            throttling_v2(&text);
            network(&text);
            colon(&text, "a");
            kibibytes(&text, "a:");
            io_stat(&text);
            pressure(&text);
        }

        #[test]
        fn every_64_bit_number_survives(value: u64) {
            prop_assert_eq!(number(format!("{value}\n").as_bytes()), Some(value));
            prop_assert_eq!(field(format!("a 1\nb {value}\n").as_bytes(), "b"), Some(value));
            let stat = memory_stat_v2(format!("anon {value}\nfile 1\n").as_bytes());
            prop_assert_eq!(stat.anon, Some(value));
        }
    }
}
