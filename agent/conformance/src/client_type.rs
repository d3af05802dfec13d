//! What a client says of itself when it logs in: the SDK that it is built on, and the ProductInfo that its author set.
//!
//! Sources: the user agents of the official SDKs, as Azure/azure-iot-sdk-python (`user_agent.py`), azure-iot-sdk-csharp
//! (`ProductInfo.cs`), azure-iot-sdk-node (`device/core/src/utils.ts`), azure-iot-sdk-java (`ProductInfo.java`) and
//! azure-iot-sdk-c (`iothubtransport_mqtt_common.c`) put them together.

/// The official SDKs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sdk {
    /// azure-iot-sdk-python.
    Python,
    /// azure-iot-sdk-csharp.
    CSharp,
    /// azure-iot-sdk-node.
    Node,
    /// azure-iot-sdk-java.
    Java,
    /// azure-iot-sdk-c.
    C,
}

/// What stands in front of the version, by SDK.
const MARKERS: [(Sdk, &str); 5] = [
    (Sdk::Python, "azure-iot-device-iothub-py/"),
    (Sdk::CSharp, ".NET/"),
    (Sdk::Node, "azure-iot-device/"),
    (Sdk::Java, "com.microsoft.azure.sdk.iot.iot-device-client/"),
    (Sdk::C, "iothubclient/"),
];

impl Sdk {
    /// The language that it is for, as people call the SDK.
    #[must_use]
    pub const fn language(self) -> &'static str {
        match self {
            Sdk::Python => "Python",
            Sdk::CSharp => "C#",
            Sdk::Node => "Node.js",
            Sdk::Java => "Java",
            Sdk::C => "C",
        }
    }
}

/// A client type taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientType<'a> {
    /// The SDK; absent for a client that names none of them.
    pub sdk: Option<Sdk>,
    /// The SDK's version as it says it; empty where it names no SDK.
    pub version: &'a str,
    /// What is left when the SDK's own part is taken away: the ProductInfo; empty where none is set.
    pub product_info: &'a str,
}

impl<'a> ClientType<'a> {
    /// Takes a decoded client type apart. The SDKs append the ProductInfo, Python and Node.js without a separator; that for C
    /// puts it in front.
    #[must_use]
    pub fn read(text: &'a str) -> ClientType<'a> {
        for (sdk, marker) in MARKERS {
            let Some((before, after)) = text.split_once(marker) else {
                continue;
            };
            let own = before.is_empty() || sdk == Sdk::C && before.ends_with(char::is_whitespace);
            if !own {
                continue;
            }
            let end = after.find(|c: char| c == '(' || c.is_whitespace());
            let (version, rest) = after.split_at(end.unwrap_or(after.len()));
            let product_info = if sdk == Sdk::C {
                before.trim()
            } else {
                behind_the_platform(rest.trim_start()).trim()
            };
            return ClientType {
                sdk: Some(sdk),
                version,
                product_info,
            };
        }
        ClientType {
            sdk: None,
            version: "",
            product_info: text.trim(),
        }
    }

    /// `Python SDK 2.14.0`; absent where no SDK is named.
    #[must_use]
    pub fn sdk_in_words(&self) -> Option<String> {
        let sdk = self.sdk?;
        Some(format!("{} SDK {}", sdk.language(), self.version))
    }
}

/// What stands behind `(runtime; system; architecture)`. A system's own version may hold parentheses too.
fn behind_the_platform(text: &str) -> &str {
    if !text.starts_with('(') {
        return text;
    }
    let mut open = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => open += 1,
            ')' if open == 1 => return &text[at + 1..],
            ')' => open -= 1,
            _ => {}
        }
    }
    text.rsplit(')').next().unwrap_or_default()
}

/// How an identifier of three ids joined by dots stands in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// As a word of its own.
    Whole,
    /// As a word that differs in case only.
    OtherCase(&'a str),
    /// Inside a longer word.
    Inside {
        /// The whole word.
        word: &'a str,
        /// What stands in front of it there.
        before: &'a str,
        /// What stands behind it there.
        behind: &'a str,
    },
    /// With other characters than dots between the ids.
    OtherSeparators(&'a str),
    /// Not at all.
    Absent,
}

/// Looks for publisher, offer and plan id, joined by dots, in a client type.
///
/// A word is a longest run of letters and digits of ASCII, `.`, `_` and `-`: what ids and the dots between them are made of. `…`,
/// where a long text was cut, belongs to its word: what stood there is unknown.
#[must_use]
pub fn standing<'a>(text: &'a str, ids: [&str; 3]) -> Standing<'a> {
    let token = ids.join(".");
    let in_a_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '…');
    let words = || text.split(|c| !in_a_word(c));
    if words().any(|word| word == token) {
        return Standing::Whole;
    }
    if let Some(word) = words().find(|word| word.eq_ignore_ascii_case(&token)) {
        return Standing::OtherCase(word);
    }
    let lower = token.to_ascii_lowercase();
    for word in words() {
        if let Some(at) = word.to_ascii_lowercase().find(&lower) {
            return Standing::Inside {
                word,
                before: &word[..at],
                behind: &word[at + token.len()..],
            };
        }
    }
    other_separators(text, ids).map_or(Standing::Absent, Standing::OtherSeparators)
}

/// The ids in their order with up to three other characters between them, or none.
fn other_separators<'a>(text: &'a str, ids: [&str; 3]) -> Option<&'a str> {
    const MOST: usize = 3;
    let lower = text.to_ascii_lowercase();
    let [publisher, offer, plan] = ids.map(str::to_ascii_lowercase);
    let behind = |rest: &str, id: &str| -> Option<usize> {
        let ends = rest.char_indices().map(|(at, _)| at);
        let mut starts = ends.take(MOST + 1);
        starts
            .find(|at| rest[*at..].starts_with(id))
            .filter(|at| !rest[..*at].contains(|c: char| c.is_ascii_alphanumeric()))
            .map(|at| at + id.len())
    };
    lower.match_indices(&publisher).find_map(|(start, _)| {
        let mut end = start + publisher.len();
        for id in [&offer, &plan] {
            end += behind(&lower[end..], id)?;
        }
        text.get(start..end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: [&str; 3] = ["contoso", "air-quality", "standard"];

    /// The first was recorded at edgeproof's own edgeHub, from azure-iot-device 2.14.0 in a Debian 12 container, 2026-11-26. The others
    /// are composed as the SDKs' sources put them together; their systems and versions are made up.
    #[test]
    fn every_sdk_is_told_by_name_version_and_product_info() {
        let cases = [
            (
                "azure-iot-device-iothub-py/2.14.0(3.11.2;Linux #1 SMP PREEMPT_DYNAMIC @0;x86_64)contoso.sdk-python.standard",
                "Python SDK 2.14.0",
                "contoso.sdk-python.standard",
            ),
            (
                "azure-iot-device-iothub-py/2.14.0(3.11.2;Linux #1 SMP Debian 6.1.119-1 (2024-11-22);x86_64)a.b.c",
                "Python SDK 2.14.0",
                "a.b.c",
            ),
            (
                "azure-iot-device-iothub-py/2.14.0(3.11.2;Linux #1;armv7l)",
                "Python SDK 2.14.0",
                "",
            ),
            (
                ".NET/1.42.0 (.NET 6.0.36; Debian 12; X64) a.b.c",
                "C# SDK 1.42.0",
                "a.b.c",
            ),
            (
                "azure-iot-device/1.18.3(node v18.19.0; Linux 6.1.0; x64)a.b.c",
                "Node.js SDK 1.18.3",
                "a.b.c",
            ),
            (
                "com.microsoft.azure.sdk.iot.iot-device-client/2.5.0 (11.0.2; Linux; amd64) a.b.c",
                "Java SDK 2.5.0",
                "a.b.c",
            ),
            (
                "a.b.c iothubclient/1.14.0 (native; Linux; armv7l)",
                "C SDK 1.14.0",
                "a.b.c",
            ),
            ("iothubclient/1.14.0", "C SDK 1.14.0", ""),
        ];
        for (text, sdk, product_info) in cases {
            let read = ClientType::read(text);
            assert_eq!(read.sdk_in_words().as_deref(), Some(sdk), "{text}");
            assert_eq!(read.product_info, product_info, "{text}");
        }
    }

    #[test]
    fn a_client_of_its_own_names_no_sdk() {
        for text in ["", "paho 1.6", "not-iothubclient/1", "x.NET/1"] {
            let read = ClientType::read(text);
            assert_eq!((read.sdk, read.product_info), (None, text), "{text}");
        }
        let open = ClientType::read("azure-iot-device/1.0(node (v18; x64)a.b.c");
        assert_eq!(open.product_info, "a.b.c");
    }

    #[test]
    fn the_token_stands_as_a_word_or_the_reason_is_told() {
        let inside = |word, before, behind| Standing::Inside {
            word,
            before,
            behind,
        };
        let cases = [
            ("contoso.air-quality.standard", Standing::Whole),
            ("py/2(x86_64)contoso.air-quality.standard", Standing::Whole),
            (
                "x/contoso.air-quality.standard;y iothubclient/1",
                Standing::Whole,
            ),
            (
                "Contoso.air-quality.Standard",
                Standing::OtherCase("Contoso.air-quality.Standard"),
            ),
            (
                "contoso.air-quality.standard-2",
                inside("contoso.air-quality.standard-2", "", "-2"),
            ),
            (
                "contoso.air-quality.standard.",
                inside("contoso.air-quality.standard.", "", "."),
            ),
            (
                "x contoso.air-quality.standard…",
                inside("contoso.air-quality.standard…", "", "…"),
            ),
            (
                ")-contoso.air-quality.standard",
                inside("-contoso.air-quality.standard", "-", ""),
            ),
            (
                "my.Contoso.air-quality.standardx",
                inside("my.Contoso.air-quality.standardx", "my.", "x"),
            ),
            (
                "a contoso/air-quality/standard",
                Standing::OtherSeparators("contoso/air-quality/standard"),
            ),
            (
                "contoso-air-quality_standard",
                Standing::OtherSeparators("contoso-air-quality_standard"),
            ),
            (
                "contosoair-qualitystandard",
                Standing::OtherSeparators("contosoair-qualitystandard"),
            ),
            (
                "CONTOSO air-quality : standard",
                Standing::OtherSeparators("CONTOSO air-quality : standard"),
            ),
            ("contoso.air-quality", Standing::Absent),
            ("standard.air-quality.contoso", Standing::Absent),
            ("contoso é air-quality", Standing::Absent),
            ("", Standing::Absent),
        ];
        for (text, expected) in cases {
            assert_eq!(standing(text, IDS), expected, "{text}");
        }
    }
}
