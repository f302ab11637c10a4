//! Floor 2: SCIM to Graph and back, by rule files.
//!
//! A rule file is a table: one row per attribute, with its place in the SCIM resource and in the
//! Graph entity. [`Mapping::compile`] checks it once; the compiled rows then drive everything:
//! reading ([`Mapping::to_scim`]), writing ([`Mapping::to_graph`]), `$select`
//! ([`Mapping::select`]), filters ([`Mapping::push_down`]) and `/Schemas` ([`Mapping::schema`]).
//! All of it is pure.

mod compile;
pub mod document;
mod hold;
pub mod index;
mod order;
mod path;
pub mod presets;
mod push_down;
mod qualified;
mod relation;
pub mod report;
mod row;
mod schema;
mod select;
mod spec;
mod to_graph;
mod to_scim;
mod transform;

pub use path::{GraphPath, PathStep, Place, ScimPath};
pub use push_down::{PushDown, RelationFilter};
pub use qualified::Qualified;
pub use row::{RelationRow, Row};
pub use spec::{Direction, RuleError, RuleFile, Shape};
pub use to_graph::{SideResource, WriteTarget};
pub use transform::Transform;

use crate::{
    resources::{self, ResourceType},
    scim::{attr::AttrPath, schema::ResourceSchema},
};

/// The compiled rules of one resource type.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// The declaration, where the file is for a declared resource type.
    kind: Option<&'static ResourceType>,
    schema: ResourceSchema,
    entity: String,
    rows: Vec<Row>,
    element_kinds: Vec<row::ElementKind>,
    steps: Vec<ReadStep>,
    writers: Vec<Vec<usize>>,
    relations: Vec<RelationRow>,
}

/// One step of reading an entity; indexes into the rows and kinds of element.
#[derive(Clone, Debug)]
enum ReadStep {
    Plain(usize),
    ElementKind(usize),
    Each(AttrPath, Vec<usize>),
}

impl Mapping {
    /// Checks and compiles a rule file of one of [`resources::ALL`], which it names.
    ///
    /// # Errors
    /// Everything that is wrong in the file, each with its place.
    pub fn compile(file: &RuleFile) -> Result<Self, Vec<RuleError>> {
        compile::compile(file, resources::by_name)
    }

    /// Checks and compiles a rule file of the resource type `kind`.
    ///
    /// # Errors
    /// Everything that is wrong in the file, each with its place.
    pub fn compile_for(
        kind: &'static ResourceType,
        file: &RuleFile,
    ) -> Result<Self, Vec<RuleError>> {
        compile::compile(file, |_| Some(kind))
    }

    /// The same, with clients' names for user principal names.
    #[must_use]
    pub fn with_user_names(mut self, names: &Qualified) -> Self {
        let user_name = AttrPath::core("userName");
        for row in &mut self.rows {
            let is_plain = row.transform == Transform::Identity;
            if is_plain && row.place().path() == user_name {
                row.transform = Transform::QualifiedName(names.clone());
            }
        }
        self
    }

    /// The schemas that the rows make.
    pub fn schema(&self) -> &ResourceSchema {
        &self.schema
    }

    /// The Graph entity type: `user`.
    pub fn entity(&self) -> &str {
        &self.entity
    }

    /// The attribute rows, in the order of the file.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The relation rows, in the order of the file.
    pub fn relations(&self) -> &[RelationRow] {
        &self.relations
    }
}

#[cfg(test)]
mod tests;
