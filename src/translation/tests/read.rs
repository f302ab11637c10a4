//! Entities as resources, and what has to be selected for them.

use serde_json::{Value, json};

use super::{mapping, users};
use crate::scim::{attr::AttrPath, filter, projection::Projection};

pub(super) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub(super) const ENTRA: &str = "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User";

pub(super) fn adele() -> Value {
    json!({
        "id": "87d349ed-44d7-43e1-9a83-5f2406dee5bd", "accountEnabled": true,
        "createdDateTime": "2026-01-31T08:00:00.0000000Z", "displayName": "Adele Vance",
        "userPrincipalName": "AdeleV@contoso.com", "mailNickname": "AdeleV",
        "givenName": "Adele", "surname": "Vance", "jobTitle": null, "mail": "adele@contoso.com",
        "otherMails": ["a@home.example", "b@home.example", "a@home.example"],
        "proxyAddresses": ["SMTP:adele@contoso.com", "smtp:av@contoso.com", "sip:x@contoso.com"],
        "businessPhones": ["+1 425 555 0109"], "mobilePhone": null, "faxNumber": "+1 2",
        "imAddresses": [], "streetAddress": "1 Way", "city": "Zürich", "state": null,
        "department": "Retail", "employeeOrgData": {"division": "D", "costCenter": null},
        "onPremisesExtensionAttributes": {"extensionAttribute1": "e1", "extensionAttribute2": null},
        "passwordProfile": {"password": null, "forceChangePasswordNextSignIn": true},
        "employeeHireDate": "2020-05-01T00:00:00Z"
    })
}

#[test]
fn a_user_in_the_standard_mapping() {
    let doc = mapping("standard", "users").to_scim(&adele());
    assert_eq!(
        Value::Object(doc.clone()),
        json!({
            "id": "87d349ed-44d7-43e1-9a83-5f2406dee5bd",
            "externalId": "AdeleV",
            "meta": {"created": "2026-01-31T08:00:00Z"},
            "userName": "AdeleV@contoso.com",
            "displayName": "Adele Vance",
            "name": {"givenName": "Adele", "familyName": "Vance", "formatted": "Adele Vance"},
            "active": true,
            "emails": [
                {"value": "adele@contoso.com", "type": "work", "primary": true},
                {"value": "a@home.example", "type": "other"},
                {"value": "b@home.example", "type": "other"},
                {"value": "adele@contoso.com", "type": "proxyAddress"},
                {"value": "av@contoso.com", "type": "proxyAddress"}
            ],
            "phoneNumbers": [
                {"value": "+1 425 555 0109", "type": "work"},
                {"value": "+1 2", "type": "fax"}
            ],
            "photos": [{
                "value": "/Users/87d349ed-44d7-43e1-9a83-5f2406dee5bd/photo",
                "type": "work"
            }],
            "addresses": [{
                "streetAddress": "1 Way", "locality": "Zürich", "type": "work",
                "formatted": "1 Way\nZürich"
            }],
            ENTERPRISE: {"department": "Retail", "division": "D"},
            ENTRA: {
                "employeeHireDate": "2020-05-01T00:00:00Z",
                "mailNickname": "AdeleV",
                "onPremisesExtensionAttributes": {"extensionAttribute1": "e1"},
                "passwordForceChangeOnNextSignIn": true,
                "proxyAddresses": ["SMTP:adele@contoso.com", "smtp:av@contoso.com", "sip:x@contoso.com"]
            }
        })
    );
    // The id comes first, the core before the extensions.
    let keys: Vec<&str> = doc.keys().map(String::as_str).collect();
    assert_eq!((keys[0], keys[1]), ("id", "externalId"));
    assert_eq!(keys.last(), Some(&ENTRA));
}

#[test]
fn an_empty_entity_is_an_empty_resource() {
    for preset in ["standard", "iga-flat"] {
        for stem in ["users", "groups", "roles", "licenses"] {
            let doc = mapping(preset, stem).to_scim(&json!({}));
            assert_eq!(Value::Object(doc), json!({}), "{preset} {stem}");
        }
    }
}

#[test]
fn groups_roles_and_licenses() {
    let group = json!({
        "id": "g", "displayName": "Ops", "mailNickname": "ops", "groupTypes": ["Unified"],
        "mailEnabled": true, "securityEnabled": false, "visibility": "Private",
        "proxyAddresses": [], "isAssignableToRole": null
    });
    let entra = "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:Group";
    let ours = "urn:ietf:params:scim:schemas:extension:entra-scim:2.0:Group";
    assert_eq!(
        Value::Object(mapping("standard", "groups").to_scim(&group)),
        json!({
            "id": "g", "externalId": "ops", "displayName": "Ops",
            entra: {"groupTypes": ["Unified"], "mailEnabled": true, "mailNickname": "ops", "securityEnabled": false},
            ours: {"visibility": "Private"}
        })
    );
    let role = json!({
        "id": "r", "displayName": "Reader", "isBuiltIn": true, "isEnabled": true, "templateId": "r",
        "resourceScopes": ["/"],
        "rolePermissions": [
            {"allowedResourceActions": ["a/read", "b/read"], "condition": null},
            {"allowedResourceActions": ["c/read"], "condition": "$ResourceIsSelf"}
        ]
    });
    assert_eq!(
        Value::Object(mapping("standard", "roles").to_scim(&role)),
        json!({
            "id": "r", "displayName": "Reader", "isBuiltIn": true, "isEnabled": true,
            "templateId": "r", "permissions": ["a/read", "b/read", "c/read"], "resourceScopes": ["/"]
        })
    );
    let sku = json!({
        "id": "tenant_06ebc4ee-1bb5-47dd-8120-11324bc54e06", "skuId": "06ebc4ee-1bb5-47dd-8120-11324bc54e06",
        "skuPartNumber": "SPE_E5", "capabilityStatus": "Enabled", "appliesTo": "User",
        "consumedUnits": 14, "prepaidUnits": {"enabled": 25, "suspended": 0, "warning": 1, "lockedOut": 0},
        "subscriptionIds": ["s1"],
        "servicePlans": [
            {"servicePlanId": "p1", "servicePlanName": "EXCHANGE", "provisioningStatus": "Success", "appliesTo": "User"},
            {"servicePlanId": "p2", "servicePlanName": null, "provisioningStatus": "Disabled"}
        ]
    });
    assert_eq!(
        Value::Object(mapping("standard", "licenses").to_scim(&sku)),
        json!({
            "id": "06ebc4ee-1bb5-47dd-8120-11324bc54e06", "skuPartNumber": "SPE_E5",
            "displayName": "Microsoft 365 E5", "capabilityStatus": "Enabled", "appliesTo": "User",
            "consumedUnits": 14, "availableUnits": 12,
            "prepaidUnits": {"enabled": 25, "suspended": 0, "warning": 1, "lockedOut": 0},
            "subscriptionIds": ["s1"],
            "servicePlans": [
                {"value": "p1", "display": "EXCHANGE", "status": "Success", "appliesTo": "User"},
                {"value": "p2", "status": "Disabled"}
            ]
        })
    );
}

/// Side resources are merged into the entity before it is mapped.
#[test]
fn out_of_office_in_the_flat_mapping() {
    let entity = json!({"id": "u", "mailboxSettings": {"automaticRepliesSetting": {
        "status": "scheduled", "externalAudience": "all", "internalReplyMessage": "in",
        "scheduledStartDateTime": {"dateTime": "2016-03-20T18:00:00.0000000", "timeZone": "UTC"},
        "scheduledEndDateTime": {"dateTime": "2016-03-28T18:00:00.0000000", "timeZone": "W. Europe Standard Time"}
    }}});
    let doc = mapping("iga-flat", "users").to_scim(&entity);
    assert_eq!(doc["status"], "scheduled");
    assert_eq!(doc["scheduledStartDateTime"], "2016-03-20T18:00:00Z");
    assert_eq!(doc.get("scheduledEndDateTime"), None);
}

#[test]
fn selects_what_is_asked_for() {
    let standard = mapping("standard", "users");
    let flat = mapping("iga-flat", "users");
    let project =
        |m: &super::Mapping, a: &str| Projection::parse(Some(a), None, m.schema()).unwrap();
    for (attributes, filter_text, sort, expected) in [
        ("userName", None, None, "id,userPrincipalName"),
        ("name.givenName", None, None, "id,givenName,surname"),
        ("emails", None, None, "id,mail,otherMails,proxyAddresses"),
        ("password", None, None, "id"),
        ("photos", None, None, "id"),
        (
            "displayName",
            Some("title eq \"x\" or emails[type eq \"work\"] and not (active eq true)"),
            Some("userType"),
            "id,displayName,jobTitle,employeeType,accountEnabled,mail,otherMails,proxyAddresses",
        ),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division",
            None,
            None,
            "id,employeeOrgData",
        ),
    ] {
        let filter = filter_text
            .map(|text| filter::check(&filter::parse(text).unwrap(), standard.schema()).unwrap());
        let sort = sort.map(AttrPath::core);
        let found = standard.select(
            &project(&standard, attributes),
            filter.as_ref(),
            sort.as_ref(),
            true,
        );
        assert_eq!(found.join(","), expected, "{attributes}");
    }
    let all = standard.select(&Projection::all(), None, None, true);
    assert_eq!(all[0], "id");
    for absent in [
        "passwordProfile",
        "employeeLeaveDateTime",
        "mailboxSettings",
    ] {
        assert!(!all.iter().any(|p| p == absent), "{absent}");
    }
    assert_eq!(all.iter().filter(|p| *p == "mailNickname").count(), 1);

    let list = flat.select(&Projection::all(), None, None, true);
    let one = flat.select(&Projection::all(), None, None, false);
    assert!(!list.contains(&"aboutMe".to_owned()) && one.contains(&"aboutMe".to_owned()));
    assert_eq!(
        flat.per_object_select(&Projection::all()),
        ["id", "mySite", "aboutMe"][1..]
    );
    assert!(flat.side_resources(&Projection::all()).is_empty());
    let sides = flat.side_resources(&project(&flat, "status"));
    assert_eq!(sides.len(), 1);
    assert_eq!(sides[0].path, "mailboxSettings");
    assert_eq!(
        flat.select(&project(&flat, "status"), None, None, false),
        ["id"]
    );
}

#[test]
fn rows_of_operators_are_read() {
    let mapping = users(
        r#"[[attribute]]
scim = "['urn:x:2.0:User'].tags"
graph = "onPremisesExtensionAttributes.extensionAttribute1"
transform = "csv"
[[attribute]]
scim = "['urn:x:2.0:User'].kind"
transform = "constant"
value = "person"
direction = "read"
[[attribute]]
scim = "['urn:x:2.0:User'].issuer"
graph = "identities[?@.signInType=='federated'].issuer"
direction = "read"
"#,
    )
    .unwrap();
    let doc = mapping.to_scim(
        &json!({"id": "u", "onPremisesExtensionAttributes": {"extensionAttribute1": "a,b"},
                "identities": [{"signInType": "x", "issuer": "1"}, {"signInType": "federated", "issuer": "2"}]}),
    );
    assert_eq!(
        Value::Object(doc),
        json!({"id": "u", "urn:x:2.0:User": {"tags": ["a", "b"], "kind": "person", "issuer": ["2"]}})
    );
}
