//! Finds a container's group by its id, below any parent.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use conformance::finding::{Reason, Unseen};

use super::layout::{Hierarchy, Version};

/// Directories looked at before a walk gives up: far more than a device has.
const WALK_LIMIT: usize = 20_000;

/// Finds a container's group below the hierarchies, each searched once.
pub(super) struct Finder<'a> {
    id: &'a str,
    pub(super) hierarchies: usize,
    pub(super) found: usize,
    /// Where it was in the hierarchy before: mostly it is at the same place in the next.
    place: Option<PathBuf>,
}

impl<'a> Finder<'a> {
    pub(super) fn new(id: &'a str) -> Finder<'a> {
        Finder {
            id,
            hierarchies: 0,
            found: 0,
            place: None,
        }
    }

    pub(super) fn group(
        &mut self,
        served: &Result<Hierarchy, Unseen>,
    ) -> Result<(Version, PathBuf), Unseen> {
        let hierarchy = served.as_ref().map_err(Unseen::clone)?;
        self.hierarchies += 1;
        let usual = [
            self.place.take().unwrap_or_default(),
            PathBuf::from("docker").join(self.id),
            PathBuf::from("system.slice").join(format!("docker-{}.scope", self.id)),
        ];
        let place = usual
            .into_iter()
            .find(|place| !place.as_os_str().is_empty() && hierarchy.root.join(place).is_dir())
            .or_else(|| self.walk(&hierarchy.root));
        let Some(place) = place else {
            return Err(Unseen::new(
                Reason::CannotMeasure,
                format!(
                    "no group of container {} below {}",
                    self.id,
                    hierarchy.root.display()
                ),
            ));
        };
        self.found += 1;
        let group = hierarchy.root.join(&place);
        self.place = Some(place);
        Ok((hierarchy.version, group))
    }

    /// Breadth first, so that the outermost group named after the container wins; any parent group is possible.
    fn walk(&self, root: &Path) -> Option<PathBuf> {
        let mut queue = VecDeque::from([PathBuf::new()]);
        for _ in 0..WALK_LIMIT {
            let place = queue.pop_front()?;
            for entry in fs::read_dir(root.join(&place))
                .into_iter()
                .flatten()
                .flatten()
            {
                if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    continue;
                }
                let below = place.join(entry.file_name());
                if entry.file_name().to_string_lossy().contains(self.id) {
                    return Some(below);
                }
                queue.push_back(below);
            }
        }
        None
    }
}
