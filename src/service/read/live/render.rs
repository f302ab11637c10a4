//! From loaded objects to the texts of a page: one by one, so that of each no more than its text
//! stays.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use super::{
    super::{
        super::{Context, Error, memory::Room, offload},
        Wanted,
    },
    object::{self, Loaded},
};
use crate::scim::{error::Error as ScimError, error::Kind, projection::Projection};

/// With more objects, making their documents leaves the async workers.
const MANY: usize = 16;
/// What an object takes while its document is made: for itself, and for each property.
const BYTES_PER_OBJECT: usize = 2 << 10;
const BYTES_PER_PROPERTY: usize = 256;

/// One page of a list.
#[derive(Debug)]
pub struct ListPage {
    /// All that match.
    pub total: usize,
    /// 1-based index of the first.
    pub start_index: usize,
    /// This page's resources, projected: each as JSON.
    pub resources: Vec<Bytes>,
    /// The memory that they take.
    pub room: Room,
    /// Where a walk by cursors goes on; `None` on a page by index.
    pub walk: Option<Walk>,
}

/// The place of a page in a walk by cursors.
#[derive(Clone, Debug)]
pub struct Walk {
    /// The cursor of the next page, unless this is the last one.
    pub next: Option<String>,
}

/// Room for so many objects with what is wanted of them.
///
/// # Errors
/// As [`super::super::super::memory::Memory::room`].
pub(super) async fn room(cx: &Context, wanted: &Wanted, objects: usize) -> Result<Room, Error> {
    let each = BYTES_PER_OBJECT + wanted.select.len() * BYTES_PER_PROPERTY;
    let memory = &cx.app.memory;
    memory
        .room(
            &cx.caller.token_id,
            objects.saturating_mul(each),
            cx.call.deadline,
        )
        .await
}

/// The texts of the documents.
///
/// # Errors
/// 503 when the request's time is over.
pub(super) async fn render(
    cx: &Context,
    loaded: Vec<(Loaded, Arc<Wanted>)>,
    projection: &Projection,
) -> Result<Vec<Bytes>, Error> {
    let (own, projection) = (cx.clone(), projection.clone());
    let much = loaded.len() > MANY;
    let work = move || {
        let text = |(loaded, wanted): (Loaded, Arc<Wanted>)| {
            let doc = object::document(&own, &loaded, &wanted);
            drop(loaded);
            let shown = own.shown(doc, &projection);
            serde_json::to_vec(&Value::Object(shown)).map(Bytes::from)
        };
        loaded.into_iter().map(text).collect::<Result<Vec<_>, _>>()
    };
    offload(cx, much, work)
        .await?
        .map_err(|_| ScimError::new(Kind::Internal, "internal error").into())
}

/// A page of these texts; of the room stays what they take.
pub(super) fn page(
    total: usize,
    start_index: usize,
    resources: Vec<Bytes>,
    mut room: Room,
) -> ListPage {
    room.shrink_to(resources.iter().map(Bytes::len).sum());
    ListPage {
        total,
        start_index,
        resources,
        room,
        walk: None,
    }
}
