//! `/users/{id}/mailboxSettings`

use serde_json::{Map, Value};

use super::answers::{entity, value_of};
use super::validate::fits;
use crate::odata::facts;
use crate::odata::request::Method;
use crate::simulator::directory::{Kind, Reader, Slot};
use crate::simulator::errors::SimError;
use crate::simulator::model::{Ctx, View};
use crate::simulator::options::Options;
use crate::simulator::query::values;
use crate::simulator::request::SimResponse;

type Answer = Result<SimResponse, SimError>;

fn check_mailbox(dir: Reader<'_>, options: &Options, slot: Slot) -> Result<(), SimError> {
    if options.mailbox_for_all || dir.text(slot, "mail").is_some() {
        return Ok(());
    }
    Err(SimError::new(
        404,
        "ErrorNonExistentMailbox",
        "The SMTP address has no mailbox associated with it.",
    ))
}

fn context(dir: Reader<'_>, slot: Slot) -> String {
    format!("users('{}')/mailboxSettings", dir.id_text(slot))
}

/// `GET …/mailboxSettings[/part]`
pub fn read(view: &View<'_>, slot: Slot, more: &[String]) -> Answer {
    check_mailbox(view.dir, view.options, slot)?;
    let mut settings = values::mailbox(view.dir, slot);
    let context = context(view.dir, slot);
    match more {
        [] => Ok(entity(view, &context, settings)),
        [part] => {
            let value = settings.get_mut(part.as_str()).map(Value::take);
            let value = value.ok_or_else(|| SimError::segment(part))?;
            let context = format!("{context}/{part}");
            Ok(if value.is_object() {
                entity(view, &context, value)
            } else {
                value_of(view, &context, value)
            })
        }
        [_, other, ..] => Err(SimError::segment(other)),
    }
}

/// `PATCH …/mailboxSettings`: answers the part that changed.
pub fn change(ctx: &mut Ctx<'_>, slot: Slot, more: &[String]) -> Answer {
    if ctx.request.method != Method::Patch || !more.is_empty() {
        return Err(SimError::method());
    }
    check_mailbox(ctx.dir.present(), ctx.options, slot)?;
    let complex = facts::complex("mailboxSettings").ok_or_else(SimError::unsupported)?;
    let body = ctx.request.body_object()?;
    let now = values::mailbox(ctx.dir.present(), slot);
    let mut changed = Map::new();
    for (name, value) in body.into_iter().filter(|(n, _)| !n.contains("@odata.")) {
        let property = complex
            .property(&name)
            .ok_or_else(|| SimError::invalid_property(&name))?;
        if name == "userPurpose" || name == "archiveFolder" {
            return Err(SimError::read_only(&name));
        }
        if !fits(property, &value) {
            return Err(SimError::invalid_value(&name, Kind::User));
        }
        // A structure keeps the parts that are not given.
        let value = match (now.get(&name), value) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                let mut merged = old.clone();
                merged.extend(new);
                Value::Object(merged)
            }
            (_, value) => value,
        };
        changed.insert(name, value);
    }
    ctx.dir
        .mailboxes
        .entry(slot)
        .or_default()
        .extend(changed.clone());
    let context = context(ctx.dir.present(), slot);
    Ok(entity(&ctx.view(), &context, changed.into()))
}
