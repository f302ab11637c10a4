//! Whether a caller may do what it asks: application permissions in its token, and directory roles
//! of its service principal where Graph wants both. Pure.

mod table;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

/// What a full provisioning application is granted: the minimum set over all capabilities.
pub const FULL_SET: [&str; 27] = [
    "User.ReadWrite.All",
    "User.DeleteRestore.All",
    "User.EnableDisableAccount.All",
    "User.RevokeSessions.All",
    "User-PasswordProfile.ReadWrite.All",
    "ProfilePhoto.ReadWrite.All",
    "MailboxSettings.ReadWrite",
    "LicenseAssignment.ReadWrite.All",
    "LicenseAssignment.Read.All",
    "Group.Create",
    "Group.ReadWrite.All",
    "GroupMember.ReadWrite.All",
    "Team.Create",
    "TeamMember.ReadWrite.All",
    "RoleManagement.ReadWrite.Directory",
    "RoleAssignmentSchedule.ReadWrite.Directory",
    "RoleEligibilitySchedule.ReadWrite.Directory",
    "Application.ReadWrite.OwnedBy",
    "Application.ReadWrite.All",
    "AppRoleAssignment.ReadWrite.All",
    "Application.Read.All",
    "DelegatedPermissionGrant.ReadWrite.All",
    "AdministrativeUnit.ReadWrite.All",
    "User.Invite.All",
    "Directory.Read.All",
    "Domain.Read.All",
    "AuditLog.Read.All",
];

/// Template id of Global Administrator.
pub const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
/// Template id of Privileged Authentication Administrator.
pub const PRIVILEGED_AUTHENTICATION_ADMINISTRATOR: &str = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13";
/// Template id of User Administrator.
pub const USER_ADMINISTRATOR: &str = "fe930be7-5e62-47db-91af-98c3a49a38b1";
/// Roles of a target that do not put it out of a User Administrator's reach.
///
/// Source: [who can perform sensitive actions](https://learn.microsoft.com/entra/identity/role-based-access-control/privileged-roles-permissions#who-can-perform-sensitive-actions).
const MINOR_ROLES: [&str; 8] = [
    "88d8e3e3-8f55-4a1e-953a-9b9898b8876b", // Directory Readers
    "95e79109-95c0-4d8e-aee3-d01accf2d47b", // Guest Inviter
    "fdd7a751-b60b-444a-984c-02652fe8fa1c", // Groups Administrator
    "729827e3-9c14-49f7-bb1b-9608f156bbb8", // Helpdesk Administrator
    "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b", // Message Center Reader
    "4a5d8f65-41da-4de4-8968-e035b65339cf", // Reports Reader
    USER_ADMINISTRATOR,
    "75934031-6c7e-415a-99d7-48dbd49e875e", // Usage Summary Reports Reader
];
/// Writing one of these on an administrator is a sensitive action.
const SENSITIVE: [&str; 7] = [
    "accountEnabled",
    "businessPhones",
    "mobilePhone",
    "onPremisesImmutableId",
    "otherMails",
    "passwordProfile",
    "userPrincipalName",
];
/// Properties that have a permission of their own, enough without `User.ReadWrite.All`.
const OWN_PERMISSION: [(&str, &str); 7] = [
    (
        "accountEnabled",
        "User.EnableDisableAccount.All+User.Read.All",
    ),
    ("passwordProfile", "User-PasswordProfile.ReadWrite.All"),
    ("businessPhones", "User-Phone.ReadWrite.All"),
    ("mobilePhone", "User-Phone.ReadWrite.All"),
    ("otherMails", "User-Mail.ReadWrite.All"),
    ("identities", "User.ManageIdentities.All"),
    ("employeeLeaveDateTime", "User-LifeCycleInfo.ReadWrite.All"),
];
const USER_WRITE: &str = "User.ReadWrite.All Directory.ReadWrite.All";

/// Which role assignments count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those over the whole tenant: what a caller can do to anyone.
    Tenant,
    /// All: whoever holds one is an administrator.
    Any,
}

/// What the rules ask about the tenant.
pub trait Tenant {
    /// Template ids of the built-in directory roles a principal holds, directly or through a group:
    /// over the whole tenant, or at any scope.
    fn directory_roles(&self, principal: &str, scope: Scope) -> Vec<String>;
    /// The object id for a key in a path: an id, or a user principal name.
    fn resolve(&self, key: &str) -> Option<String>;
    /// Whether the group may hold directory roles (`isAssignableToRole`).
    fn is_role_assignable(&self, group: &str) -> bool;
    /// Whether the object is in an administrative unit that only its own administrators manage, and
    /// the principal is none of them.
    fn is_walled_off(&self, object: &str, principal: &str) -> bool;
    /// The type of an object in the recycle bin: `user`, `group`, `application`…
    fn deleted_type(&self, id: &str) -> Option<String>;
}

/// One request as the rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// Path below the version, decoded segments joined by `/`, with or without the first `/`.
    pub path: &'a str,
    /// The JSON body.
    pub body: Option<&'a Value>,
    /// Permissions in the token.
    pub permissions: &'a [String],
    /// Object id of the calling service principal.
    pub caller: &'a str,
}

/// Whether Graph lets the request through; `false` is 403 `Authorization_RequestDenied`. A path
/// that the table does not know passes: the router answers it with its own error.
pub fn allows(question: &Question<'_>, tenant: &dyn Tenant) -> bool {
    let path = plain_path(question.path);
    let segments: Vec<&str> = path.iter().map(String::as_str).collect();
    let is = |name: &str, at: usize| {
        segments
            .get(at)
            .is_some_and(|segment| segment.eq_ignore_ascii_case(name))
    };
    if is("directory", 0) && is("deletedItems", 1) {
        return deleted_items(question, &segments[2..], tenant);
    }
    if is("subscriptions", 0) && segments.len() == 1 && question.method == "POST" {
        return subscription(question);
    }
    if (is("users", 0) || is("groups", 0))
        && question.method != "GET"
        && segments
            .get(1)
            .is_some_and(|object| tenant.is_walled_off(object, question.caller))
    {
        return false;
    }
    if is("users", 0) && segments.len() == 2 {
        match question.method {
            "PATCH" => return user_update(question, segments[1], tenant),
            "DELETE" => {
                return table_allows(question, &segments)
                    && reaches(question.caller, segments[1], tenant);
            }
            _ => {}
        }
    }
    if is("groups", 0) && segments.len() == 2 && question.method == "PATCH" {
        return group_update(question, segments[1], tenant);
    }
    if is("groups", 0)
        && (is("members", 2) || is("owners", 2))
        && question.method != "GET"
        && segments
            .get(1)
            .is_some_and(|group| tenant.is_role_assignable(group))
    {
        return has(question.permissions, "RoleManagement.ReadWrite.Directory")
            && table_allows(question, &segments);
    }
    if is("groups", 0)
        && segments.len() == 1
        && question.method == "POST"
        && truthy(question.body, "isAssignableToRole")
    {
        return has(question.permissions, "RoleManagement.ReadWrite.Directory")
            && table_allows(question, &segments);
    }
    table_allows(question, &segments)
}

/// The permissions that the table asks for, `None` when it does not know the operation.
pub fn required(method: &str, path: &str) -> Option<&'static str> {
    let path = plain_path(path);
    let segments: Vec<&str> = path.iter().map(String::as_str).collect();
    find(method, &segments).map(|(_, any)| any)
}

/// Whether permissions are enough for an operation, as far as the table knows it.
pub fn may(permissions: &[String], method: &str, path: &str) -> bool {
    required(method, path).is_none_or(|any| any_of(permissions, any))
}

/// A name for an operation, keys left out: `GET users/{id}`.
pub fn operation(method: &str, path: &str) -> String {
    let plain = plain_path(path);
    let segments: Vec<&str> = plain.iter().map(String::as_str).collect();
    if let Some((template, _)) = find(method, &segments) {
        return format!("{method} {}", template.replace("{}", "{id}"));
    }
    let is_key = |(at, segment): (usize, &&str)| {
        uuid::Uuid::parse_str(segment).is_ok()
            || segment.contains(['@', '_', '-'])
            || (at == 1 && find("GET", &segments[..1]).is_some() && *segment != "delta")
    };
    let parts: Vec<&str> = segments
        .iter()
        .enumerate()
        .map(|(at, segment)| {
            if is_key((at, segment)) {
                "{id}"
            } else {
                *segment
            }
        })
        .collect();
    // `/$batch` has only a segment that decides nothing elsewhere.
    let name = if parts.is_empty() {
        path.trim_matches('/').to_owned()
    } else {
        parts.join("/")
    };
    format!("{method} {name}")
}

fn table_allows(question: &Question<'_>, segments: &[&str]) -> bool {
    find(question.method, segments).is_none_or(|(_, any)| any_of(question.permissions, any))
}

/// The row's template and permissions.
fn find(method: &str, segments: &[&str]) -> Option<(&'static str, &'static str)> {
    let mut keyed = None;
    for (row_method, template, any) in table::ROWS {
        if *row_method != method {
            continue;
        }
        let parts: Vec<&str> = template.split('/').collect();
        let fits = parts.len() == segments.len()
            && parts
                .iter()
                .zip(segments)
                .all(|(part, segment)| *part == "{}" || part.eq_ignore_ascii_case(segment));
        if fits {
            // `users/delta` beats `users/{}`.
            if parts.last() != Some(&"{}") {
                return Some((template, any));
            }
            keyed = keyed.or(Some((*template, *any)));
        }
    }
    keyed
}

/// Segments without those that do not decide: `$ref`, `$value`, `$count`, type casts, function
/// parentheses; `administrativeUnits` is one path, whichever spelling is used; sub-paths of
/// `mailboxSettings` and `photos` count as the whole.
fn plain_path(path: &str) -> Vec<String> {
    let mut segments: Vec<String> = Vec::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        let cast = segment.to_ascii_lowercase().starts_with("microsoft.graph.");
        let in_bin = segments.len() == 2 && segments[1].eq_ignore_ascii_case("deletedItems");
        if segment.starts_with('$') || (cast && !in_bin) {
            continue;
        }
        match segment.split_once('(') {
            Some((name, key)) => {
                segments.push(name.to_owned());
                let key = key.trim_end_matches(')').trim_matches('\'');
                if !key.is_empty() {
                    segments.push(key.to_owned());
                }
            }
            None => segments.push(segment.to_owned()),
        }
    }
    if segments
        .first()
        .is_some_and(|first| first.eq_ignore_ascii_case("administrativeUnits"))
    {
        segments.insert(0, "directory".to_owned());
    }
    if let Some(at) = segments
        .iter()
        .position(|segment| segment.eq_ignore_ascii_case("mailboxSettings"))
    {
        segments.truncate(at + 1);
    }
    segments
}

/// Who may read a resource may be told of its changes. An unknown resource passes, to be refused
/// for what it is.
fn subscription(question: &Question<'_>) -> bool {
    let resource = question
        .body
        .and_then(|body| body.get("resource"))
        .and_then(Value::as_str)
        .unwrap_or_default();
    let resource = plain_path(resource);
    match resource
        .first()
        .map(|set| set.to_ascii_lowercase())
        .as_deref()
    {
        Some("users") => any_of(
            question.permissions,
            "User.Read.All User.ReadWrite.All Directory.Read.All Directory.ReadWrite.All",
        ),
        Some("groups") => any_of(
            question.permissions,
            "Group.Read.All Group.ReadWrite.All Directory.Read.All Directory.ReadWrite.All",
        ),
        _ => true,
    }
}

fn has(permissions: &[String], wanted: &str) -> bool {
    permissions.iter().any(|granted| granted == wanted)
}

/// `A B+C`: A, or B and C.
fn any_of(permissions: &[String], alternatives: &str) -> bool {
    alternatives
        .split(' ')
        .any(|all| all.split('+').all(|one| has(permissions, one)))
}

fn object(body: Option<&Value>) -> Option<&Map<String, Value>> {
    body.and_then(Value::as_object)
}

fn truthy(body: Option<&Value>, name: &str) -> bool {
    object(body)
        .and_then(|body| body.get(name))
        .is_some_and(|value| value == &Value::Bool(true))
}

/// Whether the caller's directory roles rank above the target's: needed for sensitive actions.
/// A target without a role needs none.
fn reaches(caller: &str, target: &str, tenant: &dyn Tenant) -> bool {
    let Some(target) = tenant.resolve(target) else {
        return true; // The router says 404.
    };
    let held = tenant.directory_roles(&target, Scope::Any);
    if held.is_empty() {
        return true;
    }
    let own = tenant.directory_roles(caller, Scope::Tenant);
    let own = |role: &str| own.iter().any(|held| held == role);
    own(GLOBAL_ADMINISTRATOR)
        || own(PRIVILEGED_AUTHENTICATION_ADMINISTRATOR)
        || (own(USER_ADMINISTRATOR) && held.iter().all(|role| MINOR_ROLES.contains(&&**role)))
}

fn user_update(question: &Question<'_>, target: &str, tenant: &dyn Tenant) -> bool {
    let Some(body) = object(question.body) else {
        return any_of(question.permissions, USER_WRITE);
    };
    let broad = any_of(question.permissions, USER_WRITE);
    let permitted = body.keys().all(|name| {
        broad
            || OWN_PERMISSION.iter().any(|(property, enough)| {
                property.eq_ignore_ascii_case(name) && any_of(question.permissions, enough)
            })
    });
    let names = |wanted: &[&str]| {
        body.keys()
            .any(|name| wanted.iter().any(|w| w.eq_ignore_ascii_case(name)))
    };
    if !permitted || (body.is_empty() && !broad) {
        return false;
    }
    if names(&["passwordProfile"]) {
        let roles = tenant.directory_roles(question.caller, Scope::Tenant);
        let ranked = [
            GLOBAL_ADMINISTRATOR,
            PRIVILEGED_AUTHENTICATION_ADMINISTRATOR,
            USER_ADMINISTRATOR,
        ];
        if !roles.iter().any(|role| ranked.contains(&&**role)) {
            return false;
        }
    }
    !names(&SENSITIVE) || reaches(question.caller, target, tenant)
}

fn group_update(question: &Question<'_>, group: &str, tenant: &dyn Tenant) -> bool {
    if tenant.is_role_assignable(group)
        && !has(question.permissions, "RoleManagement.ReadWrite.Directory")
    {
        return false;
    }
    if any_of(
        question.permissions,
        "Group.ReadWrite.All Directory.ReadWrite.All",
    ) {
        return true;
    }
    object(question.body).is_some_and(|body| {
        !body.is_empty() && body.keys().all(|name| name == "members@odata.bind")
    }) && any_of(question.permissions, table::MEMBER_WRITE)
}

/// `directory/deletedItems/…`: by the type in the cast, or by the type of the object named.
fn deleted_items(question: &Question<'_>, rest: &[&str], tenant: &dyn Tenant) -> bool {
    let Some(first) = rest.first() else {
        return true; // The router asks for the type segment.
    };
    let kind = match first.to_ascii_lowercase().strip_prefix("microsoft.graph.") {
        Some(_) => Some(first["microsoft.graph.".len()..].to_owned()),
        None => tenant.deleted_type(first),
    };
    let Some(kind) = kind else { return true };
    table::DELETED_ROWS
        .iter()
        .find(|(name, ..)| name.eq_ignore_ascii_case(&kind))
        .is_none_or(|(name, read, write)| {
            if question.method == "GET" {
                any_of(question.permissions, read)
            } else {
                any_of(question.permissions, write)
                    && (*name != "user" || reaches(question.caller, first, tenant))
            }
        })
}
