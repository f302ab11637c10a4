//! `GET /Changes`: what became of the directory, change by change, deletions included. A resource
//! type of ours, to be read by a cursor that can be kept (RFC 9865's parameters and names).

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{Context, Error, replica::body::moment, tokens::Access};
use crate::{
    resources,
    scim::{
        Document,
        error::{Error as ScimError, Kind},
        filter::{self, Filter, Matcher},
        schema::{Attribute, Mutability, ResourceSchema, Schema, Type},
        urn,
    },
    store::replica::{ChangeQuery, ChangeRow},
};

/// Its schema.
pub const CHANGE: &str = "urn:ietf:params:scim:schemas:entra-scim:2.0:Change";
/// Its name in `/ResourceTypes`.
pub const NAME: &str = "Change";
/// Its endpoint.
pub const ENDPOINT: &str = "/Changes";
/// Rows looked at in one request, when a filter passes few.
const LOOKED_AT: usize = 20_000;
/// Rows read at once.
const CHUNK: i64 = 1_000;

/// What a client asks for.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Where to go on; empty: with the first change that is kept; `latest`: behind the last one.
    pub cursor: Option<String>,
    /// The most changes to answer.
    pub count: Option<usize>,
    /// Which ones.
    pub filter: Option<String>,
}

impl Query {
    /// From the decoded pairs of a query string.
    ///
    /// # Errors
    /// `invalidValue` for a `count` that is no number, and for `startIndex`, which a feed has not.
    pub fn from_pairs(pairs: &[(String, String)]) -> Result<Self, ScimError> {
        let mut query = Self::default();
        for (name, value) in pairs {
            match name.to_ascii_lowercase().as_str() {
                "cursor" => query.cursor = Some(value.trim().to_owned()),
                "filter" if !value.trim().is_empty() => query.filter = Some(value.clone()),
                "count" if !value.trim().is_empty() => {
                    let count = value.trim().parse::<i64>().map_err(|_| {
                        ScimError::invalid_value(format!("count '{value}' is no number"))
                    })?;
                    query.count = Some(usize::try_from(count).unwrap_or_default());
                }
                "startindex" if !matches!(value.trim(), "" | "1") => {
                    return Err(ScimError::invalid_value(
                        "changes are paged by cursor: leave startIndex out",
                    ));
                }
                _ => {}
            }
        }
        Ok(query)
    }
}

/// The schema, for `/Schemas` and for filters.
pub fn schema() -> &'static ResourceSchema {
    static SCHEMA: LazyLock<ResourceSchema> = LazyLock::new(|| {
        let read_only = |name: &str, kind, text: &str| Attribute {
            mutability: Mutability::ReadOnly,
            ..Attribute::new(name, kind, text)
        };
        let mut kind = read_only(
            "resourceType",
            Type::String,
            "The type of what changed: User, Group, …",
        );
        kind.canonical_values = resources::ALL
            .iter()
            .map(|kind| kind.name.to_owned())
            .collect();
        let mut resource_id = read_only("resourceId", Type::String, "The id of what changed.");
        resource_id.case_exact = true;
        let mut change = read_only("change", Type::String, "What became of it.");
        change.canonical_values = ["created", "updated", "deleted"]
            .map(str::to_owned)
            .to_vec();
        let mut attributes = read_only(
            "attributes",
            Type::String,
            "The names of the attributes that changed.",
        );
        attributes.multi_valued = true;
        let at = read_only(
            "at",
            Type::DateTime,
            "When the change was made here, or seen.",
        );
        let cause = read_only(
            "cause",
            Type::String,
            "The name of the token that made it, or 'directory' for a change elsewhere.",
        );
        let mut reference = read_only(
            "resourceRef",
            Type::Reference,
            "Where it is, unless it was deleted.",
        );
        reference.case_exact = true;
        reference.reference_types = vec!["uri".to_owned()];
        ResourceSchema {
            name: NAME.to_owned(),
            endpoint: ENDPOINT.to_owned(),
            core: Schema {
                id: CHANGE.to_owned(),
                name: NAME.to_owned(),
                description: "A change of a resource, made here or in the directory.".to_owned(),
                attributes: vec![kind, resource_id, change, attributes, at, cause, reference],
            },
            extensions: Vec::new(),
            common: ResourceSchema::common_attributes(),
        }
    });
    &SCHEMA
}

/// A page of changes as a list response, with `nextCursor`: always, because a feed has no end.
///
/// # Errors
/// `invalidFilter`; `invalidCursor` and `expiredCursor`; 404 without a replica; 503 before it is
/// complete.
pub async fn changes(contexts: &[Context], query: &Query) -> Result<Value, Error> {
    let Some(cx) = contexts.first() else {
        return Err(ScimError::forbidden("the token may read no resource type").into());
    };
    if !cx.tenant.replica.settings.on {
        return Err(
            ScimError::not_found("there are no changes to read: replica is \"off\"").into(),
        );
    }
    if !super::read::serves(cx).await? {
        let text = "the first synchronisation of the directory is under way";
        return Err(Error {
            retry_after: Some(std::time::Duration::from_secs(10)),
            ..Error::from(ScimError::new(Kind::Unavailable, text))
        });
    }
    let filter = query.filter.as_deref().map(checked).transpose()?;
    let matcher = filter.as_ref().map(|filter| Matcher::new(filter, schema()));
    let (store, tenant) = (&cx.app.store, &cx.tenant.name);
    let (first, last, kept) = store.change_range(tenant).await?;
    let mut after = match query.cursor.as_deref() {
        None | Some("") => first - 1,
        Some("latest") => last,
        Some(cursor) => position(cursor)?,
    };
    if after > last && kept > 0 || after < 0 && kept > 0 && first > 1 {
        return Err(ScimError::new(Kind::InvalidCursor, "the cursor is none of this feed").into());
    }
    if kept > 0 && after + 1 < first {
        let text = "changes behind this cursor are no longer kept: take a full inventory, and go on with cursor=latest";
        return Err(ScimError::new(Kind::ExpiredCursor, text).into());
    }
    let settings = &cx.app.settings;
    let count = query
        .count
        .unwrap_or(settings.default_page)
        .min(settings.max_page);
    let kinds: Vec<&str> = contexts.iter().map(|cx| cx.kind().name).collect();
    let mut found: Vec<Value> = Vec::new();
    let mut looked_at = 0;
    'reading: while found.len() < count && looked_at < LOOKED_AT {
        let chunk = ChangeQuery {
            tenant,
            after,
            kinds: &kinds,
            limit: CHUNK,
        };
        let rows = store.changes(&chunk).await?;
        if rows.is_empty() {
            after = after.max(last);
            break;
        }
        for row in rows {
            looked_at += 1;
            let seq = row.seq;
            let doc = document(contexts, row);
            if matcher.as_ref().is_none_or(|matcher| matcher.matches(&doc)) {
                found.push(Value::Object(doc));
            }
            after = seq;
            if found.len() == count {
                break 'reading;
            }
        }
    }
    Ok(json!({
        "schemas": [urn::LIST_RESPONSE],
        "totalResults": found.len(),
        "itemsPerPage": found.len(),
        "nextCursor": cursor(after),
        "moreAvailable": after < last,
        "Resources": found,
    }))
}

fn checked(text: &str) -> Result<Filter, ScimError> {
    filter::check(&filter::parse(text)?, schema())
}

fn cursor(after: i64) -> String {
    format!("c{after}")
}

fn position(cursor: &str) -> Result<i64, ScimError> {
    let number = cursor
        .strip_prefix('c')
        .and_then(|text| text.parse::<i64>().ok());
    number
        .filter(|number| *number >= 0)
        .ok_or_else(|| ScimError::new(Kind::InvalidCursor, "the cursor is none that was given"))
}

/// A change as the caller may see it: without the names of attributes that it may not read.
pub(super) fn document(contexts: &[Context], row: ChangeRow) -> Document {
    let of = contexts.iter().find(|cx| cx.kind().name == row.kind);
    let base = of.map_or("", |cx| &*cx.base_url);
    let names: Vec<String> = serde_json::from_str(&row.attributes).unwrap_or_default();
    let hidden: Vec<String> = of.map_or_else(Vec::new, |cx| {
        cx.unreadable().map(|row| row.path.to_string()).collect()
    });
    let names: Vec<String> = names
        .into_iter()
        .filter(|name| !hidden.contains(name))
        .collect();
    let mut doc = Document::new();
    doc.insert("schemas".into(), json!([CHANGE]));
    doc.insert("id".into(), row.seq.to_string().into());
    doc.insert("resourceType".into(), row.kind.into());
    doc.insert("resourceId".into(), row.id.clone().into());
    doc.insert("change".into(), row.change.clone().into());
    if !names.is_empty() {
        doc.insert("attributes".into(), names.into());
    }
    doc.insert("at".into(), moment(row.at).into());
    doc.insert("cause".into(), row.cause.into());
    if row.change != "deleted"
        && let Some(cx) = of
    {
        doc.insert("resourceRef".into(), cx.location(&row.id).into());
    }
    doc.insert(
        "meta".into(),
        json!({
            "resourceType": NAME,
            "created": moment(row.at),
            "location": format!("{base}{ENDPOINT}?cursor={}", cursor(row.seq - 1)),
        }),
    );
    doc
}

/// Whether the caller may read changes of the type.
pub fn may_read(caller: &super::tokens::Caller, kind: &resources::ResourceType) -> bool {
    caller.grant.allows(Access::Read, &kind.endpoint[1..])
}
