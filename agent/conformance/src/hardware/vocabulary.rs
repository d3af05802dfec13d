//! The words of hardware sentences and what each means.

/// What a quantity is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    Ram,
    Storage,
    Cpu,
}

/// A unit of bytes or of clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Bytes times 1000^power or 1024^power, as the resource has it.
    Bytes {
        power: u32,
        doubt: Option<&'static str>,
    },
    /// Bytes times 1024^power, whatever the resource.
    BinaryBytes { power: u32 },
    /// Hertz.
    Hertz(u128),
}

/// The unit that a word names; `written` is the word in its own case.
pub(super) fn unit(written: &str) -> Option<Unit> {
    let bytes = |power| Unit::Bytes { power, doubt: None };
    let bits = |power, doubt| Unit::Bytes {
        power,
        doubt: Some(doubt),
    };
    let letter = Some("a unit of one letter is read as bytes");
    Some(match written {
        "Kb" => bits(1, "`Kb` is kilobits and is read as kilobytes, `KB`"),
        "Mb" => bits(2, "`Mb` is megabits and is read as megabytes, `MB`"),
        "Gb" => bits(3, "`Gb` is gigabits and is read as gigabytes, `GB`"),
        "Tb" => bits(4, "`Tb` is terabits and is read as terabytes, `TB`"),
        "M" => Unit::Bytes {
            power: 2,
            doubt: letter,
        },
        "G" => Unit::Bytes {
            power: 3,
            doubt: letter,
        },
        "T" => Unit::Bytes {
            power: 4,
            doubt: letter,
        },
        _ => match written.to_lowercase().as_str() {
            "b" | "byte" | "bytes" => bytes(0),
            "kb" | "ko" | "kbyte" | "kbytes" | "kilobyte" | "kilobytes" => bytes(1),
            "mb" | "mo" | "mbyte" | "mbytes" | "megabyte" | "megabytes" | "meg" | "megs" => {
                bytes(2)
            }
            "gb" | "go" | "gbyte" | "gbytes" | "gigabyte" | "gigabytes" | "gig" | "gigs" => {
                bytes(3)
            }
            "tb" | "to" | "tbyte" | "tbytes" | "terabyte" | "terabytes" => bytes(4),
            "кб" | "кбайт" => bytes(1),
            "мб" | "мбайт" => bytes(2),
            "гб" | "гбайт" => bytes(3),
            "тб" | "тбайт" => bytes(4),
            "kib" | "kio" | "киб" | "kibibyte" | "kibibytes" => Unit::BinaryBytes { power: 1 },
            "mib" | "mio" | "миб" | "mebibyte" | "mebibytes" => Unit::BinaryBytes { power: 2 },
            "gib" | "gio" | "гиб" | "gibibyte" | "gibibytes" => Unit::BinaryBytes { power: 3 },
            "tib" | "tio" | "тиб" | "tebibyte" | "tebibytes" => Unit::BinaryBytes { power: 4 },
            "hz" => Unit::Hertz(1),
            "khz" => Unit::Hertz(1_000),
            "mhz" => Unit::Hertz(1_000_000),
            "ghz" => Unit::Hertz(1_000_000_000),
            _ => return None,
        },
    })
}

/// What a word says a quantity is of.
pub(super) fn resource(word: &str) -> Option<Resource> {
    Some(match word {
        "ram" | "memory" | "mem" | "dram" | "sdram" | "ddr" | "ddr2" | "ddr3" | "ddr4" | "ddr5"
        | "lpddr" | "lpddr2" | "lpddr3" | "lpddr4" | "lpddr5" | "mémoire" | "memoria"
        | "arbeitsspeicher" => Resource::Ram,
        "storage" | "disk" | "disc" | "hdd" | "ssd" | "nvme" | "emmc" | "flash" | "sd"
        | "microsd" | "card" | "drive" | "hard" | "space" | "stockage" | "disque"
        | "almacenamiento" | "disco" | "speicherplatz" | "festplatte" => Resource::Storage,
        "cpu" | "cpus" | "vcpu" | "vcpus" | "processor" | "processors" | "core" | "cores"
        | "vcore" | "vcores" | "processeur" | "prozessor" | "procesador" => Resource::Cpu,
        _ => return None,
    })
}

/// The operating system that a word names: a distribution is Linux.
pub(super) fn os(word: &str) -> Option<&'static str> {
    Some(match word {
        "linux" | "ubuntu" | "debian" | "raspbian" | "yocto" | "rhel" | "centos" | "fedora"
        | "alpine" | "mariner" | "rocky" | "almalinux" | "suse" | "opensuse" | "sles"
        | "openwrt" | "eflow" | "balenaos" | "torizon" => "linux",
        "windows" => "windows",
        _ => return None,
    })
}

/// The architecture that one word names, in the words of image manifests.
///
/// Synonyms as Docker's platform names, Debian's ports and the kernel's `uname -m` have them.
pub(super) fn architecture(word: &str) -> Option<&'static str> {
    Some(match word {
        "x64" | "amd64" | "x86_64" | "x8664" | "intel64" | "em64t" => "amd64",
        "arm64" | "arm64v8" | "aarch64" | "armv8" | "armv8a" | "arm_64" => "arm64",
        "arm32" | "arm32v7" | "armhf" | "armv7" | "armv7l" | "armv7a" | "armv7hf" | "aarch32"
        | "arm_32" => "arm/v7",
        "arm32v6" | "armv6" | "armv6l" | "armv6hf" => "arm/v6",
        "arm32v5" | "armv5" | "armel" => "arm/v5",
        "i386" | "i586" | "i686" | "ia32" | "x86_32" => "386",
        "riscv64" => "riscv64",
        "ppc64le" => "ppc64le",
        "s390x" => "s390x",
        _ => return None,
    })
}

/// The cores that one word counts.
pub(super) fn cores(word: &str) -> Option<u128> {
    count(word.strip_suffix("core")?)
}

/// Makers of processors, who say nothing of one.
pub(super) fn is_maker(word: &str) -> bool {
    matches!(
        word,
        "amd" | "arm" | "broadcom" | "intel" | "nxp" | "qualcomm" | "rockchip"
    )
}

/// Families of processors, whose models are no numbers that can be measured.
pub(super) fn is_family(word: &str) -> bool {
    matches!(
        word,
        "atom" | "celeron" | "cortex" | "epyc" | "pentium" | "ryzen" | "xeon"
    )
}

/// A number written as a word.
pub(super) fn count(word: &str) -> Option<u128> {
    Some(match word {
        "one" | "single" => 1,
        "two" | "dual" => 2,
        "three" => 3,
        "four" | "quad" => 4,
        "six" | "hexa" => 6,
        "eight" | "octa" => 8,
        _ => return None,
    })
}

/// Words of graphics processors and accelerators.
pub(super) fn is_gpu(word: &str) -> bool {
    matches!(
        word,
        "gpu"
            | "gpus"
            | "vpu"
            | "npu"
            | "tpu"
            | "nvidia"
            | "cuda"
            | "vram"
            | "graphics"
            | "accelerator"
            | "accelerators"
            | "opencl"
            | "tensorrt"
            | "movidius"
            | "myriad"
            | "coral"
            | "jetson"
            | "geforce"
            | "radeon"
            | "edgetpu"
            | "fpga"
            | "hailo"
            | "hailo8"
            | "mali"
            | "openvino"
            | "rocm"
            | "videocore"
            | "vulkan"
    )
}

/// Words that take a statement back.
pub(super) fn is_negation(word: &str) -> bool {
    matches!(word, "no" | "not" | "none" | "without")
}

/// Words and marks that change nothing.
pub(super) fn is_filler(word: &str) -> bool {
    const FILLERS: &[&str] = &[
        "a",
        "above",
        "amd",
        "an",
        "any",
        "arch",
        "architecture",
        "architectures",
        "are",
        "as",
        "at",
        "au",
        "available",
        "azure",
        "based",
        "be",
        "better",
        "bit",
        "bits",
        "bookworm",
        "both",
        "broadcom",
        "bullseye",
        "buster",
        "capacity",
        "compatible",
        "d",
        "de",
        "del",
        "device",
        "devices",
        "each",
        "edge",
        "either",
        "equal",
        "espace",
        "focal",
        "for",
        "free",
        "from",
        "greater",
        "has",
        "have",
        "higher",
        "in",
        "installed",
        "intel",
        "internal",
        "iot",
        "is",
        "jammy",
        "kernel",
        "later",
        "least",
        "libre",
        "local",
        "logical",
        "main",
        "min",
        "mindestens",
        "minimal",
        "minimum",
        "module",
        "moins",
        "more",
        "must",
        "need",
        "needed",
        "needs",
        "newer",
        "noble",
        "nxp",
        "oder",
        "of",
        "on",
        "only",
        "operating",
        "or",
        "os",
        "ou",
        "over",
        "per",
        "physical",
        "platform",
        "platforms",
        "qualcomm",
        "require",
        "required",
        "requires",
        "rockchip",
        "running",
        "size",
        "stretch",
        "supported",
        "system",
        "systems",
        "than",
        "the",
        "this",
        "to",
        "total",
        "trixie",
        "vive",
        "with",
    ];
    const MARKS: &[&str] = &[
        ":", "：", "≧", "⩾", "(", ")", "[", "]", "/", "-", "‐", "‑", "–", "—", "≥", ">", "=", "+",
        "\"", "'", "“", "”", "*", "×", "@", "®", "™", "!",
    ];
    FILLERS.binary_search(&word).is_ok() || MARKS.contains(&word)
}

/// Words that follow the name of an operating system.
pub(super) fn is_edition(word: &str) -> bool {
    matches!(
        word,
        "server"
            | "desktop"
            | "lts"
            | "iot"
            | "core"
            | "enterprise"
            | "ltsc"
            | "gnu"
            | "pro"
            | "professional"
            | "ltsb"
            | "stream"
            | "buster"
            | "bullseye"
            | "bookworm"
            | "stretch"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_bits_are_doubtful_only_where_capitals_say_bits() {
        for (written, doubtful) in [
            ("Mb", true),
            ("Gb", true),
            ("MB", false),
            ("mb", false),
            ("MO", false),
        ] {
            match unit(written) {
                Some(Unit::Bytes { doubt, .. }) => {
                    assert_eq!(doubt.is_some(), doubtful, "{written}")
                }
                other => panic!("{written} is {other:?}"),
            }
        }
        assert_eq!(unit("Mbit"), None);
    }

    #[test]
    fn units_are_read_in_other_languages_letters() {
        for (written, power) in [("Go", 3), ("Mo", 2), ("ГБ", 3), ("Мб", 2)] {
            let read = Unit::Bytes { power, doubt: None };
            assert_eq!(unit(written), Some(read), "{written}");
        }
        assert_eq!(unit("Gio"), Some(Unit::BinaryBytes { power: 3 }));
    }

    #[test]
    fn fillers_are_found() {
        for word in ["a", "with", "or", "minimum", "≥"] {
            assert!(is_filler(word), "{word}");
        }
        assert!(!is_filler("ram"));
    }
}
