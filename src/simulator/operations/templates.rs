//! `/applicationTemplates` and their instantiation.

use serde_json::{Value, json};

use super::answers::entity;
use super::applications;
use crate::simulator::directory::{Kind, Reader};
use crate::simulator::errors::SimError;
use crate::simulator::model::Ctx;
use crate::simulator::query::project::Projection;
use crate::simulator::request::SimResponse;
use crate::simulator::route;

/// Id, name, publisher, modes of single sign-on, kinds of provisioning.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// The first is the one that
/// stands for applications outside the gallery.
const TEMPLATES: [Row; 2] = [
    (
        "8adf8e6e-67b2-4cf2-a259-e3dc5476c621",
        "Custom",
        "Microsoft Corporation",
        &["saml", "password", "notSupported"],
        &["sync"],
    ),
    (
        "8b1025e4-1dd2-430b-a150-2ef79cd700f5",
        "Amazon Web Services (AWS)",
        "Amazon",
        &["password", "saml", "external"],
        &["sync"],
    ),
];

/// `/applicationTemplates`
pub fn all(_: Reader<'_>) -> Vec<Value> {
    TEMPLATES
        .iter()
        .map(|(id, name, publisher, sign_on, provisioning)| {
            json!({
                "id": id,
                "displayName": name,
                "homePageUrl": null,
                "supportedSingleSignOnModes": sign_on,
                "supportedProvisioningTypes": provisioning,
                "logoUrl": null,
                "categories": [],
                "publisher": publisher,
                "description": null,
            })
        })
        .collect()
}

/// `POST /applicationTemplates/{id}/instantiate`: an application and its service principal.
pub fn instantiate(ctx: &mut Ctx<'_>) -> Result<SimResponse, SimError> {
    let route = route::parse(ctx.sets, &ctx.request.path)?;
    let key = route.rest.first().map_or("", String::as_str);
    let template = TEMPLATES
        .iter()
        .find(|(id, ..)| id.eq_ignore_ascii_case(key))
        .map(|(id, ..)| *id)
        .ok_or_else(|| SimError::not_found(key))?;
    let body = ctx.request.body_object()?;
    let name = body
        .get("displayName")
        .filter(|name| name.as_str().is_some_and(|t| !t.is_empty()))
        .ok_or_else(|| SimError::invalid_property("displayName"))?
        .clone();
    let (application, principal) = applications::from_template(ctx, template, name)?;
    let part = |slot, kind: Kind| {
        let mut shown = Projection::created(ctx.sets).show(ctx.dir.present(), slot);
        let mut object = serde_json::Map::new();
        object.insert(
            "@odata.type".to_owned(),
            format!("#microsoft.graph.{}", kind.entity()).into(),
        );
        object.append(&mut shown);
        Value::Object(object)
    };
    let shown = json!({
        "application": part(application, Kind::Application),
        "servicePrincipal": part(principal, Kind::ServicePrincipal),
    });
    let mut response = entity(
        &ctx.view(),
        "microsoft.graph.applicationServicePrincipal",
        shown,
    );
    response.status = 201;
    Ok(response)
}
