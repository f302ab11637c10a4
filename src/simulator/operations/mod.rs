//! What requests do: dispatch over the table of entity sets, and the operations themselves.

#![expect(
    clippy::unnecessary_wraps,
    reason = "all operations of the table have one signature"
)]

pub mod applications;
mod complete;
pub mod deleted;
pub mod documents;
pub mod federated;
pub mod grants;
pub mod groups;
pub mod invitations;
pub mod keys;
pub mod licences;
pub mod mailbox;
pub mod membership;
pub mod objects;
pub mod photo;
pub mod pim;
pub mod refs;
pub mod roles;
pub mod subscriptions;
pub mod templates;
pub mod units;
pub mod users;
mod validate;

use serde_json::{Value, json};
use uuid::Uuid;

use super::core::Options;
use super::delta;
use super::directory::lag::{Eyes, Look};
use super::directory::{Directory, Kind, Slot, State};
use super::errors::SimError;
use super::model::{Ctx, EntitySet, Filtering, Holds, Links, Paging, Part, View, What, set_of};
use super::query::list::{self, Listing};
use super::query::options::{Query, check_none};
use super::query::project::Projection;
use super::query::values;
use super::request::{SimRequest, SimResponse};
use super::route::{self, Route};
use super::sets::SETS;
use crate::odata::facts;
use crate::odata::request::Method;

type Answer = Result<SimResponse, SimError>;

/// A GUID in the form that Graph takes.
pub fn guid(text: &str) -> Option<Uuid> {
    (text.len() == 36)
        .then(|| Uuid::parse_str(text).ok())
        .flatten()
}

/// The kind behind a cast segment, `microsoft.graph.user`.
fn cast(segment: &str) -> Option<Kind> {
    let name = segment.strip_prefix("microsoft.graph.")?;
    Kind::ALL
        .into_iter()
        .find(|kind| kind.is_directory_object() && kind.entity().eq_ignore_ascii_case(name))
}

/// The object that a key names in a set.
pub fn resolve(dir: &Directory, set: &EntitySet, key: &str) -> Result<Slot, SimError> {
    let missing = || SimError::not_found(key);
    if let Some((name, value)) = key.split_once('=')
        && let Some(name) = set.keys.iter().find(|k| k.eq_ignore_ascii_case(name))
    {
        return by_alternate_key(dir, set, name, value);
    }
    match set.holds {
        Holds::One(kind) if kind.has_text_id() => dir.find_text(kind, key).ok_or_else(missing),
        Holds::One(Kind::User) => {
            let slot = match guid(key) {
                Some(id) => dir.live(id),
                None => dir.find_upn(key),
            };
            slot.filter(|s| dir.object(*s).kind == Kind::User)
                .ok_or_else(missing)
        }
        Holds::One(kind) => {
            let id = guid(key).ok_or_else(|| SimError::identifier(key))?;
            dir.live(id)
                .filter(|s| dir.object(*s).kind == kind)
                .ok_or_else(missing)
        }
        Holds::Any => {
            let id = guid(key).ok_or_else(|| SimError::identifier(key))?;
            let state = if set.is_recycle_bin() {
                State::Deleted
            } else {
                State::Live
            };
            dir.find(id)
                .filter(|s| {
                    dir.object(*s).state == state && dir.object(*s).kind.is_directory_object()
                })
                .ok_or_else(missing)
        }
        Holds::Documents(_) | Holds::Nothing => Err(missing()),
    }
}

fn by_alternate_key(
    dir: &Directory,
    set: &EntitySet,
    name: &str,
    value: &str,
) -> Result<Slot, SimError> {
    let Holds::One(kind) = set.holds else {
        return Err(SimError::not_found(value));
    };
    let found = match name {
        "appId" => guid(value).and_then(|id| dir.find_app(kind, id)),
        "roleTemplateId" => guid(value).and_then(|id| dir.activated_role(id)),
        _ => dir.all(kind, None).find(|s| {
            dir.is_live(*s)
                && dir
                    .text(*s, name)
                    .is_some_and(|v| v.eq_ignore_ascii_case(value))
        }),
    };
    found.ok_or_else(|| SimError::not_found(value))
}

/// `GET`
pub fn read(dir: &Directory, options: &Options, request: &SimRequest) -> Answer {
    let Route { set, rest } = route::parse(&request.path)?;
    let view = View {
        dir,
        options,
        request,
    };
    let list = match rest.as_slice() {
        [] => true,
        [name] => name.eq_ignore_ascii_case("$count") || name.eq_ignore_ascii_case("delta"),
        [key, ..] => set.is_recycle_bin() && cast(key).is_some(),
    };
    let _look = Look::with(if list { Eyes::Index } else { Eyes::Object });
    if let Holds::Documents(documents) = set.holds {
        return documents::read(&view, set, &documents(dir), &rest);
    }
    let listing = || collection(&view, set);
    match rest.as_slice() {
        [] => list::page(&listing()?, &view),
        [count] if count.eq_ignore_ascii_case("$count") => list::count(&listing()?, &view),
        [name] if name.eq_ignore_ascii_case("delta") => delta::read(&view, set),
        [kind, more @ ..] if set.is_recycle_bin() && cast(kind).is_some() => {
            let kind = cast(kind).unwrap_or(Kind::User);
            let bin = recycle_bin(&view, kind);
            match more {
                [] => list::page(&bin, &view),
                [count] if count == "$count" => list::count(&bin, &view),
                [other, ..] => Err(SimError::segment(other)),
            }
        }
        [key] => single(&view, set, resolve(dir, set, key)?),
        [key, name, more @ ..] => {
            let slot = resolve(dir, set, key)?;
            match set.part(name) {
                Some(part) => read_part(&view, set, slot, part, more),
                None => property(&view, set, slot, name, more),
            }
        }
    }
}

/// The whole collection of a set.
fn collection<'a>(view: &View<'a>, set: &'static EntitySet) -> Result<Listing<'a>, SimError> {
    let Holds::One(kind) = set.holds else {
        return Err(SimError::method());
    };
    if set.paging == Paging::Never {
        return Err(SimError::method());
    }
    let dir = view.dir;
    Ok(Listing {
        entity: kind.entity(),
        cast: None,
        whole: Some(kind),
        typed: false,
        context: set.context.to_owned(),
        filtering: set.filter,
        paging: set.paging,
        relation: false,
        needs_advanced: false,
        state: State::Live,
        items: Box::new(move |after| Box::new(dir.all(kind, after))),
    })
}

fn recycle_bin<'a>(view: &View<'a>, kind: Kind) -> Listing<'a> {
    let dir = view.dir;
    Listing {
        entity: kind.entity(),
        cast: None,
        whole: Some(kind),
        typed: false,
        context: set_of(kind)
            .map_or("directoryObjects", |set| set.context)
            .to_owned(),
        filtering: Filtering::Facts,
        paging: Paging::Pages,
        relation: false,
        needs_advanced: false,
        state: State::Deleted,
        items: Box::new(move |after| Box::new(dir.binned(kind, after))),
    }
}

fn related<'a>(
    view: &View<'a>,
    slot: Slot,
    links: &'static Links,
    kind: Option<Kind>,
) -> Listing<'a> {
    let dir = view.dir;
    let items = links.items;
    Listing {
        entity: kind.map_or("directoryObject", Kind::entity),
        cast: kind,
        whole: None,
        typed: kind.is_none(),
        context: kind
            .and_then(set_of)
            .map_or("directoryObjects", |set| set.context)
            .to_owned(),
        filtering: Filtering::Facts,
        paging: links.paging,
        relation: true,
        // The real service was recorded answering casts to directoryRole without them.
        needs_advanced: links.transitive && kind.is_some_and(|k| k != Kind::DirectoryRole),
        state: State::Live,
        items: Box::new(move |after| items(dir, slot, after)),
    }
}

/// One object.
fn single(view: &View<'_>, set: &EntitySet, slot: Slot) -> Answer {
    let query = Query::parse(view)?;
    query.check_single()?;
    let kind = view.dir.object(slot).kind;
    let mut projection = Projection::new(&query, kind.entity(), false)?;
    let mut context = format!("{}{}/$entity", set.context, projection.context());
    if matches!(set.holds, Holds::Any) {
        projection.typed = true;
        context = format!("directoryObjects{}/$entity", projection.context());
    }
    Ok(entity(
        view,
        &context,
        projection.show(view.dir, slot).into(),
    ))
}

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
    let context = set_of(kind).map_or("directoryObjects", |set| set.context);
    let shown = Projection::created().show(view.dir, slot);
    let mut response = entity(&view, &format!("{context}/$entity"), shown.into());
    response.status = 201;
    let id = view.dir.id_text(slot);
    let location = if kind.is_directory_object() {
        format!(
            "{}/v2/{}/directoryObjects/{id}/Microsoft.DirectoryServices.{}",
            view.request.origin,
            view.dir.tenant.id,
            kind.label()
        )
    } else if kind == Kind::OAuth2PermissionGrant {
        format!(
            "{}/v2/{}/{context}/{id}",
            view.request.origin, view.dir.tenant.id
        )
    } else {
        format!("{}/{context}/{id}", view.request.base())
    };
    response.with_header("Location", location)
}

fn read_part(
    view: &View<'_>,
    set: &EntitySet,
    slot: Slot,
    part: &'static Part,
    more: &[String],
) -> Answer {
    match &part.what {
        What::Action(_) => Err(SimError::method()),
        What::Special { read, .. } => read(view, slot, more),
        What::Documents(documents) => {
            let context = format!(
                "{}('{}')/{}",
                set.context,
                view.dir.id_text(slot),
                part.name
            );
            let rows = documents(view.dir, slot);
            match more {
                [] => Ok(value_of(view, &context, rows.into())),
                [other, ..] => Err(SimError::segment(other)),
            }
        }
        What::Links(links) if links.single => {
            let target = (links.items)(view.dir, slot, None).find(|t| view.dir.is_live(*t));
            let target = target.ok_or_else(|| SimError::not_found(part.name))?;
            match more {
                [] => {
                    let query = Query::parse(view)?;
                    query.check_single()?;
                    let mut projection = Projection::new(&query, "directoryObject", false)?;
                    projection.typed = true;
                    let context = format!("directoryObjects{}/$entity", projection.context());
                    Ok(entity(
                        view,
                        &context,
                        projection.show(view.dir, target).into(),
                    ))
                }
                [reference] if reference == "$ref" => {
                    let id = view.dir.id_text(target);
                    let link = format!("{}/directoryObjects/{id}", view.request.base());
                    Ok(entity(view, "$ref", json!({"@odata.id": link})))
                }
                [other, ..] => Err(SimError::segment(other)),
            }
        }
        What::Links(links) => {
            let (kind, more) = match more {
                [first, rest @ ..] if first.starts_with("microsoft.graph.") => (
                    Some(cast(first).ok_or_else(|| SimError::segment(first))?),
                    rest,
                ),
                rest => (None, rest),
            };
            let listing = related(view, slot, links, kind);
            match more {
                [] => list::page(&listing, view),
                [count] if count == "$count" => list::count(&listing, view),
                [key] => {
                    let id = guid(key).ok_or_else(|| SimError::identifier(key))?;
                    let target = view
                        .dir
                        .live(id)
                        .filter(|t| {
                            (links.items)(view.dir, slot, t.checked_sub(1)).next() == Some(*t)
                        })
                        .ok_or_else(|| SimError::not_found(key))?;
                    let any = SETS.iter().find(|s| s.context == "directoryObjects");
                    single(view, any.unwrap_or(set), target)
                }
                [other, ..] => Err(SimError::segment(other)),
            }
        }
    }
}

/// `GET set/key/property[/$value]`
fn property(view: &View<'_>, set: &EntitySet, slot: Slot, name: &str, more: &[String]) -> Answer {
    let kind = view.dir.object(slot).kind;
    let known = facts::entity(kind.entity()).is_some_and(|e| e.property(name).is_some());
    if !known || !matches!(set.holds, Holds::One(_)) {
        return Err(SimError::segment(name));
    }
    let value = values::value(view.dir, slot, name);
    match more {
        [] => {
            let context = format!("{}('{}')/{name}", set.context, view.dir.id_text(slot));
            Ok(value_of(view, &context, value))
        }
        [other, ..] => Err(SimError::segment(other)),
    }
}

/// Everything but `GET`.
pub fn change(dir: &mut Directory, options: &Options, request: &SimRequest) -> Answer {
    let Route { set, rest } = route::parse(&request.path)?;
    let mut ctx = Ctx {
        dir,
        options,
        request,
    };
    let find = |ctx: &Ctx<'_>, key: &str| {
        let slot = resolve(ctx.dir, set, key)?;
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
            let slot = find(&ctx, key)?;
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
            let target = (links.items)(ctx.dir, slot, None).next();
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

/// Refuses OData options on an answer that knows none.
pub fn no_options(request: &SimRequest) -> Result<(), SimError> {
    check_none(request)
}

#[cfg(test)]
mod tests;
