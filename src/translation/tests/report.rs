//! The printable reports.

use serde_json::json;

use super::{mapping, read::adele};
use crate::translation::{RuleFile, presets, report};

/// "Every attribute of the published schemas is in the table": the standard preset has them all.
#[test]
fn the_standard_preset_covers_the_mapping_that_microsoft_publishes() {
    for file in presets::files("standard").unwrap() {
        let check = report::check(&file);
        assert!(check.is_ok(), "{check}");
        assert_eq!(check.uncovered, Vec::<String>::new(), "{}", file.name);
    }
    let flat = report::check(&presets::file("iga-flat", "users").unwrap());
    for attribute in [
        "urn:ietf:params:scim:schemas:core:2.0:User:userType",
        "urn:ietf:params:scim:schemas:core:2.0:User:emails[type eq \"proxyAddress\"].value",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
    ] {
        let is_missing = flat.uncovered.iter().any(|a| a == attribute);
        // userType is there, though as another property: coverage is by attribute.
        assert_eq!(is_missing, !attribute.ends_with("userType"), "{attribute}");
    }
}

#[test]
fn check_prints_errors_and_warnings() {
    let standard = report::check(&presets::file("standard", "users").unwrap()).to_string();
    assert!(
        standard.starts_with("config/mapping/standard/users.toml: "),
        "{standard}"
    );
    assert!(standard.contains("are one Graph property"), "{standard}");
    let flat = report::check(&presets::file("iga-flat", "users").unwrap()).to_string();
    assert!(
        flat.contains("'name.middleName' has no Graph property"),
        "{flat}"
    );
    assert!(flat.contains("note: config/mapping/iga-flat/users.toml: Microsoft's mapping has"));
    let broken = RuleFile {
        name: "x.toml".into(),
        text: "resource = 1".into(),
    };
    let broken = report::check(&broken);
    assert!(!broken.is_ok());
    assert!(
        broken.to_string().starts_with("error: x.toml:1:12: "),
        "{broken}"
    );
    let mut alone = presets::file("standard", "users").unwrap();
    alone.text = alone.text.replace(
        "graph = \"employeeOrgData.costCenter\"",
        "graph = \"postalCode\"",
    );
    let alone = report::check(&alone).to_string();
    assert!(
        alone.contains("without the other part of employeeOrgData"),
        "{alone}"
    );
}

#[test]
fn show_is_a_table() {
    let table = report::show(&mapping("standard", "users"));
    let line = |name: &str| table.lines.iter().find(|l| l.attribute == name).unwrap();
    let name = line("userName");
    assert_eq!(
        (
            name.graph.as_str(),
            name.direction,
            name.filter.as_str(),
            name.permission.as_str()
        ),
        (
            "userPrincipalName",
            "both",
            "eq, sw [ne, ew]",
            "User.ReadWrite.All"
        )
    );
    assert_eq!(line("password").filter, "");
    assert_eq!(line("meta.created").filter, "gt, ge, lt, le");
    assert_eq!(line("externalId").filter, "eq, sw [pr]");
    assert_eq!(line("photos[?@.type=='work'].value").graph, "id | photoUrl");
    assert_eq!(line("groups").direction, "read");
    assert_eq!(line("entitlements").graph, "relation entitlements");
    assert_eq!(line("userName").json()["direction"], json!("both"));
    let text = table.to_string();
    let mut lines = text.lines();
    assert!(lines.next().unwrap().starts_with("attribute "));
    assert_eq!(text.lines().count(), table.lines.len() + 1);
}

#[test]
fn preview_maps_both_ways() {
    let mapping = mapping("standard", "users");
    let preview = report::preview(&mapping, &adele(), "https://b").unwrap();
    assert_eq!(
        preview.scim["schemas"][0],
        "urn:ietf:params:scim:schemas:core:2.0:User"
    );
    assert_eq!(
        preview.graph["otherMails"],
        json!(["a@home.example", "b@home.example"])
    );
    assert_eq!(preview.back["userName"], "AdeleV@contoso.com");
    let scim = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "USERNAME": "a@b.c", "active": "True", "groups": [{"value": "x"}]
    });
    let preview = report::preview(&mapping, &scim, "https://b").unwrap();
    assert_eq!(
        preview.graph,
        json!({"userPrincipalName": "a@b.c", "accountEnabled": true})
    );
    assert_eq!(preview.back["active"], true);
    assert!(preview.to_string().contains("SCIM again"));
    let bad = json!({"schemas": [], "userName": "a", "emails": [{"type": "home", "value": "x"}]});
    assert!(report::preview(&mapping, &bad, "b").is_err());
}
