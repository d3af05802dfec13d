//! The sweep: removes what dead owners left on the engine, and nothing else.
//!
//! Everything of edgeproof names its owner. An owner is dead when its container is gone or stopped, or when its process is
//! not there any more; a container that was restarted is dead for what it created before. What cannot be decided stays.
//! Images are never touched, nor anything without the stamp (such as the state volume of a deployed probe).

use std::collections::{BTreeMap, HashMap};

use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
};
use jiff::{SignedDuration, Timestamp};

use crate::client::Engine;
use crate::error::EngineError;
use crate::owner::{Liveness, Owner, process_liveness};
use crate::stamp::{LABEL_RUN, Stamp};

/// What a sweep did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// What was removed: `container edgeproof-candidate-1`.
    pub removed: Vec<String>,
    /// What stays, and why.
    pub left: Vec<Left>,
}

/// Something of edgeproof's that a sweep did not remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// `network edgeproof-1`.
    pub what: String,
    /// `its owner lives`.
    pub because: String,
}

/// One stamped thing on the engine.
#[derive(Debug, Clone)]
struct Item {
    kind: Kind,
    id: String,
    name: String,
    labels: BTreeMap<String, String>,
    /// When it was created, to the second: volumes tell no more.
    created: Option<Timestamp>,
}

/// In the order of removal: a network or volume is free once its containers are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Container,
    Network,
    Volume,
}

impl Item {
    fn what(&self) -> String {
        let kind = match self.kind {
            Kind::Container => "container",
            Kind::Network => "network",
            Kind::Volume => "volume",
        };
        format!("{kind} {}", self.name)
    }
}

/// What a sweep takes its caller's own things for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mine {
    /// It may have created them since it was started.
    OfThisLife,
    /// It has created nothing yet.
    OfEarlierLives,
}

/// A container that answers for itself is started right after it was created; after so long nobody will.
const STARTING: SignedDuration = SignedDuration::from_mins(10);

/// Rounds of one sweep: a dead harness owns a probe, which owns candidates.
const ROUNDS: usize = 8;

impl Engine {
    /// Removes every container, network and volume labelled `edgeproof.run` whose owner is dead, until nothing changes.
    ///
    /// `me` lives by definition; only what this container created before it was last started counts as left behind. Whether
    /// a process lives is asked of the host's `/proc` ([`Engine::with_proc_root`]); what belongs to one stays without it.
    ///
    /// # Errors
    /// If the engine cannot be asked. What it refuses to remove is told in [`Swept::left`].
    pub async fn sweep(&self, me: &Owner) -> Result<Swept, EngineError> {
        self.swept(me, Mine::OfThisLife).await
    }

    /// The same, for a container that has just been started and has created nothing yet: everything that is its own was
    /// left by an earlier life, also what was created in the very second of the restart.
    ///
    /// # Errors
    /// As [`Engine::sweep`].
    pub async fn sweep_at_start(&self, me: &Owner) -> Result<Swept, EngineError> {
        self.swept(me, Mine::OfEarlierLives).await
    }

    async fn swept(&self, me: &Owner, mine: Mine) -> Result<Swept, EngineError> {
        let mut swept = Swept::default();
        for _ in 0..ROUNDS {
            let (removed, left) = self.sweep_once(me, mine).await?;
            swept.left = left;
            if removed.is_empty() {
                break;
            }
            swept.removed.extend(removed);
        }
        Ok(swept)
    }

    /// Removes everything that `owner` created for a run, its lock too; answers how many things went. What was still being
    /// created when the run was cut short is waited for. A volume that somebody else uses stays: the last one to use it
    /// removes it, or the next sweep.
    ///
    /// # Errors
    /// If the engine cannot be asked, or refuses to remove something; the rest is removed all the same.
    pub async fn remove_run(&self, run: &str, owner: &Owner) -> Result<usize, EngineError> {
        self.creations.settled().await;
        let mut removed = 0;
        let mut trouble = None;
        for item in self.stamped_items().await? {
            let ours = Stamp::read(&item.labels)
                .is_ok_and(|stamp| stamp.run == run && stamp.owner == *owner);
            if !ours {
                continue;
            }
            match self.remove_item(&item).await {
                Ok(()) => removed += 1,
                Err(error) if item.kind == Kind::Volume && error.status() == Some(409) => {
                    tracing::debug!(%error, "somebody else uses it");
                }
                Err(error) => trouble = Some(error),
            }
        }
        trouble.map_or(Ok(removed), Err)
    }

    async fn sweep_once(
        &self,
        me: &Owner,
        mine: Mine,
    ) -> Result<(Vec<String>, Vec<Left>), EngineError> {
        let (mut removed, mut left) = (Vec::new(), Vec::new());
        for item in self.stamped_items().await? {
            let because = match self.liveness_for(&item, me, mine).await? {
                Liveness::Alive => "its owner lives".to_owned(),
                Liveness::Unknown(reason) => reason,
                Liveness::Dead => match self.remove_item(&item).await {
                    Ok(()) => {
                        tracing::info!(what = item.what(), "removed what a dead owner left");
                        removed.push(item.what());
                        continue;
                    }
                    Err(error) if error.is_unreachable() => return Err(error),
                    Err(error) => error.to_string(),
                },
            };
            left.push(Left {
                what: item.what(),
                because,
            });
        }
        Ok((removed, left))
    }

    async fn remove_item(&self, item: &Item) -> Result<(), EngineError> {
        match item.kind {
            Kind::Container => self.remove(&item.id).await,
            Kind::Network => {
                // Its owner may be on it, as the gateway of those that were measured there.
                if let Ok(Owner::Container(id)) = Stamp::read(&item.labels).map(|stamp| stamp.owner)
                {
                    self.leave_network(&item.id, &id).await?;
                }
                self.remove_network(&item.id).await
            }
            Kind::Volume => self.remove_volume(&item.id).await,
        }
    }

    async fn liveness_for(
        &self,
        item: &Item,
        me: &Owner,
        mine: Mine,
    ) -> Result<Liveness, EngineError> {
        match Stamp::read(&item.labels) {
            Ok(stamp)
                if stamp.owner == *me
                    && mine == Mine::OfEarlierLives
                    && matches!(me, Owner::Container(_)) =>
            {
                Ok(Liveness::Dead)
            }
            Ok(stamp) if stamp.owner == *me && matches!(me, Owner::Process { .. }) => {
                Ok(Liveness::Alive)
            }
            Ok(stamp) if stamp.owner == Owner::Itself && item.kind != Kind::Container => Ok(
                Liveness::Unknown("only a container answers for itself".to_owned()),
            ),
            Ok(stamp) => {
                self.owner_liveness(&stamp.owner, &item.id, item.created)
                    .await
            }
            Err(unreadable) => Ok(Liveness::Unknown(unreadable)),
        }
    }

    /// Whether the owner of `id`, created at `created`, is still there.
    pub(crate) async fn owner_liveness(
        &self,
        owner: &Owner,
        id: &str,
        created: Option<Timestamp>,
    ) -> Result<Liveness, EngineError> {
        match (owner, &self.proc_root) {
            (
                Owner::Process {
                    boot_id,
                    pid,
                    start_time,
                },
                Some(proc_root),
            ) => Ok(process_liveness(proc_root, boot_id, *pid, *start_time)),
            (Owner::Process { .. }, None) => Ok(Liveness::Unknown(
                "its owner is a process of a host that cannot be looked at from here".to_owned(),
            )),
            (Owner::Container(id), _) => self.container_liveness(id, created).await,
            (Owner::Itself, _) => Ok(match self.find(id).await? {
                Some(seen) if seen.running => Liveness::Alive,
                Some(seen) if seen.started_at.is_none() => {
                    unstarted(seen.created, Timestamp::now())
                }
                Some(_) | None => Liveness::Dead,
            }),
        }
    }

    /// Whether the container that created something at `created` is still there, and was not restarted since.
    pub(crate) async fn container_liveness(
        &self,
        id: &str,
        created: Option<Timestamp>,
    ) -> Result<Liveness, EngineError> {
        Ok(match self.find(id).await? {
            Some(seen) if seen.running => same_life(created, seen.started_at),
            Some(_) | None => Liveness::Dead,
        })
    }

    /// Everything labelled as edgeproof's, containers first.
    async fn stamped_items(&self) -> Result<Vec<Item>, EngineError> {
        let mut items = self.stamped_containers().await?;
        items.extend(self.stamped_networks().await?);
        items.extend(self.stamped_volumes().await?);
        Ok(items)
    }

    async fn stamped_containers(&self) -> Result<Vec<Item>, EngineError> {
        let doing = self.doing("list", "containers".to_owned());
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&ours())
            .build();
        let list = self.docker.list_containers(Some(options)).await;
        let list = list.map_err(|error| doing.failed(error))?;
        let items = list.into_iter().filter_map(|container| {
            let id = container.id?;
            let name = container.names.and_then(|names| names.into_iter().next());
            Some(Item {
                kind: Kind::Container,
                name: name.map_or_else(
                    || id.clone(),
                    |name| name.trim_start_matches('/').to_owned(),
                ),
                id,
                labels: container.labels.unwrap_or_default().into_iter().collect(),
                created: container
                    .created
                    .and_then(|second| Timestamp::from_second(second).ok()),
            })
        });
        Ok(items.collect())
    }

    async fn stamped_networks(&self) -> Result<Vec<Item>, EngineError> {
        let doing = self.doing("list", "networks".to_owned());
        let options = ListNetworksOptionsBuilder::default()
            .filters(&ours())
            .build();
        let list = self.docker.list_networks(Some(options)).await;
        let list = list.map_err(|error| doing.failed(error))?;
        let items = list.into_iter().filter_map(|network| {
            Some(Item {
                kind: Kind::Network,
                id: network.id?,
                name: network.name?,
                labels: network.labels.unwrap_or_default().into_iter().collect(),
                created: network.created.and_then(|at| at.parse().ok()),
            })
        });
        Ok(items.collect())
    }

    async fn stamped_volumes(&self) -> Result<Vec<Item>, EngineError> {
        let doing = self.doing("list", "volumes".to_owned());
        let options = ListVolumesOptionsBuilder::default()
            .filters(&ours())
            .build();
        let list = self.docker.list_volumes(Some(options)).await;
        let list = list.map_err(|error| doing.failed(error))?;
        let volumes = list.volumes.unwrap_or_default().into_iter();
        let items = volumes.map(|volume| Item {
            kind: Kind::Volume,
            id: volume.name.clone(),
            name: volume.name,
            labels: volume.labels.into_iter().collect(),
            created: volume.created_at.and_then(|at| at.parse().ok()),
        });
        Ok(items.collect())
    }
}

fn ours() -> HashMap<&'static str, Vec<&'static str>> {
    HashMap::from([("label", vec![LABEL_RUN])])
}

/// A container that was never started, and answers for itself.
fn unstarted(created: Option<Timestamp>, now: Timestamp) -> Liveness {
    match created {
        Some(created) if now.duration_since(created) > STARTING => Liveness::Dead,
        Some(_) | None => Liveness::Unknown("it is about to be started".to_owned()),
    }
}

/// Whether something was created in the owner's present life. Both sides count in whole seconds, as lists and volumes do:
/// what was created in the very second of a restart is taken for alive.
fn same_life(created: Option<Timestamp>, started: Option<Timestamp>) -> Liveness {
    match (created, started) {
        (Some(created), Some(started)) if created.as_second() < started.as_second() => {
            Liveness::Dead
        }
        (Some(_), Some(_)) => Liveness::Alive,
        (None, _) | (_, None) => {
            Liveness::Unknown("the engine does not tell when it was created".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_about_to_be_started_is_given_ten_minutes() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let created = Some(at("2026-11-22T18:00:00Z"));
        let alive = |now| !matches!(unstarted(created, at(now)), Liveness::Dead);
        assert!(alive("2026-11-22T18:09:59Z"));
        assert!(!alive("2026-11-22T18:10:01Z"));
        // The device's clock is ahead of ours.
        assert!(alive("2026-11-22T17:00:00Z"));
    }

    #[test]
    fn a_restarted_owner_is_dead_for_what_came_before() {
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        let started = at("2026-11-22T18:00:10.9Z");
        for (created, liveness) in [
            ("2026-11-22T18:00:09.99Z", Liveness::Dead),
            ("2026-11-22T18:00:10Z", Liveness::Alive),
            ("2026-11-22T20:00:11+02:00", Liveness::Alive),
        ] {
            assert_eq!(same_life(at(created), started), liveness, "{created}");
        }
        assert!(matches!(same_life(None, started), Liveness::Unknown(_)));
    }
}
