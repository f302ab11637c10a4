//! The one face for reading. Behind it stands [`live`], which asks Graph; a local replica will
//! stand beside it.

pub(super) mod live;
mod search;
mod wanted;

pub use live::{pages::Pages, render::ListPage};
pub use search::search;
pub(super) use wanted::{Defaults, Related, Wanted};

use super::{Context, Error};
use crate::{
    resources::Edge,
    scim::{Document, list::ListQuery, projection::Projection},
    translation::RelationRow,
};
use live::object::{self, Loaded};

/// The resource, projected.
///
/// # Errors
/// 404, or what Graph made of it.
pub async fn get(cx: &Context, id: &str, projection: &Projection) -> Result<Document, Error> {
    cx.may_show(projection)?;
    let wanted = Wanted::answer(&cx.mapped, projection, false);
    let loaded = object::one(cx, id, &wanted).await?;
    let doc = object::document(cx, &loaded, &wanted);
    Ok(cx.shown(doc, projection))
}

/// One page of the resources that a query selects.
///
/// # Errors
/// `invalidFilter` for what cannot be answered, `tooMany` past the scan bound, and whatever Graph
/// makes of it. Never a short page.
pub async fn list(cx: &Context, query: &ListQuery) -> Result<ListPage, Error> {
    cx.may_ask(query)?;
    live::list::list(cx, query).await
}

/// The object as it is before a change.
pub(super) struct Before {
    pub(super) loaded: Loaded,
    pub(super) wanted: Wanted,
    /// Its own attributes, without relations.
    pub(super) attributes: Document,
}

/// Reads all attributes for a change, what the guards look at, and the `relations` (places in
/// [`super::MappedType::related`]; all of a default answer, if `None`). Those `at_hand` are only
/// shown, and may be as they were moments ago.
///
/// # Errors
/// As for [`get`].
pub(super) async fn before(
    cx: &Context,
    id: &str,
    relations: Option<Vec<usize>>,
    at_hand: &[usize],
) -> Result<Before, Error> {
    let all = Projection::all();
    let wanted = match relations {
        None => (*Wanted::answer(&cx.mapped, &all, false)).clone(),
        Some(relations) => {
            let mut wanted = Wanted::with_relations(&cx.mapped, &all, relations, false);
            wanted.complete = false;
            wanted
        }
    };
    let wanted = wanted.also(cx.kind().special.guard_properties());
    let loaded = object::one_with(cx, id, &wanted, at_hand).await?;
    let attributes = cx.mapping().to_scim(&loaded.entity);
    Ok(Before {
        loaded,
        wanted,
        attributes,
    })
}

impl Before {
    /// The finished document, relations included.
    pub(super) fn document(&self, cx: &Context) -> Document {
        object::document(cx, &self.loaded, &self.wanted)
    }

    /// The edges of a mapped relation to plan against, when it was read. Those that were removed
    /// here and that Graph still shows are among them: whoever adds one again has to say so.
    pub(super) fn edges(&self, cx: &Context, row: &RelationRow) -> Option<Vec<Edge>> {
        let at = self.wanted.relations.iter().position(|&i| {
            cx.mapped
                .relation(i)
                .is_some_and(|r| r.row.path == row.path)
        })?;
        let mut edges = self.loaded.edges.get(at)?.clone();
        edges.extend(self.loaded.hidden.get(at)?.iter().cloned());
        Some(edges)
    }
}
