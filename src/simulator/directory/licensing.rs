//! Giving licences and taking them away. Group grants are worked off later, as Graph does it.

use time::OffsetDateTime;

use super::licences::{Grant, GrantError, Pending};
use super::object::{Kind, Relation, Slot};
use super::plans::Conflict;
use super::record::{Stored, moment};
use super::store::Directory;

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
        let grants_before = self
            .lags_licences()
            .then(|| self.licences.grants(user).to_vec());
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
        if let Some(grants) = grants_before.filter(|g| g != self.licences.grants(user)) {
            self.lag_granted(user, grants);
        }
        if self.licences.held(user) != before {
            self.touch(user, "assignedLicenses");
        }
        self.count_seats(user, true);
    }

    /// Puts a group's licence in place or away; members follow later.
    pub fn set_group_license(&mut self, group: Slot, sku: u16, disabled: Option<u128>) {
        if self.lags_licences() {
            let before = self.licences.of_group(group).to_vec();
            self.lag_licensed(group, before);
        }
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
        if self.lags_licences() {
            let own = self.licences.grants(slot).to_vec();
            if !own.is_empty() {
                self.lag_granted(slot, own);
            }
            let given = self.licences.of_group(slot).to_vec();
            if !given.is_empty() {
                self.lag_licensed(slot, given);
            }
        }
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

    /// Takes inherited licences out of force whose plans lost what they depend on.
    fn strike_dependents(&mut self, member: Slot) {
        loop {
            let licences = &self.licences;
            let mut broken = licences.conflicts(member);
            broken.retain(|c| matches!(c, Conflict::Needs(..)));
            let struck = licences.grants(member).iter().find(|g| {
                let own = licences.enabled(&[(g.sku, g.disabled)]);
                g.group.is_some() && g.error.is_none() && broken.iter().any(|c| c.concerns(&own))
            });
            let Some((sku, group, disabled)) = struck.map(|g| (g.sku, g.group, g.disabled)) else {
                return;
            };
            let error = Some(GrantError::DependencyViolation);
            self.set_grant(member, sku, group, Some((disabled, error)));
        }
    }
}
