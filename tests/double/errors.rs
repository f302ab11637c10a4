//! Graph's errors by situation: status, code and text of each that the simulator can be brought
//! to, and the reason for each that it cannot.

use entra_scim::simulator::settings::{Settings, ThrottleSize};
use serde_json::{Value, json};

use crate::facts;
use crate::sim::{Answer, Sim};

/// One situation, as the fact file has it.
struct Row {
    /// The first column.
    situation: &'static str,
    status: u16,
    code: &'static str,
    /// The text as the fact file writes it; empty where it has none.
    text: &'static str,
    /// What the file's placeholders stand for here.
    fill: Vec<(&'static str, String)>,
    /// `details`: code and target.
    detail: Option<(&'static str, &'static str)>,
}

fn row(situation: &'static str, status: u16, code: &'static str, text: &'static str) -> Row {
    Row {
        situation,
        status,
        code,
        text,
        fill: Vec::new(),
        detail: None,
    }
}

impl Row {
    fn fill(mut self, placeholder: &'static str, value: impl Into<String>) -> Self {
        self.fill.push((placeholder, value.into()));
        self
    }

    fn detail(mut self, code: &'static str, target: &'static str) -> Self {
        self.detail = Some((code, target));
        self
    }

    fn message(&self) -> String {
        let mut message = self.text.to_owned();
        for (placeholder, value) in &self.fill {
            assert!(
                message.contains(placeholder),
                "{}: {placeholder}",
                self.situation
            );
            message = message.replacen(placeholder, value, 1);
        }
        message
    }

    /// Whether the fact file says so too, where it is at hand.
    fn stands_in_the_facts(&self) {
        let Some((text, table)) = fact_table() else {
            return;
        };
        let fact = table.iter().find(|fact| fact[0] == self.situation);
        let fact = fact.unwrap_or_else(|| panic!("`{}` is no situation", self.situation));
        // Two rows of the file refer to others.
        if ["Member object missing", "Unsupported query"].contains(&self.situation) {
            assert!(text.contains(self.text), "{fact:?}");
            return;
        }
        // Here and there the file leaves the full stop out.
        assert!(
            fact[3].contains(self.text.trim_end_matches('.')),
            "{} {fact:?}",
            self.text
        );
        assert!(
            fact[1].contains(&self.status.to_string()),
            "{} {fact:?}",
            self.status
        );
        assert!(fact[2].contains(self.code), "{} {fact:?}", self.code);
    }

    fn check(&self, answer: &Answer) {
        self.stands_in_the_facts();
        let message = self.message();
        let (status, code, text) = answer.error();
        assert_eq!(
            (status, code),
            (self.status, self.code),
            "{}: {answer:?}",
            self.situation
        );
        // Where the fact file has no text, any is right.
        if !message.is_empty() {
            assert_eq!(text, message, "{}", self.situation);
        }
        if let Some((code, target)) = self.detail {
            let detail = &answer.body["error"]["details"][0];
            assert_eq!(
                (detail["code"].as_str(), detail["target"].as_str()),
                (Some(code), Some(target)),
                "{}: {}",
                self.situation,
                answer.body
            );
        }
        let inner = &answer.body["error"]["innerError"];
        for name in ["date", "request-id", "client-request-id"] {
            assert!(
                inner[name].is_string(),
                "{}: {}",
                self.situation,
                answer.body
            );
        }
        assert_eq!(
            inner["request-id"].as_str(),
            answer
                .headers
                .get("request-id")
                .and_then(|v| v.to_str().ok()),
            "{}",
            self.situation
        );
    }
}

/// The fact file and the rows of its table.
fn fact_table() -> Option<(String, Vec<Vec<String>>)> {
    let path = facts::directory()?.join("errors.md");
    let text = std::fs::read_to_string(path).unwrap();
    let table = text
        .lines()
        .skip_while(|line| !line.starts_with("| Situation"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells = line.trim_matches('|').split('|');
            cells.map(|cell| cell.trim().to_owned()).collect()
        })
        .collect();
    Some((text, table))
}

const BAD: &str = "Request_BadRequest";
const NOT_FOUND: &str = "Request_ResourceNotFound";
const MISSING: &str = "Resource '<id>' does not exist or one of its queried reference-property objects are not present.";
const EXISTS: &str =
    "Another object with the same value for property userPrincipalName already exists.";

/// Situations that no request to the simulator leads to, and why.
const NOT_PRODUCED: &[(&str, &str)] = &[
    (
        "Other duplicate",
        "the directory knows which property is taken and names it",
    ),
    (
        "Guest/netId problem",
        "no live accounts behind guests; `reports.rs` has the other cause",
    ),
    ("validateProperties conflict", "the action is not simulated"),
    (
        "signInActivity without P1/P2",
        "the tenant has a P2 subscription",
    ),
    (
        "Non-admin object quota (250)",
        "the caller is an application, which has no such quota",
    ),
    (
        "Mailbox not reachable by REST",
        "every simulated mailbox is in the cloud",
    ),
    (
        "Tenant unknown",
        "a token of another tenant is refused before",
    ),
    (
        "SP create: app not yet replicated",
        "the service principal's application is looked up at once",
    ),
    ("AppRoleAssignment race", "one writer at a time"),
    (
        "Application patch",
        "the fact file has only a part of the text",
    ),
];

/// Situations of other parts of the simulator, checked by the tests of these parts.
const ELSEWHERE: &[&str] = &[
    "Duplicate service principal / policy",
    "Duplicate permission grant",
    "Duplicate appRoleAssignment",
    "Just-created group, add member",
    "SP create: bad appId",
    "Remove enabled role/scope",
    "Subscription validation failed",
    "Duplicate subscription",
    "Subscription quota",
    "Resync needed",
];

/// A request and the row that its answer must be.
type Case = (Row, &'static str, String, Value);

fn cases(sim: &Sim) -> Vec<Case> {
    let plan = &sim.plan;
    let user = |number: usize| sim.user(number);
    let upn = |number: usize| {
        let properties = plan.user(number).properties;
        let found = properties
            .iter()
            .find(|(name, _)| *name == "userPrincipalName");
        found.unwrap().1.as_str().unwrap().to_owned()
    };
    let visio = plan
        .skus()
        .into_iter()
        .find(|sku| sku.part_number == "VISIOCLIENT")
        .unwrap()
        .sku_id
        .to_string();
    let (group, none) = (
        sim.group(5),
        "00000000-0000-4000-8000-000000000000".to_owned(),
    );
    let new_user = |change: Value| {
        let mut body = json!({
            "accountEnabled": true, "displayName": "New", "mailNickname": "new",
            "userPrincipalName": "new@contoso.com",
            "passwordProfile": {"password": "xWwvJ]6NMw+bWH-d"},
        });
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        body.as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
        body
    };
    let license = |sku: &str| json!({"addLicenses": [{"skuId": sku}], "removeLicenses": []});
    let bound = |ids: &[String]| -> Value {
        let links: Vec<Value> = ids
            .iter()
            .map(|id| sim.reference(id)["@odata.id"].clone())
            .collect();
        json!({"members@odata.bind": links})
    };
    let invalid = "One or more property values specified are invalid.";
    let value = "Invalid value specified for property 'displayName' of resource 'Application'.";
    let select = "Parsing OData Select and Expand failed: Could not find a property named 'x' on type 'microsoft.graph.user'.";
    let method = "Specified HTTP method is not allowed for the request target.";
    let on_premises = "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.";
    let domain = "The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization.";
    let distribution = "Cannot Update a mail-enabled security groups and or distribution list.";
    let no_mailbox = "The SMTP address has no mailbox associated with it.";
    let members_ref = format!("/groups/{group}/members/$ref");
    let nothing = Value::Null;
    vec![
        (
            row("Duplicate UPN", 400, BAD, EXISTS).detail("ObjectConflict", "userPrincipalName"),
            "POST",
            "/users".into(),
            new_user(json!({"userPrincipalName": upn(1).to_uppercase()})),
        ),
        (
            row("Duplicate UPN", 400, BAD, EXISTS).detail("ObjectConflict", "userPrincipalName"),
            "PATCH",
            format!("/users/{}", user(20)),
            json!({"userPrincipalName": upn(1)}),
        ),
        (
            row(
                "Duplicate proxyAddresses / mail",
                400,
                BAD,
                "Another object with the same value for property proxyAddresses already exists.",
            )
            .detail("ObjectConflict", "proxyAddresses"),
            "PATCH",
            format!("/users/{}", user(10)),
            json!({"mail": upn(0)}),
        ),
        (
            row("UPN domain not verified", 400, BAD, domain)
                .detail("InvalidValue", "userPrincipalName"),
            "POST",
            "/users".into(),
            new_user(json!({"userPrincipalName": "new@elsewhere.org"})),
        ),
        (
            row(
                "Password weak",
                400,
                BAD,
                "The specified password does not comply with password complexity requirements. Please provide a different password.",
            ),
            "POST",
            "/users".into(),
            new_user(json!({"passwordProfile": {"password": "weak"}})),
        ),
        (
            row("Missing/invalid property", 400, BAD, invalid),
            "POST",
            "/users".into(),
            new_user(json!({"displayName": null})),
        ),
        (
            row("Missing/invalid property", 400, BAD, invalid),
            "PATCH",
            format!("/users/{}", user(20)),
            json!({"displayNmae": "x"}),
        ),
        (
            row("Missing/invalid property", 400, BAD, invalid),
            "PATCH",
            format!("/groups/{group}"),
            json!({"displayname": "x"}),
        ),
        (
            row("Invalid value (empty string etc.)", 400, BAD, value).fill("Application", "User"),
            "PATCH",
            format!("/users/{}", user(20)),
            json!({"displayName": ""}),
        ),
        (
            row("Invalid value (empty string etc.)", 400, BAD, value)
                .fill("displayName", "accountEnabled")
                .fill("Application", "User"),
            "PATCH",
            format!("/users/{}", user(20)),
            json!({"accountEnabled": "yes"}),
        ),
        (
            row("Invalid value (empty string etc.)", 400, BAD, value).fill("Application", "Group"),
            "PATCH",
            format!("/groups/{group}"),
            json!({"displayName": 5}),
        ),
        (
            row(
                "Bad id format",
                400,
                BAD,
                "Invalid object identifier '...'.",
            )
            .fill("...", "nope"),
            "GET",
            "/groups/nope".into(),
            nothing.clone(),
        ),
        (
            row("Unknown property in $select", 400, "BadRequest", select).fill("'x'", "'nope'"),
            "GET",
            "/users?$select=id,nope".into(),
            nothing.clone(),
        ),
        (
            row("Unknown property in $select", 400, "BadRequest", select)
                .fill("'x'", "'display'")
                .fill("graph.user", "graph.group"),
            "GET",
            format!("/groups/{group}?$select=display"),
            nothing.clone(),
        ),
        (
            row("Wrong method", 405, BAD, method),
            "DELETE",
            "/users".into(),
            nothing.clone(),
        ),
        (
            row("Wrong method", 405, BAD, method),
            "PATCH",
            "/users".into(),
            json!({"displayName": "x"}),
        ),
        (
            row(
                "Add existing member",
                400,
                BAD,
                "One or more added object references already exist for the following modified properties: 'members'.",
            ),
            "POST",
            members_ref.clone(),
            sim.reference(&user(13)),
        ),
        (
            row("Remove non-member", 404, "Request_ResourceNotFound", ""),
            "DELETE",
            format!("/groups/{group}/members/{}/$ref", user(0)),
            nothing.clone(),
        ),
        (
            row(
                "Same object twice in @odata.bind",
                400,
                BAD,
                "Request contains a property with duplicate values.",
            ),
            "PATCH",
            format!("/groups/{group}"),
            bound(&[user(0), user(0)]),
        ),
        (
            row("Member object missing", 404, NOT_FOUND, MISSING).fill("<id>", none.clone()),
            "POST",
            members_ref,
            sim.reference(&none),
        ),
        (
            row(
                "Mail-enabled security / distribution list",
                400,
                BAD,
                distribution,
            ),
            "POST",
            format!("/groups/{}/members/$ref", sim.group(7)),
            sim.reference(&user(0)),
        ),
        (
            row(
                "Mail-enabled security / distribution list",
                400,
                BAD,
                distribution,
            ),
            "PATCH",
            format!("/groups/{}", sim.group(10)),
            json!({"displayName": "x"}),
        ),
        (
            row("On-prem mastered object", 400, BAD, on_premises),
            "PATCH",
            format!("/users/{}", user(7)),
            json!({"department": "x"}),
        ),
        (
            row("On-prem mastered object", 400, BAD, on_premises),
            "POST",
            format!("/groups/{}/members/$ref", sim.group(8)),
            sim.reference(&user(0)),
        ),
        (
            row(
                "License: no/invalid usageLocation",
                400,
                BAD,
                "License assignment cannot be done for user with invalid usage location.",
            ),
            "POST",
            format!("/users/{}/assignLicense", user(10)),
            license(&visio),
        ),
        (
            row(
                "License: no seats",
                400,
                BAD,
                "Subscription with SKU <guid> does not have any available licenses.",
            )
            .fill("<guid>", visio.clone()),
            "POST",
            format!("/users/{}/assignLicense", user(3)),
            license(&visio),
        ),
        (
            row("Not found", 404, NOT_FOUND, MISSING).fill("<id>", none.clone()),
            "GET",
            format!("/users/{none}"),
            nothing.clone(),
        ),
        (
            row("Not found", 404, NOT_FOUND, MISSING).fill("<id>", "nobody@contoso.com"),
            "GET",
            "/users/nobody@contoso.com".into(),
            nothing.clone(),
        ),
        (
            row("Not found", 404, NOT_FOUND, MISSING).fill("<id>", none.clone()),
            "DELETE",
            format!("/groups/{none}"),
            nothing.clone(),
        ),
        (
            row(
                "No manager",
                404,
                NOT_FOUND,
                "Resource 'manager' does not exist or one of its queried reference-property objects are not present.",
            ),
            "GET",
            format!("/users/{}/manager", user(0)),
            nothing.clone(),
        ),
        (
            row("No photo", 404, "ImageNotFound", ""),
            "GET",
            format!("/users/{}/photo/$value", user(0)),
            nothing.clone(),
        ),
        (
            row(
                "No mailbox (photo/settings)",
                404,
                "ErrorNonExistentMailbox",
                no_mailbox,
            ),
            "GET",
            format!("/users/{}/mailboxSettings", user(10)),
            nothing.clone(),
        ),
        // Queries; their texts come from the file of query rules.
        (
            row("Unsupported query", 400, "Request_UnsupportedQuery", ""),
            "GET",
            "/users?$filter=endswith(mail,'x')".into(),
            nothing.clone(),
        ),
        (
            row("Unsupported query", 400, "Request_UnsupportedQuery", ""),
            "GET",
            "!/users?$filter=aboutMe eq 'x'&$count=true".into(),
            nothing.clone(),
        ),
        (
            row("Unsupported query", 400, "BadRequest", ""),
            "GET",
            "/users?$filter=nope eq 'x'".into(),
            nothing.clone(),
        ),
        (
            row("Unsupported query", 400, "BadRequest", ""),
            "GET",
            "/users?$filter=display eq 'x'".into(),
            nothing,
        ),
    ]
}

#[tokio::test]
async fn answers_say_what_graph_says() {
    let sim = Sim::start(Settings::default()).await;
    for (row, method, path, body) in cases(&sim) {
        row.check(&sim.ask(method, &path, &body).await);
    }
    // Nothing of it changed anything.
    let state = sim
        .all("/users?$select=displayName,userPrincipalName")
        .await;
    assert_eq!(state.len(), 200);
}

/// The situations that take more than one request.
const STORIES: &[&str] = &[
    "Remove last owner",
    "Over link quota (100 owners)",
    "Concurrency",
    "No/expired token",
    "Insufficient rights",
    "Page token expired",
    "Throttled",
    "Dependent of failed request in $batch",
    "$count with Accept: application/json",
];

#[tokio::test]
async fn owners_of_groups() {
    let sim = Sim::start(Settings::default()).await;
    let group = json!({
        "displayName": "Owned", "mailNickname": "owned", "mailEnabled": false,
        "securityEnabled": true, "owners@odata.bind": [sim.reference(&sim.user(0))["@odata.id"]],
    });
    let id = sim.ask("POST", "/groups", &group).await.text("/id");
    row(
        "Remove last owner",
        400,
        BAD,
        "The group must have at least one owner, hence this owner cannot be removed.",
    )
    .check(
        &sim.ask(
            "DELETE",
            &format!("/groups/{id}/owners/{}/$ref", sim.user(0)),
            &Value::Null,
        )
        .await,
    );
    let path = format!("/groups/{id}/owners/$ref");
    for number in 1..100 {
        let answer = sim
            .ask("POST", &path, &sim.reference(&sim.user(number)))
            .await;
        assert_eq!(answer.status, 204, "{answer:?}");
    }
    row(
        "Over link quota (100 owners)",
        403,
        "Directory_QuotaExceeded",
        "Unable to perform operation as '121' would exceed the maximum quota count '100' for forward-link 'owners'.",
    )
    .fill("121", "101")
    .check(&sim.ask("POST", &path, &sim.reference(&sim.user(100))).await);
}

#[tokio::test]
async fn batches() {
    let sim = Sim::start(Settings::default()).await;
    let (group, user) = (sim.group(5), sim.user(0));
    let add = |id: &str, number: usize| {
        json!({
            "id": id, "method": "POST", "url": format!("/groups/{group}/members/$ref"),
            "headers": {"Content-Type": "application/json"},
            "body": sim.reference(&sim.user(number)),
        })
    };
    let answer = sim
        .ask(
            "POST",
            "/$batch",
            &json!({"requests": [add("1", 40), add("2", 41)]}),
        )
        .await;
    let items = answer.body["responses"].as_array().unwrap();
    let late = items.iter().find(|item| item["id"] == "2").unwrap();
    row(
        "Concurrency",
        409,
        "Directory_ConcurrencyViolation",
        "Error due to concurrent requests being made to the tenant. Please wait briefly and retry.",
    )
    .same(late);
    let answer = sim
        .ask(
            "POST",
            "/$batch",
            &json!({"requests": [
                {"id": "1", "method": "GET", "url": "/groups/nope"},
                {"id": "2", "method": "GET", "url": format!("/users/{user}"), "dependsOn": ["1"]},
            ]}),
        )
        .await;
    let items = answer.body["responses"].as_array().unwrap();
    let dependent = items.iter().find(|item| item["id"] == "2").unwrap();
    assert_eq!(dependent["status"], 424);
}

impl Row {
    /// An item of a `$batch`.
    fn same(&self, item: &Value) {
        self.stands_in_the_facts();
        let error = &item["body"]["error"];
        assert_eq!(item["status"], self.status, "{}: {item}", self.situation);
        assert_eq!(error["code"], self.code, "{}: {item}", self.situation);
        // Where the fact file has no text, or an older one, any is right.
        if !self.text.is_empty() {
            assert_eq!(error["message"], self.message(), "{}", self.situation);
        }
    }
}

#[tokio::test]
async fn sign_in_rights_and_time() {
    let mut sim = Sim::start(Settings::default()).await;
    let token = |text| row("No/expired token", 401, "InvalidAuthenticationToken", text);
    token("Access token is empty.").check(&sim.send("GET", "/users", &Value::Null, &[]).await);
    let first = sim.get("/users?$top=5").await;
    sim.grant(&["User.Read.All"]).await;
    row(
        "Insufficient rights",
        403,
        "Authorization_RequestDenied",
        "Insufficient privileges to complete the operation.",
    )
    .check(
        &sim.ask(
            "PATCH",
            &format!("/users/{}", sim.user(0)),
            &json!({"department": "x"}),
        )
        .await,
    );
    sim.tell("/clock/advance", &json!({"seconds": 3 * 3600}))
        .await;
    token("Lifetime validation failed, the token is expired.").check(&sim.get("/users").await);
    sim.sign_in().await;
    row(
        "Page token expired",
        400,
        "Directory_ExpiredPageToken",
        "The specified page token value has expired and can no longer be included in your request.",
    )
    .check(&sim.get(&first.text("/@odata.nextLink")).await);
    let answer = sim
        .send(
            "GET",
            "!/users/$count",
            &Value::Null,
            &[
                ("accept", "application/json"),
                ("authorization", &sim.bearer()),
            ],
        )
        .await;
    assert_eq!(answer.status, 415, "{answer:?}");
}

#[tokio::test]
async fn throttling() {
    let sim = Sim::start(Settings {
        throttle: ThrottleSize::Small,
        ..Settings::default()
    })
    .await;
    let url = format!("/users/{}/transitiveMemberOf", sim.user(10));
    let mut throttled = None;
    for _ in 0..200 {
        let requests: Vec<Value> = (0..20)
            .map(|id| json!({"id": id.to_string(), "method": "GET", "url": url}))
            .collect();
        let answer = sim
            .ask("POST", "/$batch", &json!({"requests": requests}))
            .await;
        let items = answer.body["responses"].as_array().unwrap().clone();
        throttled = items.into_iter().find(|item| item["status"] == 429);
        if throttled.is_some() {
            break;
        }
    }
    let throttled = throttled.expect("the tenant's units run out");
    row(
        "Throttled",
        429,
        "TooManyRequests",
        // That text is of 2021; `reports.rs` has the present one.
        "",
    )
    .same(&throttled);
    assert!(
        throttled["headers"]["Retry-After"].is_string(),
        "{throttled}"
    );
}

/// Every row here is one of the fact file's, and every row of the fact file is here.
#[tokio::test]
async fn the_table_is_the_fact_file() {
    let Some((_, table)) = fact_table() else {
        return;
    };
    assert!(table.len() > 40, "{}", table.len());
    let sim = Sim::start(Settings::default()).await;
    let rows = cases(&sim);
    for fact in &table {
        let places = usize::from(rows.iter().any(|(row, ..)| row.situation == fact[0]))
            + usize::from(STORIES.contains(&fact[0].as_str()))
            + usize::from(
                NOT_PRODUCED
                    .iter()
                    .any(|(situation, _)| *situation == fact[0]),
            )
            + usize::from(ELSEWHERE.contains(&fact[0].as_str()));
        assert_eq!(places, 1, "`{}` is in {places} of the lists", fact[0]);
    }
    for (situation, reason) in NOT_PRODUCED {
        assert!(!reason.is_empty());
        assert!(
            table.iter().any(|fact| fact[0] == *situation),
            "{situation}"
        );
    }
}

/// The texts that the file of query rules gives, each by a request that leads to it.
#[tokio::test]
async fn queries_are_refused_in_graphs_words() {
    let facts: Value = serde_json::from_str(include_str!("../../src/odata/facts/filters.json"))
        .expect("the compiled table is JSON");
    let errors = facts["errors"].as_array().unwrap();
    let sim = Sim::start(Settings::default()).await;
    let mut produced = 0;
    for (begins, path) in [
        ("$count is not", "/users/$count"),
        ("Request with $search", "/users?$search=\"displayName:x\""),
        ("Operator 'endsWith'", "/users?$filter=endsWith(mail,'x')"),
        (
            "Unsupported or invalid",
            "/groups?$filter=createdDateTime ge 2024-01-01T00:00:00Z",
        ),
        ("Invalid page size", "/users?$top=1000"),
    ] {
        let fact = errors
            .iter()
            .find(|fact| fact["message"].as_str().unwrap().starts_with(begins))
            .unwrap_or_else(|| panic!("no rule says `{begins}`"));
        let answer = sim.get(path).await;
        let (status, code, message) = answer.error();
        assert_eq!(
            (json!(status), json!(code), json!(message)),
            (
                fact["status"].clone(),
                fact["error_code"].clone(),
                fact["message"].clone()
            ),
            "{path}"
        );
        produced += 1;
    }
    // The last one was seen in issues only, with a code that no document knows; the simulator
    // says the same under the code of all other unsupported queries.
    assert_eq!(produced + 1, errors.len());
    let answer = sim.get("/users?$expand=manager,directReports").await;
    assert_eq!(
        answer.error(),
        (400, "Request_UnsupportedQuery", "Unsupported Query.")
    );
}
