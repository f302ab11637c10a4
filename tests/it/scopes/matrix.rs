//! The matrix: what is expected of every scope, way and relation, and what came.

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::ways::{Nature, Target, Way};
use crate::support::app::{Answer, App, patch_op};

pub(super) const GROUPS_ADMINISTRATOR: &str = "fdd7a751-b60b-444a-984c-02652fe8fa1c";
const DIRECTORY_READERS: &str = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b";
const FLOW_FREE: &str = "f30db892-07e9-47e9-837c-80727f46fd3d";
const SPE_E3: &str = "05e9a617-0261-4cee-bb44-138d3ef5d965";
const OURS: &str = "urn:ietf:params:scim:schemas:extension:entra-scim:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const TYPES: [&str; 4] = ["Users", "Groups", "Roles", "Licenses"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

/// One scope; `*` is every type.
type Scope = (Access, &'static str);

fn text(grant: &[Scope]) -> String {
    let scopes = grant.iter().map(|(access, resource)| match access {
        Access::Read => format!("read:{resource}"),
        Access::Write => format!("write:{resource}"),
    });
    scopes.collect::<Vec<_>>().join(" ")
}

fn allows(grant: &[Scope], access: Access, resource: &str) -> bool {
    grant.iter().any(|&(has, of)| {
        (of == "*" || of == resource) && (has == Access::Write || access == Access::Read)
    })
}

/// Every single scope, and every second one beside those of the target's own type.
fn grants(target: &Target) -> Vec<Vec<Scope>> {
    let singles: Vec<Scope> = [Access::Read, Access::Write]
        .into_iter()
        .flat_map(|access| TYPES.into_iter().chain(["*"]).map(move |of| (access, of)))
        .collect();
    let mut all: Vec<Vec<Scope>> = singles.iter().map(|&one| vec![one]).collect();
    for own in [Access::Read, Access::Write] {
        for &other in &singles {
            if other.1 != target.endpoint {
                all.push(vec![(own, target.endpoint), other]);
            }
        }
    }
    all
}

/// What the answer must be.
#[derive(Debug, PartialEq)]
enum Expected {
    /// The status of a token that may do everything, and the edge shown.
    Whole,
    /// 200, and no trace of the relation.
    Without,
    /// 403 naming one of these scopes.
    Refused(Vec<String>),
    /// Whatever the other types make of the query: the object itself is not found.
    Elsewhere,
}

fn expected(target: &Target, way: Way, grant: &[Scope]) -> Expected {
    let writes = way.nature() == Nature::Writes;
    let (access, verb) = if writes {
        (Access::Write, "write")
    } else {
        (Access::Read, "read")
    };
    let missing = |resources: &[&str]| -> Vec<String> {
        let lacks = resources.iter().filter(|r| !allows(grant, access, r));
        lacks.map(|r| format!("{verb}:{r}")).collect()
    };
    let own = missing(&[target.endpoint]);
    if !own.is_empty() {
        return match way {
            Way::RootSearch => Expected::Elsewhere,
            _ => Expected::Refused(own),
        };
    }
    let lacks = missing(target.needs);
    match way.nature() {
        _ if lacks.is_empty() => Expected::Whole,
        Nature::Shows => Expected::Without,
        Nature::Asks if target.is_one_of_many() => Expected::Without,
        _ => Expected::Refused(lacks),
    }
}

impl Target {
    /// Whether the relation belongs elsewhere for this object only: it is a group that may hold
    /// directory roles.
    fn is_one_of_many(&self) -> bool {
        self.endpoint == "Groups" && self.needs.contains(&"Roles")
    }

    /// Whether the answer shows the relation of the object, or finds the object by it.
    fn is_seen(&self, way: Way, answer: &Answer) -> bool {
        let objects = match answer.body.get("Resources") {
            Some(all) => all.as_array().cloned().unwrap_or_default(),
            None => vec![answer.body.clone()],
        };
        let mine = objects.iter().filter(|o| o["id"] == *self.id);
        match way {
            Way::Filter | Way::FilterWithin | Way::Search | Way::RootSearch => mine.count() > 0,
            Way::FilterNot => mine.count() == 0,
            _ => objects.iter().any(|object| {
                let room = match self.path.rsplit_once(':') {
                    Some((urn, _)) => &object[urn],
                    None => object,
                };
                let whose = !self.is_one_of_many() || object["id"] == *self.id;
                whose && room.get(self.relation).is_some_and(|v| !v.is_null())
            }),
        }
    }
}

struct Setting {
    user: String,
    other: String,
    domain: String,
    plain: String,
    assignable: String,
}

async fn setting(app: &App) -> Setting {
    let user = app.user_with_usage_location(FLOW_FREE).await;
    let other = app.another_user(&user).await;
    let add = |path: &str, value: Value| json!({"op": "add", "path": path, "value": value});
    let group = async |body: Value| {
        let made = app.post("/Groups", &body).await.expect_status(201);
        made.body["id"].as_str().unwrap().to_owned()
    };
    let plain = group(json!({"displayName": "Plain", "members": [{"value": user}],
        OURS: {"owners": [{"value": user}], "entitlements": [{"value": FLOW_FREE}]}}))
    .await;
    let assignable = group(
        json!({"displayName": "Assignable", "members": [{"value": user}],
        OURS: {"isAssignableToRole": true, "owners": [{"value": user}]}}),
    )
    .await;
    let operations = patch_op(json!([
        add(&format!("{ENTERPRISE}:manager"), json!({ "value": other })),
        add("roles", json!([{ "value": GROUPS_ADMINISTRATOR }])),
        add("entitlements", json!([{ "value": FLOW_FREE }])),
    ]));
    app.patch(&format!("/Users/{user}"), &operations)
        .await
        .expect_status(200);
    Setting {
        user,
        other,
        domain: app.domain().await,
        plain,
        assignable,
    }
}

fn targets(tenant: &Setting) -> Vec<Target> {
    let Setting { user, other, .. } = tenant;
    let boss = format!("{ENTERPRISE}:manager");
    let someone = json!({"userName": format!("made@{}", tenant.domain),
        "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User": {"usageLocation": "CH"}});
    let of_user = |relation, path: &str, needs, present: &str, absent: &str| Target {
        endpoint: "Users",
        relation,
        path: path.to_owned(),
        needs,
        id: user.clone(),
        present: present.to_owned(),
        absent: absent.to_owned(),
        writable: relation != "groups",
        filterable: true,
        create: Some(someone.clone()),
    };
    let of_group = |id: &String, relation, needs, present: &str, absent: &str| Target {
        endpoint: "Groups",
        relation,
        path: match relation {
            "members" => "members".to_owned(),
            _ => format!("{OURS}:{relation}"),
        },
        needs,
        id: id.clone(),
        present: present.to_owned(),
        absent: absent.to_owned(),
        writable: true,
        filterable: relation != "entitlements",
        create: Some(
            json!({"displayName": "Made", OURS: {"isAssignableToRole": *id == tenant.assignable}}),
        ),
    };
    let held = |endpoint, id: &str| Target {
        endpoint,
        relation: "members",
        path: "members".to_owned(),
        needs: if endpoint == "Roles" {
            &["Roles"]
        } else {
            &["Licenses"]
        },
        id: id.to_owned(),
        present: user.clone(),
        absent: other.clone(),
        writable: true,
        filterable: true,
        create: None,
    };
    vec![
        of_user("manager", &boss, &["Users"], other, &tenant.other),
        of_user(
            "groups",
            "groups",
            &["Groups"],
            &tenant.plain,
            &tenant.assignable,
        ),
        of_user(
            "roles",
            "roles",
            &["Roles"],
            GROUPS_ADMINISTRATOR,
            DIRECTORY_READERS,
        ),
        of_user(
            "entitlements",
            "entitlements",
            &["Licenses"],
            FLOW_FREE,
            SPE_E3,
        ),
        of_group(&tenant.plain, "members", &["Groups"], user, other),
        of_group(&tenant.plain, "owners", &["Groups"], user, other),
        of_group(
            &tenant.plain,
            "entitlements",
            &["Groups", "Licenses"],
            FLOW_FREE,
            SPE_E3,
        ),
        of_group(
            &tenant.assignable,
            "members",
            &["Groups", "Roles"],
            user,
            other,
        ),
        of_group(
            &tenant.assignable,
            "owners",
            &["Groups", "Roles"],
            user,
            other,
        ),
        held("Roles", GROUPS_ADMINISTRATOR),
        held("Licenses", FLOW_FREE),
    ]
}

/// Works without the tenant being changed: what is allowed is a dry run, what is refused is sent
/// for good as well.
#[tokio::test(flavor = "multi_thread")]
async fn every_scope_on_every_relation_by_every_way() {
    let app = App::with(crate::support::app::Options {
        users: 40,
        groups: 8,
        ..Default::default()
    })
    .await;
    let tenant = setting(&app).await;
    let writes = async |app: &App| app.counters().await["writes"].clone();
    let before = writes(&app).await;
    let mut asked = 0;
    let mut wrong: Vec<String> = Vec::new();
    for target in targets(&tenant) {
        let path = format!("/{}/{}", target.endpoint, target.id);
        let relations = format!(
            "groups,roles,entitlements,members,{ENTERPRISE}:manager,{OURS}:owners,{OURS}:entitlements"
        );
        let bare = app
            .get(&format!("{path}?excludedAttributes={relations}"))
            .await
            .expect_status(200)
            .body;
        let mut normal = Vec::new();
        for way in Way::ALL.into_iter().filter(|way| way.fits(&target)) {
            let answer = way.send(&app, &target, &bare).await;
            let shown =
                way.nature() == Nature::Writes || way == Way::Sort || target.is_seen(way, &answer);
            let listed = matches!(way, Way::List | Way::ListNamed);
            if answer.status != 200 || !(shown || listed) {
                wrong.push(format!("{way:?} as write:*: {}", answer.shown()));
            }
            normal.push((way, answer.status));
        }
        for grant in grants(&target) {
            let scopes = text(&grant);
            let token = app.issue_token(&scopes, None).await;
            let client = app.with_token(Some(&token));
            asked += normal.len();
            let answers: Vec<(Way, u16, Answer)> = stream::iter(&normal)
                .map(|&(way, status)| {
                    let (client, target, bare) = (&client, &target, &bare);
                    async move { (way, status, way.send(client, target, bare).await) }
                })
                .buffered(6)
                .collect()
                .await;
            for (way, status, answer) in answers {
                let expected = expected(&target, way, &grant);
                let good = match &expected {
                    Expected::Whole => answer.status == status,
                    Expected::Without => answer.status == 200 && !target.is_seen(way, &answer),
                    Expected::Refused(names) => {
                        answer.status == 403 && names.iter().any(|n| answer.detail().contains(n))
                    }
                    Expected::Elsewhere => !answer.ids().contains(&target.id),
                };
                if !good {
                    let of = format!("{}.{}", target.endpoint, target.relation);
                    wrong.push(format!(
                        "{scopes} {of} {way:?}, {expected:?}: {}",
                        answer.shown()
                    ));
                }
            }
        }
    }
    println!("{asked} requests");
    assert!(asked > 2_000, "{asked}");
    assert_eq!(before, writes(&app).await, "nothing was written");
    wrong.truncate(40);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
