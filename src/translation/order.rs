//! Sorting that Graph can do.

use super::{Mapping, Transform};
use crate::{
    odata::facts::{self, Support},
    scim::attr::AttrPath,
};

impl Mapping {
    /// The Graph property to `$orderby` for an attribute, in an advanced query; `None` when Graph
    /// cannot sort by it.
    pub fn order_by(&self, path: &AttrPath) -> Option<String> {
        let row = self
            .rows()
            .iter()
            .find(|r| r.is_read() && r.place().path() == *path)?;
        // Names that are shown in part have another order.
        if let Transform::QualifiedName(_) = row.transform {
            return None;
        }
        let members = row.graph.as_ref()?.members()?;
        let [property] = members.as_slice() else {
            return None;
        };
        (facts::orderby(self.entity(), property) != Support::No).then(|| (*property).to_owned())
    }
}
