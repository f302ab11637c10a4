//! The curl lines that `demo` prints: each complete in itself, with ids of the seeded tenant.

use anyhow::Context;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::{
    graph::{self, Call, Lane},
    odata::request::Request,
};

/// What a query value must not hold as it is.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Objects of the tenant that the lines speak of.
#[derive(Clone, Debug)]
pub(super) struct Picked {
    /// A user who can get a licence.
    user: String,
    /// The user's name.
    user_name: String,
    /// A group whose members can be changed.
    group: String,
    /// The group's name.
    group_name: String,
    /// A built-in role that does no harm.
    role: String,
    /// A licence with free seats.
    licence: String,
}

/// Looks for objects to speak of.
///
/// # Errors
/// When the simulated tenant has none.
pub(super) async fn pick(graph: &graph::Client) -> anyhow::Result<Picked> {
    let call = Call::new(Lane::Interactive, std::time::Duration::from_secs(10));
    let get = |path: &'static str, select: &'static [&'static str]| {
        let request = Request::get(path).select(select);
        let call = &call;
        async move { graph.page(call, &request).await.map(|page| page.items) }
    };
    let users = get(
        "/users",
        &[
            "id",
            "userPrincipalName",
            "usageLocation",
            "accountEnabled",
            "assignedLicenses",
        ],
    )
    .await?;
    let groups = get(
        "/groups",
        &[
            "id",
            "displayName",
            "groupTypes",
            "onPremisesSyncEnabled",
            "isAssignableToRole",
        ],
    )
    .await?;
    let roles = get(
        "/roleManagement/directory/roleDefinitions",
        &["id", "displayName"],
    )
    .await?;
    // This list knows no query options.
    let skus = get("/subscribedSkus", &[]).await?;

    let licence = skus
        .iter()
        .find(|sku| {
            sku["appliesTo"] == "User"
                && sku["prepaidUnits"]["enabled"].as_i64() > sku["consumedUnits"].as_i64()
        })
        .context("no licence has free seats")?;
    let user = users
        .iter()
        .find(|user| {
            let held = user["assignedLicenses"].as_array();
            user["usageLocation"].is_string()
                && user["accountEnabled"] == true
                && held.is_some_and(|held| held.iter().all(|l| l["skuId"] != licence["skuId"]))
        })
        .context("no user can get a licence")?;
    let group = groups
        .iter()
        .find(|group| {
            group["groupTypes"].as_array().is_some_and(Vec::is_empty)
                && group["onPremisesSyncEnabled"] != true
                && group["isAssignableToRole"] != true
        })
        .context("no group's members can be changed")?;
    let role = roles
        .iter()
        .find(|role| role["displayName"] == "Directory Readers")
        .or(roles.first())
        .context("there is no role")?;
    let text = |value: &Value| {
        value
            .as_str()
            .map(str::to_owned)
            .context("a value is no text")
    };
    Ok(Picked {
        user: text(&user["id"])?,
        user_name: text(&user["userPrincipalName"])?,
        group: text(&group["id"])?,
        group_name: text(&group["displayName"])?,
        role: text(&role["id"])?,
        licence: text(&licence["skuId"])?,
    })
}

/// All that `demo` prints for people.
pub(super) fn page(base: &str, token: &str, graph: &str, picked: &Picked) -> String {
    let mut page =
        format!("SCIM    {base}\nToken   {token}\nTenant  {graph} (simulated Microsoft Graph)\n");
    for (title, line) in curl(base, token, picked) {
        page.push_str("\n# ");
        page.push_str(title);
        page.push('\n');
        page.push_str(&line);
        page.push('\n');
    }
    page.push_str("\nCtrl-C stops it.");
    page
}

/// The lines with their titles.
fn curl(base: &str, token: &str, picked: &Picked) -> Vec<(&'static str, String)> {
    let Picked {
        user,
        user_name,
        group,
        group_name,
        role,
        licence,
    } = picked;
    let domain = user_name.rsplit('@').next().unwrap_or_default();
    let filter = |path: &str, filter: String| {
        format!(
            "{base}{path}?filter={}",
            utf8_percent_encode(&filter, VALUE)
        )
    };
    let read = |url: String| {
        format!(
            "curl -s -H {} {}",
            quote(&format!("Authorization: Bearer {token}")),
            quote(&url)
        )
    };
    let write = |method: &str, path: String, body: &Value| {
        format!(
            "curl -s -X {method} -H {} -H 'Content-Type: application/scim+json' -d {} {}",
            quote(&format!("Authorization: Bearer {token}")),
            quote(&body.to_string()),
            quote(&format!("{base}{path}"))
        )
    };
    let patch = |operations: Value| {
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": operations,
        })
    };
    let member = patch(json!([{"op": "add", "path": "members", "value": [{"value": user}]}]));
    vec![
        (
            "Users: the first ten",
            read(format!("{base}/Users?count=10")),
        ),
        (
            "Users: by name",
            read(filter(
                "/Users",
                format!("userName eq {}", Value::from(user_name.as_str())),
            )),
        ),
        (
            "Users: one, with groups, roles and licences",
            read(format!("{base}/Users/{user}")),
        ),
        (
            "Users: create",
            write(
                "POST",
                "/Users".to_owned(),
                &json!({
                    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                    "userName": format!("nina.new@{domain}"),
                    "displayName": "Nina O'New", "active": true,
                }),
            ),
        ),
        (
            "Users: change",
            write(
                "PATCH",
                format!("/Users/{user}"),
                &patch(json!([{"op": "replace", "path": "title", "value": "Head of Demos"}])),
            ),
        ),
        (
            "Groups: by name, with members",
            read(filter(
                "/Groups",
                format!("displayName eq {}", Value::from(group_name.as_str())),
            )),
        ),
        (
            "Groups: add a member (answers 204, nothing to show)",
            write("PATCH", format!("/Groups/{group}"), &member),
        ),
        (
            "Roles: all, without members",
            read(format!("{base}/Roles?excludedAttributes=members")),
        ),
        (
            "Roles: one, with members",
            read(format!("{base}/Roles/{role}")),
        ),
        (
            "Roles: assign",
            write("PATCH", format!("/Roles/{role}"), &member),
        ),
        (
            "Licences: all, without holders",
            read(format!("{base}/Licenses?excludedAttributes=members")),
        ),
        (
            "Licences: assign",
            write("PATCH", format!("/Licenses/{licence}"), &member),
        ),
    ]
}

/// One word for a POSIX shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_one_command_whatever_the_names() {
        let picked = Picked {
            user: "u1".to_owned(),
            user_name: "o'brien+x@contoso.com".to_owned(),
            group: "g1".to_owned(),
            group_name: "R&D \"Ops\" $HOME `id` 🎉".to_owned(),
            role: "r1".to_owned(),
            licence: "l1".to_owned(),
        };
        let lines = curl("http://h/scim/v2", "to'ken", &picked);
        assert!(lines.len() >= 10);
        for (title, line) in lines {
            let script = format!("curl() {{ printf '%s\\n' \"$@\"; }}; {line}");
            let output = std::process::Command::new("sh")
                .args(["-c", &script])
                .output()
                .unwrap();
            assert!(output.status.success(), "{title}: {line}");
            let words = String::from_utf8(output.stdout).unwrap();
            assert!(
                words.contains("\nAuthorization: Bearer to'ken\n"),
                "{words}"
            );
            let url = words.lines().last().unwrap();
            assert!(url.starts_with("http://h/scim/v2/"), "{title}: {url}");
            assert!(
                url.bytes()
                    .all(|b| b.is_ascii_graphic() && !b"\"'<>`$".contains(&b)),
                "{url}"
            );
            if let Some(body) = words.lines().find(|word| word.starts_with('{')) {
                serde_json::from_str::<Value>(body).unwrap();
            }
        }
    }
}
