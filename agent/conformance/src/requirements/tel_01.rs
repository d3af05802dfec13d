//! IEM-TEL-01: a module on the SDK says in every connection which publisher, offer and plan it is of.

use super::edge_use::{Presence, presence, sdks};
use super::remarks::quoted;
use super::workload_calls;
use crate::client_type::{ClientType, Sdk, Standing, standing};
use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::{EdgeConnection, EdgeUse};
use crate::offer::{HIDDEN, Offer};
use crate::record::{Edition, Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-TEL-01",
    slug: "product-info-names-the-plan",
    title: "ProductInfo names publisher, offer and plan",
    force: Forces {
        current: Force::Must,
        edition_2018: Force::Info,
    },
    stages: &[Stage::Device],
    scopes: &[ScopeName::Device, ScopeName::Fleet, ScopeName::Full],
    sources: &[Source {
        document: Document::TechnicalAssets,
        heading: "Telemetry",
    }],
    statement: "A module built on the SDK sets ProductInfo to PublisherId.OfferId.SkuId before it connects.",
    remedy: "Set ProductInfo (Python: product_info, Node.js: productInfo, C: OPTION_PRODUCT_INFO) to publisher, offer and plan id joined by dots, before the client connects.",
    judge: Judge::By(judge),
};

fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let token = token(&record.offer)?;
    let wanted = format!(
        "{token} as a word of its own in what every connection to edgeHub says of its client"
    );
    if record.run.edition == Edition::Edition2018 {
        workload_calls::requests(record)?;
        let saw = "the edition of 2018 asks for the name assigned at ingestion instead: IEM-TEL-02";
        return Ok(Outcome::not_applicable(saw, wanted));
    }
    match presence(record)? {
        Presence::NoSdk(why) => Ok(Outcome::not_applicable(why, wanted)),
        Presence::LoggedIn(edge) => judge_connections(edge, &record.offer, &token, wanted),
    }
}

/// Publisher, offer and plan id joined by dots.
fn token(offer: &Offer) -> Result<String, Unseen> {
    let ids = ids(offer);
    if ids.iter().any(|id| id.trim().is_empty()) {
        return Err(Unseen::new(
            Reason::InputMissing,
            "the offer lacks its publisher, offer or plan id, so the identifier is unknown",
        ));
    }
    Ok(ids.join("."))
}

fn ids(offer: &Offer) -> [&str; 3] {
    [&offer.publisher_id, &offer.offer_id, &offer.plan_id].map(String::as_str)
}

fn judge_connections(
    edge: &EdgeUse,
    offer: &Offer,
    token: &str,
    wanted: String,
) -> Result<Outcome, Unseen> {
    let count = count(edge)?;
    let faults: Vec<(&EdgeConnection, String)> = edge
        .connections
        .iter()
        .filter_map(|one| Some((one, fault(one, ids(offer))?)))
        .collect();
    let Some((first, fault)) = faults.first() else {
        let sdks = sdks(edge).join(", ");
        let by = if sdks.is_empty() {
            String::new()
        } else {
            format!(" by the {sdks}")
        };
        return Ok(Outcome::met(format!("{count}{by}: {token}"), wanted));
    };
    let hidden = |(one, _): &(&EdgeConnection, String)| {
        one.client_type
            .as_ref()
            .is_some_and(|text| text.contains(HIDDEN))
    };
    if faults.iter().all(hidden) {
        return Err(Unseen::new(
            Reason::Configuration,
            "what the connections say of their client holds a test value of the overlay, which is hidden; use another value",
        ));
    }
    let saw = if edge.connections.len() == 1 {
        format!("{count}, at {}, {fault}", first.at)
    } else {
        format!(
            "{} of {count} without {token}: the one at {} {fault}",
            faults.len(),
            first.at
        )
    };
    let sdk = first
        .client_type
        .as_deref()
        .and_then(|text| ClientType::read(text).sdk);
    let paste = match sdk {
        Some(sdk) => one_liner(sdk, token),
        None => {
            let all = [Sdk::Python, Sdk::CSharp, Sdk::Node, Sdk::Java, Sdk::C];
            let lines = all.map(|sdk| format!("{}: {}", sdk.language(), one_liner(sdk, token)));
            lines.join("\n")
        }
    };
    let mend = "set ProductInfo before the client connects";
    Ok(Outcome::unmet(saw, wanted, mend).with_paste(paste))
}

/// `3 connections to edgeHub`.
///
/// # Errors
/// None was kept, though the module logged in.
fn count(edge: &EdgeUse) -> Result<String, Unseen> {
    let known = edge.connections.len();
    Ok(match (known, edge.logins) {
        (0, _) => {
            return Err(Unseen::new(
                Reason::Tool,
                "the module logged in at edgeHub, and what its connections said was not kept",
            ));
        }
        (1, 0 | 1) => "the connection to edgeHub".to_owned(),
        (known, all) if all > known as u64 => {
            format!("the first {known} of {all} connections to edgeHub")
        }
        (known, _) => format!("{known} connections to edgeHub"),
    })
}

/// What is wrong with a connection's client type, if anything.
fn fault(connection: &EdgeConnection, ids: [&str; 3]) -> Option<String> {
    let Some(text) = connection.client_type.as_deref() else {
        return Some("says nothing of its client".to_owned());
    };
    let read = ClientType::read(text);
    let mut fault = match standing(text, ids) {
        Standing::Whole => return None,
        Standing::OtherCase(word) => format!("says {}, which differs in case only", quoted(word)),
        Standing::Inside {
            word,
            before,
            behind,
        } => {
            let extra = match (before, behind) {
                ("", behind) => format!("{} behind it", quoted(behind)),
                (before, "") => format!("{} in front of it", quoted(before)),
                (before, behind) => {
                    format!(
                        "{} in front of it and {} behind it",
                        quoted(before),
                        quoted(behind)
                    )
                }
            };
            format!("says {}, which has {extra}", quoted(word))
        }
        Standing::OtherSeparators(found) => format!(
            "says {}, which joins the ids by something else than dots",
            quoted(found)
        ),
        Standing::Absent if read.product_info.is_empty() => "sets no ProductInfo".to_owned(),
        Standing::Absent => format!("says {} instead", quoted(read.product_info)),
    };
    if let Some(sdk) = read.sdk_in_words() {
        fault += &format!(" ({sdk})");
    }
    let model = connection.model_id.as_deref();
    if let Some(model) = model.filter(|id| read.sdk == Some(Sdk::Python) && id.starts_with("dtmi"))
    {
        fault += &format!(
            "; this SDK sends a product_info that begins with dtmi as model id alone: {}",
            quoted(model)
        );
    }
    Some(fault)
}

/// Where each SDK takes it. Sources: the API reference of azure-iot-device (Python, Node.js), `ModuleClient.ProductInfo` (C#) and
/// `ProductInfo.setExtra` (Java) on Microsoft Learn; `doc/Iothub_sdk_options.md` of Azure/azure-iot-sdk-c.
fn one_liner(sdk: Sdk, token: &str) -> String {
    match sdk {
        Sdk::Python => {
            format!("IoTHubModuleClient.create_from_edge_environment(product_info=\"{token}\")")
        }
        Sdk::CSharp => format!("moduleClient.ProductInfo = \"{token}\";"),
        // Seen with azure-iot-device 1.18.4: `setOptions` forgets the anchor that `fromEnvironment` had set.
        Sdk::Node => format!(
            "client.setOptions({{ productInfo: '{token}', ca: trustBundle }}); // of the workload API: setting options forgets it"
        ),
        Sdk::Java => format!("productInfo.setExtra(\"{token}\"); // the client's ProductInfo"),
        Sdk::C => {
            format!("IoTHubModuleClient_SetOption(client, OPTION_PRODUCT_INFO, \"{token}\");")
        }
    }
}

#[cfg(test)]
mod tests;
