//! Whether a module went for IoT Hub by name, past the gateway that IoT Edge gave it.

use crate::candidate::STAND_IN_HUB;
use crate::observation::AskedName;
use crate::record::Record;

/// Ends of the names of IoT Hubs and of the service that hands them out, in the public cloud and in those of governments and
/// China. Source: Microsoft, "Azure Government services by category" and "Azure China 21Vianet", endpoints of IoT Hub.
const HUBS: [&str; 5] = [
    ".azure-devices.net",
    ".azure-devices.us",
    ".azure-devices.cn",
    ".azure-devices.de",
    ".azure-devices-provisioning.net",
];

/// Names of IoT Hubs that the module asked for. The gateway is the only one that a module of IoT Edge needs.
fn asked(record: &Record) -> impl Iterator<Item = &AskedName> {
    let egress = record.observations.egress.seen();
    let names = egress.and_then(|egress| egress.names.seen());
    let asked = names.into_iter().flat_map(|names| &names.asked);
    asked.filter(|one| one.name == STAND_IN_HUB || HUBS.iter().any(|end| one.name.ends_with(end)))
}

/// Names of hubs that no environment variable told it: those of one customer.
pub(super) fn foreign(record: &Record) -> Vec<&str> {
    let names = asked(record).map(|one| one.name.as_str());
    names.filter(|name| *name != STAND_IN_HUB).collect()
}

/// `asked for the IoT Hub x.azure-devices.net itself 3 times, past its gateway`; none, where it did not.
pub(super) fn in_words(record: &Record) -> Option<String> {
    let first = asked(record).next()?;
    let times = match first.times {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    };
    let whose = if first.name == STAND_IN_HUB {
        "the IoT Hub of its environment"
    } else {
        "an IoT Hub that its environment does not name"
    };
    Some(format!(
        "asked {times} for the address of {}, {whose}, past its gateway",
        first.name
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn only_names_of_hubs_count() {
        let check = |name: &str, words: &str, foreign_names: &[&str]| {
            let record = sample::asking(sample::record(), &["time.test", name]);
            assert_eq!(in_words(&record).unwrap_or_default(), words);
            assert_eq!(foreign(&record), foreign_names);
        };
        check("azure-devices.net.contoso.test", "", &[]);
        check(
            "acme.azure-devices.net",
            "asked once for the address of acme.azure-devices.net, an IoT Hub that its environment does not name, past its gateway",
            &["acme.azure-devices.net"],
        );
        check(
            STAND_IN_HUB,
            "asked once for the address of edgeproof-hub.invalid, the IoT Hub of its environment, past its gateway",
            &[],
        );
        assert_eq!(in_words(&sample::record()), None);
    }
}
