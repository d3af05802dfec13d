//! Who this client is: read from the IoT Edge environment or from a connection string. Pure.
//!
//! Reads no environment of its own and never shows a key, not even in `Debug`.

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::ServerName;
use thiserror::Error;

use super::certificate::{CERTIFICATE_SETTING, CertificateError, CertificateFiles, KEY_SETTING};
use super::sas::encode;
use super::workload::Endpoint;

/// API version for an edge runtime that does not name one: the oldest, which every release serves.
const OLDEST_WORKLOAD_API: &str = "2018-06-28";

/// API version of the MQTT contract, sent in the user name.
const MQTT_API: &str = "2021-04-12";

/// A device or module of one IoT Hub, with the means to prove it.
#[derive(Clone)]
pub struct Identity {
    /// Host name of the IoT Hub, which user name and signature are made for.
    pub hub_host: String,
    /// Host to connect to, which the server's certificate must name: the gateway, else the hub.
    pub connect_host: String,
    /// Device id.
    pub device: String,
    /// Module id; `None` for a device.
    pub module: Option<String>,
    pub(super) credential: Credential,
}

/// What signs.
#[derive(Clone)]
pub(super) enum Credential {
    /// A symmetric key that we hold.
    Key(Vec<u8>),
    /// A certificate that is shown, and its key.
    Certificate(CertificateFiles),
    /// The edge runtime holds the key and signs for us.
    Workload {
        endpoint: Endpoint,
        generation: String,
        api_version: String,
    },
}

/// Why an identity could not be made; names every mistake at once and never shows a key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}: {}", mistakes.join("; "))]
pub struct IdentityError {
    /// What was read: the environment or a connection string.
    pub what: &'static str,
    /// One sentence for each mistake.
    pub mistakes: Vec<String>,
}

impl Identity {
    /// Reads the variables that edgeAgent gives to a module; `get` looks one up.
    ///
    /// `IOTEDGE_APIVERSION` may be missing (the Node, C and C# SDKs do without it too).
    ///
    /// # Errors
    /// All variables that are missing, empty or not understood. Source of the names:
    /// `CombinedEdgeletConfigProvider.cs` and `CreateOrUpdateCommand.cs` of Azure/iotedge.
    pub fn from_edge(get: &dyn Fn(&str) -> Option<String>) -> Result<Identity, IdentityError> {
        let mut mistakes = Vec::new();
        let mut need = |name: &str| match get(name) {
            Some(value) if !value.is_empty() => value,
            Some(_) => {
                mistakes.push(format!("{name} is empty"));
                String::new()
            }
            None => {
                mistakes.push(format!("{name} is not set"));
                String::new()
            }
        };
        let uri = need("IOTEDGE_WORKLOADURI");
        let hub_host = need("IOTEDGE_IOTHUBHOSTNAME");
        let connect_host = need("IOTEDGE_GATEWAYHOSTNAME");
        let device = need("IOTEDGE_DEVICEID");
        let module = need("IOTEDGE_MODULEID");
        let generation = need("IOTEDGE_MODULEGENERATIONID");
        let endpoint = Endpoint::parse(&uri);
        if let (Err(reason), false) = (&endpoint, uri.is_empty()) {
            mistakes.push(format!("IOTEDGE_WORKLOADURI {reason}"));
        }
        let scheme = get("IOTEDGE_AUTHSCHEME").unwrap_or_else(|| "sasToken".to_owned());
        if !scheme.eq_ignore_ascii_case("sasToken") {
            mistakes.push(format!("IOTEDGE_AUTHSCHEME is {scheme:?}, not sasToken"));
        }
        check_host("IOTEDGE_GATEWAYHOSTNAME", &connect_host, &mut mistakes);
        check_id("IOTEDGE_DEVICEID", &device, &mut mistakes);
        check_id("IOTEDGE_MODULEID", &module, &mut mistakes);
        let what = "the IoT Edge environment";
        let (true, Ok(endpoint)) = (mistakes.is_empty(), endpoint) else {
            return Err(IdentityError { what, mistakes });
        };
        let api_version = get("IOTEDGE_APIVERSION").filter(|text| !text.is_empty());
        Ok(Identity {
            hub_host,
            connect_host,
            device,
            module: Some(module),
            credential: Credential::Workload {
                endpoint,
                generation,
                api_version: api_version.unwrap_or_else(|| OLDEST_WORKLOAD_API.to_owned()),
            },
        })
    }

    /// Reads `HostName=…;DeviceId=…;ModuleId=…;SharedAccessKey=…`, with `ModuleId` and
    /// `GatewayHostName` optional. Names are matched exactly and nothing else is allowed.
    ///
    /// # Errors
    /// All parts that are missing, repeated, unknown or malformed.
    pub fn from_connection_string(text: &str) -> Result<Identity, IdentityError> {
        Identity::from_connection_string_and_files(text, (None, None))
    }

    /// The same, also with `x509=true` instead of a key; certificate and key are then the files of the settings
    /// `EDGEPROOF_X509_CERTIFICATE` and `EDGEPROOF_X509_KEY`, in this order. They are not read here.
    ///
    /// # Errors
    /// As there, and files without `x509=true` or the other way round.
    pub fn from_connection_string_and_files(
        text: &str,
        files: (Option<PathBuf>, Option<PathBuf>),
    ) -> Result<Identity, IdentityError> {
        let (mut fields, mut mistakes) = split(text);
        let mut take = |name: &str| fields.iter_mut().find(|f| f.0 == name).map(|f| f.1.take());
        let mut need = |name: &str, mistakes: &mut Vec<String>| match take(name).flatten() {
            Some(value) if !value.is_empty() => Some(value),
            Some(_) => {
                mistakes.push(format!("{name} is empty"));
                None
            }
            None => None,
        };
        let hub_host = need("HostName", &mut mistakes);
        let gateway = need("GatewayHostName", &mut mistakes);
        let device = need("DeviceId", &mut mistakes);
        let module = need("ModuleId", &mut mistakes);
        let key = need("SharedAccessKey", &mut mistakes).and_then(|key| {
            let bytes = STANDARD.decode(key).ok();
            if bytes.is_none() {
                mistakes.push("SharedAccessKey is not base64 (its value is not shown)".to_owned());
            }
            bytes
        });
        let key = key.map(Credential::Key);
        let credential = match need("x509", &mut mistakes) {
            Some(x509) => certificate(&x509, files, &mut mistakes),
            None => {
                let given = [(CERTIFICATE_SETTING, files.0), (KEY_SETTING, files.1)];
                for (setting, _) in given.iter().filter(|(_, file)| file.is_some()) {
                    mistakes.push(format!(
                        "{setting} is set, which only a connection string with x509=true takes"
                    ));
                }
                key
            }
        };
        check_host(
            "HostName",
            hub_host.as_deref().unwrap_or_default(),
            &mut mistakes,
        );
        check_host(
            "GatewayHostName",
            gateway.as_deref().unwrap_or_default(),
            &mut mistakes,
        );
        check_id(
            "DeviceId",
            device.as_deref().unwrap_or_default(),
            &mut mistakes,
        );
        check_id(
            "ModuleId",
            module.as_deref().unwrap_or_default(),
            &mut mistakes,
        );
        match (hub_host, device, credential) {
            (Some(hub_host), Some(device), Some(credential)) if mistakes.is_empty() => {
                Ok(Identity {
                    connect_host: gateway.unwrap_or_else(|| hub_host.clone()),
                    hub_host,
                    device,
                    module,
                    credential,
                })
            }
            _ => Err(IdentityError {
                what: "the connection string",
                mistakes,
            }),
        }
    }

    /// `d` or `d/m`: the MQTT client id.
    pub(super) fn client_id(&self) -> String {
        match &self.module {
            Some(module) => format!("{}/{module}", self.device),
            None => self.device.clone(),
        }
    }

    /// Looks at certificate and key, of an identity that has them; `now` is this device's time.
    ///
    /// # Errors
    /// Every mistake, with its file.
    pub fn check_files(&self, now: SystemTime) -> Result<(), CertificateError> {
        match &self.credential {
            Credential::Certificate(files) => files.check(now),
            Credential::Key(_) | Credential::Workload { .. } => Ok(()),
        }
    }

    /// The resource that a token is for, not yet encoded.
    pub(super) fn resource(&self) -> String {
        match &self.module {
            Some(module) => format!("{}/devices/{}/modules/{module}", self.hub_host, self.device),
            None => format!("{}/devices/{}", self.hub_host, self.device),
        }
    }

    /// The MQTT user name, with `product_info` as the client's type.
    pub(super) fn user_name(&self, product_info: &str) -> String {
        format!(
            "{}/{}/?api-version={MQTT_API}&DeviceClientType={}",
            self.hub_host,
            self.client_id(),
            encode(product_info)
        )
    }

    /// Start of the topic that messages go to; the property bag follows it.
    pub(super) fn events_topic(&self) -> String {
        match &self.module {
            Some(module) => format!("devices/{}/modules/{module}/messages/events/", self.device),
            None => format!("devices/{}/messages/events/", self.device),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credential = match &self.credential {
            Credential::Key(_) => "shared access key (not shown)".to_owned(),
            Credential::Certificate(files) => {
                format!("certificate {}", files.certificate.display())
            }
            Credential::Workload { endpoint, .. } => format!("workload API at {endpoint}"),
        };
        f.debug_struct("Identity")
            .field("hub_host", &self.hub_host)
            .field("connect_host", &self.connect_host)
            .field("device", &self.device)
            .field("module", &self.module)
            .field("credential", &credential)
            .finish()
    }
}

const KNOWN: [&str; 6] = [
    "HostName",
    "GatewayHostName",
    "DeviceId",
    "ModuleId",
    "SharedAccessKey",
    "x509",
];
const REQUIRED: [&str; 2] = ["HostName", "DeviceId"];
/// Names that other kinds of connection string have; only these are repeated in a message,
/// because anything else may be a piece of a key.
const FOREIGN: [&str; 3] = ["SharedAccessKeyName", "SharedAccessSignature", "ModelId"];

type Fields = Vec<(&'static str, Option<String>)>;

fn split(text: &str) -> (Fields, Vec<String>) {
    let mut fields: Fields = Vec::new();
    let mut mistakes = Vec::new();
    let trimmed = text.trim();
    let parts = trimmed.strip_suffix(';').unwrap_or(trimmed).split(';');
    for (index, part) in parts.enumerate() {
        let place = index + 1;
        let Some((name, value)) = part.split_once('=') else {
            mistakes.push(format!("part {place} is not `name=value`"));
            continue;
        };
        let Some(known) = KNOWN.into_iter().find(|known| *known == name) else {
            mistakes.push(match FOREIGN.into_iter().find(|foreign| *foreign == name) {
                Some(foreign) => format!("part {place}: {foreign} is not supported"),
                None => format!(
                    "part {place} has a name that is not one of {}",
                    KNOWN.join(", ")
                ),
            });
            continue;
        };
        if fields.iter().any(|(seen, _)| *seen == known) {
            mistakes.push(format!("{known} is given twice"));
        } else {
            fields.push((known, Some(value.to_owned())));
        }
    }
    let has = |name: &str| fields.iter().any(|(seen, _)| *seen == name);
    for name in REQUIRED {
        if !has(name) {
            mistakes.push(format!("{name} is missing"));
        }
    }
    match (has("SharedAccessKey"), has("x509")) {
        (false, false) => {
            mistakes.push("SharedAccessKey is missing, and there is no x509=true".to_owned());
        }
        (true, true) => {
            mistakes.push("SharedAccessKey and x509 are both given: leave one out".to_owned());
        }
        (true, false) | (false, true) => {}
    }
    (fields, mistakes)
}

/// What `x509` wants: the value `true`, and both files.
fn certificate(
    x509: &str,
    (certificate, key): (Option<PathBuf>, Option<PathBuf>),
    mistakes: &mut Vec<String>,
) -> Option<Credential> {
    if x509 != "true" {
        mistakes.push("x509 is not `true`: write x509=true, or leave it out".to_owned());
    }
    for (setting, what, file) in [
        (CERTIFICATE_SETTING, "certificate", &certificate),
        (KEY_SETTING, "private key", &key),
    ] {
        if file.is_none() {
            mistakes.push(format!(
                "{setting} is not set: with x509=true it names the file of the module's {what}, as PEM"
            ));
        }
    }
    let (certificate, key) = certificate.zip(key)?;
    Some(Credential::Certificate(CertificateFiles {
        certificate,
        key,
    }))
}

/// Absent and empty values have been named already; this looks at the others.
fn check_host(name: &str, host: &str, mistakes: &mut Vec<String>) {
    if !host.is_empty() && ServerName::try_from(host).is_err() {
        mistakes.push(format!(
            "{name} {host:?} is neither a DNS name nor an IP address"
        ));
    }
}

/// The id becomes a level of MQTT topics, so it must not hold what separates or matches levels.
fn check_id(name: &str, id: &str, mistakes: &mut Vec<String>) {
    if id.len() > 128 {
        mistakes.push(format!("{name} is longer than 128 characters"));
    }
    if let Some(bad) = id
        .chars()
        .find(|c| !c.is_ascii_graphic() || "/#+".contains(*c))
    {
        mistakes.push(format!("{name} must not contain {bad:?}"));
    }
}

#[cfg(test)]
mod tests;
