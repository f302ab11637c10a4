//! A resource type that the server does not have, declared here and nowhere else: it is served,
//! filtered, written, related and audited like the others. What another type needs is its own
//! file and its rules.

use std::sync::Arc;

use entra_scim::{
    resources::{
        EdgeKind, Key, Listing, Operations, PatchAnswer, ResourceType, Rules, Special,
        references::References,
    },
    service::{App as Service, MappedType},
    translation::{Mapping, presets},
};
use serde_json::json;

use crate::support::app::{App, Options, patch_op};

const TOML: &str = r#"
resource = "Unit"
endpoint = "/Units"
schema = "urn:example:scim:schemas:2.0:Unit"
description = "An administrative unit."
entity = "administrativeUnit"

[permissions]
read = "AdministrativeUnit.Read.All"
write = "AdministrativeUnit.ReadWrite.All"

[[attribute]]
scim = "id"
graph = "id"
direction = "read"
caseExact = true
returned = "always"

[[attribute]]
scim = "displayName"
graph = "displayName"
required = true
clearable = false

[[attribute]]
scim = "description"
graph = "description"

[[relation]]
scim = "members"
relation = "members"
shape = "elements"
"#;

static MEMBERS: References = References {
    of: "/directory/administrativeUnits",
    name: "members",
    kind: EdgeKind::Owner,
    description: "Who is administered in the unit.",
    binds_on_patch: false,
    binds_on_create: false,
    cast: "microsoft.graph.administrativeUnit",
    inverse: "memberOf",
    inverse_of: &[],
};

struct Plain;

impl Special for Plain {}

static UNITS: ResourceType = ResourceType {
    name: "Unit",
    endpoint: "/Units",
    rules: Rules {
        stem: "units",
        presets: &[("standard", TOML)],
    },
    odata_type: None,
    collection: "/directory/administrativeUnits",
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
    relations: &[&MEMBERS],
    side_resources: &[],
    has_photo: false,
    special: &Plain,
};

fn with_units(app: &mut Service) {
    let rules = presets::of(&UNITS.rules, "standard").unwrap();
    let mapping = Mapping::compile_for(&UNITS, &rules).unwrap();
    for tenant in &mut app.tenants {
        let tenant = Arc::get_mut(tenant).unwrap();
        tenant
            .types
            .push(Arc::new(MappedType::new(&UNITS, mapping.clone())));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_of_one_file_is_served_like_the_others() {
    let app = App::with(Options {
        adapt: Some(with_units),
        ..Options::default()
    })
    .await;
    let users = app.sim_user_ids().await;

    let types = app.get("/ResourceTypes").await.expect_status(200);
    let named = types.body["Resources"].as_array().unwrap();
    assert!(
        named.iter().any(|t| t["endpoint"] == "/Units"),
        "{}",
        types.body
    );
    app.get("/Schemas/urn:example:scim:schemas:2.0:Unit")
        .await
        .expect_status(200);

    let made = app
        .post(
            "/Units",
            &json!({"displayName": "Berlin", "members": [{"value": users[0]}]}),
        )
        .await
        .expect_status(201);
    let path = format!("/Units/{}", made.body["id"].as_str().unwrap());
    assert_eq!(made.member_ids(), [users[0].clone()]);
    let read = app.get(&path).await.expect_status(200);
    assert_eq!(read.body["meta"]["resourceType"], "Unit");
    assert!(
        read.body["meta"]["location"]
            .as_str()
            .unwrap()
            .ends_with(&path)
    );

    let patched = app
        .patch(
            &path,
            &patch_op(json!([
                {"op": "replace", "path": "description", "value": "Capital"},
                {"op": "add", "path": "members", "value": [{"value": users[1]}]},
                {"op": "remove", "path": format!("members[value eq \"{}\"]", users[0])},
            ])),
        )
        .await
        .expect_status(200);
    assert_eq!(patched.body["description"], "Capital");
    assert_eq!(patched.member_ids(), [users[1].clone()]);

    let nobody = "00000000-0000-0000-0000-000000000001";
    let refused = app
        .patch(
            &path,
            &patch_op(json!([
                {"op": "replace", "path": "description", "value": "lost"},
                {"op": "replace", "path": "members", "value": [{"value": users[2]}, {"value": nobody}]},
            ])),
        )
        .await
        .expect_status(400);
    assert_eq!(refused.body["scimType"], "invalidValue", "{}", refused.body);
    let read = app.get(&path).await.expect_status(200);
    assert_eq!(read.body["description"], "Capital");
    assert_eq!(read.member_ids(), [users[1].clone()]);

    let found = app
        .list("/Units", &[("filter", "displayName eq \"berlin\"")])
        .await
        .expect_status(200);
    assert_eq!(found.body["totalResults"], 1);
    app.delete(&path).await.expect_status(204);
    app.get(&path).await.expect_status(404);
}
