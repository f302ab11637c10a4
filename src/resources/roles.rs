//! Directory roles: definitions, built-in and custom, with their assignments.

use serde_json::{Map, Value};

use super::{
    CreateContext, Identity, Key, Listing, Operations, PatchAnswer, ResourceType, Rules, Special,
    edge::Side, role_assignments::RoleAssignments,
};
use crate::scim::{Document, error::Error};

/// `/Roles`: unified role definitions of the directory.
pub static ROLES: ResourceType = ResourceType {
    name: "Role",
    endpoint: "/Roles",
    rules: Rules {
        stem: "roles",
        presets: &[
            (
                "standard",
                include_str!("../../config/mapping/standard/roles.toml"),
            ),
            (
                "iga-flat",
                include_str!("../../config/mapping/iga-flat/roles.toml"),
            ),
        ],
    },
    odata_type: None,
    collection: "/roleManagement/directory/roleDefinitions",
    id_property: "id",
    listing: Listing::Whole,
    key: Key::Path,
    operations: Operations {
        create: true,
        replace: true,
        patch: true,
        delete: true,
    },
    patch_answer: PatchAnswer::Resource,
    relations: &[&RoleAssignments { side: Side::To }],
    side_resources: &[],
    has_photo: false,
    special: &Roles,
};

struct Roles;

impl Special for Roles {
    fn prepare_create(
        &self,
        body: &mut Map<String, Value>,
        _document: &Document,
        _context: &CreateContext,
    ) -> Result<(), Error> {
        body.entry("isEnabled").or_insert(true.into());
        if !body.contains_key("rolePermissions") {
            return Err(Error::invalid_value(
                "a custom role needs at least one permission",
            ));
        }
        Ok(())
    }

    fn identity<'a>(&self, body: &'a Map<String, Value>) -> Option<Identity<'a>> {
        Identity::by(body, "displayName", false)
    }

    fn guard_properties(&self) -> &'static [&'static str] {
        &["isBuiltIn"]
    }

    fn guard_update(&self, entity: &Value, _body: &Map<String, Value>) -> Result<(), Error> {
        if entity
            .get("isBuiltIn")
            .and_then(Value::as_bool)
            .unwrap_or(false)
        {
            return Err(Error::mutability(
                "a built-in role's definition is read-only: only its members can be changed",
            ));
        }
        Ok(())
    }
}
