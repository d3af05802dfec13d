//! The life of one container: create, start, inspect, wait, stop, remove.

use std::time::{Duration, Instant};

use bollard::errors::Error as BollardError;
use bollard::query_parameters::{
    RemoveContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
    WaitContainerOptionsBuilder,
};
use futures_util::StreamExt;
use serde_json::{Map, Value};

use crate::client::Engine;
use crate::error::EngineError;
use crate::exact;
use crate::facts::texts;
use crate::inspect::Inspect;
use crate::stamp::Stamp;

/// A container that was just created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Full id.
    pub id: String,
    /// The engine's warnings.
    pub warnings: Vec<String>,
    /// How long the engine took.
    pub took: Duration,
}

impl Engine {
    /// Creates a container from a body in Docker's own JSON (`ContainerCreate`), sent as it is but for the stamp's labels.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] without the image, [`EngineError::Refused`] for a bad option (400) or a name in use (409).
    pub async fn create(
        &self,
        name: &str,
        body: &Value,
        stamp: &Stamp,
    ) -> Result<Created, EngineError> {
        let doing = self.doing("create", format!("container {name}"));
        let path = format!(
            "/containers/create?name={}",
            exact::path_safe(&doing, name)?
        );
        let body = stamped(body, stamp).map_err(|reason| doing.refused(400, reason))?;
        let begun = Instant::now();
        let creation = {
            let doing = doing.clone();
            async move { exact::post(&doing, &path, &body).await }
        };
        let answer = self.creations.run(&doing, creation).await?;
        let took = begun.elapsed();
        let id = answer["Id"]
            .as_str()
            .ok_or_else(|| doing.malformed("Id is missing"))?;
        Ok(Created {
            id: id.to_owned(),
            warnings: texts(&answer["Warnings"]),
            took,
        })
    }

    /// Starts a container; answers how long the engine took.
    ///
    /// # Errors
    /// In the engine's words, where it cannot: wrong architecture, port in use, missing device.
    pub async fn start(&self, id: &str) -> Result<Duration, EngineError> {
        let doing = self.doing("start", format!("container {id}"));
        let begun = Instant::now();
        self.docker
            .start_container(id, None::<StartContainerOptions>)
            .await
            .map_err(|error| doing.failed(error))?;
        Ok(begun.elapsed())
    }

    /// A container as the engine shows it.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] if it is gone.
    pub async fn inspect(&self, id: &str) -> Result<Inspect, EngineError> {
        let doing = self.doing("inspect", format!("container {id}"));
        let name = exact::path_safe(&doing, id)?;
        let raw = exact::get(&doing, &format!("/containers/{name}/json")).await?;
        Inspect::read(raw).map_err(|reason| doing.malformed(reason))
    }

    /// A container as the engine shows it; `None` if it is gone.
    ///
    /// # Errors
    /// If the engine cannot be asked.
    pub async fn find(&self, id: &str) -> Result<Option<Inspect>, EngineError> {
        match self.inspect(id).await {
            Ok(inspect) => Ok(Some(inspect)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Waits until the main process has ended; answers its exit code. Set a time limit around it.
    ///
    /// # Errors
    /// If the container is gone or the engine is lost.
    pub async fn wait_exit(&self, id: &str) -> Result<i64, EngineError> {
        self.wait(id, "not-running").await
    }

    async fn wait(&self, id: &str, condition: &str) -> Result<i64, EngineError> {
        let doing = self.doing("wait for", format!("container {id}"));
        let options = WaitContainerOptionsBuilder::default()
            .condition(condition)
            .build();
        let mut answers = std::pin::pin!(self.docker.wait_container(id, Some(options)));
        match answers.next().await {
            Some(Ok(answer)) => Ok(answer.status_code),
            // bollard hands out every exit code above zero as an error; an error of the engine's has a text.
            Some(Err(BollardError::DockerContainerWaitError { error, code }))
                if error.is_empty() =>
            {
                Ok(code)
            }
            Some(Err(BollardError::DockerContainerWaitError { error, .. })) => {
                Err(doing.malformed(error))
            }
            Some(Err(error)) => Err(doing.failed(error)),
            None => Err(doing.unreachable("the engine ended the wait without an exit code")),
        }
    }

    /// SIGTERM (or the image's stop signal), then SIGKILL after `grace`. A container that does not run is fine.
    ///
    /// # Errors
    /// If the container is gone or the engine is lost.
    pub async fn stop(&self, id: &str, grace: Duration) -> Result<(), EngineError> {
        let mut doing = self.doing("stop", format!("container {id}"));
        doing.limit += grace;
        let seconds = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::default().t(seconds).build();
        self.patient(doing.limit)
            .stop_container(id, Some(options))
            .await
            .map_err(|error| doing.failed(error))
    }

    /// Kills and removes a container with its anonymous volumes. One that is gone already is fine.
    ///
    /// # Errors
    /// If the engine cannot remove it.
    pub async fn remove(&self, id: &str) -> Result<(), EngineError> {
        let doing = self.doing("remove", format!("container {id}"));
        let options = RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        let removed = self.docker.remove_container(id, Some(options)).await;
        match removed.map_err(|error| doing.failed(error)) {
            Err(error) if error.is_not_found() => Ok(()),
            // Somebody else removes it right now: it counts as removed once it is.
            Err(error) if error.status() == Some(409) => self.gone(id, error).await,
            other => other,
        }
    }

    async fn gone(&self, id: &str, refused: EngineError) -> Result<(), EngineError> {
        let limit = Duration::from_secs(20);
        // Waiting fails when it is gone already; whether it is gone is asked below in any case.
        let _ = tokio::time::timeout(limit, self.wait(id, "removed")).await;
        match self.find(id).await? {
            None => Ok(()),
            Some(_) => Err(refused),
        }
    }
}

/// The body with the stamp's labels in `Labels`.
fn stamped(body: &Value, stamp: &Stamp) -> Result<Value, String> {
    let mut body = body.clone();
    let top = body
        .as_object_mut()
        .ok_or("the body of a container is not an object")?;
    let labels = top.entry("Labels").or_insert(Value::Null);
    if labels.is_null() {
        *labels = Value::Object(Map::new());
    }
    let labels = labels.as_object_mut().ok_or("Labels is not an object")?;
    let mut stamps: Vec<(String, String)> = stamp.labels().into_iter().collect();
    stamps.sort();
    for (key, value) in stamps {
        labels.insert(key, Value::String(value));
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::owner::Owner;
    use crate::stamp::Role;

    fn stamp() -> Stamp {
        Stamp {
            run: "r".to_owned(),
            owner: Owner::Container("0".repeat(64)),
            role: Role::Candidate,
        }
    }

    #[test]
    fn a_stamp_joins_the_labels_and_leaves_the_rest_as_it_is() {
        let body =
            json!({"Zeta": 1, "Labels": {"mine": "x", "edgeproof.run": "forged"}, "Alpha": [2]});
        let text = serde_json::to_string(&stamped(&body, &stamp()).unwrap()).unwrap();
        assert_eq!(
            text,
            format!(
                r#"{{"Zeta":1,"Labels":{{"mine":"x","edgeproof.run":"r","edgeproof.owner":"container:{}","edgeproof.role":"candidate"}},"Alpha":[2]}}"#,
                "0".repeat(64)
            )
        );
        assert_eq!(
            stamped(&json!({"Labels": null}), &stamp()).unwrap()["Labels"]["edgeproof.run"],
            "r"
        );
    }

    #[test]
    fn labels_of_another_shape_are_refused() {
        assert!(stamped(&json!({"Labels": ["a"]}), &stamp()).is_err());
        assert!(stamped(&json!([]), &stamp()).is_err());
    }
}
