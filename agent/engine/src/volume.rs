//! Named volumes: created with a stamp, looked up, removed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bollard::models::{Volume, VolumeCreateRequest};
use bollard::query_parameters::RemoveVolumeOptions;
use conformance::create_options::NamedVolume;

use crate::calls::is_name;
use crate::client::Engine;
use crate::error::EngineError;
use crate::stamp::Stamp;

/// A volume of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeInfo {
    /// Name.
    pub name: String,
    /// Where it is on the host.
    pub mountpoint: PathBuf,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

impl VolumeInfo {
    pub(crate) fn read(volume: Volume) -> VolumeInfo {
        VolumeInfo {
            name: volume.name,
            mountpoint: volume.mountpoint.into(),
            labels: volume.labels.into_iter().collect(),
        }
    }
}

impl Engine {
    /// Creates a volume. The engine hands out an existing one of that name as it is, with its own labels.
    ///
    /// # Errors
    /// If the engine refuses.
    pub async fn create_volume(
        &self,
        volume: &NamedVolume,
        stamp: &Stamp,
    ) -> Result<VolumeInfo, EngineError> {
        let doing = self.doing("create", format!("volume {}", volume.name));
        let request = VolumeCreateRequest {
            name: Some(volume.name.clone()),
            driver: volume.driver.clone(),
            driver_opts: Some(volume.driver_options.clone().into_iter().collect()),
            labels: Some(stamp.labels()),
            ..VolumeCreateRequest::default()
        };
        let creation = {
            let (docker, doing) = (self.docker.clone(), doing.clone());
            async move {
                let created = docker.create_volume(request).await;
                created.map_err(|error| doing.failed(error))
            }
        };
        let created = self.creations.run(&doing, creation).await?;
        Ok(VolumeInfo::read(created))
    }

    /// A volume by name; `None` if there is none.
    ///
    /// # Errors
    /// If the engine cannot be asked.
    pub async fn volume(&self, name: &str) -> Result<Option<VolumeInfo>, EngineError> {
        // The name may be an offer's. None that could lead elsewhere is a volume's, and none of these leaves.
        if !is_name(name) {
            return Ok(None);
        }
        let doing = self.doing("inspect", format!("volume {name}"));
        let found = self.docker.inspect_volume(name).await;
        match found.map_err(|error| doing.failed(error)) {
            Ok(volume) => Ok(Some(VolumeInfo::read(volume))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes a volume. One that is gone already is fine.
    ///
    /// # Errors
    /// If a container still uses it.
    pub async fn remove_volume(&self, name: &str) -> Result<(), EngineError> {
        let doing = self.doing("remove", format!("volume {name}"));
        let removed = self
            .docker
            .remove_volume(name, None::<RemoveVolumeOptions>)
            .await;
        match removed.map_err(|error| doing.failed(error)) {
            Err(error) if error.is_not_found() => Ok(()),
            other => other,
        }
    }
}
