//! Licences: subscriptions, what users and groups hold of them, and the seats that takes.
//!
//! A user holds a licence by grants: one of its own, and one for each licensed group it is a
//! direct member of (nested groups do not count).

use std::collections::HashMap;

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::object::Slot;

/// A service plan.
#[derive(Clone, Debug)]
pub struct Plan {
    /// `servicePlanId`
    pub id: Uuid,
    /// `servicePlanName`
    pub name: String,
    /// Whether it applies to users.
    pub for_users: bool,
}

/// A subscription.
#[derive(Clone, Debug)]
pub struct Sku {
    /// `skuId`
    pub id: Uuid,
    /// `skuPartNumber`
    pub part_number: String,
    /// Seats enabled.
    pub enabled: u32,
    /// Seats suspended.
    pub suspended: u32,
    /// Seats in the warning period.
    pub warning: u32,
    /// Service plans, at most 128.
    pub plans: Vec<Plan>,
    /// Seats in use.
    pub consumed: u32,
}

impl Sku {
    /// Seats that can be assigned: those enabled and those in the warning period.
    pub fn seats(&self) -> u32 {
        self.enabled + self.warning
    }

    /// The plans of a mask.
    pub fn plans_of(&self, mask: u128) -> impl Iterator<Item = &Plan> {
        self.plans
            .iter()
            .enumerate()
            .filter(move |(i, _)| mask >> i & 1 == 1)
            .map(|(_, plan)| plan)
    }
}

/// Why a grant is not in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantError {
    /// No seats left.
    CountViolation,
    /// No usage location, or one where the product is not sold.
    ProhibitedInUsageLocation,
    /// A service plan lacks another that it depends on.
    DependencyViolation,
    /// A service plan and one that the user has already rule each other out.
    MutuallyExclusiveViolation,
}

impl GrantError {
    /// As `licenseAssignmentState.error` shows it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CountViolation => "CountViolation",
            Self::ProhibitedInUsageLocation => "ProhibitedInUsageLocationViolation",
            Self::DependencyViolation => "DependencyViolation",
            Self::MutuallyExclusiveViolation => "MutuallyExclusiveViolation",
        }
    }
}

/// One grant of a licence to a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The number of the SKU.
    pub sku: u16,
    /// The group it comes from; `None`: the user's own.
    pub group: Option<Slot>,
    /// Plans switched off.
    pub disabled: u128,
    /// When it was last changed.
    pub updated: OffsetDateTime,
    /// Why it is not in force.
    pub error: Option<GrantError>,
}

/// What several grants give together: a plan is off when all grants of its SKU switch it off.
pub(super) fn combine(grants: impl Iterator<Item = (u16, u128)>) -> Vec<(u16, u128)> {
    let mut held: Vec<(u16, u128)> = Vec::new();
    for (sku, off) in grants {
        match held.iter_mut().find(|(s, _)| *s == sku) {
            Some((_, disabled)) => *disabled &= off,
            None => held.push((sku, off)),
        }
    }
    held
}

/// Work that is due: a group's licences or members changed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) due: OffsetDateTime,
    pub(super) group: Slot,
    /// One member, or all.
    pub(super) member: Option<Slot>,
}

/// Licences of a tenant.
#[derive(Debug, Default)]
pub struct Licences {
    /// Subscriptions.
    pub skus: Vec<Sku>,
    /// How long after a change a group's licences reach its members. Zero: with the next request.
    pub group_delay: Duration,
    pub(super) users: HashMap<Slot, Vec<Grant>>,
    pub(super) groups: HashMap<Slot, Vec<(u16, u128)>>,
    pub(super) pending: Vec<Pending>,
}

impl Licences {
    /// The number of a SKU.
    pub fn sku_number(&self, id: Uuid) -> Option<u16> {
        let at = self.skus.iter().position(|sku| sku.id == id)?;
        u16::try_from(at).ok()
    }

    /// A SKU by number.
    pub fn sku(&self, number: u16) -> &Sku {
        &self.skus[usize::from(number)]
    }

    /// A user's grants.
    pub fn grants(&self, user: Slot) -> &[Grant] {
        self.users.get(&user).map_or(&[], Vec::as_slice)
    }

    /// A group's licences: SKU and plans switched off.
    pub fn of_group(&self, group: Slot) -> &[(u16, u128)] {
        self.groups.get(&group).map_or(&[], Vec::as_slice)
    }

    /// What a user holds in force: SKU and plans switched off by all of its grants.
    pub fn held(&self, user: Slot) -> Vec<(u16, u128)> {
        let in_force = self.grants(user).iter().filter(|g| g.error.is_none());
        combine(in_force.map(|g| (g.sku, g.disabled)))
    }

    /// Whether a group's licences are still to reach its members.
    pub fn is_pending(&self, group: Slot) -> bool {
        self.pending.iter().any(|p| p.group == group)
    }

    /// Whether work is due at `now`.
    pub fn is_due(&self, now: OffsetDateTime) -> bool {
        self.pending.iter().any(|p| p.due <= now)
    }
}
