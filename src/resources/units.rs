//! Administrative units: parts of the directory that have administrators of their own.

use serde_json::{Map, Value};

use super::{
    CreateContext, Identity, Key, Listing, Operations, PatchAnswer, ResourceType, Rules, Special,
    edge::{Edge, EdgeKind, End, Side, text},
    references::{References, element_attributes, elements},
    relation::{Calls, Candidates, Change, Relation, Subject},
};
use crate::{
    odata::request::{Request, segment},
    scim::{
        Document,
        error::Error,
        schema::{Attribute, Mutability},
    },
};

const COLLECTION: &str = "/directory/administrativeUnits";
/// Graph's largest page.
const PAGE: usize = 999;

/// `/AdministrativeUnits`
pub static UNITS: ResourceType = ResourceType {
    name: "AdministrativeUnit",
    endpoint: "/AdministrativeUnits",
    rules: Rules {
        stem: "units",
        presets: &[
            (
                "standard",
                include_str!("../../config/mapping/standard/units.toml"),
            ),
            (
                "iga-flat",
                include_str!("../../config/mapping/iga-flat/units.toml"),
            ),
        ],
    },
    odata_type: None,
    collection: COLLECTION,
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
    relations: &[&UNIT_MEMBERS],
    side_resources: &[],
    has_photo: false,
    special: &Units,
};

/// `members` of a unit: users, groups (not their members) and devices.
static UNIT_MEMBERS: References = References {
    of: COLLECTION,
    name: "members",
    kind: EdgeKind::Unit,
    description: "Who is administered in the unit: users, groups (not their members), devices.",
    binds_on_patch: false,
    binds_on_create: false,
    cast: "microsoft.graph.administrativeUnit",
    inverse: "memberOf",
    inverse_of: &["users", "groups"],
};

struct Units;

fn is_dynamic(unit: &Value) -> bool {
    text(unit, "membershipType").is_some_and(|kind| kind.eq_ignore_ascii_case("Dynamic"))
}

impl Special for Units {
    fn prepare_create(
        &self,
        body: &mut Map<String, Value>,
        _document: &Document,
        _context: &CreateContext,
    ) -> Result<(), Error> {
        if body.contains_key("membershipRule") {
            body.entry("membershipType").or_insert("Dynamic".into());
            body.entry("membershipRuleProcessingState")
                .or_insert("On".into());
        } else if is_dynamic(&Value::Object(body.clone())) {
            return Err(Error::invalid_value(
                "a dynamic administrative unit needs a membershipRule",
            ));
        }
        Ok(())
    }

    fn identity<'a>(&self, body: &'a Map<String, Value>) -> Option<Identity<'a>> {
        Identity::by(body, "displayName", false)
    }

    fn guard_properties(&self) -> &'static [&'static str] {
        &["membershipType"]
    }

    fn guard_relation(&self, entity: &Value, relation: &str) -> Result<(), Error> {
        if relation == "members" && is_dynamic(entity) {
            return Err(Error::mutability(
                "the members of a dynamic administrative unit follow its rule",
            ));
        }
        Ok(())
    }
}

/// The administrative units that a user or group is in.
pub struct UnitsOf {
    /// Collection of the objects that have them: `/users`.
    pub collection: &'static str,
}

impl Relation for UnitsOf {
    fn name(&self) -> &'static str {
        "administrativeUnits"
    }

    fn edge(&self) -> (EdgeKind, Side) {
        (EdgeKind::Unit, Side::To)
    }

    fn attribute(&self) -> Attribute {
        let mut subs = element_attributes(&[], &["AdministrativeUnit"]);
        for sub in &mut subs {
            sub.mutability = Mutability::ReadOnly;
            sub.required = false;
        }
        Attribute {
            mutability: Mutability::ReadOnly,
            ..elements(
                self.name(),
                "The administrative units that it is in; change them at the unit.",
                subs,
            )
        }
    }

    fn lists(&self, id: &str) -> Vec<Request> {
        let path = format!(
            "{}/{}/memberOf/microsoft.graph.administrativeUnit",
            self.collection,
            segment(id)
        );
        vec![
            Request::get(path)
                .select(["id", "displayName"])
                .top(PAGE)
                .advanced(),
        ]
    }

    fn edges(&self, id: &str, _entity: &Value, lists: &[Vec<Value>]) -> Vec<Edge> {
        lists
            .iter()
            .flatten()
            .filter_map(|unit| {
                let far = End {
                    id: text(unit, "id")?,
                    display: text(unit, "displayName"),
                    kind: Some("AdministrativeUnit"),
                };
                Some(Edge::seen(EdgeKind::Unit, Side::To, id, far))
            })
            .collect()
    }

    fn candidates(&self, value: &str) -> Option<Candidates> {
        let path = format!("{COLLECTION}/{}/members", segment(value));
        Some(Candidates::Ids(
            vec![Request::get(path).select(["id"]).top(PAGE)],
            "id",
        ))
    }

    fn plan(&self, _subject: &Subject<'_>, _change: &Change) -> Result<Calls, Error> {
        Err(Error::mutability(
            "'administrativeUnits' is read-only: change the members of the unit instead",
        ))
    }
}
