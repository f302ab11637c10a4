//! The same PATCH sent again and again: it changes nothing after the first time, and no value
//! moves from one place in Graph to another.

use serde_json::{Value, json};

use super::{Mapping, mapping};
use crate::scim::{
    patch::{self, Options},
    urn,
};

/// Applies the operation and writes what changes into the entity. Gives the written body.
fn send(mapping: &Mapping, entity: &mut Value, operation: &Value) -> Result<Value, String> {
    let options = Options {
        create_on_no_match: patch::CreateOnNoMatch::Always,
        ..Options::default()
    };
    let schema = mapping.schema();
    let message = json!({"schemas": [urn::PATCH_OP], "Operations": [operation]});
    let told = |error: crate::scim::error::Error| error.detail;
    let operations = patch::parse(&message, schema, &options)
        .map_err(told)?
        .operations;
    let before = mapping.to_scim(entity);
    let after = patch::apply(&before, &operations, schema, &options).map_err(told)?;
    let cleared = mapping.removed(&before, &after);
    let body = mapping
        .to_graph(Some(&before), &after, &cleared)
        .map_err(told)?;
    entity.as_object_mut().unwrap().extend(body.clone());
    Ok(Value::Object(body))
}

/// (preset, entity, operation, body of the first time)
#[test]
fn a_repeated_patch_changes_nothing() {
    let rows = [
        (
            "standard",
            json!({"businessPhones": ["1"]}),
            json!({"op": "add", "path": "phoneNumbers[primary eq true].value", "value": "56"}),
            json!({"businessPhones": ["56"]}),
        ),
        (
            "standard",
            json!({"mobilePhone": "1"}),
            json!({"op": "add", "path": "phoneNumbers[primary eq \"True\"].value", "value": "56"}),
            json!({"businessPhones": ["56"]}),
        ),
        (
            "iga-flat",
            json!({"mobilePhone": "1"}),
            json!({"op": "replace", "path": "phoneNumbers[primary eq true]", "value": {"value": "56"}}),
            json!({"businessPhones": ["56"]}),
        ),
        (
            "standard",
            json!({}),
            json!({"op": "add", "path": "phoneNumbers[type eq \"mobile\" and primary eq true].value", "value": "56"}),
            json!({"mobilePhone": "56"}),
        ),
        (
            "standard",
            json!({}),
            json!({"op": "add", "path": "phoneNumbers", "value": [{"value": "56"}]}),
            json!({"businessPhones": ["56"]}),
        ),
        (
            "standard",
            json!({"mail": "w@x.y"}),
            json!({"op": "add", "path": "emails", "value": [{"value": "a@x.y"}]}),
            json!({"otherMails": ["a@x.y"]}),
        ),
        (
            "standard",
            json!({"mail": "w@x.y"}),
            json!({"op": "add", "path": "emails[type eq \"other\" and primary eq true].value", "value": "a@x.y"}),
            json!({"otherMails": ["a@x.y"]}),
        ),
        (
            "standard",
            json!({"otherMails": ["o@x.y"]}),
            json!({"op": "add", "path": "emails[primary eq true].value", "value": "w@x.y"}),
            json!({"mail": "w@x.y"}),
        ),
        (
            "iga-flat",
            json!({"mail": "v@x.y", "otherMails": ["o@x.y"]}),
            json!({"op": "replace", "path": "emails[primary eq true].value", "value": "w@x.y"}),
            json!({"mail": "w@x.y"}),
        ),
        (
            "standard",
            json!({}),
            json!({"op": "add", "path": "addresses", "value": [{"locality": "Bern"}]}),
            json!({"city": "Bern"}),
        ),
        (
            "standard",
            json!({"city": "Bern", "country": "CH"}),
            json!({"op": "add", "path": "addresses[primary eq true].locality", "value": "Basel"}),
            json!({"city": "Basel"}),
        ),
        (
            "iga-flat",
            json!({}),
            json!({"op": "add", "path": "addresses[primary eq true].postalCode", "value": "3000"}),
            json!({"postalCode": "3000"}),
        ),
    ];
    for (preset, mut entity, operation, first) in rows {
        let mapping = mapping(preset, "users");
        let body = send(&mapping, &mut entity, &operation);
        assert_eq!(body, Ok(first), "{preset} {operation}");
        for _ in 0..2 {
            let body = send(&mapping, &mut entity, &operation);
            assert_eq!(body, Ok(json!({})), "{preset} {operation} again: {entity}");
        }
    }
}

/// What is written is what the next read shows, however it was spelled.
#[test]
fn a_moment_is_kept_as_it_is_read() {
    let standard = mapping("standard", "users");
    let urn = "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User";
    let kept = "2025-12-31T22:00:00Z";
    let mut entity = json!({});
    for (spelled, body) in [
        (
            "2026-01-01T00:00:00+02:00",
            json!({"employeeHireDate": kept}),
        ),
        ("2025-12-31T22:00:00.9999999Z", json!({})),
        ("2025-12-31t17:00:00-05:00", json!({})),
    ] {
        let path = format!("{urn}:employeeHireDate");
        let operation = json!({"op": "replace", "path": path, "value": spelled});
        assert_eq!(
            send(&standard, &mut entity, &operation),
            Ok(body),
            "{spelled}"
        );
        assert_eq!(standard.to_scim(&entity)[urn]["employeeHireDate"], kept);
    }
}

/// A second value without a type is not put where it was not meant to be.
#[test]
fn no_place_is_guessed() {
    let standard = mapping("standard", "users");
    let mut entity = json!({"businessPhones": ["1"]});
    let operation = json!({"op": "add", "path": "phoneNumbers", "value": [{"value": "56"}]});
    let refused = send(&standard, &mut entity, &operation).unwrap_err();
    assert!(
        refused.contains("does not say which it is") && refused.contains("type 'mobile'"),
        "{refused}"
    );
    assert_eq!(entity, json!({"businessPhones": ["1"]}));
}

/// What is removed as the primary value is the one that is meant when it is set.
#[test]
fn the_primary_value_is_removed() {
    let standard = mapping("standard", "users");
    let mut entity = json!({"businessPhones": ["1"], "mobilePhone": "2"});
    let operation = json!({"op": "remove", "path": "phoneNumbers[primary eq true]"});
    let body = send(&standard, &mut entity, &operation);
    assert_eq!(body, Ok(json!({"businessPhones": []})));
}
