//! Everything but `GET`: by the table to the function that changes.

use crate::odata::request::Method;
use crate::simulator::directory::{Directory, Slot, guid};
use crate::simulator::errors::SimError;
use crate::simulator::model::{Ctx, EntitySet, Holds, Part, Sets, What};
use crate::simulator::operations::resolve::resolve;
use crate::simulator::operations::{deleted, refs};
use crate::simulator::options::Options;
use crate::simulator::request::{SimRequest, SimResponse};
use crate::simulator::route::{self, Route};

type Answer = Result<SimResponse, SimError>;

/// Everything but `GET`.
pub fn change(dir: &mut Directory, sets: Sets, options: &Options, request: &SimRequest) -> Answer {
    let Route { set, rest } = route::parse(sets, &request.path)?;
    let mut ctx = Ctx {
        dir,
        sets,
        options,
        request,
    };
    let find = |ctx: &Ctx<'_>, key: &str| {
        let slot = resolve(ctx.dir.present(), set, key)?;
        // Memberships of what has not arrived everywhere have a refusal of their own.
        let membership = rest.get(1).is_some_and(|part| part == "members")
            || (request.method == Method::Patch && binds_members(request));
        if ctx.dir.is_unread(slot) && !membership {
            return Err(SimError::not_found(key));
        }
        Ok(slot)
    };
    match (request.method, rest.as_slice()) {
        (Method::Post, []) => (set.create.ok_or_else(SimError::method)?)(&mut ctx),
        (Method::Post, [name] | [_, name])
            if rest.len() == 1 || matches!(set.holds, Holds::Documents(_)) =>
        {
            let action = set
                .actions
                .iter()
                .find(|(n, _)| n.eq_ignore_ascii_case(name));
            (action.ok_or_else(SimError::method)?.1)(&mut ctx)
        }
        (Method::Patch, [key]) => {
            let slot = match find(&ctx, key) {
                Err(missing) if request.creates_if_missing() => {
                    return upsert(ctx, set, key).unwrap_or(Err(missing));
                }
                found => found?,
            };
            (set.update.ok_or_else(SimError::method)?)(&mut ctx, slot)
        }
        (Method::Delete, [key]) => {
            let slot = find(&ctx, key)?;
            (set.delete.ok_or_else(SimError::method)?)(&mut ctx, slot)
        }
        (method, [key, name, more @ ..]) => {
            let slot = find(&ctx, key)?;
            let part = set.part(name).ok_or_else(|| SimError::segment(name))?;
            change_part(&mut ctx, method, slot, part, more)
        }
        _ => Err(SimError::method()),
    }
}

/// A PATCH by an alternate key that makes what it does not find; `None` where that cannot be.
fn upsert(ctx: Ctx<'_>, set: &EntitySet, key: &str) -> Option<Answer> {
    let (name, value) = key.split_once('=')?;
    // An application's appId is Graph's to give.
    let name = set.keys.iter().find(|k| {
        k.eq_ignore_ascii_case(name) && !(set.context == "applications" && **k == "appId")
    })?;
    let create = set.create?;
    let mut body = match ctx.request.body_object() {
        Ok(body) => body,
        Err(error) => return Some(Err(error)),
    };
    body.insert((*name).to_owned(), value.into());
    let request = SimRequest {
        body: serde_json::Value::Object(body).to_string().into(),
        ..ctx.request.clone()
    };
    Some(create(&mut Ctx {
        request: &request,
        ..ctx
    }))
}

/// Whether a body names members to add.
fn binds_members(request: &SimRequest) -> bool {
    request
        .body_object()
        .is_ok_and(|body| body.contains_key("members@odata.bind"))
}

fn change_part(
    ctx: &mut Ctx<'_>,
    method: Method,
    slot: Slot,
    part: &'static Part,
    more: &[String],
) -> Answer {
    let links = match &part.what {
        What::Special { change, .. } => return change(ctx, slot, more),
        What::Action(run) if method == Method::Post && more.is_empty() => return run(ctx, slot),
        What::Links(links) => links,
        _ => return Err(SimError::method()),
    };
    let is_ref = |text: &String| text.eq_ignore_ascii_case("$ref");
    match (method, more) {
        (Method::Post, [reference]) if is_ref(reference) && !links.single => {
            let add = links.add.ok_or_else(SimError::method)?;
            let target = refs::target(ctx)?;
            add(ctx, slot, target)?;
        }
        (Method::Put, [reference]) if is_ref(reference) && links.single => {
            let add = links.add.ok_or_else(SimError::method)?;
            let target = refs::target(ctx)?;
            add(ctx, slot, target)?;
        }
        (Method::Delete, [reference]) if is_ref(reference) && links.single => {
            let remove = links.remove.ok_or_else(SimError::method)?;
            let target = (links.items)(ctx.dir.present(), slot, None).next();
            let target = target.ok_or_else(|| SimError::not_found(part.name))?;
            remove(ctx, slot, target)?;
        }
        (Method::Delete, [key, reference]) if is_ref(reference) && !links.single => {
            let remove = links.remove.ok_or_else(SimError::method)?;
            let id = guid(key).ok_or_else(|| SimError::identifier(key))?;
            let target = ctx.dir.live(id).ok_or_else(|| SimError::not_found(key))?;
            remove(ctx, slot, target)?;
        }
        (Method::Delete, [key]) if !links.single && !is_ref(key) => {
            // Without `$ref` it is the object itself that is addressed, and deleted.
            let id = guid(key).ok_or_else(|| SimError::identifier(key))?;
            let target = ctx.dir.live(id).ok_or_else(|| SimError::not_found(key))?;
            return deleted::delete_any(ctx, target);
        }
        _ => return Err(SimError::method()),
    }
    Ok(SimResponse::no_content())
}
