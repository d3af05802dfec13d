//! Which configurations hold on which device, and their way into the twins of its modules.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::Configurations;
use super::configuration::Configuration;
use crate::hub::identity::Identity;
use crate::hub::registry::{Precondition, TwinChange};
use crate::hub::service::answer::{Answer, INVALID};
use crate::hub::service::content::Content;
use crate::hub::service::{identities, twins};
use crate::hub::session::Shared;
use crate::hub::twin::Twin;

/// Matches every IoT Edge device with every configuration, and puts what holds now into the twins where something else held before.
pub(super) fn evaluate(shared: &Shared, configurations: &mut Configurations) {
    if configurations.all.is_empty() && configurations.holding.is_empty() {
        return;
    }
    for one in configurations.all.values_mut() {
        one.targeted.clear();
        one.applied.clear();
    }
    let devices = shared.registry.identities(identities::is_device);
    let devices = devices.iter();
    let devices = devices.filter_map(|identity| shared.registry.known(identity));
    let mut holding = BTreeMap::new();
    for known in devices.filter(|known| known.record.is_edge) {
        let Identity::Device { device } = &known.identity else {
            continue;
        };
        let twin = twins::plain(&known);
        for one in configurations
            .all
            .values_mut()
            .filter(|one| one.is_for(&twin))
        {
            one.targeted.insert(device.clone());
        }
        let chain = chain(configurations, device);
        let contents: Vec<&Content> = chain.iter().map(|one| &one.content).collect();
        let marks: Vec<(String, u64)> =
            chain.iter().map(|one| (one.id.clone(), one.made)).collect();
        let before = configurations.holding.get(device);
        let is_new = before != Some(&marks) && !marks.is_empty();
        if is_new && let Err(why) = put_into_twins(shared, device, &contents) {
            tracing::warn!(device, ?why, "a deployment does not fit the twins");
            continue;
        }
        for (id, _) in &marks {
            if let Some(one) = configurations.all.get_mut(id) {
                one.applied.insert(device.clone());
            }
        }
        holding.insert(device.clone(), marks);
    }
    configurations.holding = holding;
}

/// What holds on a device: the whole deployment that wins, and the layers above it, in this order.
fn chain<'a>(configurations: &'a Configurations, device: &str) -> Vec<&'a Configuration> {
    let all = configurations.all.values();
    let mut here: Vec<_> = all.filter(|one| one.targeted.contains(device)).collect();
    here.sort_by_key(|one| (one.priority, one.made));
    let base = here
        .iter()
        .rev()
        .find(|one| !one.content.is_layer())
        .copied();
    let Some(base) = base else {
        return Vec::new();
    };
    let layers = here.into_iter();
    let layers = layers.filter(|one| one.content.is_layer() && one.priority > base.priority);
    std::iter::once(base).chain(layers).collect()
}

/// Puts contents one over the other into the twins of a device's modules: all of them, or none where one does not fit.
pub(super) fn put_into_twins(
    shared: &Shared,
    device: &str,
    contents: &[&Content],
) -> Result<(), Answer> {
    let modules: BTreeSet<&str> = contents
        .iter()
        .flat_map(|content| content.modules())
        .collect();
    let mut after = Vec::new();
    for module in modules {
        let identity = Identity::module(device, module);
        if !identity.is_valid() {
            let why = format!("/modulesContent/{module}: it is no id that a hub would register");
            return Err(Answer::error(INVALID, why));
        }
        let twin = shared.registry.twin(&identity);
        let before = twin.map_or_else(Map::new, |twin| twin.desired);
        let is_whole = contents.iter().any(|content| content.is_whole_for(module));
        let start = if is_whole { Map::new() } else { before.clone() };
        let desired = contents
            .iter()
            .fold(start, |desired, content| content.put(module, desired));
        let desired = Value::Object(desired);
        Twin::deployed(&desired).map_err(|error| {
            Answer::error(INVALID, format!("/modulesContent/{module}: {error}"))
        })?;
        if desired != Value::Object(before) {
            after.push((identity, desired));
        }
    }
    for (identity, desired) in after {
        identities::make_module(&shared.registry, &identity)?;
        let change = TwinChange {
            tags: None,
            desired: Some(&desired),
            is_whole: true,
        };
        let changed = shared
            .registry
            .change_twin(&identity, &Precondition::None, &change);
        changed.map_err(|why| identities::refusal(&identity, &why))?;
    }
    Ok(())
}
