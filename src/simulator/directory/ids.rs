//! Ids: the form that Graph takes, and those of objects that come after the seed. They are drawn
//! out of the tenant's own, so that two tenants of one seed that are told the same things give the
//! same answers.

use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use super::store::Directory;

/// A GUID in the form that Graph takes.
pub fn guid(text: &str) -> Option<Uuid> {
    (text.len() == 36)
        .then(|| Uuid::parse_str(text).ok())
        .flatten()
}

impl Directory {
    /// The id of the next object that is created.
    pub fn new_id(&mut self) -> Uuid {
        self.drawn += 1;
        self.derived_id("object", &self.drawn.to_string())
    }

    /// The id of the one thing of that name in this tenant.
    pub fn derived_id(&self, what: &str, name: &str) -> Uuid {
        let mut hash = Sha256::new();
        hash.update(self.tenant.id.as_bytes());
        hash.update(what.as_bytes());
        hash.update([0]);
        hash.update(name.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        Builder::from_random_bytes(bytes).into_uuid()
    }
}
