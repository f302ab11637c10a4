//! What an answer must look like to be an answer to its request. A `200` with something else in it
//! is no answer. Pure.

use serde_json::Value;

use super::error::member;
use crate::odata::request::{Method, Request};

/// What the answer to a request must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Expect {
    /// Whatever is no error; nothing, where the request changes something.
    #[default]
    Any,
    /// One object.
    Object {
        /// The property that identifies it.
        key: &'static str,
        /// The value that it must have; any, for an object that is only now created.
        id: Option<String>,
    },
    /// A list: `value` with objects in it.
    List,
}

impl Expect {
    /// The object with this `id`.
    pub fn object(id: impl Into<String>) -> Self {
        Self::keyed("id", id)
    }

    /// The object of which the property `key` is `id`, such as the `skuId` of a subscription.
    pub fn keyed(key: &'static str, id: impl Into<String>) -> Self {
        Self::Object {
            key,
            id: Some(id.into()),
        }
    }

    /// An object with some `id`, as a create gives.
    pub fn created() -> Self {
        Self::Object {
            key: "id",
            id: None,
        }
    }

    /// What the request itself tells about its answer.
    pub(super) fn of(request: &Request) -> Self {
        let mut segments = request.path.rsplit('/');
        let (last, before) = (
            segments.next().unwrap_or_default(),
            segments.next().unwrap_or_default(),
        );
        match request.method {
            Method::Post if last == "getByIds" => Self::List,
            Method::Post if CREATING.contains(&last) => Self::created(),
            Method::Get if LISTS.contains(&last) => Self::List,
            Method::Get if OBJECTS.contains(&before) && is_guid(last) && selects_id(request) => {
                Self::object(last)
            }
            _ => Self::Any,
        }
    }

    /// Compares an answer of status 200 to 299 with the request. `reading` asks for a body.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn check(&self, reading: bool, body: &Value) -> Result<(), String> {
        if is_error(body) {
            return Err("an error under a status of success".to_owned());
        }
        match self {
            Self::Any if reading && body.is_null() => Err("an empty body".to_owned()),
            Self::Any => Ok(()),
            Self::Object { key, id } => {
                let found = body
                    .as_object()
                    .ok_or("the body is no JSON object")?
                    .get(*key)
                    .and_then(Value::as_str)
                    .filter(|found| !found.is_empty())
                    .ok_or_else(|| format!("an object without `{key}`"))?;
                match id {
                    Some(id) if !id.eq_ignore_ascii_case(found) => {
                        Err(format!("an object with another `{key}`"))
                    }
                    _ => Ok(()),
                }
            }
            Self::List => match body.get("value") {
                Some(Value::Array(items)) => are_objects(items),
                _ => Err("a list without `value`".to_owned()),
            },
        }
    }
}

/// Whether the items of a list are objects.
pub(super) fn are_objects(items: &[Value]) -> Result<(), String> {
    if items.iter().all(Value::is_object) {
        Ok(())
    } else {
        Err("a list of something else than objects".to_owned())
    }
}

/// Whether a body is an error, whatever its status.
pub(super) fn is_error(body: &Value) -> bool {
    body.as_object()
        .and_then(|body| member(body, "error").or_else(|| member(body, "odata.error")))
        .and_then(Value::as_object)
        .is_some_and(|error| member(error, "code").is_some() || member(error, "message").is_some())
}

/// Collections in which a POST makes an object with an `id`.
const CREATING: [&str; 15] = [
    "users",
    "groups",
    "applications",
    "servicePrincipals",
    "administrativeUnits",
    "invitations",
    "roleDefinitions",
    "roleAssignments",
    "roleAssignmentScheduleRequests",
    "roleEligibilityScheduleRequests",
    "appRoleAssignments",
    "appRoleAssignedTo",
    "oauth2PermissionGrants",
    "federatedIdentityCredentials",
    "subscriptions",
];

/// Collections that a GET lists.
const LISTS: [&str; 21] = [
    "users",
    "groups",
    "applications",
    "servicePrincipals",
    "administrativeUnits",
    "directoryRoles",
    "domains",
    "organization",
    "subscribedSkus",
    "roleDefinitions",
    "roleAssignments",
    "roleAssignmentScheduleInstances",
    "roleEligibilityScheduleInstances",
    "members",
    "owners",
    "transitiveMembers",
    "memberOf",
    "transitiveMemberOf",
    "appRoleAssignments",
    "appRoleAssignedTo",
    "oauth2PermissionGrants",
];

/// Collections whose objects carry the id of their path.
const OBJECTS: [&str; 9] = [
    "users",
    "groups",
    "applications",
    "servicePrincipals",
    "administrativeUnits",
    "directoryObjects",
    "directoryRoles",
    "roleDefinitions",
    "deletedItems",
];

fn is_guid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

/// Whether the answer has `id`: by `$select`, or because nothing is selected.
fn selects_id(request: &Request) -> bool {
    request
        .query
        .iter()
        .find(|(name, _)| name == "$select")
        .is_none_or(|(_, list)| list.split(',').any(|p| p.trim() == "id"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "87d349ed-44d7-43e1-9a83-5f2406dee5bd";

    #[test]
    fn requests_tell_what_they_expect() {
        let by_id = || Request::get(format!("/users/{ID}"));
        for (request, expected) in [
            (by_id(), Expect::object(ID)),
            (by_id().select(["displayName", "id"]), Expect::object(ID)),
            (by_id().select(["displayName"]), Expect::Any),
            (Request::get("/users/anna%40contoso.com"), Expect::Any),
            (Request::get("/users"), Expect::List),
            (Request::get(format!("/groups/{ID}/members")), Expect::List),
            (Request::get(format!("/users/{ID}/manager")), Expect::Any),
            (Request::get("/users/$count"), Expect::Any),
            (Request::post("/users", json!({})), Expect::created()),
            (
                Request::post("/directoryObjects/getByIds", json!({})),
                Expect::List,
            ),
            (
                Request::post(format!("/groups/{ID}/members/$ref"), json!({})),
                Expect::Any,
            ),
            (
                Request::post(format!("/users/{ID}/assignLicense"), json!({})),
                Expect::Any,
            ),
            (
                Request::patch(format!("/users/{ID}"), json!({})),
                Expect::Any,
            ),
            (Request::delete(format!("/users/{ID}")), Expect::Any),
        ] {
            assert_eq!(Expect::of(&request), expected, "{request:?}");
        }
    }

    /// Which of the odd bodies pass, for each expectation.
    #[test]
    fn something_else_is_no_answer() {
        let error = json!({"error": {"code": "Request_BadRequest", "message": "m"}});
        let legacy = json!({"odata.error": {"code": "x"}});
        let object = Expect::object(ID);
        let sku = Expect::keyed("skuId", ID);
        let created = Expect::created();
        let list = Expect::List;
        let any = Expect::Any;
        for (expect, reading, body, passes) in [
            (&object, true, json!({"id": ID}), true),
            (&object, true, json!({"id": ID.to_uppercase()}), true),
            (&object, true, json!({"id": "another"}), false),
            (&object, true, json!({"id": ""}), false),
            (&object, true, json!({"id": 5}), false),
            (&object, true, json!({}), false),
            (&object, true, json!([]), false),
            (&object, true, json!([{"id": ID}]), false),
            (&object, true, json!("text"), false),
            (&object, true, Value::Null, false),
            (&object, true, error.clone(), false),
            (&sku, true, json!({"id": "1", "skuId": ID}), true),
            (&sku, true, json!({"id": ID}), false),
            (&created, false, json!({"id": "new"}), true),
            (&created, false, json!({"displayName": "new"}), false),
            (&created, false, Value::Null, false),
            (&created, false, error.clone(), false),
            (&list, true, json!({"value": []}), true),
            (&list, true, json!({"value": [{"id": "1"}]}), true),
            (&list, true, json!({"value": ["1"]}), false),
            (&list, true, json!({"value": [{"id": "1"}, null]}), false),
            (&list, true, json!({"value": {}}), false),
            (&list, true, json!({}), false),
            (&list, true, json!([]), false),
            (&list, true, Value::Null, false),
            (&list, true, error.clone(), false),
            (&any, true, json!(42), true),
            (&any, true, json!({"error": "a property"}), true),
            (&any, true, json!({"error": null}), true),
            (&any, true, error.clone(), false),
            (&any, true, legacy, false),
            (&any, true, Value::Null, false),
            (&any, false, Value::Null, true),
            (&any, false, error, false),
        ] {
            assert_eq!(
                expect.check(reading, &body).is_ok(),
                passes,
                "{expect:?} {body}"
            );
        }
    }
}
