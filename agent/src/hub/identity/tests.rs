//! Tests of `identity.rs`.

use super::*;
use proptest::prelude::*;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn edge(name: &str) -> Option<String> {
    let value = match name {
        "IOTEDGE_WORKLOADURI" => "unix:///var/run/iotedge/workload.sock",
        "IOTEDGE_IOTHUBHOSTNAME" => "h.azure-devices.net",
        "IOTEDGE_GATEWAYHOSTNAME" => "gateway",
        "IOTEDGE_DEVICEID" => "d1",
        "IOTEDGE_MODULEID" => "m1",
        "IOTEDGE_MODULEGENERATIONID" => "636",
        "IOTEDGE_AUTHSCHEME" => "SasToken",
        _ => return None,
    };
    Some(value.to_owned())
}

fn mistakes(text: &str) -> Vec<String> {
    Identity::from_connection_string(text).unwrap_err().mistakes
}

#[test]
fn an_edge_module_connects_to_its_gateway_under_its_hub_name() {
    let identity = Identity::from_edge(&edge).unwrap();
    assert_eq!(identity.connect_host, "gateway");
    assert_eq!(identity.client_id(), "d1/m1");
    assert_eq!(
        identity.resource(),
        "h.azure-devices.net/devices/d1/modules/m1"
    );
    assert_eq!(
        identity.events_topic(),
        "devices/d1/modules/m1/messages/events/"
    );
    assert_eq!(
        identity.user_name("edgeproof agent/0.1 (Linux)"),
        "h.azure-devices.net/d1/m1/?api-version=2021-04-12&DeviceClientType=edgeproof%20agent%2F0.1%20%28Linux%29"
    );
}

#[test]
fn every_missing_variable_is_named_at_once() {
    let error = Identity::from_edge(&|_| None).unwrap_err();
    assert_eq!(error.mistakes.len(), 6, "{error}");
    assert!(
        error
            .to_string()
            .contains("IOTEDGE_MODULEGENERATIONID is not set")
    );
}

#[test]
fn an_edge_environment_with_wrong_values_is_refused() {
    let error = Identity::from_edge(&|name| match name {
        "IOTEDGE_WORKLOADURI" => Some("ftp://x".into()),
        "IOTEDGE_DEVICEID" => Some("a/b".into()),
        "IOTEDGE_MODULEID" => Some(String::new()),
        "IOTEDGE_GATEWAYHOSTNAME" => Some("a b".into()),
        "IOTEDGE_AUTHSCHEME" => Some("x509".into()),
        other => edge(other),
    })
    .unwrap_err();
    assert_eq!(error.mistakes.len(), 5, "{error}");
}

#[test]
fn a_connection_string_of_a_module_behind_a_gateway_is_read() {
    let text = format!(
        "HostName=h.net;GatewayHostName=10.0.0.1;DeviceId=d;ModuleId=m;SharedAccessKey={KEY}"
    );
    let identity = Identity::from_connection_string(&text).unwrap();
    assert_eq!(identity.connect_host, "10.0.0.1");
    assert_eq!(identity.client_id(), "d/m");
}

#[test]
fn a_connection_string_of_a_device_connects_to_the_hub() {
    let text = format!("HostName=h.net;DeviceId=d;SharedAccessKey={KEY};\n");
    let identity = Identity::from_connection_string(&text).unwrap();
    assert_eq!(identity.connect_host, "h.net");
    assert_eq!(identity.events_topic(), "devices/d/messages/events/");
    assert_eq!(identity.resource(), "h.net/devices/d");
}

#[test]
fn every_mistake_of_a_connection_string_is_named_at_once() {
    let found =
        mistakes("HostName;DeviceId=a/b;DeviceId=c;SharedAccessKeyName=owner;SharedAccessKey=%%");
    assert_eq!(
        found,
        [
            "part 1 is not `name=value`",
            "DeviceId is given twice",
            "part 4: SharedAccessKeyName is not supported",
            "HostName is missing",
            "SharedAccessKey is not base64 (its value is not shown)",
            "DeviceId must not contain '/'",
        ]
    );
    assert_eq!(mistakes("").len(), 4);
}

#[test]
fn a_certificate_takes_the_place_of_the_key_and_both_its_files_are_wanted() {
    let read = |text: &str, certificate: Option<&str>, key: Option<&str>| {
        let files = (certificate.map(Into::into), key.map(Into::into));
        Identity::from_connection_string_and_files(text, files)
    };
    let good = "HostName=h.net;DeviceId=d;ModuleId=m;x509=true";
    let identity = read(good, Some("/m.pem"), Some("/m.key")).unwrap();
    assert_eq!(identity.connect_host, "h.net");
    assert!(format!("{identity:?}").contains("certificate /m.pem"));
    let none = read(good, None, None).unwrap_err();
    assert_eq!(none.mistakes.len(), 2, "{none}");
    assert!(
        none.mistakes[1].contains("EDGEPROOF_X509_KEY is not set"),
        "{none}"
    );
    let both = format!("{good};SharedAccessKey={KEY}");
    let both = read(&both, Some("/m.pem"), Some("/m.key")).unwrap_err();
    assert_eq!(
        both.mistakes,
        ["SharedAccessKey and x509 are both given: leave one out"]
    );
    let odd = read(
        "HostName=h.net;DeviceId=d;x509=yes",
        Some("/m.pem"),
        Some("/m.key"),
    );
    assert!(odd.unwrap_err().to_string().contains("x509 is not `true`"));
    let idle = format!("HostName=h.net;DeviceId=d;SharedAccessKey={KEY}");
    let idle = read(&idle, Some("/m.pem"), None).unwrap_err();
    assert!(
        idle.to_string()
            .contains("EDGEPROOF_X509_CERTIFICATE is set"),
        "{idle}"
    );
}

#[test]
fn no_message_and_no_debug_text_shows_the_key() {
    let good = format!("HostName=h.net;DeviceId=d;SharedAccessKey={KEY}");
    let shown = format!("{:?}", Identity::from_connection_string(&good).unwrap());
    assert!(
        !shown.contains("AAEC") && shown.contains("not shown"),
        "{shown}"
    );
    for bad in [
        format!("HostName=h.net;{KEY};DeviceId=d"),
        format!("HostName=h.net;DeviceId=d;SharedAccessKey {KEY}"),
        format!("HostName=h.net;DeviceId=d;SharedAccessKey=!{KEY}"),
    ] {
        assert!(!mistakes(&bad).join(" ").contains("AAEC"), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_connection_string_makes_the_parser_panic(text in any::<String>()) {
        let _ = Identity::from_connection_string(&text);
    }

    #[test]
    fn no_mixture_of_known_parts_makes_the_parser_panic(
        parts in prop::collection::vec("(HostName|DeviceId|ModuleId|SharedAccessKey|x)?=?[a-z/=\u{e9}]{0,6}", 0..7),
    ) {
        let _ = Identity::from_connection_string(&parts.join(";"));
    }
}
