//! Volumes that a candidate mounts by name: empty before each start, and never one that was there before the run.

use conformance::create_options::NamedVolume;
use conformance::finding::{Reason, Unseen};
use engine::{EngineError, LABEL_RUN, Role};

use crate::bench::Bench;

/// The first of the volumes that the engine has already, as the reason why nothing is started: what is in it is somebody
/// else's, and a start with it would not be a cold one.
///
/// # Errors
/// The engine is lost.
pub(crate) async fn in_the_way(
    bench: &Bench<'_>,
    volumes: &[NamedVolume],
) -> Result<Option<Unseen>, EngineError> {
    for NamedVolume { name, .. } in volumes {
        if bench.engine.volume(name).await?.is_some() {
            let why = format!(
                "not started: the createOptions mount the volume `{name}`, which is on this engine already; remove it (docker volume rm {name}) or use a device without it"
            );
            return Ok(Some(Unseen::new(Reason::Configuration, why)));
        }
    }
    Ok(None)
}

/// Makes the volumes anew, stamped as this run's, so that its clean-up or a later sweep finds them.
///
/// # Errors
/// The engine is lost, or refuses.
pub(crate) async fn renew(bench: &Bench<'_>, volumes: &[NamedVolume]) -> Result<(), EngineError> {
    for volume in volumes {
        let known = bench.engine.volume(&volume.name).await?;
        let ours = |run: &String| run == bench.run;
        if known.is_some_and(|known| known.labels.get(LABEL_RUN).is_some_and(ours)) {
            bench.engine.remove_volume(&volume.name).await?;
        }
        let stamp = bench.stamp(Role::Volume);
        bench.engine.create_volume(volume, &stamp).await?;
    }
    Ok(())
}
