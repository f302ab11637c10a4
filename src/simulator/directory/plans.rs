//! Service plans that need, or rule out, each other on one user.
//!
//! Source: [problems of group-based licensing](https://learn.microsoft.com/entra/identity/users/licensing-groups-resolve-problems)
//! for the rules, [service plan identifiers](https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference)
//! for the ids. Only plans of the seeded subscriptions are here.

use uuid::{Uuid, uuid};

use super::licences::{GrantError, Licences, combine};
use super::object::Slot;

const EXCHANGE_STANDARD: Uuid = uuid!("9aaf7827-d63c-4b61-89c3-182f06f82e5c");
const EXCHANGE_ENTERPRISE: Uuid = uuid!("efb87545-963c-4e0d-99df-69c6916d9eb0");
const SHAREPOINT_STANDARD: Uuid = uuid!("c7699d2e-19aa-44de-8edf-1736da088ca1");
const SHAREPOINT_ENTERPRISE: Uuid = uuid!("5dbe027f-2339-4123-9542-606e4d348a72");
const OFFICE_WEB: Uuid = uuid!("e95bec33-7c88-4a70-8e19-b10bd9d0c014");

/// A plan, and those of which one must be enabled beside it.
const NEEDS: [(Uuid, &[Uuid]); 1] = [(OFFICE_WEB, &[SHAREPOINT_ENTERPRISE, SHAREPOINT_STANDARD])];

/// Plans that are not enabled together.
const EXCLUSIVE: [(Uuid, Uuid); 2] = [
    (EXCHANGE_STANDARD, EXCHANGE_ENTERPRISE),
    (SHAREPOINT_STANDARD, SHAREPOINT_ENTERPRISE),
];

/// What is wrong with the plans that a user has enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// The plan is there, but none of those that it depends on.
    Needs(Uuid, &'static [Uuid]),
    /// Both plans are there.
    Exclusive(Uuid, Uuid),
}

impl Conflict {
    fn error(self) -> GrantError {
        match self {
            Self::Needs(..) => GrantError::DependencyViolation,
            Self::Exclusive(..) => GrantError::MutuallyExclusiveViolation,
        }
    }

    /// Whether one of the plans has a part in it.
    pub(super) fn concerns(self, plans: &[Uuid]) -> bool {
        match self {
            Self::Needs(plan, _) => plans.contains(&plan),
            Self::Exclusive(a, b) => plans.contains(&a) || plans.contains(&b),
        }
    }
}

/// Every conflict among the plans that are enabled together.
fn conflicts(enabled: &[Uuid]) -> impl Iterator<Item = Conflict> {
    let has = |plan: &Uuid| enabled.contains(plan);
    let needs = NEEDS
        .into_iter()
        .filter(move |(plan, any)| has(plan) && !any.iter().any(has))
        .map(|(plan, any)| Conflict::Needs(plan, any));
    let exclusive = EXCLUSIVE
        .into_iter()
        .filter(move |(a, b)| has(a) && has(b))
        .map(|(a, b)| Conflict::Exclusive(a, b));
    needs.chain(exclusive)
}

/// Whether any rule names the plan.
fn is_ruled(plan: Uuid) -> bool {
    NEEDS
        .iter()
        .any(|(p, any)| *p == plan || any.contains(&plan))
        || EXCLUSIVE.iter().any(|(a, b)| *a == plan || *b == plan)
}

impl Licences {
    /// The enabled plans that rules name.
    pub(super) fn enabled(&self, held: &[(u16, u128)]) -> Vec<Uuid> {
        held.iter()
            .flat_map(|(sku, disabled)| self.sku(*sku).plans_of(!disabled))
            .map(|plan| plan.id)
            .filter(|id| is_ruled(*id))
            .collect()
    }

    /// What is wrong with the plans that a user has now.
    pub fn conflicts(&self, user: Slot) -> Vec<Conflict> {
        conflicts(&self.enabled(&self.held(user))).collect()
    }

    /// The conflict that a change of a user's own licences would bring: what was wrong before
    /// does not count.
    pub fn conflict_after(
        &self,
        user: Slot,
        remove: &[u16],
        add: &[(u16, u128)],
    ) -> Option<Conflict> {
        let goes = |sku: &u16| remove.contains(sku) || add.iter().any(|(s, _)| s == sku);
        let stays = self
            .grants(user)
            .iter()
            .filter(|g| g.error.is_none() && !(g.group.is_none() && goes(&g.sku)))
            .map(|g| (g.sku, g.disabled));
        let after = self.enabled(&combine(stays.chain(add.iter().copied())));
        let before = self.conflicts(user);
        conflicts(&after).find(|conflict| !before.contains(conflict))
    }

    /// Why each of a group's licences does not go with what the member holds otherwise. One may
    /// need another of the same group: they are tried until no more of them fit.
    pub(super) fn misfits(
        &self,
        group: Slot,
        member: Slot,
        wanted: &[(u16, u128)],
    ) -> Vec<Option<GrantError>> {
        let others = self.grants(member).iter();
        let mut held = combine(
            others
                .filter(|g| g.error.is_none() && g.group != Some(group))
                .map(|g| (g.sku, g.disabled)),
        );
        let mut errors = vec![None; wanted.len()];
        let mut open: Vec<usize> = (0..wanted.len()).collect();
        loop {
            let before = open.len();
            open.retain(|at| {
                let with = combine(held.iter().copied().chain([wanted[*at]]));
                let own = self.enabled(&wanted[*at..=*at]);
                let conflict = conflicts(&self.enabled(&with)).find(|c| c.concerns(&own));
                errors[*at] = conflict.map(Conflict::error);
                if conflict.is_none() {
                    held = with;
                }
                conflict.is_some()
            });
            if open.len() == before {
                return errors;
            }
        }
    }
}
