//! Writing a claim as the paragraph to paste: plain words that [`super::read`] reads back exactly.

use crate::units::Bytes;

use super::Claim;

/// The claim as HTML, with a recommended paragraph after it where there is one.
pub(super) fn write(claim: &Claim) -> String {
    let mut html = paragraph("Minimum", claim);
    if let Some(recommended) = &claim.recommended {
        html.push_str(&paragraph("Recommended", recommended));
    }
    html
}

fn paragraph(kind: &str, claim: &Claim) -> String {
    format!(
        "<p><u>{kind} hardware requirements:</u> {}</p>",
        escape(&sentence(claim))
    )
}

/// The claim as a sentence without label: `Linux x64 and arm32 OS, 1 GB of RAM, 500 MB of storage`.
fn sentence(claim: &Claim) -> String {
    let mut parts = Vec::new();
    parts.extend(platforms(claim));
    parts.extend(
        claim
            .ram_bytes
            .map(|ram| format!("{} of RAM", ram_amount(ram))),
    );
    parts.extend(
        claim
            .storage_bytes
            .map(|bytes| format!("{} of storage", storage_amount(bytes))),
    );
    parts.extend(claim.cpu_cores.map(|cores| match cores {
        1 => "1 CPU core".to_owned(),
        _ => format!("{cores} CPU cores"),
    }));
    parts.extend(claim.cpu_hz.map(|hz| format!("{} CPU", clock(hz))));
    parts.extend(claim.gpu.clone());
    parts.join(", ")
}

fn platforms(claim: &Claim) -> Option<String> {
    let os: Vec<&str> = claim.os.iter().map(|os| os_word(os)).collect();
    let architectures: Vec<&str> = claim
        .architectures
        .iter()
        .map(|name| architecture_word(name))
        .collect();
    let words: Vec<String> = [os, architectures]
        .iter()
        .filter_map(|words| listed(words))
        .collect();
    (!words.is_empty()).then(|| format!("{} OS", words.join(" ")))
}

fn listed(words: &[&str]) -> Option<String> {
    match words {
        [] => None,
        [only] => Some((*only).to_owned()),
        [first @ .., last] => Some(format!("{} and {last}", first.join(", "))),
    }
}

fn os_word(os: &str) -> &str {
    match os {
        "linux" => "Linux",
        "windows" => "Windows",
        other => other,
    }
}

/// The programme's own words where it has one.
fn architecture_word(architecture: &str) -> &str {
    match architecture {
        "amd64" => "x64",
        "arm/v7" => "arm32",
        "arm/v6" => "arm32v6",
        "arm/v5" => "arm32v5",
        "386" => "i386",
        other => other,
    }
}

/// In the largest binary unit that needs no fraction: RAM is counted in binary units under decimal names.
fn ram_amount(ram: Bytes) -> String {
    amount(ram, 1024)
}

fn storage_amount(storage: Bytes) -> String {
    amount(storage, 1000)
}

fn amount(bytes: Bytes, base: u64) -> String {
    let units = [(4, "TB"), (3, "GB"), (2, "MB"), (1, "KB")];
    let whole = units
        .into_iter()
        .map(|(power, name)| (base.pow(power), name))
        .find(|(unit, _)| bytes.0 >= *unit && bytes.0.is_multiple_of(*unit));
    match whole {
        Some((unit, name)) => format!("{} {name}", bytes.0 / unit),
        None => format!("{} bytes", bytes.0),
    }
}

/// Exactly, in the largest unit that fits: `1.5 GHz`.
fn clock(hz: u64) -> String {
    let (unit, digits, name) = match hz {
        1_000_000_000.. => (1_000_000_000, 9, "GHz"),
        1_000_000.. => (1_000_000, 6, "MHz"),
        1_000.. => (1_000, 3, "kHz"),
        _ => return format!("{hz} Hz"),
    };
    let fraction = format!("{:0digits$}", hz % unit);
    match fraction.trim_end_matches('0') {
        "" => format!("{} {name}", hz / unit),
        fraction => format!("{}.{fraction} {name}", hz / unit),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hardware::read;

    #[test]
    fn a_claim_is_written_in_the_programmes_words() {
        let claim = Claim {
            os: vec!["linux".to_owned()],
            architectures: ["amd64", "arm64", "arm/v7"].map(str::to_owned).to_vec(),
            ram_bytes: Some(Bytes(3 << 29)),
            storage_bytes: Some(Bytes(500_000_000)),
            cpu_cores: Some(2),
            cpu_hz: Some(1_400_000_000),
            gpu: Some("NVIDIA GPU".to_owned()),
            recommended: Some(Box::new(Claim {
                ram_bytes: Some(Bytes(4 << 30)),
                ..Claim::default()
            })),
            warnings: Vec::new(),
        };
        assert_eq!(
            write(&claim),
            "<p><u>Minimum hardware requirements:</u> Linux x64, arm64 and arm32 OS, 1536 MB of RAM, \
             500 MB of storage, 2 CPU cores, 1.4 GHz CPU, NVIDIA GPU</p>\
             <p><u>Recommended hardware requirements:</u> 4 GB of RAM</p>"
        );
    }

    fn some_of(words: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
        prop::sample::subsequence(words, 0..=words.len())
            .prop_shuffle()
            .prop_map(|chosen| chosen.into_iter().map(str::to_owned).collect())
    }

    fn bytes() -> impl Strategy<Value = Option<Bytes>> {
        let round = (
            1..5000_u64,
            prop::sample::select(vec![1, 1000, 1 << 20, 1 << 30, 1_000_000]),
        );
        prop::option::of(prop_oneof![
            (1..=u64::MAX).prop_map(Bytes),
            round.prop_map(|(count, unit)| Bytes(count * unit)),
        ])
    }

    fn claims() -> impl Strategy<Value = Claim> {
        (
            some_of(&["linux", "windows"]),
            some_of(&["amd64", "arm64", "arm/v7", "arm/v6", "386", "riscv64"]),
            bytes(),
            bytes(),
            prop::option::of(1..=u32::MAX),
            prop::option::of(1..=u64::MAX),
            prop::option::of("(NVIDIA |any )?GPU( with [1-9] GB memory)?( and CUDA [0-9]{1,2}|, VRAM <2> GB & CUDA)?"),
        )
            .prop_map(
                |(os, architectures, ram_bytes, storage_bytes, cpu_cores, cpu_hz, gpu)| Claim {
                    os,
                    architectures,
                    ram_bytes,
                    storage_bytes,
                    cpu_cores,
                    cpu_hz,
                    gpu,
                    recommended: None,
                    warnings: Vec::new(),
                },
            )
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_was_written_is_read_back_the_same(claim in claims(), recommended in prop::option::of(claims())) {
            let claim = Claim { recommended: recommended.map(Box::new), ..claim };
            let html = write(&claim);
            let read = read(&html).unwrap();
            prop_assert_eq!(&read.unread, &Vec::<String>::new(), "{}", html);
            prop_assert_eq!(&read.after, &None, "{}", html);
            prop_assert_eq!(&read.claim, &claim, "{}", html);
        }

        #[test]
        fn no_description_makes_the_reader_panic(
            text in "\\PC*",
            html in "(<(/?(p|u|br|ul|li|div|table|td|script)>)?|Minimum hardware requirements|Recommended hardware requirements|:|&nbsp;|1 GB|RAM| ){0,20}",
        ) {
            let _ = read(&text);
            let _ = read(&html);
            let _ = read(&format!("Minimum hardware requirements: {text}"));
        }
    }
}
