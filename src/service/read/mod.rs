//! The one face for reading. Behind it stand [`replica`], which Graph keeps fresh, and [`live`],
//! which asks Graph.

pub mod cursor;
mod keep;
pub(super) mod live;
pub(super) mod replica;
mod search;
mod wanted;

pub use live::{
    pages::Pages,
    render::{ListPage, Walk},
};
pub use search::search;
pub(super) use wanted::{Defaults, Related, Wanted};

use bytes::Bytes;

use super::{Context, Error, replica::import::own_writes};
use crate::{
    resources::Edge,
    scim::{Document, etag, list::ListQuery, projection::Projection},
    translation::RelationRow,
};
use live::object::{self, Loaded};

/// Whether the replica can answer for this tenant now.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn serves(cx: &Context) -> Result<bool, Error> {
    replica::serves(cx).await
}

/// A resource as it is answered.
pub enum Resource {
    /// A document, and the version of the whole resource where that is known.
    Document(Document, Option<String>),
    /// Its text and its version.
    Text(Bytes, String),
}

/// The resource, projected: out of the replica, unless that does not know it or `fresh` is asked for.
///
/// # Errors
/// 404, or what Graph made of it.
pub async fn get(
    cx: &Context,
    id: &str,
    projection: &Projection,
    fresh: bool,
) -> Result<Resource, Error> {
    cx.may_show(projection)?;
    if !fresh && replica::serves(cx).await? {
        match replica::get(cx, id, projection).await? {
            replica::Got::Document(doc, version) => {
                return Ok(Resource::Document(doc, Some(version)));
            }
            replica::Got::Text(text, version) => return Ok(Resource::Text(text, version)),
            replica::Got::Gone => return Err(object::not_found(cx, id).into()),
            // Graph may know what is too new for the replica.
            replica::Got::Unknown => {}
        }
    }
    own_writes(cx, id).await?;
    let (doc, version) = live(cx, id, projection).await?;
    Ok(Resource::Document(doc, version))
}

/// The resource as the replica has it; `None` where that does not serve it.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn of_replica(
    cx: &Context,
    id: &str,
    projection: &Projection,
) -> Result<Option<(Document, String)>, Error> {
    if !replica::serves(cx).await? {
        return Ok(None);
    }
    replica::document(cx, id, projection).await
}

/// The resource by Graph's word, own writes laid over it.
async fn live(
    cx: &Context,
    id: &str,
    projection: &Projection,
) -> Result<(Document, Option<String>), Error> {
    let wanted = Wanted::answer(&cx.mapped, projection, false);
    let loaded = object::one(cx, id, &wanted).await?;
    let doc = object::document(cx, &loaded, &wanted);
    let version = etag::version(&doc);
    Ok((cx.shown(doc, projection), version))
}

/// One page of the resources that a query selects.
///
/// # Errors
/// `invalidFilter` for what cannot be answered, `tooMany` past the scan bound, and whatever Graph
/// makes of it. Never a short page.
pub async fn list(cx: &Context, query: &ListQuery) -> Result<ListPage, Error> {
    cx.may_ask(query)?;
    match &query.cursor {
        Some(cursor) => cursor::page(cx, query, cursor).await,
        None => pages(cx, query).await,
    }
}

/// A page by its index.
async fn pages(cx: &Context, query: &ListQuery) -> Result<ListPage, Error> {
    if cx.tenant.replica.settings.on {
        if replica::serves(cx).await? {
            if let Some(page) = replica::list(cx, query).await? {
                return Ok(page);
            }
        } else {
            return first(cx, live::list::list(cx, query).await);
        }
    }
    live::list::list(cx, query).await
}

/// While the first synchronisation runs, what Graph cannot answer is not wrong, but early.
fn first(cx: &Context, page: Result<ListPage, Error>) -> Result<ListPage, Error> {
    use crate::scim::error::{Error as ScimError, Kind};
    page.map_err(|error| {
        let early = matches!(error.scim.kind, Kind::InvalidFilter | Kind::TooMany);
        if !early {
            return error;
        }
        let now = super::replica::micros(cx.app.clock.as_ref());
        let (share, left) = cx.tenant.replica.progress(|progress| progress.outlook(now));
        let seconds = left.unwrap_or(10.0).clamp(1.0, 300.0);
        let text = format!(
            "the first synchronisation of the directory is under way ({:.0} % done); Microsoft Graph itself cannot answer this query",
            share * 100.0
        );
        Error {
            retry_after: Some(std::time::Duration::from_secs_f64(seconds)),
            ..Error::from(ScimError::new(Kind::Unavailable, text))
        }
    })
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
