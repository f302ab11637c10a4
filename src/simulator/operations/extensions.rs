//! Directory extensions: properties that an application adds to other types.
//!
//! Source: [extensionProperty](https://learn.microsoft.com/graph/api/resources/extensionproperty).

use serde_json::{Value, json};
use uuid::Uuid;

use super::answers::{entity, value_of};
use crate::odata::request::Method;
use crate::simulator::directory::{Kind, Reader, Slot, guid};
use crate::simulator::errors::SimError;
use crate::simulator::model::{Ctx, View};
use crate::simulator::query::project::Projection;
use crate::simulator::request::SimResponse;

type Answer = Result<SimResponse, SimError>;

const TYPES: [&str; 6] = [
    "Binary",
    "Boolean",
    "DateTime",
    "Integer",
    "LargeInteger",
    "String",
];
const TARGETS: [&str; 6] = [
    "User",
    "Group",
    "AdministrativeUnit",
    "Application",
    "Device",
    "Organization",
];
/// Whose an extension is; never shown.
const OWNER: &str = "application";

fn of(dir: Reader<'_>, app: Slot) -> impl Iterator<Item = Slot> + '_ {
    let id = dir.id_text(app);
    dir.all(Kind::ExtensionProperty, None)
        .filter(move |slot| dir.text(*slot, OWNER) == Some(&id))
}

fn context(dir: Reader<'_>, app: Slot) -> String {
    format!("applications('{}')/extensionProperties", dir.id_text(app))
}

fn find(dir: Reader<'_>, app: Slot, key: &str) -> Result<Slot, SimError> {
    let id = guid(key).ok_or_else(|| SimError::identifier(key))?;
    of(dir, app)
        .find(|slot| dir.object(*slot).id == id)
        .ok_or_else(|| SimError::not_found(key))
}

/// `GET /applications/{id}/extensionProperties[/{id}]`
pub fn read(view: &View<'_>, app: Slot, more: &[String]) -> Answer {
    let dir = view.dir;
    let projection = Projection::default(view.sets);
    let context = context(dir, app);
    match more {
        [] => {
            let all: Vec<Value> = of(dir, app)
                .map(|slot| projection.show(dir, slot).into())
                .collect();
            Ok(value_of(view, &context, all.into()))
        }
        [key] => {
            let shown = projection.show(dir, find(dir, app, key)?);
            Ok(entity(view, &format!("{context}/$entity"), shown.into()))
        }
        [_, other, ..] => Err(SimError::segment(other)),
    }
}

/// `POST /applications/{id}/extensionProperties` and `DELETE …/{id}`
pub fn change(ctx: &mut Ctx<'_>, app: Slot, more: &[String]) -> Answer {
    match (ctx.request.method, more) {
        (Method::Post, []) => create(ctx, app),
        (Method::Delete, [key]) => {
            let slot = find(ctx.dir.present(), app, key)?;
            ctx.dir.purge(slot);
            Ok(SimResponse::no_content())
        }
        _ => Err(SimError::method()),
    }
}

fn create(ctx: &mut Ctx<'_>, app: Slot) -> Answer {
    let body = ctx.request.body_object()?;
    let invalid = SimError::invalid_property;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = text("name");
    if name.is_empty() || !name.chars().all(is_name) {
        return Err(invalid("name"));
    }
    if !TYPES.contains(&text("dataType")) {
        return Err(invalid("dataType"));
    }
    let targets = body.get("targetObjects").and_then(Value::as_array);
    let known = |target: &Value| target.as_str().is_some_and(|t| TARGETS.contains(&t));
    if targets.is_none_or(|targets| targets.is_empty() || !targets.iter().all(known)) {
        return Err(invalid("targetObjects"));
    }
    let dir = &*ctx.dir;
    let app_id = dir.text(app, "appId").unwrap_or_default().replace('-', "");
    let full = format!("extension_{app_id}_{name}");
    if of(dir.present(), app).any(|slot| dir.text(slot, "name") == Some(&full)) {
        return Err(SimError::bad(format!(
            "An extension property exists with the name {full}."
        ))
        .detail("ObjectConflict", "name"));
    }
    let properties = [
        (OWNER, json!(dir.id_text(app))),
        ("appDisplayName", dir.json(app, "displayName")),
        ("dataType", json!(text("dataType"))),
        (
            "isMultiValued",
            json!(body.get("isMultiValued") == Some(&json!(true))),
        ),
        ("isSyncedFromOnPremises", json!(false)),
        ("name", json!(full)),
        ("targetObjects", json!(targets)),
    ];
    let pairs = properties.iter().map(|(name, value)| (*name, value));
    let slot = ctx
        .dir
        .insert(Kind::ExtensionProperty, Uuid::new_v4(), pairs);
    let view = ctx.view();
    let context = format!("{}/$entity", context(view.dir, app));
    let shown = Projection::default(view.sets).show(view.dir, slot);
    let mut answer = entity(&view, &context, shown.into());
    answer.status = 201;
    Ok(answer)
}

/// `POST /directoryObjects/getAvailableExtensionProperties`
pub fn get_available(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.request.body_object()?;
    let synced = match body.get("isSyncedFromOnPremises") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(synced)) => Some(*synced),
        Some(_) => return Err(SimError::invalid_property("isSyncedFromOnPremises")),
    };
    let view = ctx.view();
    let projection = Projection::default(view.sets);
    let all: Vec<Value> = view
        .dir
        .all(Kind::ExtensionProperty, None)
        .filter(|slot| {
            synced.is_none_or(|synced| view.dir.flag(*slot, "isSyncedFromOnPremises") == synced)
        })
        .map(|slot| projection.show(view.dir, slot).into())
        .collect();
    Ok(value_of(&view, "Collection(extensionProperty)", all.into())
        .with_header("Location", ctx.request.origin.clone()))
}
