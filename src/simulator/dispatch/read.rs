//! `GET`: by the table to lists, objects, and what hangs on an object.

use serde_json::json;

use crate::odata::facts;
use crate::simulator::delta;
use crate::simulator::directory::{Directory, Eyes, Kind, Slot, State, guid};
use crate::simulator::errors::SimError;
use crate::simulator::model::{EntitySet, Filtering, Holds, Links, Paging, Part, Sets, View, What};
use crate::simulator::operations::answers::{entity, value_of};
use crate::simulator::operations::documents;
use crate::simulator::operations::resolve::resolve;
use crate::simulator::options::Options;
use crate::simulator::query::list::{self, Listing};
use crate::simulator::query::options::Query;
use crate::simulator::query::project::Projection;
use crate::simulator::query::values;
use crate::simulator::request::{SimRequest, SimResponse};
use crate::simulator::route::{self, Route};

type Answer = Result<SimResponse, SimError>;

/// The kind behind a cast segment, `microsoft.graph.user`.
fn cast(segment: &str) -> Option<Kind> {
    let name = segment.strip_prefix("microsoft.graph.")?;
    Kind::ALL
        .into_iter()
        .find(|kind| kind.is_directory_object() && kind.entity().eq_ignore_ascii_case(name))
}

/// `GET`
pub fn read(directory: &Directory, sets: Sets, options: &Options, request: &SimRequest) -> Answer {
    let Route { set, rest } = route::parse(sets, &request.path)?;
    let list = match rest.as_slice() {
        [] => true,
        [name] => name.eq_ignore_ascii_case("$count") || name.eq_ignore_ascii_case("delta"),
        [key, ..] => set.is_recycle_bin() && cast(key).is_some(),
    };
    let dir = directory.seen_by(if list { Eyes::Index } else { Eyes::Object });
    let view = View {
        dir,
        sets,
        options,
        request,
    };
    if let Holds::Documents(documents) = set.holds {
        return documents::read(&view, set, &documents(dir), &rest);
    }
    let listing = || collection(&view, set);
    match rest.as_slice() {
        [] => list::page(&listing()?, &view),
        [count] if count.eq_ignore_ascii_case("$count") => list::count(&listing()?, &view),
        [name] if name.eq_ignore_ascii_case("delta") => {
            // Rounds have a lag of their own, by which nothing is lost between two of them.
            let dir = directory.present();
            delta::read(&View { dir, ..view }, set)
        }
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
        context: view
            .sets
            .of(kind)
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
            .and_then(|kind| view.sets.of(kind))
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
    let mut projection = Projection::new(view, &query, kind.entity(), false)?;
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
                    let mut projection = Projection::new(view, &query, "directoryObject", false)?;
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
                    let any = view.sets.0.iter().find(|s| s.context == "directoryObjects");
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
