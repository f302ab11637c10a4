//! Answers in the forms that operations share.

use serde_json::{Value, json};

use crate::simulator::directory::{Kind, Slot};
use crate::simulator::model::{Ctx, View};
use crate::simulator::query::project::Projection;
use crate::simulator::request::SimResponse;

/// An answer about one entity.
pub fn entity(view: &View<'_>, context: &str, shown: Value) -> SimResponse {
    let mut body = serde_json::Map::new();
    let context = format!("{}/$metadata#{context}", view.request.base());
    body.insert("@odata.context".to_owned(), context.into());
    if let Value::Object(shown) = shown {
        body.extend(shown);
    }
    SimResponse::ok(body.into())
}

/// An answer with a value that is no entity.
pub fn value_of(view: &View<'_>, context: &str, value: Value) -> SimResponse {
    let context = format!("{}/$metadata#{context}", view.request.base());
    SimResponse::ok(json!({"@odata.context": context, "value": value}))
}

/// `201` with the object's default properties and its `Location`.
pub fn created(ctx: &Ctx<'_>, slot: Slot) -> SimResponse {
    let view = ctx.view();
    let kind = view.dir.object(slot).kind;
    let context = view
        .sets
        .of(kind)
        .map_or("directoryObjects", |set| set.context);
    let shown = Projection::created(view.sets).show(view.dir, slot);
    let mut response = entity(&view, &format!("{context}/$entity"), shown.into());
    response.status = 201;
    let id = view.dir.id_text(slot);
    let location = if kind.is_directory_object() {
        format!(
            "{}/v2/{}/directoryObjects/{id}/Microsoft.DirectoryServices.{}",
            view.request.origin,
            view.dir.tenant().id,
            kind.label()
        )
    } else if kind == Kind::OAuth2PermissionGrant {
        format!(
            "{}/v2/{}/{context}/{id}",
            view.request.origin,
            view.dir.tenant().id
        )
    } else {
        format!("{}/{context}/{id}", view.request.base())
    };
    response.with_header("Location", location)
}
