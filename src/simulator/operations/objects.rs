//! `/directoryObjects/getByIds`

use serde_json::Value;

use super::answers::value_of;
use crate::simulator::directory::{Eyes, Slot, guid};
use crate::simulator::errors::SimError;
use crate::simulator::model::Ctx;
use crate::simulator::query::options::Query;
use crate::simulator::query::project::Projection;
use crate::simulator::request::SimResponse;

/// The most ids.
const MAX_IDS: usize = 1000;

/// Objects by id. Unknown ones are left out; the order is the directory's own.
pub fn get_by_ids(ctx: &mut Ctx<'_>) -> Result<SimResponse, SimError> {
    let body = ctx.request.body_object()?;
    let ids = body
        .get("ids")
        .and_then(Value::as_array)
        .filter(|ids| !ids.is_empty() && ids.len() <= MAX_IDS)
        .ok_or_else(|| SimError::invalid_property("ids"))?;
    let types: Option<Vec<&str>> = match body.get("types") {
        None | Some(Value::Null) => None,
        Some(Value::Array(types)) => Some(types.iter().filter_map(Value::as_str).collect()),
        Some(_) => return Err(SimError::invalid_property("types")),
    };
    // A read, although it is sent as POST.
    let seen = ctx.dir.seen_by(Eyes::Object);
    let mut slots: Vec<Slot> = Vec::new();
    for id in ids {
        let text = id
            .as_str()
            .ok_or_else(|| SimError::invalid_property("ids"))?;
        let id = guid(text).ok_or_else(|| SimError::identifier(text))?;
        slots.extend(seen.live(id).filter(|slot| {
            let kind = seen.object(*slot).kind;
            let wanted = |types: &Vec<&str>| {
                types.iter().any(|t| {
                    t.eq_ignore_ascii_case(kind.entity())
                        || t.eq_ignore_ascii_case("directoryObject")
                })
            };
            kind.is_directory_object() && types.as_ref().is_none_or(wanted)
        }));
    }
    slots.sort_unstable();
    slots.dedup();
    let view = ctx.view();
    let query = Query::parse(&view, "directoryObject")?;
    let mut projection = Projection::new(&view, &query, "directoryObject", true)?;
    projection.typed = true;
    let rows: Vec<Value> = slots
        .iter()
        .map(|s| projection.show(seen, *s).into())
        .collect();
    let context = format!("directoryObjects{}", projection.context());
    Ok(value_of(&view, &context, rows.into()).with_header("Location", ctx.request.origin.clone()))
}
