//! What the compiler makes of rule files: schemas, and errors with their place.

use serde_json::json;

use super::{mapping, users};
use crate::{
    resources,
    scim::schema::{Mutability, Returned, Type},
    translation::{Mapping, RuleFile, presets},
};

#[test]
fn every_preset_compiles() {
    for preset in presets::names() {
        for resource in resources::ALL {
            let mapping = mapping(preset, resource.rules.stem);
            let schema = mapping.schema();
            assert_eq!(
                (schema.name.as_str(), schema.endpoint.as_str()),
                (resource.name, resource.endpoint)
            );
            for relation in resource.relations {
                assert!(
                    mapping
                        .relations()
                        .iter()
                        .any(|r| r.relation == relation.name()),
                    "{preset} {} {}",
                    resource.name,
                    relation.name()
                );
            }
            let id = mapping.rows().iter().find(|r| r.written == "id").unwrap();
            assert_eq!(id.graph.as_ref().unwrap().root(), resource.id_property);
        }
    }
    assert_eq!(presets::files("nope"), None);
}

/// RFC 7643 §2.3.8: no complex sub-attributes; §7: names without duplicates.
#[test]
fn schemas_are_well_formed() {
    for preset in presets::names() {
        for resource in resources::ALL {
            let mapping = mapping(preset, resource.rules.stem);
            let schema = mapping.schema();
            for part in schema.extensions.iter().chain([&schema.core]) {
                let mut names = std::collections::HashSet::new();
                for attribute in &part.attributes {
                    assert!(
                        names.insert(attribute.name.to_lowercase()),
                        "{}",
                        attribute.name
                    );
                    assert_eq!(
                        attribute.kind == Type::Complex,
                        !attribute.sub_attributes.is_empty(),
                        "{}",
                        attribute.name
                    );
                    for sub in &attribute.sub_attributes {
                        assert_ne!(sub.kind, Type::Complex, "{}.{}", attribute.name, sub.name);
                    }
                }
                assert!(!part.attributes.is_empty(), "{}", part.id);
            }
        }
    }
}

#[test]
fn one_row_says_the_schema() {
    let mapping = mapping("standard", "users");
    let schema = mapping.schema();
    let attribute = |name: &str| schema.core.attribute(name).unwrap();
    let password = attribute("password");
    assert_eq!(
        (password.mutability, password.returned),
        (Mutability::WriteOnly, Returned::Never)
    );
    let name = attribute("userName");
    assert!(name.required);
    assert_eq!(
        serde_json::to_value(name.uniqueness).unwrap(),
        json!("server")
    );
    assert_eq!(attribute("active").kind, Type::Boolean);
    let emails = attribute("emails");
    assert!(emails.multi_valued);
    assert_eq!(
        emails.sub("type").unwrap().canonical_values,
        ["work", "other", "proxyAddress"]
    );
    assert_eq!(
        emails.sub("value").unwrap().mutability,
        Mutability::ReadWrite
    );
    assert_eq!(
        emails.sub("primary").unwrap().mutability,
        Mutability::ReadOnly
    );
    let photos = attribute("photos");
    assert_eq!(
        (
            photos.mutability,
            photos.returned,
            photos.sub("value").unwrap().kind
        ),
        (Mutability::ReadOnly, Returned::Request, Type::Reference)
    );
    assert!(schema.core.attribute("externalId").is_none());
    assert!(
        schema
            .common
            .iter()
            .any(|a| a.name == "externalId" && a.case_exact)
    );
    let entra = &schema.extensions[1];
    assert_eq!(
        entra.attribute("employeeHireDate").unwrap().kind,
        Type::DateTime
    );
    let proxies = entra.attribute("proxyAddresses").unwrap();
    assert!(proxies.multi_valued && proxies.mutability == Mutability::ReadOnly);
    let manager = schema.extensions[0].attribute("manager").unwrap();
    assert!(!manager.multi_valued && manager.sub("value").is_some());

    let flat = super::mapping("iga-flat", "users");
    let manager = flat.schema().core.attribute("manager").unwrap();
    assert_eq!((manager.kind, manager.multi_valued), (Type::String, false));
    let status = flat.schema().core.attribute("status").unwrap();
    assert_eq!(status.returned, Returned::Request);
    let groups = super::mapping("standard", "groups");
    let ours = &groups.schema().extensions[1];
    assert_eq!(
        ours.attribute("isAssignableToRole").unwrap().mutability,
        Mutability::Immutable
    );
    let licenses = super::mapping("standard", "licenses");
    let plans = licenses.schema().core.attribute("servicePlans").unwrap();
    assert!(plans.multi_valued && plans.mutability == Mutability::ReadOnly);
    assert_eq!(
        licenses
            .schema()
            .core
            .attribute("availableUnits")
            .unwrap()
            .kind,
        Type::Integer
    );
}

/// (rows, place, part of the message); the rows start in line 12.
#[test]
fn errors_say_file_line_column_and_why() {
    let row = |scim: &str, rest: &str| format!("[[attribute]]\nscim = \"{scim}\"\n{rest}");
    for (rows, place, part) in [
        (
            row("title", "graph = \"jobTitel\""),
            "14:9",
            "no property 'jobTitel'",
        ),
        (row("title", "graph = \"manager\""), "14:9", "[[relation]]"),
        (
            row("title", "graph = \"jobTitle.x\""),
            "14:9",
            "no property 'x'",
        ),
        (
            row("title", "graph = \"jobTitle[0]\""),
            "14:9",
            "not a collection",
        ),
        (
            row("title", "graph = \"employeeOrgData\""),
            "14:9",
            "complex",
        ),
        (
            row("title", "graph = \"employeeOrgData.x\""),
            "14:9",
            "no property 'x'",
        ),
        (row("title", "graph = \"jobTitle[\""), "14:9", "JSONPath"),
        (row("title[", "graph = \"jobTitle\""), "13:8", "JSONPath"),
        (
            row("a.b.c", "graph = \"jobTitle\""),
            "13:8",
            "not a SCIM attribute",
        ),
        (
            row("['urn:y:2.0:User'].a", "graph = \"jobTitle\""),
            "13:8",
            "[[extension]]",
        ),
        (row("Title", "graph = \"jobTitle\""), "13:8", "spells"),
        (
            row("title.x", "graph = \"jobTitle\""),
            "13:8",
            "not complex",
        ),
        (row("name", "graph = \"jobTitle\""), "13:8", "name one of"),
        (
            row("name.givenNam", "graph = \"givenName\""),
            "13:8",
            "no sub-attribute",
        ),
        (
            row("emails.value", "graph = \"mail\""),
            "13:8",
            "multi-valued",
        ),
        (
            row("meta.version", "graph = \"jobTitle\""),
            "13:8",
            "filled by the server",
        ),
        (
            row("title", "graph = \"jobTitle\"\ntransform = \"upper\""),
            "15:13",
            "unknown transform",
        ),
        (
            row("title", "graph = \"jobTitle\"\ntransform = \"not\""),
            "14:9",
            "takes a boolean",
        ),
        (
            row("title", "graph = \"jobTitle\"\ntransform = \"lower\""),
            "15:13",
            "no inverse",
        ),
        (
            row("title", "transform = \"constant\""),
            "14:13",
            "'value' is missing",
        ),
        (
            row("title", "graph = \"jobTitle\"\nvalue = 1"),
            "15:9",
            "constant",
        ),
        (
            row("title", "graph = \"jobTitle\"\ntype = \"boolean\""),
            "15:8",
            "does not fit",
        ),
        (
            row("title", "graph = \"jobTitle\"\ntype = \"text\""),
            "15:8",
            "unknown variant",
        ),
        (
            row("title", "graph = \"jobTitle\"\ntransfrom = \"not\""),
            "15:1",
            "unknown field",
        ),
        (row("title", "graph = \"jobTitle"), "14:18", ""),
        (
            row("title", "graph = \"otherMails[1]\""),
            "14:9",
            "final [0]",
        ),
        (
            row("title", "graph = \"otherMails[?@=='x']\""),
            "14:9",
            "can only be read",
        ),
        (
            row(
                "plans[*].name",
                "graph = \"jobTitle\"\ndirection = \"read\"",
            ),
            "13:8",
            "collection",
        ),
        (
            row("title", "graph = \"id\""),
            "14:9",
            "id can only be read",
        ),
        (
            row("title", "graph = \"jobTitle\"\n") + &row("TITLE", "graph = \"city\""),
            "16:8",
            "spells",
        ),
        (
            row("rank", "graph = \"jobTitle\"\n") + &row("Rank", "graph = \"city\""),
            "16:8",
            "mapped already, in line 13",
        ),
        (
            row("a", "graph = \"otherMails[0]\"\n") + &row("b", "graph = \"otherMails\""),
            "17:9",
            "written already by 'a' in line 13",
        ),
        (
            row("a", "graph = \"accountEnabled\"\n")
                + &row("b", "graph = \"accountEnabled\"\ntransform = \"not\""),
            "17:9",
            "can never agree",
        ),
        (
            row("a.x", "graph = \"city\"\n") + &row("a", "graph = \"state\""),
            "16:8",
            "complex in another row",
        ),
        (
            row("emails[?@.type=='o'].value", "graph = \"otherMails\"\n")
                + &row("emails[?@.type=='o'].display", "graph = \"mail\""),
            "16:8",
            "come from a list",
        ),
        (
            "[[relation]]\nrelation = \"friends\"\nscim = \"friends\"\nshape = \"elements\"".into(),
            "13:12",
            "no relation 'friends'",
        ),
        (
            "[[relation]]\nrelation = \"groups\"\nscim = \"groups\"\nshape = \"value\"".into(),
            "13:12",
            "holds many",
        ),
        (
            "[[relation]]\nrelation = \"manager\"\nscim = \"id\"\nshape = \"value\"".into(),
            "14:8",
            "mapped already",
        ),
    ] {
        let errors = users(&rows).expect_err(&rows);
        let wanted = format!("users.toml:{place}: ");
        assert!(
            errors
                .iter()
                .any(|e| e.starts_with(&wanted) && e.contains(part)),
            "{rows}\nexpected {wanted}{part}, got\n{}",
            errors.join("\n")
        );
    }
}

#[test]
fn what_operators_add_compiles() {
    let mapping = users(
        r#"[[attribute]]
scim = "['urn:x:2.0:User'].badge"
graph = "extension_0123456789abcdef0123456789abcdef_badge"
type = "integer"
[[attribute]]
scim = "['URN:X:2.0:User'].project"
graph = "customSecurityAttributes.Engineering.Project"
returned = "request"
[[attribute]]
scim = "['urn:x:2.0:User'].tags"
graph = "onPremisesExtensionAttributes.extensionAttribute1"
transform = "csv"
[[attribute]]
scim = "nickName"
[[attribute]]
scim = "externalId"
graph = "mailNickname"
[[attribute]]
scim = "['urn:x:2.0:User'].alias"
graph = "mailNickname"
"#,
    )
    .unwrap();
    let extension = &mapping.schema().extensions[0];
    assert_eq!(extension.attribute("badge").unwrap().kind, Type::Integer);
    assert_eq!(extension.attribute("project").unwrap().kind, Type::String);
    assert!(extension.attribute("tags").unwrap().multi_valued);
}

#[test]
fn several_errors_are_told_at_once() {
    let errors = users(
        "[[attribute]]\nscim = \"a\"\ngraph = \"x\"\n[[attribute]]\nscim = \"b\"\ngraph = \"y\"",
    )
    .unwrap_err();
    assert_eq!(errors.len(), 2);
    let file = RuleFile {
        name: "f".into(),
        text: "resource = \"User\"\nendpoint = \"/U\"\nschema = \"s\"\nentity = \"usr\"\n".into(),
    };
    let errors = Mapping::compile(&file).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "f:4:10: 'usr' is not a Graph entity type"
    );
}
