//! Licences: subscriptions, what users and groups hold of them, and the seats that takes.
//!
//! A user holds a licence by grants: one of its own, and one for each licensed group it is a
//! direct member of (nested groups do not count). Group grants are worked off later, as Graph
//! does it.

use std::collections::HashMap;

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::record::moment;
use super::{Directory, Kind, Relation, Slot, Stored};

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
#[derive(Clone, Debug)]
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
struct Pending {
    due: OffsetDateTime,
    group: Slot,
    /// One member, or all.
    member: Option<Slot>,
}

/// Licences of a tenant.
#[derive(Debug, Default)]
pub struct Licences {
    /// Subscriptions.
    pub skus: Vec<Sku>,
    /// How long after a change a group's licences reach its members. Zero: with the next request.
    pub group_delay: Duration,
    users: HashMap<Slot, Vec<Grant>>,
    groups: HashMap<Slot, Vec<(u16, u128)>>,
    pending: Vec<Pending>,
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

impl Directory {
    /// Takes what a live user holds into or out of the seats in use.
    pub(super) fn count_seats(&mut self, user: Slot, add: bool) {
        if !self.is_live(user) {
            return;
        }
        for (sku, _) in self.licences.held(user) {
            let consumed = &mut self.licences.skus[usize::from(sku)].consumed;
            *consumed = if add {
                consumed.saturating_add(1)
            } else {
                consumed.saturating_sub(1)
            };
        }
    }

    /// Puts a grant of a user's own in place, or (with `None`) away.
    pub fn set_own_license(&mut self, user: Slot, sku: u16, disabled: Option<u128>) {
        self.set_grant(user, sku, None, disabled.map(|disabled| (disabled, None)));
    }

    /// When a change of licences happens: now, but in the seed with the user's own creation, so
    /// that the same seed gives the same tenant on any day.
    fn granted_at(&self, user: Slot) -> OffsetDateTime {
        if !self.is_loading() {
            return self.now();
        }
        match self.get(user, "createdDateTime") {
            Some(Stored::Time(created)) => moment(created),
            _ => self.tenant.created,
        }
    }

    pub(super) fn set_grant(
        &mut self,
        user: Slot,
        sku: u16,
        group: Option<Slot>,
        to: Option<(u128, Option<GrantError>)>,
    ) {
        self.count_seats(user, false);
        let before = self.licences.held(user);
        let updated = self.granted_at(user);
        let grants = self.licences.users.entry(user).or_default();
        let at = grants.iter().position(|g| g.sku == sku && g.group == group);
        match (at, to) {
            (Some(at), Some((disabled, error))) => {
                let grant = &mut grants[at];
                if (grant.disabled, grant.error) != (disabled, error) {
                    (grant.disabled, grant.error, grant.updated) = (disabled, error, updated);
                }
            }
            (None, Some((disabled, error))) => grants.push(Grant {
                sku,
                group,
                disabled,
                updated,
                error,
            }),
            (Some(at), None) => {
                grants.remove(at);
            }
            (None, None) => {}
        }
        if grants.is_empty() {
            self.licences.users.remove(&user);
        }
        if self.licences.held(user) != before {
            self.touch(user, "assignedLicenses");
        }
        self.count_seats(user, true);
    }

    /// Puts a group's licence in place or away; members follow later.
    pub fn set_group_license(&mut self, group: Slot, sku: u16, disabled: Option<u128>) {
        let list = self.licences.groups.entry(group).or_default();
        list.retain(|(s, _)| *s != sku);
        if let Some(disabled) = disabled {
            list.push((sku, disabled));
        }
        if list.is_empty() {
            self.licences.groups.remove(&group);
        }
        self.touch(group, "assignedLicenses");
        self.schedule(group, None);
    }

    fn schedule(&mut self, group: Slot, member: Option<Slot>) {
        let due = self.now() + self.licences.group_delay;
        let pending = &mut self.licences.pending;
        let covered = |p: &Pending| p.group == group && (p.member.is_none() || p.member == member);
        if !pending.iter().any(covered) {
            pending.push(Pending { due, group, member });
        }
    }

    /// Called for every membership edge that came or went.
    pub(super) fn membership_changed(&mut self, group: Slot, member: Slot) {
        let concerned = self.licences.groups.contains_key(&group)
            || self
                .licences
                .grants(member)
                .iter()
                .any(|g| g.group == Some(group));
        if concerned && self.object(member).kind == Kind::User {
            self.schedule(group, Some(member));
        }
    }

    /// Works a group's licences off once more for one member, even if nothing changed.
    pub fn reconsider(&mut self, group: Slot, member: Slot) {
        if !self.licences.of_group(group).is_empty() {
            self.schedule(group, Some(member));
        }
    }

    /// Called when a licensed group went to the recycle bin or came back.
    pub(super) fn licences_changed(&mut self, group: Slot) {
        self.schedule(group, None);
    }

    /// Called before an object goes for good.
    pub(super) fn drop_licences(&mut self, slot: Slot) {
        self.count_seats(slot, false);
        self.licences.users.remove(&slot);
        if self.licences.groups.remove(&slot).is_some() {
            let members: Vec<Slot> = self.edges(Relation::Member).targets(slot, None).collect();
            for member in members {
                self.inherit(slot, member);
            }
        }
        self.licences
            .pending
            .retain(|p| p.group != slot && p.member != Some(slot));
    }

    /// Works off what is due: members get what their groups hold, and lose what they do not.
    pub(super) fn settle_licences(&mut self, now: OffsetDateTime) {
        let (due, later) = std::mem::take(&mut self.licences.pending)
            .into_iter()
            .partition(|p| p.due <= now);
        self.licences.pending = later;
        for Pending { group, member, .. } in due {
            if let Some(member) = member {
                self.inherit(group, member);
                continue;
            }
            let mut members: Vec<Slot> =
                self.edges(Relation::Member).targets(group, None).collect();
            let holders = self.licences.users.iter();
            members.extend(
                holders
                    .filter(|(_, grants)| grants.iter().any(|g| g.group == Some(group)))
                    .map(|(user, _)| *user),
            );
            members.sort_unstable();
            members.dedup();
            for member in members {
                if self.object(member).kind == Kind::User {
                    self.inherit(group, member);
                }
            }
        }
    }

    /// Brings one member's grants from one group in line with what the group holds.
    fn inherit(&mut self, group: Slot, member: Slot) {
        let belongs = self.is_live(group)
            && self.is_live(member)
            && self.edges(Relation::Member).contains(group, member);
        let wanted: Vec<(u16, u128)> = if belongs {
            self.licences.of_group(group).to_vec()
        } else {
            Vec::new()
        };
        let have: Vec<u16> = self
            .licences
            .grants(member)
            .iter()
            .filter(|g| g.group == Some(group))
            .map(|g| g.sku)
            .collect();
        for sku in have {
            if !wanted.iter().any(|(s, _)| *s == sku) {
                self.set_grant(member, sku, Some(group), None);
            }
        }
        let misfits = self.licences.misfits(group, member, &wanted);
        for ((sku, disabled), misfit) in wanted.into_iter().zip(misfits) {
            // Only a seat that this user does not hold already can be missing.
            let holds = self.licences.held(member).iter().any(|(s, _)| *s == sku);
            let error = if self.text(member, "usageLocation").is_none() {
                Some(GrantError::ProhibitedInUsageLocation)
            } else if !holds && self.licences.sku(sku).consumed >= self.licences.sku(sku).seats() {
                Some(GrantError::CountViolation)
            } else {
                misfit
            };
            self.set_grant(member, sku, Some(group), Some((disabled, error)));
        }
        self.strike_dependents(member);
    }
}
