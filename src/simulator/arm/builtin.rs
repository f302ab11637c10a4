//! Azure's built-in roles, as a recording of April 2024 lists them, but for the few longest.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::store::Definition;

#[expect(
    clippy::expect_used,
    reason = "the table is compiled in; a test reads it whole"
)]
static ROLES: LazyLock<Vec<Definition>> = LazyLock::new(|| {
    let rows: Vec<(String, String, String, String, String, Vec<Value>)> =
        serde_json::from_str(include_str!("builtin.json")).expect("builtin.json is well-formed");
    rows.into_iter()
        .map(
            |(name, role_name, description, created, updated, permissions)| Definition {
                name,
                role_name,
                description,
                built_in: true,
                scopes: vec!["/".to_owned()],
                permissions: permissions.into_iter().map(whole).collect(),
                created,
                updated,
                author: None,
            },
        )
        .collect()
});

/// A permission with its four lists.
pub fn whole(given: Value) -> Value {
    let mut whole = json!({
        "actions": [],
        "notActions": [],
        "dataActions": [],
        "notDataActions": [],
    });
    if let (Some(all), Value::Object(given)) = (whole.as_object_mut(), given) {
        if given.contains_key("condition") {
            all.insert("conditionVersion".to_owned(), Value::Null);
        }
        all.extend(given);
    }
    whole
}

/// All of them.
pub fn roles() -> &'static [Definition] {
    &ROLES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        assert!(roles().len() > 400);
        for (name, role) in [
            ("Reader", "acdd72a7-3385-48ef-bd42-f606fba81ae7"),
            ("Owner", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"),
            ("Contributor", "b24988ac-6180-42a0-ab88-20f7382dd24c"),
            (
                "User Access Administrator",
                "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
            ),
        ] {
            let found = roles().iter().find(|r| r.role_name == name).unwrap();
            assert_eq!(found.name, role);
        }
    }
}
