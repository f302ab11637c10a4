//! Walks by cursors, RFC 9865. A cursor holds all that the next page takes, sealed: no state is kept,
//! and any instance goes on.
//!
//! In the replica a walk goes on behind the last resource that it has shown, in the order of the
//! walk: what comes and goes meanwhile moves nothing, and shows nothing twice. Where Graph is asked,
//! and where the order is by an attribute with many values, it goes on at a number, as `startIndex`
//! would.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{
    super::{Context, Error, seal},
    ListPage, Walk, pages, replica,
};
use crate::{
    scim::{
        attr::AttrPath,
        error::{Error as ScimError, Kind},
        filter::{CompareOp, Filter, Literal},
        list::ListQuery,
        projection::Projection,
        resource,
        schema::Type,
        sort::SortOrder,
    },
    service::seal::Seal,
};

/// How long a cursor is good, in seconds.
pub const TIMEOUT: i64 = 3_600;
/// Longer texts are not compared by their index to the end.
const LONGEST: usize = 200;

/// What a cursor holds.
#[derive(Debug, Serialize, Deserialize)]
struct Bookmark {
    /// A digest of the query that is walked.
    #[serde(rename = "q")]
    query: String,
    /// When it was given, in seconds since 1970.
    #[serde(rename = "t")]
    at: i64,
    /// All that matched when the walk began.
    #[serde(rename = "n")]
    total: usize,
    #[serde(rename = "p")]
    place: Place,
}

#[derive(Debug, Serialize, Deserialize)]
enum Place {
    /// The 1-based index of the next one.
    #[serde(rename = "s")]
    Start(usize),
    /// Behind this resource, which has this value of the attribute that is sorted by.
    #[serde(rename = "b")]
    Behind { id: String, value: Option<Value> },
}

/// One page of a walk.
///
/// # Errors
/// `invalidCursor` for what is no cursor of this query, `expiredCursor` for one that is too old;
/// as [`super::list`].
pub(super) async fn page(cx: &Context, query: &ListQuery, cursor: &str) -> Result<ListPage, Error> {
    let bookmark = if cursor.is_empty() {
        None
    } else {
        Some(read(cx, query, cursor).await?)
    };
    let by_id = walks_by_id(cx, query).await?;
    let mut part = ListQuery {
        cursor: None,
        start_index: 1,
        ..query.clone()
    };
    match bookmark.as_ref().map(|bookmark| &bookmark.place) {
        None => {}
        Some(Place::Start(start)) => part.start_index = *start,
        Some(Place::Behind { .. }) if !by_id => {
            let text = "the walk cannot go on from here: begin anew";
            return Err(ScimError::new(Kind::ExpiredCursor, text).into());
        }
        Some(Place::Behind { id, value }) => {
            let behind = behind(query, id, value.as_ref());
            part.filter = Some(match part.filter.take() {
                Some(filter) => both(filter, behind),
                None => behind,
            });
        }
    }
    let mut page = pages(cx, &part).await?;
    let total = bookmark.map_or(page.total, |bookmark| bookmark.total);
    let shown = page.resources.len();
    let is_last = shown == 0 || part.start_index - 1 + shown >= page.total;
    let place = if is_last {
        None
    } else if by_id && part.start_index == 1 {
        last(cx, query, &page).await?
    } else {
        Some(Place::Start(part.start_index + shown))
    };
    let next = match place {
        None => None,
        Some(place) => Some(give(cx, query, total, place).await?),
    };
    page.total = total;
    page.walk = Some(Walk { next });
    Ok(page)
}

/// Whether the order of the walk can be taken up behind a resource.
async fn walks_by_id(cx: &Context, query: &ListQuery) -> Result<bool, Error> {
    if !replica::serves(cx).await? || replica::looks_beyond(cx, query) {
        return Ok(false);
    }
    let Some(by) = &query.sort_by else {
        return Ok(true);
    };
    let found = cx.schema().resolve(by).map_err(Error::from)?;
    let single = |a: &crate::scim::schema::Attribute| !a.multi_valued;
    let plain = [found.attribute, found.sub]
        .into_iter()
        .flatten()
        .all(single);
    let kind = found.leaf().map(|leaf| leaf.kind);
    let moment = matches!(by.sub.as_deref(), Some("created" | "lastModified"));
    let is_own = by.attr == "meta" && !moment;
    Ok(plain && !is_own && !matches!(kind, None | Some(Type::Complex | Type::Binary)))
}

/// The place of the last resource of a page, as the replica has it now.
async fn last(cx: &Context, query: &ListQuery, page: &ListPage) -> Result<Option<Place>, Error> {
    let start = Place::Start(1 + page.resources.len());
    let text = page.resources.last();
    let doc: Option<Value> = text.and_then(|text| serde_json::from_slice(text).ok());
    let id = doc.as_ref().and_then(|doc| doc.get("id")?.as_str());
    let Some(id) = id.map(str::to_owned) else {
        return Ok(Some(start));
    };
    let Some(by) = &query.sort_by else {
        return Ok(Some(Place::Behind { id, value: None }));
    };
    let name = by.to_string();
    let projection = Projection::from_lists(&[name], &[], cx.schema())?;
    let Some((doc, _)) = replica::document(cx, &id, &projection).await? else {
        return Ok(Some(start));
    };
    let value = resource::get(&doc, by).cloned();
    let long = |value: &Value| value.as_str().is_some_and(|text| text.len() > LONGEST);
    if value.as_ref().is_some_and(long) {
        return Ok(Some(start));
    }
    Ok(Some(Place::Behind { id, value }))
}

/// What comes behind a resource in the order of the query. Those without a value come last, or first
/// where it descends; those that are equal come by id.
fn behind(query: &ListQuery, id: &str, value: Option<&Value>) -> Filter {
    let later = Filter::Compare(
        AttrPath::core("id"),
        CompareOp::Gt,
        Literal::String(id.to_owned()),
    );
    let Some(by) = &query.sort_by else {
        return later;
    };
    let ascending = query.sort_order == SortOrder::Ascending;
    let present = Filter::Present(by.clone());
    let absent = Filter::Not(Box::new(present.clone()));
    let Some(literal) = value.and_then(literal) else {
        let rest = both(absent, later);
        return if ascending {
            rest
        } else {
            either(rest, present)
        };
    };
    let equal = Filter::Compare(by.clone(), CompareOp::Eq, literal.clone());
    let beyond = match (&literal, ascending) {
        // Of the two, false comes before true.
        (Literal::Bool(held), _) => (*held != ascending)
            .then(|| Filter::Compare(by.clone(), CompareOp::Eq, Literal::Bool(!held))),
        (_, true) => Some(Filter::Compare(by.clone(), CompareOp::Gt, literal)),
        (_, false) => Some(Filter::Compare(by.clone(), CompareOp::Lt, literal)),
    };
    let mut rest = both(equal, later);
    if let Some(beyond) = beyond {
        rest = either(rest, beyond);
    }
    if ascending {
        rest = either(rest, absent);
    }
    rest
}

fn literal(value: &Value) -> Option<Literal> {
    Some(match value {
        Value::Bool(value) => Literal::Bool(*value),
        Value::Number(value) => Literal::Number(value.clone()),
        Value::String(value) => Literal::String(value.clone()),
        _ => return None,
    })
}

fn both(a: Filter, b: Filter) -> Filter {
    Filter::And(Box::new(a), Box::new(b))
}

fn either(a: Filter, b: Filter) -> Filter {
    Filter::Or(Box::new(a), Box::new(b))
}

/// What has to be the same on every page of a walk.
fn digest(query: &ListQuery) -> String {
    let filter = query.filter.as_ref().map(ToString::to_string);
    let sort = query.sort_by.as_ref().map(ToString::to_string);
    let said = format!("{filter:?} {sort:?} {:?}", query.sort_order);
    let digest = Sha256::digest(said.as_bytes());
    let hex: Vec<String> = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
    hex.concat()
}

/// What a cursor is good for: walks of this type.
fn purpose(cx: &Context) -> String {
    format!("cursor {}", cx.kind().name)
}

async fn give(
    cx: &Context,
    query: &ListQuery,
    total: usize,
    place: Place,
) -> Result<String, Error> {
    let bookmark = Bookmark {
        query: digest(query),
        at: cx.app.clock.now().unix_timestamp(),
        total,
        place,
    };
    let plain = serde_json::to_vec(&bookmark)
        .map_err(|_| ScimError::new(Kind::Internal, "internal error"))?;
    Seal::close(&cx.app, &cx.tenant, &purpose(cx), &plain)
        .await
        .map_err(fault)
}

async fn read(cx: &Context, query: &ListQuery, cursor: &str) -> Result<Bookmark, Error> {
    let wrong = |text: &str| Error::from(ScimError::new(Kind::InvalidCursor, text));
    let plain = Seal::open(&cx.app, &cx.tenant, &purpose(cx), cursor)
        .await
        .map_err(fault)?;
    let bookmark: Bookmark = plain
        .and_then(|plain| serde_json::from_slice(&plain).ok())
        .ok_or_else(|| wrong("the cursor is none that was given for this list"))?;
    if bookmark.query != digest(query) {
        return Err(wrong(
            "the cursor is of another query: filter, sortBy and sortOrder stay the same in a walk",
        ));
    }
    let age = cx.app.clock.now().unix_timestamp() - bookmark.at;
    if age > TIMEOUT {
        let text = "the cursor is too old: begin anew";
        return Err(ScimError::new(Kind::ExpiredCursor, text).into());
    }
    Ok(bookmark)
}

fn fault(fault: seal::Fault) -> Error {
    let text = "the store does not answer";
    Error {
        source: Some(Box::new(fault)),
        ..Error::from(ScimError::new(Kind::Unavailable, text))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn query(sort_by: Option<&str>, sort_order: SortOrder) -> ListQuery {
        ListQuery {
            filter: None,
            sort_by: sort_by.map(AttrPath::core),
            sort_order,
            start_index: 1,
            count: None,
            cursor: None,
            projection: Projection::all(),
        }
    }

    /// (sortBy, ascending, value of the last one, what comes behind it)
    #[test]
    fn what_comes_behind() {
        for (by, ascending, value, expected) in [
            (None, true, None, r#"id gt "x""#),
            (
                Some("title"),
                true,
                Some(json!("a")),
                r#"title eq "a" and id gt "x" or title gt "a" or not (title pr)"#,
            ),
            (
                Some("title"),
                false,
                Some(json!("a")),
                r#"title eq "a" and id gt "x" or title lt "a""#,
            ),
            (Some("title"), true, None, r#"not (title pr) and id gt "x""#),
            (
                Some("title"),
                false,
                None,
                r#"not (title pr) and id gt "x" or title pr"#,
            ),
            (
                Some("active"),
                true,
                Some(json!(false)),
                r#"active eq false and id gt "x" or active eq true or not (active pr)"#,
            ),
            (
                Some("active"),
                true,
                Some(json!(true)),
                r#"active eq true and id gt "x" or not (active pr)"#,
            ),
            (
                Some("active"),
                false,
                Some(json!(true)),
                r#"active eq true and id gt "x" or active eq false"#,
            ),
        ] {
            let order = if ascending {
                SortOrder::Ascending
            } else {
                SortOrder::Descending
            };
            let behind = behind(&query(by, order), "x", value.as_ref());
            assert_eq!(behind.to_string(), expected);
        }
    }
}
