use super::*;
use serde_json::json;

struct Fake;
impl Tenant for Fake {
    fn is_walled_off(&self, object: &str, _principal: &str) -> bool {
        object == "walled"
    }

    fn directory_roles(&self, principal: &str, scope: Scope) -> Vec<String> {
        let roles: &[&str] = match principal {
            "sp-ua" | "helper" => &[USER_ADMINISTRATOR],
            "unit-helper" if scope == Scope::Any => &[PRIVILEGED_AUTHENTICATION_ADMINISTRATOR],
            "sp-ga" | "boss" => &[GLOBAL_ADMINISTRATOR],
            _ => &[],
        };
        roles.iter().map(|role| (*role).to_owned()).collect()
    }
    fn resolve(&self, key: &str) -> Option<String> {
        (key != "nobody").then(|| key.to_owned())
    }
    fn is_role_assignable(&self, group: &str) -> bool {
        group == "ra"
    }
    fn deleted_type(&self, id: &str) -> Option<String> {
        (id == "gone").then(|| "group".to_owned())
    }
}

fn ask(caller: &str, permissions: &str, method: &str, path: &str, body: &Value) -> bool {
    let permissions: Vec<String> = permissions.split_whitespace().map(str::to_owned).collect();
    allows(
        &Question {
            method,
            path,
            body: (!body.is_null()).then_some(body),
            permissions: &permissions,
            caller,
        },
        &Fake,
    )
}

#[test]
fn table() {
    let full = FULL_SET.join(" ");
    let none = Value::Null;
    for (permissions, method, path, allowed) in [
        ("User.Read.All", "GET", "/users", true),
        ("User.ReadBasic.All", "GET", "/users/x", true),
        ("User.ReadBasic.All", "GET", "/users/delta", false),
        ("User.ReadBasic.All", "GET", "/users/delta()", false),
        ("User.Read.All", "GET", "/Users/x/Manager", true),
        ("User.Read.All", "POST", "/users", false),
        ("User.Read.All", "PUT", "/users/x/manager/$ref", false),
        ("User.ReadWrite.All", "PUT", "/users/x/manager/$ref", true),
        ("", "GET", "/users/$count", false),
        ("User.Read.All", "GET", "/users/$count", true),
        ("User.Read.All", "GET", "/users('a@b.c')", true),
        (
            "Group.Read.All",
            "GET",
            "/groups/g/members/microsoft.graph.user",
            true,
        ),
        (
            "User.Read.All",
            "GET",
            "/groups/g/members/microsoft.graph.user",
            false,
        ),
        (
            "GroupMember.ReadWrite.All",
            "DELETE",
            "/groups/g/members/u/$ref",
            true,
        ),
        (
            "GroupMember.ReadWrite.All",
            "DELETE",
            "/groups/ra/members/u/$ref",
            false,
        ),
        (
            "GroupMember.ReadWrite.All RoleManagement.ReadWrite.Directory",
            "DELETE",
            "/groups/ra/members/u/$ref",
            true,
        ),
        ("GroupMember.ReadWrite.All", "DELETE", "/groups/g", false),
        (
            "Application.ReadWrite.OwnedBy",
            "POST",
            "/applications/a/owners/$ref",
            false,
        ),
        (
            "Application.ReadWrite.OwnedBy Directory.Read.All",
            "POST",
            "/applications/a/owners/$ref",
            true,
        ),
        (
            "AdministrativeUnit.Read.All",
            "GET",
            "/administrativeUnits",
            true,
        ),
        (
            "AdministrativeUnit.Read.All",
            "GET",
            "/directory/administrativeUnits",
            true,
        ),
        (
            "User.Read.All",
            "GET",
            "/directory/administrativeUnits",
            false,
        ),
        (
            "MailboxSettings.Read",
            "GET",
            "/users/x/mailboxSettings/automaticRepliesSetting",
            true,
        ),
        ("User.Read.All", "GET", "/users/x/mailboxSettings", false),
        (
            "User.Read.All",
            "GET",
            "/directory/deletedItems/microsoft.graph.user",
            true,
        ),
        (
            "User.Read.All",
            "GET",
            "/directory/deletedItems/microsoft.graph.group",
            false,
        ),
        (
            "User.DeleteRestore.All",
            "POST",
            "/directory/deletedItems/gone/restore",
            false,
        ),
        (
            "Group.ReadWrite.All",
            "POST",
            "/directory/deletedItems/gone/restore",
            true,
        ),
        ("", "GET", "/noSuchThing", true),
        (full.as_str(), "GET", "/subscribedSkus", true),
        (full.as_str(), "GET", "/users/x/photos/48x48/$value", true),
        (
            full.as_str(),
            "GET",
            "/roleManagement/directory/roleAssignments",
            true,
        ),
    ] {
        assert_eq!(
            ask("sp", permissions, method, path, &none),
            allowed,
            "{permissions} {method} {path}"
        );
    }
}

#[test]
fn user_writes() {
    let full = "User.ReadWrite.All";
    let password = json!({"passwordProfile": {"password": "x"}});
    let enabled = json!({"accountEnabled": false});
    let title = json!({"jobTitle": "x"});
    for (caller, permissions, target, body, allowed) in [
        ("sp", full, "u", &title, true),
        ("sp", full, "boss", &title, true),
        (
            "sp",
            "User.EnableDisableAccount.All User.Read.All",
            "u",
            &enabled,
            true,
        ),
        ("sp", "User.EnableDisableAccount.All", "u", &enabled, false),
        (
            "sp",
            "User.EnableDisableAccount.All User.Read.All",
            "u",
            &title,
            false,
        ),
        ("sp", full, "u", &enabled, true),
        ("sp", full, "boss", &enabled, false),
        ("sp-ua", full, "boss", &enabled, false),
        ("sp-ua", full, "helper", &enabled, true),
        ("sp-ga", full, "boss", &enabled, true),
        ("sp-ua", full, "unit-helper", &enabled, false),
        ("unit-helper", full, "u", &password, false),
        ("sp", full, "u", &password, false),
        ("sp-ua", full, "u", &password, true),
        (
            "sp-ua",
            "User-PasswordProfile.ReadWrite.All",
            "u",
            &password,
            true,
        ),
        ("sp-ua", "User.Read.All", "u", &password, false),
        ("sp-ua", full, "boss", &password, false),
        (
            "sp",
            "User-Phone.ReadWrite.All",
            "u",
            &json!({"mobilePhone": "1", "businessPhones": []}),
            true,
        ),
        (
            "sp",
            "User-Phone.ReadWrite.All",
            "u",
            &json!({"mobilePhone": "1", "city": "x"}),
            false,
        ),
        ("sp", "User.Read.All", "u", &json!({}), false),
        ("sp", full, "nobody", &enabled, true),
    ] {
        let path = format!("/users/{target}");
        assert_eq!(
            ask(caller, permissions, "PATCH", &path, body),
            allowed,
            "{caller} {permissions} {target} {body}"
        );
    }
    assert!(!ask("sp", full, "DELETE", "/users/boss", &Value::Null));
    assert!(ask("sp-ga", full, "DELETE", "/users/boss", &Value::Null));
    assert!(ask("sp", full, "DELETE", "/users/u", &Value::Null));
}

#[test]
fn group_writes() {
    let bind = json!({"members@odata.bind": []});
    let rename = json!({"displayName": "x"});
    for (permissions, path, body, allowed) in [
        ("GroupMember.ReadWrite.All", "/groups/g", &bind, true),
        ("GroupMember.ReadWrite.All", "/groups/g", &rename, false),
        ("Group.ReadWrite.All", "/groups/g", &rename, true),
        ("Group.ReadWrite.All", "/groups/ra", &rename, false),
        (
            "Group.ReadWrite.All RoleManagement.ReadWrite.Directory",
            "/groups/ra",
            &rename,
            true,
        ),
    ] {
        assert_eq!(
            ask("sp", permissions, "PATCH", path, body),
            allowed,
            "{permissions} {path} {body}"
        );
    }
    let assignable = json!({"isAssignableToRole": true});
    assert!(!ask("sp", "Group.Create", "POST", "/groups", &assignable));
    assert!(ask("sp", "Group.Create", "POST", "/groups", &rename));
}

#[test]
fn operations_have_names() {
    for (method, path, name) in [
        ("GET", "/users", "GET users"),
        ("GET", "/users/a@b.c", "GET users/{id}"),
        ("GET", "/users/delta", "GET users/delta"),
        ("GET", "/groups/x/members/$count", "GET groups/{id}/members"),
        ("PATCH", "/users/adele", "PATCH users/{id}"),
        ("POST", "/$batch", "POST $batch"),
        (
            "GET",
            "/directory/deletedItems/microsoft.graph.user",
            "GET directory/deletedItems/microsoft.graph.user",
        ),
        (
            "GET",
            "/directory/deletedItems/5d6b6bb7-de71-4623-b4af-96380a352509",
            "GET directory/deletedItems/{id}",
        ),
    ] {
        assert_eq!(operation(method, path), name);
    }
}
