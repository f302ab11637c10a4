//! No way to power for a token that does not cover roles.

use serde_json::{Value, json};

use super::{app, schedules, writes};
use crate::support::app::patch_op;

const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";

/// Whoever manages users, groups or units alone makes nobody an administrator, in no way.
#[tokio::test(flavor = "multi_thread")]
async fn no_lesser_token_makes_an_administrator() {
    let app = app(true).await;
    let user = app.any_user().await;
    let urn = "urn:ietf:params:scim:schemas:extension:entra-scim:2.0:Group";
    let (user_path, role) = (format!("/Users/{user}"), GLOBAL_ADMINISTRATOR);
    let role_path = format!("/Roles/{role}");
    let groups = app
        .graph_list("/groups?$select=id,isAssignableToRole")
        .await;
    let group = groups
        .iter()
        .find(|g| g["isAssignableToRole"] == true)
        .unwrap();
    let group = group["id"].as_str().unwrap();
    let group_path = format!("/Groups/{group}");
    let eligible = json!([{"value": role, "assignment": "eligible"}]);
    let timed = json!([{"value": role, "end": "2030-01-01T00:00:00Z"}]);
    let holder = json!([{"value": user, "assignment": "eligible"}]);
    let add =
        |path: &str, value: &Value| patch_op(json!([{"op": "add", "path": path, "value": value}]));
    let own_roles = format!("{urn}:roles");
    let new_user = json!({"userName": format!("evil@{}", app.domain().await), "displayName": "e",
        "roles": eligible});
    let put = json!({"displayName": "x", urn: {"roles": timed}});
    let custom = json!({"displayName": "mine",
        "permissions": ["microsoft.directory/users/password/update"]});
    let bulk = json!({"Operations": [{"method": "PATCH", "path": user_path,
        "data": add("roles", &eligible)}]});
    let attempts: [(&str, &str, &str, &Value); 10] = [
        (
            "eligible, at the user",
            "PATCH",
            &user_path,
            &add("roles", &eligible),
        ),
        (
            "for a time, at the user",
            "PATCH",
            &user_path,
            &add("roles", &timed),
        ),
        (
            "eligible, at the role",
            "PATCH",
            &role_path,
            &add("members", &holder),
        ),
        ("a new user who is eligible", "POST", "/Users", &new_user),
        (
            "eligible, at the group",
            "PATCH",
            &group_path,
            &add(&own_roles, &eligible),
        ),
        ("for a time, by PUT of the group", "PUT", &group_path, &put),
        (
            "into a group that holds roles",
            "PATCH",
            &group_path,
            &add("members", &json!([{"value": user}])),
        ),
        (
            "an owner of such a group",
            "PATCH",
            &group_path,
            &add(&format!("{urn}:owners"), &json!([{"value": user}])),
        ),
        ("a role of one's own", "POST", "/Roles", &custom),
        ("in bulk", "POST", "/Bulk", &bulk),
    ];
    for scopes in [
        "read:*,write:Users",
        "read:*,write:Groups",
        "read:*,write:Users,write:Groups,write:Licenses,write:AdministrativeUnits",
        "read:*",
    ] {
        let token = app.issue_token(scopes, None).await;
        let lesser = app.with_token(Some(&token));
        app.reset_counters().await;
        for (attempt, method, path, body) in attempts {
            let answer = lesser.request(method, path, Some(body), &[]).await;
            let bulk = &answer.body["Operations"][0]["status"];
            let status = if bulk.is_string() {
                bulk.as_str().unwrap().parse().unwrap()
            } else {
                answer.status
            };
            assert_eq!(status, 403, "{scopes}: {attempt}: {}", answer.shown());
        }
        assert_eq!(writes(&app).await, 0, "{scopes}");
    }
    assert!(app.sim_roles(&user).await.is_empty());
    for set in ["roleEligibilitySchedules", "roleAssignmentSchedules"] {
        assert!(schedules(&app, set, &user).await.is_empty());
    }
}
