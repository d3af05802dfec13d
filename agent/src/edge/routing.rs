//! Where edgeHub takes a module's messages: the offer's default routes, applied to what was sent. Pure.

use std::collections::BTreeMap;

use conformance::route::{Message, Properties as Named, Sink, Table};
use serde_json::Value;
use standin::hub::Properties;

/// System properties: their names on the wire and in conditions (Azure/iotedge, `SystemProperties.cs`).
const SYSTEM: [(&str, &str); 8] = [
    ("$.mid", "messageId"),
    ("$.cid", "correlationId"),
    ("$.uid", "userId"),
    ("$.to", "to"),
    ("$.ct", "contentType"),
    ("$.ce", "contentEncoding"),
    ("$.on", "outputName"),
    ("$.exp", "absoluteExpiryTime"),
];

/// The default routes of the module's plan.
#[derive(Debug)]
pub(super) struct Routing {
    table: Table,
    device: String,
    module: String,
}

/// Where one message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Routed {
    /// No route takes it: edgeHub drops it.
    pub(super) dropped: bool,
    /// Inputs of the module itself that it goes to. Other modules are not there; it would wait for them.
    pub(super) own_inputs: Vec<String>,
}

impl Routing {
    /// With one route that edgeHub refuses it takes none of them.
    pub(super) fn of(routes: &BTreeMap<String, Value>, device: &str, module: &str) -> Routing {
        Routing {
            table: Table::read(routes).unwrap_or_default(),
            device: device.to_owned(),
            module: module.to_owned(),
        }
    }

    pub(super) fn route(
        &self,
        output: Option<&str>,
        properties: &Properties,
        body: &[u8],
    ) -> Routed {
        let message = Message {
            source: Message::source_of(&self.module, output),
            system_properties: self.system(properties),
            properties: properties.application.clone(),
            body: body.to_vec(),
        };
        let deliveries = self.table.deliveries(&message);
        let own = deliveries
            .iter()
            .filter_map(|delivery| match delivery.sink {
                Sink::Module { module, input, .. } if *module == self.module => Some(input.clone()),
                Sink::Module { .. } | Sink::Upstream => None,
            });
        Routed {
            dropped: deliveries.is_empty(),
            own_inputs: own.collect(),
        }
    }

    fn system(&self, properties: &Properties) -> Named {
        let known = SYSTEM.iter().filter_map(|(wire, name)| {
            let value = properties.system.get(*wire)?;
            Some(((*name).to_owned(), value.clone()))
        });
        let sender = [
            ("connectionDeviceId", &self.device),
            ("connectionModuleId", &self.module),
        ];
        let sender = sender.map(|(name, value)| (name.to_owned(), Some(value.clone())));
        known.chain(sender).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(route: &str, output: &str, dropped: bool, own_inputs: &[&str]) {
        let routes = BTreeMap::from([("r".to_owned(), json!(route))]);
        let routing = Routing::of(&routes, "d", "Readings");
        let mut properties = Properties::default();
        for (name, value) in [("$.ct", "application/json"), ("$.ce", "utf-8")] {
            let value = Some(value.to_owned());
            properties.system.insert(name.to_owned(), value);
        }
        let level = Some("high".to_owned());
        properties.application.insert("level".to_owned(), level);
        let routed = routing.route(Some(output), &properties, br#"{"t": 30}"#);
        let own_inputs = own_inputs.iter().map(|&input| input.to_owned()).collect();
        let wanted = Routed {
            dropped,
            own_inputs,
        };
        assert_eq!(routed, wanted, "{route}");
    }

    #[test]
    fn messages_follow_the_default_routes() {
        let from = "FROM /messages/modules/readings/outputs/out";
        check(&format!("{from} INTO $upstream"), "out", false, &[]);
        check(&format!("{from} INTO $upstream"), "other", true, &[]);
        for (condition, dropped) in [
            ("$body.t > 25", false),
            ("$body.t > 35", true),
            ("level = 'high'", false),
            ("$connectionModuleId = 'Readings'", false),
            ("$contentType = 'text/plain'", true),
        ] {
            let route = format!("{from} WHERE {condition} INTO $upstream");
            check(&route, "out", dropped, &[]);
        }
    }

    #[test]
    fn a_module_may_route_to_its_own_input() {
        let route = |module: &str| {
            format!(r#"FROM /messages/* INTO BrokeredEndpoint("/modules/{module}/inputs/in1")"#)
        };
        check(&route("Readings"), "out", false, &["in1"]);
        check(&route("filter"), "out", false, &[]);
    }

    #[test]
    fn a_route_that_edge_hub_refuses_takes_nothing() {
        check("FROM /messages/* INTO nowhere", "out", true, &[]);
        check(
            "FROM /messages/* WHERE level > 3 INTO $upstream",
            "out",
            true,
            &[],
        );
    }
}
