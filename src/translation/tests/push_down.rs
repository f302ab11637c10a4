//! What Graph is asked for which filter.

use std::fmt::Write as _;

use super::{Mapping, mapping, users};
use crate::{
    odata,
    scim::{error::Kind, filter},
    translation::{PushDown, RelationFilter},
};

fn ask(mapping: &Mapping, text: &str) -> Result<PushDown, crate::scim::error::Error> {
    let filter = filter::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    let filter = filter::check(&filter, mapping.schema()).unwrap_or_else(|e| panic!("{text}: {e}"));
    mapping.push_down(&filter)
}

/// `expr [flags]`, or `! reason`.
fn shown(mapping: &Mapping, text: &str) -> String {
    match ask(mapping, text) {
        Err(error) => {
            assert_eq!(error.kind, Kind::InvalidFilter, "{text}");
            format!("! {}", error.detail)
        }
        Ok(down) => {
            let mut out = down
                .expr
                .as_ref()
                .map_or("-".to_owned(), ToString::to_string);
            if let Some(expr) = &down.expr {
                // What is asked is OData that parses to the same.
                let back = odata::parse::filter(&expr.to_string()).unwrap();
                assert_eq!(back.to_string(), expr.to_string(), "{text}");
            }
            for (on, name) in [
                (down.advanced, " advanced"),
                (!down.exact, " more"),
                (down.nothing, " nothing"),
            ] {
                if on {
                    out.push_str(name);
                }
            }
            if let Some(id) = &down.id {
                write!(out, " id={id}").unwrap();
            }
            if let Some(RelationFilter { relation, value }) = &down.relation {
                write!(out, " {relation}={value}").unwrap();
            }
            out
        }
    }
}

fn check(mapping: &Mapping, rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        let found = shown(mapping, text);
        match expected.strip_prefix("! ") {
            Some(part) => assert!(
                found.starts_with("! ") && found.contains(part),
                "{text}\n  gave {found}"
            ),
            None => assert_eq!(found, *expected, "{text}"),
        }
    }
}

const ID: &str = "87d349ed-44d7-43e1-9a83-5f2406dee5bd";

#[test]
fn simple_comparisons() {
    let long = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    check(
        &mapping("standard", "users"),
        &[
            (r#"userName eq "a@b.c""#, "userPrincipalName eq 'a@b.c'"),
            (r#"USERNAME EQ "a@b.c""#, "userPrincipalName eq 'a@b.c'"),
            (r#"displayName eq "O'Brien""#, "displayName eq 'O''Brien'"),
            (
                r#"displayName eq "x' or 1 eq 1""#,
                "displayName eq 'x'' or 1 eq 1'",
            ),
            (r#"userName sw "a""#, "startsWith(userPrincipalName,'a')"),
            (
                r#"userName ew "c""#,
                "endsWith(userPrincipalName,'c') advanced",
            ),
            (
                r#"userName co "b""#,
                "! cannot look inside 'userName' (co): ask by eq, ne, sw, ew",
            ),
            (r#"title ne "x""#, "jobTitle ne 'x' advanced"),
            ("title pr", "jobTitle ne null advanced"),
            ("title eq null", "jobTitle eq null advanced"),
            ("title ne null", "jobTitle ne null advanced"),
            ("not (title pr)", "jobTitle eq null advanced"),
            ("userName pr", "-"),
            ("active eq true", "accountEnabled eq true"),
            (r#"active eq "False""#, "accountEnabled eq false"),
            ("active ne true", "accountEnabled ne true advanced"),
            (
                "active pr",
                "accountEnabled eq true or accountEnabled eq false",
            ),
            // Graph ignores case: for a case-exact attribute its answer is more.
            (r#"externalId eq "Ab""#, "mailNickname eq 'Ab' more"),
            (
                r#"externalId sw "Ab""#,
                "startsWith(mailNickname,'Ab') more",
            ),
            (r#"externalId ne "Ab""#, "! heeds case"),
            (r#"not (externalId eq "Ab")"#, "! heeds case"),
            (r#"title eq """#, "- nothing"),
            (r#"title sw """#, "jobTitle ne null advanced"),
            (r#"title gt "a""#, "! does not support gt"),
            (&format!(r#"{long}:department eq "x""#), "department eq 'x'"),
            (
                &format!(r#"{long}:division sw "x""#),
                "startsWith(employeeOrgData/division,'x') advanced",
            ),
            (
                r#"urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User:onPremisesExtensionAttributes.extensionAttribute3 eq "x""#,
                "onPremisesExtensionAttributes/extensionAttribute3 eq 'x' advanced",
            ),
            (
                r#"urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User:preferredDataLocation eq "x""#,
                "! cannot filter by",
            ),
            ("name pr", "givenName ne null or surname ne null advanced"),
            (
                "not (name pr)",
                "givenName eq null and surname eq null advanced",
            ),
        ],
    );
}

#[test]
fn dates_ids_and_what_the_server_knows() {
    let users = mapping("standard", "users");
    check(
        &users,
        &[
            (
                r#"meta.created ge "2026-01-01T02:00:00.50+02:00""#,
                "createdDateTime ge 2026-01-01T00:00:00.5Z",
            ),
            (
                r#"meta.created gt "2026-01-01T00:00:00Z""#,
                "createdDateTime ge 2026-01-01T00:00:00Z more",
            ),
            (
                r#"meta.created lt "2026-01-01T00:00:00Z""#,
                "createdDateTime le 2026-01-01T00:00:00Z more",
            ),
            (
                r#"meta.created eq "2026-01-01T00:00:00Z""#,
                "createdDateTime ge 2026-01-01T00:00:00Z and createdDateTime le 2026-01-01T00:00:00Z more",
            ),
            (
                r#"not (meta.created gt "2026-01-01T00:00:00Z")"#,
                "! not (gt …)",
            ),
            (
                r#"meta.lastModified gt "2026-01-01T00:00:00Z""#,
                "! when an object last changed",
            ),
            (
                r#"userName sw "a" and meta.lastModified gt "2026-01-01T00:00:00Z""#,
                "! when an object last changed",
            ),
            (r#"meta.resourceType eq "User""#, "-"),
            (r#"meta.resourceType eq "Group""#, "- nothing"),
            (
                r#"schemas eq "urn:ietf:params:scim:schemas:core:2.0:User""#,
                "-",
            ),
            (
                r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#,
                "- more",
            ),
            (r#"schemas eq "urn:none""#, "- nothing"),
            (
                r#"schemas eq "urn:ietf:params:scim:schemas:core:2.0:User" and active eq true"#,
                "accountEnabled eq true",
            ),
            (r#"meta.version eq "x""#, "! made by this server"),
            (
                &format!(r#"id eq "{ID}""#),
                &format!("id eq '{ID}' more id={ID}"),
            ),
            (r#"id eq "nope""#, "- nothing"),
            (
                &format!(r#"id eq "{ID}" and active eq true"#),
                &format!("id eq '{ID}' and accountEnabled eq true more id={ID}"),
            ),
            (
                &format!(r#"id eq "{ID}" or id eq "{ID}""#),
                &format!("id in ('{ID}','{ID}') more"),
            ),
            ("id pr", "-"),
            (r#"photos.value co "x""#, "! is computed (photoUrl)"),
        ],
    );
    let filter = filter::parse("password eq \"x\"").unwrap();
    assert!(filter::check(&filter, users.schema()).is_err());
    let flat = mapping("iga-flat", "users");
    check(
        &flat,
        &[
            (r#"description eq "x""#, "! one user at a time"),
            (
                r#"userName sw "a" and status eq "disabled""#,
                "! one user at a time",
            ),
            // Never set: nothing has it, all lack it.
            (r#"name.middleName eq "x""#, "- nothing"),
            (r#"name.middleName ne "x""#, "-"),
            ("name.middleName pr", "- nothing"),
            (
                r#"startDateTime ge "2026-01-01T00:00:00Z""#,
                "employeeHireDate ge 2026-01-01T00:00:00Z advanced",
            ),
        ],
    );
}

#[test]
fn logic() {
    check(
        &mapping("standard", "users"),
        &[
            (
                r#"userName sw "a" and (active eq true or title eq "x")"#,
                "startsWith(userPrincipalName,'a') and (accountEnabled eq true or jobTitle eq 'x')",
            ),
            // One advanced leg makes the query advanced.
            (
                r#"userName eq "a" and title pr"#,
                "userPrincipalName eq 'a' and jobTitle ne null advanced",
            ),
            (
                r#"title eq "a" or title eq "b" or title eq "c""#,
                "jobTitle in ('a','b','c')",
            ),
            (
                r#"title eq "a" or userType eq "b""#,
                "jobTitle eq 'a' or employeeType eq 'b' advanced",
            ),
            (
                r#"not (title eq "a" or userType eq "b")"#,
                "jobTitle ne 'a' and employeeType ne 'b' advanced",
            ),
            (
                r#"not (title eq "a" and userType eq "b")"#,
                "jobTitle ne 'a' or employeeType ne 'b' advanced",
            ),
            (r#"not (not (title eq "a"))"#, "jobTitle eq 'a'"),
            (r#"not (title ne "a")"#, "jobTitle eq 'a'"),
            (
                r#"not (title sw "a")"#,
                "not(startsWith(jobTitle,'a')) or jobTitle eq null advanced",
            ),
            // What Graph cannot is left to the evaluation, if there is something that it can.
            (
                r#"userName sw "a" and title co "b""#,
                "startsWith(userPrincipalName,'a') more",
            ),
            (
                r#"title co "b" and userName sw "a""#,
                "startsWith(userPrincipalName,'a') more",
            ),
            (r#"title co "b" and name.familyName co "c""#, "! (co)"),
            (r#"title co "b" or userName sw "a""#, "! (co)"),
            (
                r#"(title co "b" and active eq true) or userName sw "a""#,
                "accountEnabled eq true or startsWith(userPrincipalName,'a') more",
            ),
            (
                r#"not (title co "b" or active eq true)"#,
                "accountEnabled ne true advanced more",
            ),
            (
                r#"schemas eq "urn:none" or active eq true"#,
                "accountEnabled eq true",
            ),
            (r#"schemas eq "urn:none" and title co "x""#, "- nothing"),
        ],
    );
    // A seventeenth value starts a second list.
    let many: Vec<String> = (0..17).map(|n| format!("title eq \"{n}\"")).collect();
    let found = shown(&mapping("standard", "users"), &many.join(" or "));
    assert!(
        found.ends_with("'14') or jobTitle eq '15' or jobTitle eq '16'"),
        "{found}"
    );
}

#[test]
fn elements() {
    check(
        &mapping("standard", "users"),
        &[
            (r#"emails[type eq "work" and value eq "x"]"#, "mail eq 'x'"),
            (r#"emails[type eq "Work"].value eq "x""#, "mail eq 'x'"),
            (
                r#"emails[type eq "other" and value sw "x"]"#,
                "otherMails/any(p:startsWith(p,'x'))",
            ),
            (
                r#"emails[type eq "proxyAddress" and value eq "x"]"#,
                "proxyAddresses/any(p:p eq 'smtp:x')",
            ),
            (
                r#"emails.value eq "x""#,
                "mail eq 'x' or otherMails/any(p:p eq 'x') or proxyAddresses/any(p:p eq 'smtp:x')",
            ),
            (
                r#"emails eq "x""#,
                "mail eq 'x' or otherMails/any(p:p eq 'x') or proxyAddresses/any(p:p eq 'smtp:x')",
            ),
            (
                r#"emails ew "x""#,
                "endsWith(mail,'x') or otherMails/any(p:endsWith(p,'x')) or proxyAddresses/any(p:endsWith(p,'x')) advanced more",
            ),
            (r#"emails co "x""#, "! (co)"),
            (r#"emails.value ne "x""#, "! write not"),
            (
                r#"not (emails.value eq "x")"#,
                "mail ne 'x' and not(otherMails/any(p:p eq 'x')) and not(proxyAddresses/any(p:p eq 'smtp:x')) advanced",
            ),
            (r#"emails[type eq "work"]"#, "mail ne null advanced"),
            (
                r#"emails.type eq "other""#,
                "otherMails/$count ne 0 advanced",
            ),
            (
                r#"not (emails[type eq "other"])"#,
                "otherMails/$count eq 0 advanced",
            ),
            (r#"emails[type eq "home"]"#, "- nothing"),
            (r#"emails[primary eq true and value eq "x"]"#, "mail eq 'x'"),
            (
                r#"emails[type ne "work" and value eq "x"]"#,
                "otherMails/any(p:p eq 'x') or proxyAddresses/any(p:p eq 'smtp:x')",
            ),
            (
                r#"emails[type eq "work" and not (value eq "x")]"#,
                "mail ne 'x' advanced more",
            ),
            (
                r#"emails[type eq "other" and not (value eq "x")]"#,
                "! cannot join",
            ),
            (
                r#"emails[type eq "other" and value sw "a" and value ew "b"]"#,
                "! cannot join",
            ),
            ("phoneNumbers pr", "! does not support pr"),
            (
                r#"phoneNumbers.value eq "1""#,
                "businessPhones/any(p:p eq '1') or mobilePhone eq '1' or faxNumber eq '1' advanced",
            ),
            (
                r#"phoneNumbers[type eq "mobile"].value eq "1""#,
                "mobilePhone eq '1' advanced",
            ),
            (
                r#"addresses[type eq "work" and locality eq "Z" and country eq "CH"]"#,
                "city eq 'Z' and country eq 'CH'",
            ),
            (r#"addresses.country eq "CH""#, "country eq 'CH'"),
            (
                r#"urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User:proxyAddresses eq "SMTP:x""#,
                "proxyAddresses/any(p:p eq 'SMTP:x')",
            ),
        ],
    );
    check(
        &mapping("standard", "groups"),
        &[
            (
                r#"urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:Group:groupTypes eq "Unified""#,
                "groupTypes/any(p:p eq 'Unified')",
            ),
            (
                r#"not (urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:Group:groupTypes eq "Unified")"#,
                "not(groupTypes/any(p:p eq 'Unified')) advanced",
            ),
        ],
    );
}

#[test]
fn relations() {
    let (standard, flat) = (mapping("standard", "users"), mapping("iga-flat", "users"));
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    check(
        &standard,
        &[
            (
                &format!(r#"groups.value eq "{ID}""#),
                &format!("- groups={ID}"),
            ),
            (&format!(r#"groups eq "{ID}""#), &format!("- groups={ID}")),
            (
                &format!(r#"groups[value eq "{ID}"]"#),
                &format!("- groups={ID}"),
            ),
            (
                &format!(r#"roles.value eq "{ID}""#),
                &format!("- roles={ID}"),
            ),
            (
                &format!(r#"{enterprise}:manager.value eq "{ID}""#),
                &format!("- manager={ID}"),
            ),
            (&format!(r#"manager eq "{ID}""#), &format!("- manager={ID}")),
            (
                &format!(r#"groups.value eq "{ID}" and active eq true"#),
                &format!("accountEnabled eq true groups={ID}"),
            ),
            (
                &format!(r#"title co "x" and groups.value eq "{ID}""#),
                &format!("- more groups={ID}"),
            ),
            (
                &format!(r#"groups.value eq "{ID}" and roles.value eq "{ID}""#),
                &format!("- more groups={ID}"),
            ),
            (
                &format!(r#"groups.value eq "{ID}" or active eq true"#),
                "! alone or joined to the rest by 'and'",
            ),
            (
                &format!(r#"not (groups.value eq "{ID}")"#),
                "! alone or joined",
            ),
            (&format!(r#"groups.value ne "{ID}""#), "! alone or joined"),
            ("groups pr", "! alone or joined"),
            (r#"groups.display eq "x""#, "! alone or joined"),
            // A licence is a property: it combines with everything.
            (
                &format!(r#"entitlements.value eq "{ID}" or active eq false"#),
                &format!("assignedLicenses/any(a:a/skuId eq {ID}) or accountEnabled eq false"),
            ),
            (
                &format!(r#"not (entitlements[value eq "{ID}"])"#),
                "! alone or joined",
            ),
            (
                &format!(r#"not (entitlements eq "{ID}")"#),
                &format!("not(assignedLicenses/any(a:a/skuId eq {ID})) advanced"),
            ),
            (r#"entitlements.value eq "nope""#, "- nothing"),
        ],
    );
    check(
        &flat,
        &[(&format!(r#"manager eq "{ID}""#), &format!("- manager={ID}"))],
    );
    check(
        &mapping("standard", "groups"),
        &[
            (
                &format!(r#"members.value eq "{ID}""#),
                &format!("- members={ID}"),
            ),
            (&format!(r#"members eq "{ID}""#), &format!("- members={ID}")),
            (
                &format!(r#"members[value eq "{ID}"] and displayName sw "a""#),
                &format!("startsWith(displayName,'a') members={ID}"),
            ),
            (r#"members[type eq "User"]"#, "! alone or joined"),
        ],
    );
}

#[test]
fn rows_of_operators_are_filtered() {
    let mapping = users(
        r#"[[attribute]]
scim = "['urn:x:2.0:User'].locked"
graph = "accountEnabled"
transform = "not"
[[attribute]]
scim = "['urn:x:2.0:User'].rank"
graph = "onPremisesExtensionAttributes.extensionAttribute2"
transform = "integerText"
[[attribute]]
scim = "['urn:x:2.0:User'].tags"
graph = "onPremisesExtensionAttributes.extensionAttribute1"
transform = "csv"
[[attribute]]
scim = "['urn:x:2.0:User'].kind"
transform = "constant"
value = "person"
direction = "read"
[[attribute]]
scim = "['urn:x:2.0:User'].hired"
graph = "employeeHireDate"
transform = "date"
"#,
    )
    .unwrap();
    check(
        &mapping,
        &[
            ("urn:x:2.0:User:locked eq true", "accountEnabled eq false"),
            (
                "urn:x:2.0:User:rank eq 3",
                "onPremisesExtensionAttributes/extensionAttribute2 eq '3' advanced",
            ),
            (r#"urn:x:2.0:User:tags eq "a""#, "! is computed (csv)"),
            (r#"urn:x:2.0:User:kind eq "person""#, "- more"),
            (
                r#"urn:x:2.0:User:hired eq "2026-01-01""#,
                "! is computed (date)",
            ),
        ],
    );
}

/// What Graph has answered is not evaluated again; what it has not, is.
#[test]
fn what_is_left_to_evaluate() {
    let users = mapping("standard", "users");
    let groups = mapping("standard", "groups");
    let by_id = format!(r#"id eq "{ID}" and title eq "x""#);
    let created = r#"meta.created gt "2026-01-01T00:00:00Z""#;
    let rows = [
        (&users, r#"title eq "x" and active eq true"#, None),
        (
            &users,
            r#"title eq "x" and externalId eq "Ab""#,
            Some(r#"externalId eq "Ab""#),
        ),
        // No part of Graph's: `co`.
        (
            &users,
            r#"title eq "x" and userName co "a" and externalId sw "b""#,
            Some(r#"userName co "a" and externalId sw "b""#),
        ),
        (&users, r#"title eq """#, None),
        (&users, created, Some(created)),
        // By id one object is read, whatever else is asked.
        (&users, by_id.as_str(), Some(by_id.as_str())),
        // Of those that have the relation nothing else is known.
        (&groups, r#"members.value eq "a""#, None),
        (
            &groups,
            r#"members eq "a" and displayName eq "x" and members[value eq "a"]"#,
            Some(r#"displayName eq "x""#),
        ),
        (
            &groups,
            r#"members eq "a" and members eq "b""#,
            Some(r#"members.value eq "b""#),
        ),
    ];
    for (mapping, text, expected) in rows {
        let down = ask(mapping, text).unwrap();
        let rest = down.rest.as_ref().map(ToString::to_string);
        assert_eq!(rest.as_deref(), expected, "{text}");
    }
}
