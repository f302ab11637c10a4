//! Inviting guests.

use serde_json::{Value, json};

use super::answers::entity;
use crate::odata::facts;
use crate::simulator::directory::Kind;
use crate::simulator::errors::SimError;
use crate::simulator::model::Ctx;
use crate::simulator::request::SimResponse;

/// `POST /invitations`. Inviting the same address again answers about the same guest.
pub fn create(ctx: &mut Ctx<'_>) -> Result<SimResponse, SimError> {
    let body = ctx.request.body_object()?;
    let invitation = facts::entity("invitation").ok_or_else(SimError::unsupported)?;
    if let Some(name) = body.keys().find(|n| {
        !n.contains("@odata.")
            && invitation.property(n).is_none()
            && invitation.navigation(n).is_none()
    }) {
        return Err(SimError::invalid_property(name));
    }
    let text = |name: &str| {
        body.get(name)
            .and_then(Value::as_str)
            .filter(|t| !t.is_empty())
    };
    let required = |name: &str| text(name).ok_or_else(|| SimError::invalid_property(name));
    let mail = required("invitedUserEmailAddress")?.to_owned();
    let redirect = required("inviteRedirectUrl")?.to_owned();
    let (local, domain) = mail
        .split_once('@')
        .ok_or_else(|| SimError::invalid_property("invitedUserEmailAddress"))?;
    if ctx.dir.has_domain(domain) {
        return Err(SimError::bad(
            "The invited user already exists in the directory as object ID. They can use that account to sign in to shared apps and resources.",
        ));
    }
    let initial = ctx
        .dir
        .tenant
        .domains
        .iter()
        .find(|d| d.is_initial)
        .map_or("", |d| &d.name);
    let nickname = format!("{local}_{domain}#EXT#");
    let upn = format!("{nickname}@{initial}");
    let name = text("invitedUserDisplayName").unwrap_or(local).to_owned();
    let kind = text("invitedUserType").unwrap_or("Guest").to_owned();
    let slot = if let Some(slot) = ctx
        .dir
        .find_upn(&upn)
        .or_else(|| ctx.dir.address_holder(&mail))
    {
        slot
    } else {
        let now = ctx.dir.now_text();
        let values = [
            ("accountEnabled", json!(true)),
            ("displayName", json!(name)),
            ("mail", json!(mail)),
            ("mailNickname", json!(nickname)),
            ("userPrincipalName", json!(upn)),
            ("userType", json!(kind)),
            ("creationType", json!("Invitation")),
            ("externalUserState", json!("PendingAcceptance")),
            ("externalUserStateChangeDateTime", now.clone()),
            ("otherMails", json!([mail])),
            ("proxyAddresses", json!([format!("SMTP:{mail}")])),
            ("createdDateTime", now),
        ];
        let pairs = values.iter().map(|(name, value)| (*name, value));
        let id = ctx.dir.new_id();
        ctx.dir.insert(Kind::User, id, pairs)
    };
    let id = ctx.dir.new_id();
    let shown = json!({
        "id": id.to_string(),
        "inviteRedeemUrl": format!("https://login.microsoftonline.com/redeem?rd={id}"),
        "invitedUserDisplayName": name,
        "invitedUserType": kind,
        "invitedUserEmailAddress": mail,
        "sendInvitationMessage": body.get("sendInvitationMessage").and_then(Value::as_bool).unwrap_or(false),
        "resetRedemption": false,
        "inviteRedirectUrl": redirect,
        "status": "PendingAcceptance",
        "invitedUserMessageInfo": {
            "messageLanguage": null, "customizedMessageBody": null, "ccRecipients": [{
                "emailAddress": {"name": null, "address": null},
            }],
        },
        "invitedUser": {"id": ctx.dir.id_text(slot)},
    });
    let mut response = entity(&ctx.view(), "invitations/$entity", shown);
    response.status = 201;
    let location = format!("{}/invitations/{id}", ctx.request.base());
    Ok(response.with_header("Location", location))
}
