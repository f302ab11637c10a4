//! Own writes in lists: what was deleted here is not listed, what was changed here is shown and
//! matched as it is now, what was made here is found, though Graph's index lags.
//!
//! Objects can be added only to a list that is at hand as a whole: of a page in the middle of a
//! long list nobody can say whether Graph has counted them.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::{
    super::{
        super::{Context, Error},
        Wanted,
    },
    object::{self, Loaded},
};
use crate::scim::{
    Document,
    error::Kind,
    filter::{Filter, Matcher},
    links,
};

/// No query reads more objects again than this because of own writes.
const LIMIT: usize = 100;

/// Properties that Graph lists with a value that was superseded here, by id in lower case.
pub(super) type Altered = HashMap<String, Vec<String>>;

/// Lays own writes over listed entities, and takes out those that are gone.
pub(super) async fn overlay(cx: &Context, entities: &mut Vec<Value>) -> Result<Altered, Error> {
    let mut altered = Altered::new();
    let kind = cx.kind().name;
    let now = cx.app.clock.now();
    let mut kept = Vec::with_capacity(entities.len());
    for mut entity in entities.drain(..) {
        if let Some(id) = object::id_of(cx, &entity) {
            if object::is_gone(cx, &id).await? {
                continue;
            }
            let names = cx
                .tenant
                .recent
                .objects
                .overlay_entity(kind, &id, &mut entity, now);
            if !names.is_empty() {
                altered.insert(id.to_ascii_lowercase(), names);
            }
        }
        kept.push(entity);
    }
    *entities = kept;
    Ok(altered)
}

/// The ids, in lower case, of the objects that were changed or made here moments ago.
pub(super) fn touched(cx: &Context) -> HashSet<String> {
    let now = cx.app.clock.now();
    let touched = cx.tenant.recent.objects.touched(cx.kind().name, now);
    touched.into_iter().map(|(id, _)| id).collect()
}

/// Takes out of a whole result the objects that were changed or made here and that the filter may
/// see otherwise than Graph does, and returns those of them that satisfy it now, with those that
/// Graph did not list.
pub(super) async fn settle(
    cx: &Context,
    filter: Option<&Filter>,
    wanted: &Wanted,
    entities: &mut Vec<Value>,
    altered: &Altered,
) -> Result<Vec<Loaded>, Error> {
    let touched = cx
        .tenant
        .recent
        .objects
        .touched(cx.kind().name, cx.app.clock.now());
    if touched.is_empty() {
        return Ok(Vec::new());
    }
    let listed: HashMap<String, &Value> = entities
        .iter()
        .filter_map(|entity| Some((object::id_of(cx, entity)?.to_ascii_lowercase(), entity)))
        .collect();
    let mut again: Vec<String> = Vec::new();
    for (id, known) in touched {
        let there = listed.get(&id);
        let doubtful = match (filter, there) {
            (None, None) => known.created,
            (None, Some(_)) => false,
            // Listed for a value that it may no longer have.
            (Some(filter), Some(entity)) => known.changed.iter().any(|name| {
                let shown = entity.get(name).is_some();
                let stale = altered.get(&id).is_some_and(|names| names.contains(name));
                (stale || !shown) && names(cx, filter, name)
            }),
            (Some(filter), None) => {
                let named = known.changed.iter().any(|name| names(cx, filter, name));
                (named || known.created) && may_match(cx, filter, &known)
            }
        };
        if doubtful {
            again.push(id);
        }
    }
    again.truncate(LIMIT);
    let taken: HashSet<&String> = again.iter().collect();
    entities.retain(|entity| {
        object::id_of(cx, entity).is_none_or(|id| !taken.contains(&id.to_ascii_lowercase()))
    });
    let looked_at = Wanted::looked_at(&cx.mapped, filter, None);
    let wanted = wanted.and(&cx.mapped, &looked_at);
    let matcher = filter.map(|filter| Matcher::new(filter, cx.schema()));
    let mut found = Vec::new();
    for id in again {
        let loaded = match object::one(cx, &id, &wanted).await {
            Ok(loaded) => loaded,
            Err(error) if error.scim.kind == Kind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let fits = matcher
            .as_ref()
            .is_none_or(|m| m.matches(&evaluated(cx, &loaded, &wanted)));
        if fits {
            found.push(loaded);
        }
    }
    Ok(found)
}

/// The document as filters see it: links complete.
pub(super) fn evaluated(cx: &Context, loaded: &Loaded, wanted: &Wanted) -> Document {
    let mut doc = object::document(cx, loaded, wanted);
    links::absolute(&mut doc, &cx.base_url, cx.schema());
    doc
}

/// Whether the filter looks at an attribute that the property makes.
fn names(cx: &Context, filter: &Filter, property: &str) -> bool {
    let mut paths = Vec::new();
    filter.paths(&mut paths);
    cx.mapping().rows().iter().any(|row| {
        let path = row.place().attr();
        row.properties().any(|name| name == property)
            && paths
                .iter()
                .any(|p| p.urn == path.urn && (p.attr == path.attr || p.attr.is_empty()))
    })
}

/// Whether what is known of an object lets it satisfy the filter: a leaf that it satisfies is
/// enough, and so is one that looks at relations.
fn may_match(cx: &Context, filter: &Filter, known: &super::super::super::recent::Touched) -> bool {
    match filter {
        Filter::And(a, b) if known.created => may_match(cx, a, known) && may_match(cx, b, known),
        Filter::And(a, b) | Filter::Or(a, b) => may_match(cx, a, known) || may_match(cx, b, known),
        leaf => {
            let mut paths = Vec::new();
            leaf.paths(&mut paths);
            let of_relation = cx.mapped.related().any(|r| {
                paths
                    .iter()
                    .any(|p| p.attr == r.row.path.attr && p.urn == r.row.path.urn)
            });
            let of_meta = paths.iter().any(|p| p.urn.is_none() && p.attr == "meta");
            let mut doc = cx.mapping().to_scim(&known.entity);
            cx.mapping().finish(cx.kind(), &mut doc, &known.id, false);
            of_relation || of_meta || Matcher::new(leaf, cx.schema()).matches(&doc)
        }
    }
}
