//! The sample module as one that is built on the IoT module SDK.

use super::*;
use crate::observation::{
    EdgeBreach, EdgeConnection, EdgeEnd, EdgeTransport, EdgeUse, OutputUse, TwinUse,
    WorkloadRequest,
};

/// What the Python SDK 2.14.0 says of itself, with the ProductInfo behind it as the SDK appends it: without a separator.
pub(crate) const PYTHON: &str =
    "azure-iot-device-iothub-py/2.14.0(3.11.2;Linux #1 SMP Debian 6.1.119-1 (2024-11-22);x86_64)";

/// The sample's record for a module on the Python SDK that does everything right, after `spoil` had its way with what was seen
/// of it at edgeHub.
pub(crate) fn sdk_record(spoil: impl FnOnce(&mut EdgeUse)) -> Record {
    let mut record = record();
    let plan = &mut record.offer.plan;
    plan.uses_module_sdk = true;
    let description = &mut record.offer.listing.description;
    *description = description.replace(
        "needs no environment variable, no module twin and no route",
        "needs no environment variable. The twin property <b>interval</b> is the pace in seconds of its output \
         <b>quality</b>; the default route <b>up</b> takes that to IoT Hub",
    );
    plan.twin = json!({"interval": 10}).to_string();
    plan.routes = [("up".to_owned(), json!("FROM /messages/* INTO $upstream"))].into();
    let call = |at: u64, method: &str, path: &str| WorkloadRequest {
        at: Millis(at),
        method: method.to_owned(),
        path: path.to_owned(),
        status: 200,
    };
    record.observations.workload = Observed::Seen(vec![
        call(4_200, "GET", "/trust-bundle?api-version=2018-06-28"),
        call(
            4_210,
            "POST",
            "/modules/m/genid/g/sign?api-version=2018-06-28",
        ),
    ]);
    let mut edge = edge_use();
    spoil(&mut edge);
    record.observations.edge = Observed::Seen(edge);
    record
}

/// What that module did at edgeHub.
pub(crate) fn edge_use() -> EdgeUse {
    EdgeUse {
        connections: [4_300, 16_300, 28_300].map(connection).to_vec(),
        logins: 3,
        breaches: Vec::new(),
        outputs: vec![OutputUse {
            output: Some("quality".to_owned()),
            first: Millis(4_900),
            last: Some(Millis(38_200)),
            messages: 48,
            acknowledged: 48,
            bytes: Bytes(2_640),
            largest: Bytes(55),
            unrouted: 0,
            repeated: 0,
        }],
        twin: TwinUse {
            reads: 3,
            hears_changes: true,
            reported: 3,
            names: vec!["interval".to_owned()],
        },
        subscriptions: vec!["$iothub/twin/res/#".to_owned()],
        methods: Vec::new(),
    }
}

/// A login of the sample module at this moment, for ten seconds.
fn connection(at: u64) -> EdgeConnection {
    EdgeConnection {
        at: Millis(at),
        transport: EdgeTransport::Mqtt,
        server_name: Some("gateway".to_owned()),
        tls: "TLSv1_2".to_owned(),
        suite: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384".to_owned(),
        api_version: "2019-10-01".to_owned(),
        client_type: Some(format!("{PYTHON}contoso.air-quality.standard")),
        model_id: None,
        token_life: Some(3_600),
        token_expiry: Some(1_800_000_000 + at / 1_000),
        keep_alive: Millis(60_000),
        resumed: false,
        subscribed: Some(Millis(at + 50)),
        first_message: Some(Millis(at + 600)),
        ended: Some(EdgeEnd {
            at: Millis(at + 10_000),
            reason: "goodbye".to_owned(),
        }),
    }
}

/// A rule broken twice.
pub(crate) fn breach(rule: &str) -> EdgeBreach {
    EdgeBreach {
        at: Millis(4_250),
        rule: rule.to_owned(),
        detail: "seen and wanted".to_owned(),
        times: 2,
    }
}
