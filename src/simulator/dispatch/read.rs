//! `GET`: by the table to lists, objects, and what hangs on an object.

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
use crate::simulator::query::spelling;
use crate::simulator::query::values;
use crate::simulator::request::{SimRequest, SimResponse};
use crate::simulator::route::{self, Route, cast};

type Answer = Result<SimResponse, SimError>;

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
                [count] if count.eq_ignore_ascii_case("$count") => list::count(&bin, &view),
                [other, ..] => Err(SimError::segment(other)),
            }
        }
        [key] => single(&view, set, resolve(dir, set, key)?),
        [key, kind, more @ ..] if cast(kind).is_some() => {
            let slot = resolve(dir, set, key)?;
            as_kind(&view, slot, cast(kind), more)
        }
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
        references: false,
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
        references: false,
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
    let is_cast = kind.is_some_and(|k| k != Kind::DirectoryRole);
    let kind = kind.or(links.holds);
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
        references: false,
        // The real service was recorded answering casts to directoryRole without them.
        needs_advanced: links.transitive && is_cast,
        state: State::Live,
        items: Box::new(move |after| items(dir, slot, after)),
    }
}

/// `GET …/key/microsoft.graph.user`: the object, if it is of that kind.
fn as_kind(view: &View<'_>, slot: Slot, kind: Option<Kind>, more: &[String]) -> Answer {
    let found = view.dir.object(slot).kind;
    let set = kind
        .filter(|kind| *kind == found)
        .and_then(|kind| view.sets.of(kind));
    match (set, more) {
        (Some(set), []) => single(view, set, slot),
        (Some(_), [other, ..]) => Err(SimError::segment(other)),
        (None, _) => Err(SimError::not_found(&view.dir.id_text(slot))),
    }
}

/// One object.
fn single(view: &View<'_>, set: &EntitySet, slot: Slot) -> Answer {
    let kind = view.dir.object(slot).kind;
    let query = Query::parse(view, kind.entity())?;
    query.check_single()?;
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
                    let found = view.dir.object(target).kind;
                    let entity_type = if found.is_directory_object() {
                        "directoryObject"
                    } else {
                        found.entity()
                    };
                    let query = Query::parse(view, entity_type)?;
                    query.check_single()?;
                    let mut projection = Projection::new(view, &query, entity_type, false)?;
                    projection.typed = found.is_directory_object();
                    projection.related = true;
                    let context = view
                        .sets
                        .of(found)
                        .filter(|_| !found.is_directory_object())
                        .map_or("directoryObjects", |set| set.context);
                    let context = format!("{context}{}/$entity", projection.context());
                    Ok(entity(
                        view,
                        &context,
                        projection.show(view.dir, target).into(),
                    ))
                }
                [reference] if reference.eq_ignore_ascii_case("$ref") => {
                    Ok(entity(view, "$ref", list::reference(view, target)))
                }
                [kind, more @ ..] if cast(kind).is_some() => {
                    as_kind(view, target, cast(kind), more)
                }
                [other, ..] => Err(SimError::segment(other)),
            }
        }
        What::Links(links) => {
            let (kind, more) = match more {
                [first, rest @ ..] if cast(first).is_some() => (cast(first), rest),
                rest => (None, rest),
            };
            let mut listing = related(view, slot, links, kind);
            match more {
                [] => list::page(&listing, view),
                [count] if count.eq_ignore_ascii_case("$count") => list::count(&listing, view),
                [reference] if reference.eq_ignore_ascii_case("$ref") => {
                    listing.references = true;
                    list::page(&listing, view)
                }
                [key, more @ ..] if matches!(more, [] | [_]) => {
                    let id = guid(key).ok_or_else(|| SimError::identifier(key))?;
                    let target = view
                        .dir
                        .live(id)
                        .filter(|t| {
                            // A transitive list that starts further on may be an old one.
                            let after = t.checked_sub(1).filter(|_| !links.transitive);
                            let mut items = (links.items)(view.dir, slot, after);
                            items.find(|item| *item >= *t) == Some(*t)
                        })
                        .filter(|t| kind.is_none_or(|kind| view.dir.object(*t).kind == kind))
                        .ok_or_else(|| SimError::not_found(key))?;
                    match (kind, more) {
                        (Some(_), []) => as_kind(view, target, kind, more),
                        (None, [kind]) if cast(kind).is_some() => {
                            as_kind(view, target, cast(kind), &[])
                        }
                        (_, [other, ..]) => Err(SimError::segment(other)),
                        (None, []) => {
                            let any = view.sets.0.iter().find(|s| s.context == "directoryObjects");
                            single(view, any.unwrap_or(set), target)
                        }
                    }
                }
                [other, ..] => Err(SimError::segment(other)),
            }
        }
    }
}

/// `GET set/key/property[/$value]`
fn property(view: &View<'_>, set: &EntitySet, slot: Slot, name: &str, more: &[String]) -> Answer {
    let kind = view.dir.object(slot).kind;
    let name = &spelling::property(kind.entity(), name);
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
