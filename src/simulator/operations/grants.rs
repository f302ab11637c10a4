//! Delegated permissions (`oauth2PermissionGrants`) and application roles (`appRoleAssignments`,
//! `appRoleAssignedTo`).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answers::{created, entity};
use super::refs::body_id;
use super::validate::{self, Limits};
use crate::odata::request::Method;
use crate::simulator::directory::{Directory, Items, Kind, Reader, Slot, State, guid};
use crate::simulator::errors::SimError;
use crate::simulator::model::{Ctx, Filtering, Paging, View};
use crate::simulator::query::list::{self, Listing};
use crate::simulator::query::project::Projection;
use crate::simulator::request::SimResponse;

type Answer = Result<SimResponse, SimError>;

const GRANT: Limits = Limits {
    read_only: &["id"],
    lengths: &[("scope", 3850)],
    required: &["clientId", "consentType", "resourceId"],
};

fn principal(dir: &Directory, id: Uuid, kinds: &[Kind]) -> Result<Slot, SimError> {
    dir.live(id)
        .filter(|slot| kinds.contains(&dir.object(*slot).kind))
        .ok_or_else(|| SimError::not_found(&id.to_string()))
}

/// The id of a grant: of client, resource and person.
pub fn grant_id(client: Uuid, resource: Uuid, person: Option<Uuid>) -> String {
    let mut bytes = [client.to_bytes_le(), resource.to_bytes_le()].concat();
    bytes.extend(person.iter().flat_map(Uuid::to_bytes_le));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The grants that are for one person.
pub fn of_person(dir: Reader<'_>, person: Slot, after: Option<Slot>) -> Items<'_> {
    let id = dir.id_text(person);
    let all = dir.all(Kind::OAuth2PermissionGrant, after);
    Box::new(all.filter(move |grant| dir.text(*grant, "principalId") == Some(&id)))
}

/// The grants that a client has.
pub fn of_client(dir: Reader<'_>, client: Slot, after: Option<Slot>) -> Items<'_> {
    let id = dir.id_text(client);
    let all = dir.all(Kind::OAuth2PermissionGrant, after);
    Box::new(all.filter(move |grant| dir.text(*grant, "clientId") == Some(&id)))
}

/// `POST /oauth2PermissionGrants`. The id follows from client, resource and person.
pub fn create_grant(ctx: &mut Ctx<'_>) -> Answer {
    let mut input = validate::body(ctx, Kind::OAuth2PermissionGrant, &GRANT)?;
    input.require(&["clientId", "consentType", "resourceId"])?;
    let id = |name: &str| {
        input
            .text(name)
            .and_then(guid)
            .ok_or_else(|| SimError::invalid_property(name))
    };
    let (client, resource) = (id("clientId")?, id("resourceId")?);
    let mut who = None;
    match (input.text("consentType"), input.get("principalId")) {
        (Some("AllPrincipals"), None) => {}
        (Some("Principal"), Some(_)) => {
            let person = id("principalId")?;
            principal(ctx.dir, person, &[Kind::User])?;
            who = Some(person);
        }
        (Some("AllPrincipals" | "Principal"), _) => {
            return Err(SimError::invalid_property("principalId"));
        }
        _ => return Err(SimError::invalid_property("consentType")),
    }
    for one in [client, resource] {
        principal(ctx.dir, one, &[Kind::ServicePrincipal])?;
    }
    let id = grant_id(client, resource, who);
    if ctx
        .dir
        .find_text(Kind::OAuth2PermissionGrant, &id)
        .is_some()
    {
        return Err(SimError::new(
            409,
            "Request_MultipleObjectsWithSameKeyValue",
            "Permission entry already exists.",
        ));
    }
    input.properties.insert("id".to_owned(), id.into());
    let pairs = input.pairs();
    let slot = ctx
        .dir
        .insert(Kind::OAuth2PermissionGrant, Uuid::new_v4(), pairs);
    Ok(created(ctx, slot))
}

/// `PATCH /oauth2PermissionGrants/{id}`: the scope only.
pub fn update_grant(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    let input = validate::body(ctx, Kind::OAuth2PermissionGrant, &GRANT)?;
    for (name, value) in &input.properties {
        if name != "scope" && *value != ctx.dir.json(slot, name) {
            return Err(SimError::read_only(name));
        }
    }
    if let Some(scope) = input.properties.get("scope") {
        ctx.dir.set_one(slot, "scope", scope);
    }
    Ok(SimResponse::no_content())
}

/// `DELETE /oauth2PermissionGrants/{id}`
pub fn delete_grant(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    ctx.dir.purge(slot);
    Ok(SimResponse::no_content())
}

/// Takes away every grant and assignment of an object, before it goes for good.
pub fn forget(dir: &mut Directory, slot: Slot) {
    let id = dir.id_text(slot);
    let gone: Vec<Slot> = [Kind::OAuth2PermissionGrant, Kind::AppRoleAssignment]
        .into_iter()
        .flat_map(|kind| dir.all(kind, None))
        .filter(|grant| {
            ["clientId", "principalId", "resourceId"]
                .iter()
                .any(|name| dir.text(*grant, name) == Some(&id))
        })
        .collect();
    for grant in gone {
        dir.purge(grant);
    }
}

/// `GET …/appRoleAssignments`: what an object was given.
pub fn read_assignments(view: &View<'_>, slot: Slot, more: &[String]) -> Answer {
    read(view, slot, "appRoleAssignments", more)
}

/// `GET /servicePrincipals/{id}/appRoleAssignedTo`: what others were given of it.
pub fn read_assigned_to(view: &View<'_>, slot: Slot, more: &[String]) -> Answer {
    read(view, slot, "appRoleAssignedTo", more)
}

/// `POST …/appRoleAssignments` and `DELETE …/appRoleAssignments/{id}`
pub fn change_assignments(ctx: &mut Ctx<'_>, slot: Slot, more: &[String]) -> Answer {
    change(ctx, slot, "appRoleAssignments", more)
}

/// `POST …/appRoleAssignedTo` and `DELETE …/appRoleAssignedTo/{id}`
pub fn change_assigned_to(ctx: &mut Ctx<'_>, slot: Slot, more: &[String]) -> Answer {
    change(ctx, slot, "appRoleAssignedTo", more)
}

/// The end of an assignment that is looked at.
fn end(part: &str) -> &'static str {
    if part == "appRoleAssignedTo" {
        "resourceId"
    } else {
        "principalId"
    }
}

fn context(dir: Reader<'_>, slot: Slot, part: &str) -> String {
    let set = match dir.object(slot).kind {
        Kind::User => "users",
        Kind::Group => "groups",
        _ => "servicePrincipals",
    };
    format!("{set}('{}')/{part}", dir.id_text(slot))
}

fn find(dir: Reader<'_>, slot: Slot, part: &str, key: &str) -> Result<Slot, SimError> {
    dir.find_text(Kind::AppRoleAssignment, key)
        .filter(|found| dir.text(*found, end(part)) == Some(&dir.id_text(slot)))
        .ok_or_else(|| SimError::not_found(key))
}

fn read(view: &View<'_>, slot: Slot, part: &'static str, more: &[String]) -> Answer {
    let dir = view.dir;
    let context = context(dir, slot, part);
    match more {
        [] => {
            let id = dir.id_text(slot);
            let listing = Listing {
                entity: Kind::AppRoleAssignment.entity(),
                cast: None,
                whole: None,
                typed: false,
                context,
                filtering: Filtering::Only(&["appRoleId", "principalId", "resourceId"]),
                paging: Paging::Pages,
                // No relation but a collection of the object's own, which is filtered by default.
                relation: false,
                references: false,
                needs_advanced: false,
                state: State::Live,
                items: Box::new(move |after| {
                    let id = id.clone();
                    Box::new(
                        dir.all(Kind::AppRoleAssignment, after)
                            .filter(move |a| dir.text(*a, end(part)) == Some(&id)),
                    )
                }),
            };
            list::page(&listing, view)
        }
        [key] => {
            let found = find(dir, slot, part, key)?;
            let shown = Projection::created(view.sets).show(dir, found);
            Ok(entity(view, &format!("{context}/$entity"), shown.into()))
        }
        [_, other, ..] => Err(SimError::segment(other)),
    }
}

fn change(ctx: &mut Ctx<'_>, slot: Slot, part: &'static str, more: &[String]) -> Answer {
    match (ctx.request.method, more) {
        (Method::Post, []) => assign(ctx, slot, part),
        (Method::Delete, [key]) => {
            let found = find(ctx.dir.present(), slot, part, key)?;
            ctx.dir.purge(found);
            Ok(SimResponse::no_content())
        }
        _ => Err(SimError::method()),
    }
}

fn assign(ctx: &mut Ctx<'_>, slot: Slot, part: &'static str) -> Answer {
    let body = ctx.request.body_object()?;
    let (who, resource, role) = (
        body_id(&body, "principalId")?,
        body_id(&body, "resourceId")?,
        body_id(&body, "appRoleId")?,
    );
    let dir = &*ctx.dir;
    let own = if part == "appRoleAssignedTo" {
        resource
    } else {
        who
    };
    if dir.object(slot).id != own {
        return Err(SimError::bad("Not a valid reference update."));
    }
    let kinds = [Kind::User, Kind::Group, Kind::ServicePrincipal];
    let principal_slot = principal(dir, who, &kinds)?;
    let resource_slot = principal(dir, resource, &[Kind::ServicePrincipal])?;
    check_role(dir, principal_slot, resource_slot, role)?;
    let texts = [
        ("principalId", who.to_string()),
        ("resourceId", resource.to_string()),
        ("appRoleId", role.to_string()),
    ];
    let there = dir.all(Kind::AppRoleAssignment, None).any(|a| {
        texts
            .iter()
            .all(|(name, value)| dir.text(a, name) == Some(value))
    });
    if there {
        return Err(SimError::bad(
            "Permission being assigned already exists on the object",
        ));
    }
    let unique = Uuid::new_v4();
    let id = URL_SAFE_NO_PAD.encode([who.to_bytes_le(), *unique.as_bytes()].concat());
    let mut properties = vec![
        ("id", json!(id)),
        (
            "principalDisplayName",
            dir.json(principal_slot, "displayName"),
        ),
        (
            "principalType",
            json!(dir.object(principal_slot).kind.label()),
        ),
        (
            "resourceDisplayName",
            dir.json(resource_slot, "displayName"),
        ),
        ("createdDateTime", dir.now_text()),
    ];
    properties.extend(texts.map(|(name, value)| (name, json!(value))));
    let pairs = properties.iter().map(|(name, value)| (*name, value));
    let made = ctx.dir.insert(Kind::AppRoleAssignment, unique, pairs);
    let context = format!("{}/$entity", context(ctx.dir.present(), slot, part));
    let shown = Projection::created(ctx.sets).show(ctx.dir.present(), made);
    let mut response = entity(&ctx.view(), &context, shown.into());
    response.status = 201;
    let (origin, tenant) = (&ctx.request.origin, ctx.dir.tenant.id);
    let location = format!("{origin}/v2/{tenant}/directoryObjects/{own}/{part}/{id}");
    Ok(response.with_header("Location", location))
}

/// A role of the resource that is open to the principal; the nil id where there are no roles.
fn check_role(dir: &Directory, who: Slot, resource: Slot, role: Uuid) -> Result<(), SimError> {
    let missing = || {
        SimError::bad(format!(
            "Permission being assigned was not found on application '{}'",
            dir.id_text(resource)
        ))
    };
    let roles = dir.json(resource, "appRoles");
    let roles = roles.as_array().map_or(&[][..], Vec::as_slice);
    let member = if dir.object(who).kind == Kind::ServicePrincipal {
        "Application"
    } else {
        "User"
    };
    if role.is_nil() {
        let open = |r: &Value| {
            r["allowedMemberTypes"]
                .as_array()
                .is_some_and(|t| t.contains(&json!(member)))
        };
        return if roles.iter().any(open) {
            Err(missing())
        } else {
            Ok(())
        };
    }
    let found = roles
        .iter()
        .find(|r| r["id"].as_str().and_then(guid) == Some(role) && r["isEnabled"] == true)
        .ok_or_else(missing)?;
    let types = found["allowedMemberTypes"].as_array();
    if types.is_some_and(|types| types.contains(&json!(member))) {
        Ok(())
    } else {
        Err(missing())
    }
}
