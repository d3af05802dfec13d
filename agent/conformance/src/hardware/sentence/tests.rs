//! Hardware sentences as publishers write them.

use proptest::prelude::*;

use super::*;

/// The claim in one line, warnings after `!`, unread parts after `?`.
fn shown(sentence: &str) -> String {
    let Reading { claim, unread } = read(sentence, 0);
    let mut parts = vec![claim.os.join("+"), claim.architectures.join("+")];
    let mut field = |name: &str, value: Option<String>| {
        parts.extend(value.map(|value| format!("{name}={value}")));
    };
    field("ram", claim.ram_bytes.map(|bytes| bytes.0.to_string()));
    field(
        "storage",
        claim.storage_bytes.map(|bytes| bytes.0.to_string()),
    );
    field("cores", claim.cpu_cores.map(|cores| cores.to_string()));
    field("hz", claim.cpu_hz.map(|hz| hz.to_string()));
    field("gpu", claim.gpu);
    parts.extend(claim.warnings.iter().map(|warning| format!("!{warning}")));
    parts.extend(unread.iter().map(|part| format!("?{part}")));
    parts.retain(|part| !part.is_empty());
    parts.join(" ")
}

fn check(sentence: &str, expected: &str) {
    assert_eq!(shown(sentence), expected, "{sentence}");
}

#[test]
fn the_programmes_own_example_is_read_to_the_last_word() {
    check(
        "Linux x64 and arm32 OS, 1GB of RAM, 500 Mb of storage",
        "linux amd64+arm/v7 ram=1073741824 storage=500000000 \
         !\"500 Mb\" at character 37: `Mb` is megabits and is read as megabytes, `MB`",
    );
}

#[test]
fn architectures_are_read_under_all_their_names() {
    for (names, read) in [
        (
            "x64, amd64, x86-64, x86_64, x86 64-bit, 64-bit x86",
            "amd64",
        ),
        (
            "arm64, aarch64, arm64v8, ARMv8, ARM 64-bit, 64 bit ARM, arm64/v8, arm/v8",
            "arm64",
        ),
        (
            "arm32, armhf, armv7, ARMv7l, arm32v7, arm/v7, 32-bit ARM, ARM32",
            "arm/v7",
        ),
        ("i386, x86 32-bit, i686", "386"),
        ("linux/amd64 & linux/arm/v7", "linux amd64+arm/v7"),
    ] {
        check(names, read);
    }
    check(
        "ARM",
        "arm/v7 !\"ARM\" at character 1: read as 32-bit ARM; write arm32 or arm64",
    );
}

#[test]
fn operating_systems_are_read_with_their_versions() {
    check("Ubuntu Server 22.04 LTS (x64)", "linux amd64");
    check(
        "Debian GNU/Linux 12, Windows 10 IoT Enterprise",
        "linux+windows",
    );
    check("Raspberry Pi OS", "linux");
    check("Ubuntu 20.04 x64", "linux amd64");
    check("Linux 64-bit, 2 cores", "linux cores=2");
    check("Linux 1 GB RAM", "linux ram=1073741824");
    check(
        "Linux ARM 64 MB RAM",
        "linux arm/v7 ram=67108864 !\"ARM\" at character 7: read as 32-bit ARM; write arm32 or arm64",
    );
    check("Windows 10 512 MB RAM", "windows ram=536870912");
}

#[test]
fn quantities_go_to_the_word_after_or_before_them() {
    let both = "ram=1073741824 storage=500000000";
    check("1 GB RAM and 500 MB disk space", both);
    check("1GB memory 500MB storage", both);
    check("RAM: 1 GB; storage: 500 MB", both);
    check("memory 1 GB storage 500 MB", both);
    check(
        "at least 1 GB of main memory\n≥ 500 MB of free hard disk space.",
        both,
    );
    check(
        "RAM 1 gigabyte or more, minimum 500 megabytes of flash memory",
        both,
    );
    check("• RAM – 1024 MiB • eMMC – 0.5 GB", both);
}

#[test]
fn binary_units_are_binary_for_storage_too() {
    check(
        "512 MiB RAM, 2 GiB storage",
        "ram=536870912 storage=2147483648",
    );
    check(
        "1.5 GB RAM, 1,500 MB storage",
        "ram=1610612736 storage=1500000000",
    );
}

#[test]
fn processors_are_read_by_cores_and_clock() {
    check("2 CPU cores", "cores=2");
    check("2 vCPU", "cores=2");
    check(
        "dual-core 1.4 GHz 64-bit processor",
        "cores=2 hz=1400000000",
    );
    check("CPU: 4 cores at 800 MHz", "cores=4 hz=800000000");
    check("CPU 1 GHz", "hz=1000000000");
    check("quad core ARM64 CPU, 1 GHz", "arm64 cores=4 hz=1000000000");
    check("4 x 1.2 GHz CPU", "cores=4 hz=1200000000");
    check("0.5 CPU", "?\"0.5\" at character 1");
}

#[test]
fn a_gpu_is_kept_as_written_and_its_memory_is_not_the_devices() {
    check(
        "NVIDIA GPU with 4 GB memory and CUDA 12, 1 GB of RAM",
        "ram=1073741824 gpu=NVIDIA GPU with 4 GB memory and CUDA 12",
    );
    check(
        "1 GB of RAM with NVIDIA GPU",
        "ram=1073741824 gpu=NVIDIA GPU",
    );
    check("Linux x64 with NVIDIA GPU", "linux amd64 gpu=NVIDIA GPU");
    check(
        "Linux arm64 (NVIDIA Jetson Nano) OS",
        "linux arm64 gpu=NVIDIA Jetson Nano",
    );
    check("no GPU required, 1 GB RAM", "ram=1073741824");
    check(
        "GPU optional",
        "!\"GPU optional\" at character 1: an optional GPU is no minimum and is left out",
    );
}

#[test]
fn what_is_no_minimum_is_not_taken_for_one() {
    check(
        "up to 1 GB of RAM",
        "?\"up to 1 GB\" at character 1 ?\"RAM\" at character 15",
    );
    check("RAM < 1 GB", "?\"RAM < 1 GB\" at character 1");
    check("max. 1 GB RAM", "?\"max. 1 GB RAM\" at character 1");
    check("1 GB RAM max", "?\"1 GB RAM\" at character 1");
    check(
        "1 GB or less of RAM",
        "?\"1 GB\" at character 1 ?\"RAM\" at character 17",
    );
    check(
        "no more than 1 GB RAM",
        "?\"no more than 1 GB RAM\" at character 1",
    );
    check(
        "no less than 1 GB RAM, runs under Linux",
        "linux ram=1073741824 ?\"runs under\" at character 24",
    );
    check("1/2 GB RAM", "?\"1/2 GB RAM\" at character 1");
    check("1 024 MB RAM", "?\"1 024 MB RAM\" at character 1");
    check("0 GB RAM", "?\"0 GB\" at character 1");
    check("99999999999 TB RAM", "?\"99999999999 TB\" at character 1");
    check("512 Mbit RAM", "?\"512 Mbit\" at character 1");
}

#[test]
fn the_smaller_of_two_values_counts_and_is_doubted() {
    check(
        "2 GB RAM (1 GB RAM on arm32)",
        "arm/v7 ram=1073741824 !\"1 GB\" at character 11: a second value for the same thing; the smaller one counts",
    );
    check(
        "1 - 2 GB of RAM",
        "ram=1073741824 !\"1 - 2 GB\" at character 1: of a range the lower end is read",
    );
    check(
        "about 1,5 GB RAM",
        "ram=1610612736 !\"about\" at character 1: a rough value is read as the exact one \
         !\"1,5\" at character 7: the comma is read as a decimal point",
    );
}

#[test]
fn words_nobody_can_judge_are_unread_as_phrases() {
    check(
        "a Raspberry Pi 4 or better, 1 GB RAM, good weather",
        "ram=1073741824 ?\"Raspberry Pi 4\" at character 3 ?\"good weather\" at character 39",
    );
    check("500 MB", "?\"500 MB\" at character 1");
    check(
        "RAM/storage: 1GB",
        "storage=1000000000 ?\"RAM\" at character 1",
    );
}

proptest! {
    #[test]
    fn no_sentence_makes_the_reader_panic(
        text in "\\PC*",
        near in "([0-9]{0,25}[.,]?[0-9]{0,3} ?(GB|Mb|x|GHz|to|-|RAM|storage|core|arm|64|bit|GPU|with|and|<|é|\n)[ ,/]?){0,12}",
    ) {
        read(&text, 0);
        read(&near, 0);
    }
}
