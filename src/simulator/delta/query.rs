//! What the first call of a delta round may say.

use super::token::Token;
use super::tracked::{Tracked, tracked};
use crate::odata::expr::{Expr, Literal, Op};
use crate::odata::{facts, parse};
use crate::simulator::directory::guid;
use crate::simulator::errors::SimError;
use crate::simulator::model::{EntitySet, View};
use crate::simulator::query::filter::property_of;
use crate::simulator::query::spelling;

/// The most ids in `$filter`.
const MAX_IDS: usize = 50;

/// What a call asks for.
pub enum Call {
    /// A round, or its next page.
    Round(Token),
    /// Only a link to go on from.
    Latest(Token),
}

/// Reads the options of a call.
pub fn parse(view: &View<'_>, set: &EntitySet, fresh: Token) -> Result<Call, SimError> {
    let (mut token, mut latest, mut query) = (None, false, fresh);
    let mut asked = false;
    for (name, value) in &view.request.query {
        match name.to_ascii_lowercase().as_str() {
            "$deltatoken" if value.eq_ignore_ascii_case("latest") => latest = true,
            // What the Location of a 410 says: from the beginning.
            "$deltatoken" if value.is_empty() => {}
            "$deltatoken" | "$skiptoken" => {
                let found = Token::decode(value).filter(|t| {
                    t.set == set.context
                        && t.at.is_some() == name.eq_ignore_ascii_case("$skiptoken")
                });
                let found = found
                    .ok_or_else(|| SimError::bad("The specified page token value is invalid."))?;
                token = Some(found);
            }
            "$select" => {
                asked = true;
                query.select = Some(select(value, set)?);
            }
            "$filter" => {
                asked = true;
                query.ids = Some(ids(value)?);
            }
            other if other.starts_with('$') => {
                return Err(SimError::query(format!(
                    "The query parameter '{other}' is not supported in a delta query."
                )));
            }
            _ => {}
        }
    }
    match token {
        Some(_) if asked || latest => Err(SimError::gateway(
            "Query options other than the token are not allowed with $skiptoken or $deltatoken.",
        )),
        Some(token) => Ok(Call::Round(token)),
        None if latest => Ok(Call::Latest(query)),
        None => Ok(Call::Round(query)),
    }
}

/// Properties and relations that can be tracked; `id` comes by itself.
fn select(value: &str, set: &EntitySet) -> Result<Vec<String>, SimError> {
    let Tracked { entity, relations } = tracked(set)?;
    let mut names = Vec::new();
    for name in value.split(',').map(str::trim) {
        let name = spelling::property(entity, name);
        let name = name.as_str();
        let relation = relations
            .iter()
            .any(|(relation, _)| relation.name() == name);
        if !relation && property_of(entity, name).is_none() {
            return Err(SimError::gateway(format!(
                "Parsing OData Select and Expand failed: Could not find a property named '{name}' on type 'microsoft.graph.{entity}'."
            )));
        }
        if facts::per_object_only(entity, name) {
            return Err(SimError::not_implemented());
        }
        if !names.iter().any(|n| n == name) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// `id eq 'x' or id eq 'y'`
fn ids(value: &str) -> Result<Vec<String>, SimError> {
    let expr = parse::filter(value).map_err(|error| {
        SimError::gateway(format!(
            "Invalid filter clause: {} at position {} in '{value}'.",
            error.message, error.position
        ))
    })?;
    let mut ids = Vec::new();
    collect(&expr, &mut ids)?;
    if ids.len() > MAX_IDS {
        return Err(SimError::query(format!(
            "A delta query can filter by {MAX_IDS} ids at most."
        )));
    }
    Ok(ids)
}

fn collect(expr: &Expr, ids: &mut Vec<String>) -> Result<(), SimError> {
    match expr {
        Expr::Or(a, b) => {
            collect(a, ids)?;
            collect(b, ids)
        }
        Expr::Compare(path, Op::Eq, Literal::String(id) | Literal::Bare(id))
            if path.eq_ignore_ascii_case("id") =>
        {
            // Ids of grants are no GUIDs; those of the rest are compared as they are shown.
            ids.push(guid(id).map_or_else(|| id.clone(), |id| id.to_string()));
            Ok(())
        }
        _ => Err(SimError::query(
            "Unsupported or invalid query filter clause: a delta query filters by 'id eq' only.",
        )),
    }
}
