//! What a caller sees of objects at the other end of a relation: whoever may list the members of a
//! group without the right to read users gets their ids, and null in place of every property.

use crate::simulator::directory::Kind;
use crate::simulator::model::{Sets, View};
use crate::simulator::permissions;

/// The caller's permissions, as far as they limit what is shown.
#[derive(Clone, Debug)]
pub struct Sight {
    /// The table that says which set lists a kind.
    pub sets: Sets,
    /// `None`: nobody signed in, and nothing is hidden.
    permissions: Option<Vec<String>>,
}

impl Sight {
    /// Of the caller of a request.
    pub fn of(view: &View<'_>) -> Self {
        let caller = &view.request.caller;
        Self {
            sets: view.sets,
            permissions: caller.app_id.map(|_| caller.roles.clone()),
        }
    }

    /// Sees everything.
    pub fn whole(sets: Sets) -> Self {
        Self {
            sets,
            permissions: None,
        }
    }

    /// Whether objects of a kind may be read: whoever may list them may.
    pub fn reads(&self, kind: Kind) -> bool {
        let (Some(permissions), Some(set)) = (&self.permissions, self.sets.of(kind)) else {
            return true;
        };
        permissions::may(permissions, "GET", &set.path.join("/"))
    }
}
