//! `/applications/{id}/federatedIdentityCredentials`: by id, and by name just as well.
//!
//! Source: [federatedIdentityCredential](https://learn.microsoft.com/graph/api/resources/federatedidentitycredential).

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::answers::{entity, value_of};
use crate::odata::request::Method;
use crate::simulator::directory::{Reader, Slot};
use crate::simulator::errors::SimError;
use crate::simulator::model::{Ctx, View};
use crate::simulator::query::options::check_no_options;
use crate::simulator::request::SimResponse;

type Answer = Result<SimResponse, SimError>;

/// Where an application keeps them.
const PROPERTY: &str = "federatedIdentityCredentials";
/// The most of an application.
const MAX: usize = 20;
const NAMES: [&str; 5] = ["name", "issuer", "subject", "description", "audiences"];

fn all(dir: Reader<'_>, app: Slot) -> Vec<Value> {
    match dir.json(app, PROPERTY) {
        Value::Array(list) => list,
        _ => Vec::new(),
    }
}

fn context(dir: Reader<'_>, app: Slot) -> String {
    format!("applications('{}')/{PROPERTY}", dir.id_text(app))
}

fn find(list: &[Value], key: &str) -> Result<usize, SimError> {
    let (by, key) = match key.split_once('=') {
        Some(("name", name)) => ("name", name),
        _ => ("id", key),
    };
    list.iter()
        .position(|c| c[by] == key || c["name"] == key)
        .ok_or_else(|| SimError::not_found(key))
}

/// `GET`
pub fn read(view: &View<'_>, app: Slot, more: &[String]) -> Answer {
    check_no_options(view.request)?;
    let list = all(view.dir, app);
    let context = context(view.dir, app);
    match more {
        [] => Ok(value_of(view, &context, list.into())),
        [key] => {
            let found = list[find(&list, key)?].clone();
            Ok(entity(view, &format!("{context}/$entity"), found))
        }
        [_, other, ..] => Err(SimError::segment(other)),
    }
}

/// `POST`, `PATCH`, `DELETE`
pub fn change(ctx: &mut Ctx<'_>, app: Slot, more: &[String]) -> Answer {
    let mut list = all(ctx.dir.present(), app);
    let mut answer = SimResponse::no_content();
    match (ctx.request.method, more) {
        (Method::Post, []) => answer = add(ctx, app, &mut list, None)?,
        (Method::Patch, [key]) if find(&list, key).is_err() && ctx.request.creates_if_missing() => {
            let name = key.strip_prefix("name=");
            answer = add(ctx, app, &mut list, name)?;
        }
        (Method::Patch, [key]) => {
            let at = find(&list, key)?;
            update(ctx, &mut list, at)?;
        }
        (Method::Delete, [key]) => {
            let at = find(&list, key)?;
            list.remove(at);
        }
        _ => return Err(SimError::method()),
    }
    ctx.dir.set_one(app, PROPERTY, &list.into());
    Ok(answer)
}

/// A new one; `name` is the key of an upsert.
fn add(ctx: &Ctx<'_>, app: Slot, list: &mut Vec<Value>, name: Option<&str>) -> Answer {
    let made = create(ctx, list, name)?;
    let id = made["id"].as_str().unwrap_or_default().to_owned();
    let context = format!("{}/$entity", context(ctx.dir.present(), app));
    let shown = entity(&ctx.view(), &context, made.clone());
    list.push(made);
    let (origin, tenant) = (&ctx.request.origin, ctx.dir.tenant.id);
    let mut answer = shown.with_header("Location", format!("{origin}/v2/{tenant}/{PROPERTY}/{id}"));
    answer.status = 201;
    Ok(answer)
}

fn body(ctx: &Ctx<'_>) -> Result<Map<String, Value>, SimError> {
    let mut body = ctx.request.body_object()?;
    body.retain(|name, _| !name.contains('@'));
    for (name, value) in &body {
        let fits = match name.as_str() {
            "audiences" => value.as_array().is_some_and(|list| {
                matches!(list.as_slice(), [Value::String(one)] if !one.is_empty() && one.len() <= 600)
            }),
            "description" => value.is_null() || value.as_str().is_some_and(|t| t.len() <= 600),
            "name" => value.as_str().is_some_and(|t| !t.is_empty() && t.len() <= 120),
            "issuer" | "subject" => value.as_str().is_some_and(|t| !t.is_empty() && t.len() <= 600),
            _ => return Err(SimError::invalid_property(name)),
        };
        if !fits {
            return Err(SimError::invalid_property(name));
        }
    }
    Ok(body)
}

fn create(ctx: &Ctx<'_>, list: &[Value], name: Option<&str>) -> Result<Value, SimError> {
    let mut body = body(ctx)?;
    if let Some(name) = name {
        body.entry("name").or_insert_with(|| name.into());
    }
    for name in ["name", "issuer", "subject", "audiences"] {
        if !body.contains_key(name) {
            return Err(SimError::invalid_property(name));
        }
    }
    if list.len() >= MAX {
        return Err(SimError::quota(list.len() + 1, MAX, PROPERTY));
    }
    let mut made = json!({"id": Uuid::new_v4().to_string()});
    for name in NAMES {
        made[name] = body.get(name).cloned().unwrap_or_default();
    }
    check_unique(list, &made)?;
    Ok(made)
}

/// The name is unique, and so is the pair of issuer and subject.
fn check_unique(list: &[Value], made: &Value) -> Result<(), SimError> {
    let others = || list.iter().filter(|c| c["id"] != made["id"]);
    if others().any(|c| c["name"] == made["name"]) {
        let name = made["name"].as_str().unwrap_or_default();
        return Err(SimError::new(
            409,
            "Request_MultipleObjectsWithSameKeyValue",
            format!("FederatedIdentityCredential with name {name} already exists."),
        ));
    }
    if others().any(|c| c["issuer"] == made["issuer"] && c["subject"] == made["subject"]) {
        return Err(SimError::new(
            409,
            "Request_MultipleObjectsWithSameKeyValue",
            "FederatedIdentityCredential with the same issuer and subject already exists.",
        ));
    }
    Ok(())
}

fn update(ctx: &Ctx<'_>, list: &mut [Value], at: usize) -> Result<(), SimError> {
    let body = body(ctx)?;
    let mut made = list[at].clone();
    if body.get("name").is_some_and(|name| *name != made["name"]) {
        return Err(SimError::read_only("name"));
    }
    for (name, value) in body {
        made[name] = value;
    }
    check_unique(list, &made)?;
    list[at] = made;
    Ok(())
}
