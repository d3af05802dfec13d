//! The host beyond board and engine: clock, disk, power, heat, swap, time. Reads only; what the kernel does not tell is unseen.

use std::fs;
use std::path::{Path, PathBuf};

use conformance::finding::{Reason, Unseen};
use conformance::observation::Observed;
use conformance::platform::Platform;
use conformance::record::{Clock, Disk, Heat, HostFacts, Power, Swap};
use conformance::units::Bytes;
use rustix::fs::statvfs;

use super::{Roots, gpu, time};

/// Looks at everything but the bits of the userland, which the engine tells.
#[must_use]
pub fn look(roots: &Roots) -> HostFacts {
    let sys = sys_root(roots);
    HostFacts {
        clock: clock(&sys, &roots.proc).into(),
        userland_bits: Observed::default(),
        disk: disk(roots.data_root.as_deref()).into(),
        time_synchronised: time::synchronised().into(),
        wall_clock: Observed::default(),
        power: power(&sys).into(),
        heat: heat(&sys).into(),
        swap: swap(&roots.proc).into(),
        gpus: gpu::on_board(&sys, &roots.proc).into(),
    }
}

/// Bits of the programs on the host: the engine is one of them, and tells what it was built for.
///
/// # Errors
/// An architecture that is not known here.
pub fn userland_bits(engine: &Platform) -> Result<u8, Unseen> {
    match engine.architecture.as_str() {
        "amd64" | "arm64" | "riscv64" | "ppc64le" | "s390x" => Ok(64),
        "arm" | "386" => Ok(32),
        other => Err(cannot(format!("the engine's architecture is {other}"))),
    }
}

fn cannot(because: impl Into<String>) -> Unseen {
    Unseen::new(Reason::CannotMeasure, because)
}

/// `/sys` of the host: engines show it to every container, read-only; beside the host's `/proc` where it is mounted whole.
pub(super) fn sys_root(roots: &Roots) -> PathBuf {
    let beside = roots.proc.parent().map(|host| host.join("sys"));
    let whole = |path: &PathBuf| path.join("class").is_dir() || path.join("devices").is_dir();
    beside.filter(whole).unwrap_or_else(|| "/sys".into())
}

/// The most a core can do, of cpufreq (kernel documentation, "CPU Performance Scaling"); else what `/proc/cpuinfo` says that
/// it does now.
fn clock(sys: &Path, proc: &Path) -> Result<Clock, Unseen> {
    let cpus = sys.join("devices/system/cpu");
    let kilohertz = directories(&cpus, "cpu")
        .iter()
        .filter_map(|cpu| number(&cpu.join("cpufreq/cpuinfo_max_freq")))
        .max();
    if let Some(kilohertz) = kilohertz.and_then(|most| u64::try_from(most).ok()) {
        return Ok(Clock {
            hz: kilohertz.saturating_mul(1_000),
            source: "cpuinfo_max_freq".to_owned(),
        });
    }
    let text = fs::read_to_string(proc.join("cpuinfo")).unwrap_or_default();
    let hz = cpuinfo_hz(&text)
        .ok_or_else(|| cannot("neither cpufreq nor /proc/cpuinfo tells a clock"))?;
    Ok(Clock {
        hz,
        source: "cpu MHz of /proc/cpuinfo, now".to_owned(),
    })
}

/// The highest `cpu MHz` line; ARM kernels write none.
fn cpuinfo_hz(text: &str) -> Option<u64> {
    let lines = text.lines().filter(|line| line.starts_with("cpu MHz"));
    let megahertz = lines.filter_map(|line| line.split_once(':')?.1.trim().parse::<f64>().ok());
    let most = megahertz
        .filter(|mhz| (1.0..1e6).contains(mhz))
        .fold(0.0, f64::max);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 MHz and 1 THz"
    )]
    let hz = (most * 1e6) as u64;
    (hz > 0).then_some(hz)
}

fn disk(data_root: Option<&Path>) -> Result<Disk, Unseen> {
    let root = data_root.ok_or_else(|| {
        Unseen::new(
            Reason::Configuration,
            "the engine's data root is not mounted, so its disk cannot be asked",
        )
    })?;
    let told = statvfs(root)
        .map_err(|error| cannot(format!("the file system of {}: {error}", root.display())))?;
    let bytes = |blocks: u64| Bytes(blocks.saturating_mul(told.f_frsize));
    Ok(Disk {
        size: bytes(told.f_blocks),
        free: bytes(told.f_bavail),
    })
}

/// Bits of the Raspberry Pi firmware's throttling word (Raspberry Pi documentation, `vcgencmd get_throttled`).
const UNDER_VOLTAGE: u32 = 1;
/// Frequency capped, throttled, or at the soft temperature limit, now.
const HELD_BACK: u32 = 0b1110;
/// The same four since the device started.
const SINCE_BOOT: u32 = 0xF << 16;

/// The firmware's word (`drivers/firmware/raspberrypi.c` of the Raspberry Pi kernel), else the alarm of its voltage sensor
/// (`drivers/hwmon/raspberrypi-hwmon.c`: `rpi_volt`, `in0_lcrit_alarm`). Other boards tell neither.
fn power(sys: &Path) -> Result<Power, Unseen> {
    let word = sys.join("devices/platform/soc/soc:firmware/get_throttled");
    if let Some(flags) = fs::read_to_string(word)
        .ok()
        .and_then(|text| throttled(&text))
    {
        return Ok(Power {
            under_voltage: flags & UNDER_VOLTAGE != 0,
            throttled: flags & HELD_BACK != 0,
            since_boot: flags & SINCE_BOOT != 0,
            source: format!("get_throttled 0x{flags:x}"),
        });
    }
    let sensors = directories(&sys.join("class/hwmon"), "hwmon");
    let sensor = sensors
        .iter()
        .find(|sensor| line(&sensor.join("name")).as_deref() == Some("rpi_volt"));
    let alarm = sensor.and_then(|sensor| number(&sensor.join("in0_lcrit_alarm")));
    let alarm = alarm.ok_or_else(|| cannot("this kernel tells no flags of the power supply"))?;
    Ok(Power {
        under_voltage: alarm != 0,
        throttled: false,
        since_boot: alarm != 0,
        source: "rpi_volt in0_lcrit_alarm".to_owned(),
    })
}

/// The firmware's word is hexadecimal, with or without `0x`.
fn throttled(text: &str) -> Option<u32> {
    let digits = text.trim();
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    u32::from_str_radix(digits, 16).ok()
}

/// The hottest zone (kernel documentation, "Generic Thermal Sysfs driver How To": millidegrees Celsius).
fn heat(sys: &Path) -> Result<Heat, Unseen> {
    let zones = directories(&sys.join("class/thermal"), "thermal_zone");
    let told = zones.iter().filter_map(|zone| {
        let celsius = degrees(&zone.join("temp"))?;
        Some((zone, celsius))
    });
    let (zone, celsius) = told
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .ok_or_else(|| cannot("the kernel has no thermal zone that tells a temperature"))?;
    Ok(Heat {
        zone: line(&zone.join("type")).unwrap_or_else(|| "thermal zone".to_owned()),
        celsius,
        limit: trip(zone),
    })
}

/// The lowest trip point at which the kernel does more than turn a fan.
fn trip(zone: &Path) -> Option<f64> {
    let limits = (0..16).filter_map(|n| {
        let kind = line(&zone.join(format!("trip_point_{n}_type")))?;
        let holds_back = matches!(kind.as_str(), "passive" | "hot" | "critical");
        holds_back
            .then(|| degrees(&zone.join(format!("trip_point_{n}_temp"))))
            .flatten()
    });
    // Disabled trip points are at or below zero.
    limits.filter(|limit| *limit > 0.0).min_by(f64::total_cmp)
}

fn degrees(path: &Path) -> Option<f64> {
    let thousandths = i32::try_from(number(path)?).ok()?;
    Some(f64::from(thousandths) / 1_000.0)
}

fn swap(proc: &Path) -> Result<Swap, Unseen> {
    let path = proc.join("swaps");
    let text = fs::read_to_string(&path)
        .map_err(|error| cannot(format!("{}: {error}", path.display())))?;
    swaps(&text).ok_or_else(|| cannot(format!("{} is not as in proc(5)", path.display())))
}

/// `/proc/swaps` of proc(5): a heading, then name, type, size and use in KiB, priority.
fn swaps(text: &str) -> Option<Swap> {
    let mut lines = text.lines();
    lines.next()?.starts_with("Filename").then_some(())?;
    let mut all = Swap {
        total: Bytes(0),
        zram: Bytes(0),
        used: Bytes(0),
    };
    for line in lines {
        // A name may hold escaped blanks, never bare ones.
        let words: Vec<&str> = line.split_whitespace().collect();
        let kib = |at: usize| -> Option<Bytes> {
            let kib: u64 = words.get(at)?.parse().ok()?;
            Some(Bytes(kib.saturating_mul(1_024)))
        };
        let (size, used) = (kib(2)?, kib(3)?);
        all.total = all.total.saturating_add(size);
        all.used = all.used.saturating_add(used);
        if words.first()?.starts_with("/dev/zram") {
            all.zram = all.zram.saturating_add(size);
        }
    }
    Some(all)
}

fn directories(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

fn line(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn number(path: &Path) -> Option<i64> {
    line(path)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = tree.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        tree
    }

    fn look_at(files: &[(&str, &str)]) -> HostFacts {
        let tree = tree(files);
        // Without this the machine that runs the test would be looked at.
        fs::create_dir_all(tree.path().join("sys/class")).unwrap();
        look(&Roots {
            proc: tree.path().join("proc"),
            cgroup: tree.path().join("sys/fs/cgroup"),
            data_root: None,
            data_root_on_host: PathBuf::new(),
        })
    }

    /// Composed from the kernel's documentation and drivers, not recorded: a Raspberry Pi 4 short of power, with zram.
    const PI: [(&str, &str); 8] = [
        (
            "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq",
            "1500000\n",
        ),
        (
            "sys/devices/system/cpu/cpu3/cpufreq/cpuinfo_max_freq",
            "1800000\n",
        ),
        (
            "sys/devices/platform/soc/soc:firmware/get_throttled",
            "50005\n",
        ),
        ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
        ("sys/class/thermal/thermal_zone0/temp", "82277\n"),
        (
            "sys/class/thermal/thermal_zone0/trip_point_0_type",
            "critical\n",
        ),
        (
            "sys/class/thermal/thermal_zone0/trip_point_0_temp",
            "110000\n",
        ),
        (
            "proc/swaps",
            "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/zram0                              partition\t2097136\t\t1024\t\t100\n/var/swap                               file\t102396\t\t0\t\t-2\n",
        ),
    ];

    #[test]
    fn a_pi_short_of_power_tells_so() {
        let seen = look_at(&PI);
        assert_eq!(seen.clock.get().unwrap().hz, 1_800_000_000);
        let power = seen.power.get().unwrap();
        assert!(power.under_voltage && power.throttled && power.since_boot);
        assert_eq!(power.source, "get_throttled 0x50005");
        let heat = seen.heat.get().unwrap();
        assert_eq!(
            (heat.zone.as_str(), heat.limit),
            ("cpu-thermal", Some(110.0))
        );
        assert!((heat.celsius - 82.277).abs() < 1e-9);
        let swap = seen.swap.get().unwrap();
        assert_eq!(swap.zram, Bytes(2_097_136 * 1024));
        assert_eq!(swap.total, Bytes((2_097_136 + 102_396) * 1024));
        assert_eq!(swap.used, Bytes(1_024 * 1024));
    }

    #[test]
    fn a_voltage_sensor_alone_tells_the_alarm() {
        let seen = look_at(&[
            ("sys/class/hwmon/hwmon0/name", "cpu_thermal\n"),
            ("sys/class/hwmon/hwmon1/name", "rpi_volt\n"),
            ("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n"),
        ]);
        assert!(seen.power.get().unwrap().under_voltage);
    }

    #[test]
    fn what_the_kernel_does_not_tell_is_unseen() {
        let seen = look_at(&[]);
        for unseen in [
            seen.clock.get().unwrap_err(),
            seen.power.get().unwrap_err(),
            seen.heat.get().unwrap_err(),
            seen.swap.get().unwrap_err(),
        ] {
            assert_eq!(unseen.reason, Reason::CannotMeasure, "{unseen:?}");
        }
        assert_eq!(seen.disk.get().unwrap_err().reason, Reason::Configuration);
    }

    #[test]
    fn a_clock_without_cpufreq_is_the_one_of_now() {
        let seen = look_at(&[(
            "proc/cpuinfo",
            "cpu MHz\t\t: 2596.128\ncpu MHz\t\t: 1200.0\n",
        )]);
        let clock = seen.clock.get().unwrap();
        assert_eq!(clock.hz, 2_596_128_000);
        assert!(clock.source.contains("now"));
    }

    #[test]
    fn the_disk_of_the_data_root_is_asked() {
        let here = tempfile::tempdir().unwrap();
        let disk = disk(Some(here.path())).unwrap();
        assert!(disk.size >= disk.free && disk.size > Bytes(0));
    }

    #[test]
    fn the_engine_tells_the_bits_of_the_userland() {
        let bits = |text: &str| userland_bits(&text.parse().unwrap()).ok();
        assert_eq!(bits("linux/arm/v7"), Some(32));
        assert_eq!(bits("linux/arm64"), Some(64));
        assert_eq!(bits("linux/mips"), None);
    }

    proptest! {
        #[test]
        fn no_text_breaks_a_parser(text in "\\PC*(\n\\PC*){0,4}") {
            let _ = (swaps(&text), throttled(&text), cpuinfo_hz(&text));
        }

        #[test]
        fn swap_areas_add_up(areas in prop::collection::vec((0_u64..1 << 40, any::<bool>()), 0..6)) {
            let mut text = "Filename Type Size Used Priority\n".to_owned();
            for (kib, zram) in &areas {
                let name = if *zram { "/dev/zram0" } else { "/swap" };
                text += &format!("{name} file {kib} 0 -2\n");
            }
            let total: u64 = areas.iter().map(|(kib, _)| kib * 1024).sum();
            prop_assert_eq!(swaps(&text).unwrap().total, Bytes(total));
        }
    }
}
