//! Which quantity belongs to which resource, and the smaller of two claims for one.

use std::ops::Range;

use super::super::Claim;
use super::super::tokens::Decimal;
use super::super::vocabulary::{Resource, Unit};
use super::{Item, ItemKind, Reader};
use crate::units::Bytes;

impl Reader<'_> {
    /// Gives every quantity to what it is of: the word after it where the part starts with a quantity, else the word before.
    pub(super) fn assign(&mut self, items: &[Item]) {
        let leads = |item: &Item| matches!(item.kind, ItemKind::Resource(_));
        if items.first().is_some_and(leads) {
            self.assign_after(items);
        } else {
            self.assign_before(items);
        }
    }

    /// `RAM: 1 GB, storage 500 MB`.
    fn assign_after(&mut self, items: &[Item]) {
        let mut current: Option<(Resource, &Item)> = None;
        let mut filled: Option<Resource> = None;
        for item in items {
            match item.kind {
                ItemKind::Resource(resource) if filled == Some(resource) => {}
                ItemKind::Resource(resource) => {
                    self.nothing_of(current.take());
                    current = Some((resource, item));
                    filled = None;
                }
                ItemKind::Cores(_) => {
                    self.take(Some(Resource::Cpu), item);
                }
                ItemKind::Amount(..) | ItemKind::Count(_) => {
                    let resource = current.map(|(resource, _)| resource).or(filled);
                    if self.take(resource, item) {
                        filled = resource;
                        current = None;
                    }
                }
            }
        }
        self.nothing_of(current);
    }

    /// `1 GB of RAM, 500 MB of storage`.
    fn assign_before(&mut self, items: &[Item]) {
        let mut pending: Vec<&Item> = Vec::new();
        let mut last = None;
        for item in items {
            let resource = match item.kind {
                ItemKind::Resource(resource) => resource,
                ItemKind::Cores(_) => {
                    self.take(Some(Resource::Cpu), item);
                    continue;
                }
                ItemKind::Amount(..) | ItemKind::Count(_) => {
                    pending.push(item);
                    continue;
                }
            };
            if pending.is_empty() && last != Some(resource) {
                self.nothing_of(Some((resource, item)));
            }
            for quantity in pending.drain(..) {
                self.take(Some(resource), quantity);
            }
            last = Some(resource);
        }
        for quantity in pending {
            self.take(None, quantity);
        }
    }

    /// A resource without a quantity; a CPU may be named without one.
    fn nothing_of(&mut self, named: Option<(Resource, &Item)>) {
        match named {
            Some((Resource::Ram | Resource::Storage, item)) => self.unread.push(item.span.clone()),
            Some((Resource::Cpu, _)) | None => {}
        }
    }

    /// Whether the quantity could be taken for the resource; if not, it is unread.
    fn take(&mut self, resource: Option<Resource>, item: &Item) -> bool {
        let taken = match (item.kind, resource) {
            (ItemKind::Amount(number, Unit::Hertz(unit)), None | Some(Resource::Cpu)) => {
                self.smaller(|claim| &mut claim.cpu_hz, number.times(unit), &item.span)
            }
            (ItemKind::Amount(number, unit), Some(Resource::Ram)) => {
                let bytes = bytes(number, unit, 1024).map(Bytes);
                self.smaller(|claim| &mut claim.ram_bytes, bytes, &item.span)
            }
            (ItemKind::Amount(number, unit), Some(Resource::Storage)) => {
                let bytes = bytes(number, unit, 1000).map(Bytes);
                self.smaller(|claim| &mut claim.storage_bytes, bytes, &item.span)
            }
            (ItemKind::Count(number) | ItemKind::Cores(number), Some(Resource::Cpu)) => {
                let cores = number
                    .as_whole()
                    .and_then(|cores| u32::try_from(cores).ok());
                self.smaller(|claim| &mut claim.cpu_cores, cores, &item.span)
            }
            (
                ItemKind::Amount(..)
                | ItemKind::Count(_)
                | ItemKind::Cores(_)
                | ItemKind::Resource(_),
                _,
            ) => false,
        };
        if !taken {
            self.unread.push(item.span.clone());
        }
        taken
    }

    /// Keeps the smaller of two values for one field and says so. Zero and what is too large are no values.
    fn smaller<T: Copy + PartialOrd + Default>(
        &mut self,
        field: fn(&mut Claim) -> &mut Option<T>,
        value: Option<T>,
        span: &Range<usize>,
    ) -> bool {
        let Some(value) = value.filter(|value| *value > T::default()) else {
            return false;
        };
        let slot = field(&mut self.claim);
        let before = *slot;
        if before.is_none_or(|before| value < before) {
            *slot = Some(value);
        }
        if before.is_some_and(|before| value != before) {
            self.warn(
                span,
                "a second value for the same thing; the smaller one counts",
            );
        }
        true
    }
}

fn bytes(number: Decimal, unit: Unit, base: u128) -> Option<u64> {
    match unit {
        Unit::Bytes { power, .. } => number.times(base.checked_pow(power)?),
        Unit::BinaryBytes { power } => number.times(1024_u128.checked_pow(power)?),
        Unit::Hertz(_) => None,
    }
}
