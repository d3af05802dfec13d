//! Private networks: created with a stamp, looked up, removed.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bollard::models::{
    EndpointSettings, NetworkConnectRequest, NetworkCreateRequest, NetworkDisconnectRequest,
};
use serde_json::Value;

use crate::client::Engine;
use crate::error::EngineError;
use crate::exact;
use crate::inspect::labels;
use crate::stamp::Stamp;

/// A network of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Full id.
    pub id: String,
    /// Name.
    pub name: String,
    /// The host's address on it: what containers reach the host by.
    pub gateway: IpAddr,
    /// Its address range: `172.19.0.0/16`.
    pub subnet: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

impl Engine {
    /// Creates a bridge network of its own.
    ///
    /// # Errors
    /// If the name is taken or no address range is free.
    pub async fn create_network(&self, name: &str, stamp: &Stamp) -> Result<Network, EngineError> {
        self.create_bridge(NetworkCreateRequest {
            name: name.to_owned(),
            labels: Some(stamp.labels()),
            ..NetworkCreateRequest::default()
        })
        .await
    }

    /// Creates a bridge network without a way out: who is on it reaches others on it and the host's address there alone.
    ///
    /// # Errors
    /// As [`Engine::create_network`].
    pub async fn create_internal_network(
        &self,
        name: &str,
        stamp: &Stamp,
    ) -> Result<Network, EngineError> {
        self.create_bridge(NetworkCreateRequest {
            name: name.to_owned(),
            labels: Some(stamp.labels()),
            internal: Some(true),
            ..NetworkCreateRequest::default()
        })
        .await
    }

    async fn create_bridge(&self, request: NetworkCreateRequest) -> Result<Network, EngineError> {
        let doing = self.doing("create", format!("network {}", request.name));
        let request = NetworkCreateRequest {
            driver: Some("bridge".to_owned()),
            ..request
        };
        let creation = {
            let (docker, doing) = (self.docker.clone(), doing.clone());
            async move {
                let created = docker.create_network(request).await;
                created.map_err(|error| doing.failed(error))
            }
        };
        let created = self.creations.run(&doing, creation).await?;
        let found = self.network(&created.id).await?;
        found.ok_or_else(|| doing.malformed("the network is gone right after its creation"))
    }

    /// Attaches a container, running or not; others on the network find it under `aliases` too.
    ///
    /// # Errors
    /// If one of them is gone, or the engine refuses.
    pub async fn join_network(
        &self,
        network: &str,
        container: &str,
        aliases: &[&str],
    ) -> Result<(), EngineError> {
        let doing = self.doing(
            "attach",
            format!("container {container} to network {network}"),
        );
        let aliases: Vec<String> = aliases.iter().map(|&alias| alias.to_owned()).collect();
        let request = NetworkConnectRequest {
            container: container.to_owned(),
            endpoint_config: Some(EndpointSettings {
                aliases: (!aliases.is_empty()).then_some(aliases),
                ..EndpointSettings::default()
            }),
        };
        let joined = self.docker.connect_network(network, request).await;
        joined.map_err(|error| doing.failed(error))
    }

    /// Takes a container off a network, running or not. One that is not on it is fine.
    ///
    /// # Errors
    /// If the engine cannot be asked.
    pub async fn leave_network(&self, network: &str, container: &str) -> Result<(), EngineError> {
        let doing = self.doing(
            "take",
            format!("container {container} off network {network}"),
        );
        let request = NetworkDisconnectRequest {
            container: container.to_owned(),
            force: Some(true),
        };
        let left = self.docker.disconnect_network(network, request).await;
        match left.map_err(|error| doing.failed(error)) {
            // Engines answer 403 or 404, and some 500, to who is not on it.
            Err(error) if error.status().is_some() => {
                tracing::debug!(%error, "it was not on the network");
                Ok(())
            }
            other => other,
        }
    }

    /// A network by name or id; `None` if there is none.
    ///
    /// # Errors
    /// If the engine cannot be asked, or the network has no gateway.
    pub async fn network(&self, id: &str) -> Result<Option<Network>, EngineError> {
        let doing = self.doing("inspect", format!("network {id}"));
        let name = exact::path_safe(&doing, id)?;
        let Some(raw) = exact::look_up(&doing, &format!("/networks/{name}")).await? else {
            return Ok(None);
        };
        let facts = network_facts(&raw).map_err(|reason| doing.malformed(reason))?;
        Ok(Some(facts))
    }

    /// Removes a network. One that is gone already is fine.
    ///
    /// # Errors
    /// If containers are still attached to it.
    pub async fn remove_network(&self, id: &str) -> Result<(), EngineError> {
        let doing = self.doing("remove", format!("network {id}"));
        let removed = self.docker.remove_network(id).await;
        match removed.map_err(|error| doing.failed(error)) {
            Err(error) if error.is_not_found() => Ok(()),
            other => other,
        }
    }
}

/// A network from the engine's `/networks/ID`.
///
/// # Errors
/// In words, where it has no id or gateway. The engine writes the gateway as an address, or as address and prefix.
pub fn network_facts(raw: &Value) -> Result<Network, String> {
    let text = |key: &str| raw[key].as_str().ok_or_else(|| format!("{key} is missing"));
    let configs = raw["IPAM"]["Config"].as_array().into_iter().flatten();
    let (gateway, subnet) = configs
        .filter_map(|config| {
            let gateway = config["Gateway"].as_str()?.split('/').next()?;
            Some((gateway.parse().ok()?, config["Subnet"].as_str()?.to_owned()))
        })
        .next()
        .ok_or("IPAM.Config has no gateway")?;
    Ok(Network {
        id: text("Id")?.to_owned(),
        name: text("Name")?.to_owned(),
        gateway,
        subnet,
        labels: labels(&raw["Labels"]),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_recorded_network_shows_its_gateway() {
        let raw: Value = serde_json::from_str(include_str!("../tests/data/network.json")).unwrap();
        let network = network_facts(&raw).unwrap();
        assert_eq!(network.name, "rec-net");
        assert_eq!(network.gateway, "172.19.0.1".parse::<IpAddr>().unwrap());
        assert_eq!(network.subnet, "172.19.0.0/16");
        assert_eq!(network.labels["a"], "b");
    }

    #[test]
    fn a_network_without_gateway_is_refused_in_words() {
        let missing = network_facts(&json!({"Id": "a", "Name": "none", "IPAM": {"Config": []}}));
        assert_eq!(missing.unwrap_err(), "IPAM.Config has no gateway");
    }
}
