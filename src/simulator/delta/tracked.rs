//! What delta rounds follow: of each set its type, its relations, and its properties.

use crate::odata::facts;
use crate::simulator::directory::{Kind, Relation};
use crate::simulator::errors::SimError;
use crate::simulator::model::{EntitySet, Holds};

/// What a set's rounds follow.
pub struct Tracked {
    /// The entity type; `directoryObject` for all of the directory.
    pub entity: &'static str,
    /// Relations, and whether they are followed without being selected.
    pub relations: &'static [(Relation, bool)],
}

/// What a set's rounds follow, if it has any.
pub fn tracked(set: &EntitySet) -> Result<Tracked, SimError> {
    let (entity, relations): (_, &'static [(Relation, bool)]) = match set.holds {
        Holds::Any if !set.is_recycle_bin() => ("directoryObject", &[]),
        Holds::One(kind) => (
            kind.entity(),
            match kind {
                Kind::User => &[(Relation::Manager, false)],
                Kind::Group => &[(Relation::Member, true), (Relation::Owner, false)],
                Kind::DirectoryRole | Kind::AdministrativeUnit => &[(Relation::Member, true)],
                Kind::Application | Kind::ServicePrincipal => &[(Relation::Owner, false)],
                Kind::OAuth2PermissionGrant => &[],
                _ => return Err(SimError::segment("delta")),
            },
        ),
        _ => return Err(SimError::segment("delta")),
    };
    Ok(Tracked { entity, relations })
}

/// The properties that a round follows when nothing is selected.
pub fn default_properties(entity: &str) -> Vec<String> {
    let names = facts::default_properties(entity);
    if names.is_empty() {
        let all = facts::entity(entity).into_iter();
        return all
            .flat_map(|e| e.properties().map(|p| p.name.clone()))
            .collect();
    }
    names.iter().map(|name| (*name).to_owned()).collect()
}
