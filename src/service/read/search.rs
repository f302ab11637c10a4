//! `POST /.search` and `GET` of the base: one query over every resource type (RFC 7644 §3.4.2.1, §3.4.3).

use super::{
    super::{Context, Error, memory::Room},
    ListPage, list,
};
use crate::scim::{
    error::{Error as ScimError, Kind},
    list::ListQuery,
    schema::ResourceSchema,
};
use bytes::Bytes;

/// Searches the types one after the other, in the order of `/ResourceTypes`; the window of
/// `startIndex` and `count` runs over all of them. A type that lacks an attribute of the filter
/// has no matches; a filter that no type understands is an error.
///
/// # Errors
/// As for [`list`].
pub async fn search(
    contexts: Vec<Context>,
    query: impl Fn(&ResourceSchema) -> Result<ListQuery, ScimError>,
) -> Result<ListPage, Error> {
    let mut total = 0;
    let mut resources: Vec<Bytes> = Vec::new();
    let mut room = Room::default();
    let mut not_understood: Option<ScimError> = None;
    let mut understood = false;
    let mut start_index = 1;
    for cx in contexts {
        let mut query = match query(cx.schema()) {
            Ok(query) => query,
            Err(error) if error.kind == Kind::InvalidFilter => {
                not_understood = Some(error);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        understood = true;
        if query.cursor.is_some() {
            let text =
                "a query over all types is paged by startIndex: leave cursor out, or ask one type";
            return Err(ScimError::invalid_value(text).into());
        }
        start_index = query.start_index;
        let settings = &cx.app.settings;
        let count = query
            .count
            .unwrap_or(settings.default_page)
            .min(settings.max_page);
        query.count = Some(count - resources.len().min(count));
        query.start_index = query.start_index.saturating_sub(total).max(1);
        let page = list(&cx, &query).await?;
        total += page.total;
        resources.extend(page.resources);
        room.merge(page.room);
    }
    match not_understood {
        Some(error) if !understood => Err(error.into()),
        _ => Ok(ListPage {
            total,
            start_index,
            resources,
            room,
            walk: None,
        }),
    }
}
