//! Delta query: everything once, then only what changed
//! ([overview](https://learn.microsoft.com/graph/delta-query-overview)).

mod query;
mod round;
mod token;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use self::query::Call;
use self::token::Token;
use super::directory::journal::LIFE;
use super::directory::{Kind, Relation};
use super::errors::SimError;
use super::model::{EntitySet, Holds, View};
use super::request::SimResponse;
use crate::odata::facts;

/// What a set's rounds follow.
struct Tracked {
    entity: &'static str,
    /// Relations, and whether they are followed without being selected.
    relations: &'static [(Relation, bool)],
}

/// How a token that works no more is answered: documents leave the directory's way open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resync {
    /// 410 with the address to start from in `Location`.
    #[default]
    Gone,
    /// 400 `syncStateNotFound`.
    SyncStateNotFound,
}

/// Delta behaviour that documents leave open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Habits {
    /// The answer to a token that works no more.
    pub resync: Resync,
    /// Pages show an object twice, and a round shows the last change of the round before.
    pub repeats: bool,
    /// Members that are gone for good are reported as removed. Documented, yet said not to happen.
    pub cut_links: bool,
}

fn tracked(set: &EntitySet) -> Result<Tracked, SimError> {
    let (entity, relations): (_, &'static [(Relation, bool)]) = match set.holds {
        Holds::Any if !set.is_recycle_bin() => ("directoryObject", &[]),
        Holds::One(kind) => (
            kind.entity(),
            match kind {
                Kind::User => &[(Relation::Manager, false)],
                Kind::Group => &[(Relation::Member, true), (Relation::Owner, false)],
                Kind::DirectoryRole | Kind::AdministrativeUnit => &[(Relation::Member, true)],
                Kind::Application | Kind::ServicePrincipal => &[(Relation::Owner, false)],
                Kind::OAuth2PermissionGrant => &[],
                _ => return Err(SimError::segment("delta")),
            },
        ),
        _ => return Err(SimError::segment("delta")),
    };
    Ok(Tracked { entity, relations })
}

/// `GET set/delta`
pub fn read(view: &View<'_>, set: &'static EntitySet) -> Result<SimResponse, SimError> {
    let tracked = tracked(set)?;
    let (dir, now) = (view.dir, view.dir.now());
    let fresh = Token {
        set: set.context.to_owned(),
        generation: dir.journal().generation(),
        issued: now.unix_timestamp(),
        ..Token::default()
    };
    match query::parse(view, set, fresh)? {
        Call::Latest(mut token) => {
            token.since = Some(dir.delta_visible(now));
            Ok(page(view, &token, Vec::new(), None))
        }
        Call::Round(token) => {
            if !works(view, &token, now) {
                return resync(view);
            }
            let round = round::run(view, &tracked, &token, dir.delta_visible(now));
            let mut next = round.next;
            next.issued = now.unix_timestamp();
            let more = next.at.is_some();
            Ok(page(view, &next, round.rows, Some(more)))
        }
    }
}

fn works(view: &View<'_>, token: &Token, now: OffsetDateTime) -> bool {
    let journal = view.dir.journal();
    let life = if token.at.is_some() {
        view.options.page_token_life
    } else {
        LIFE
    };
    token.generation == journal.generation()
        && now.unix_timestamp() - token.issued <= life.whole_seconds()
        && token
            .since
            .or(token.upto)
            .is_none_or(|since| journal.reaches(since))
}

/// The token is of no use any more: the caller starts over.
fn resync(view: &View<'_>) -> Result<SimResponse, SimError> {
    let message = "The sync state generation is not found; resynchronization is required.";
    if view.dir.habits.resync == Resync::SyncStateNotFound {
        return Err(SimError::new(400, "syncStateNotFound", message));
    }
    let error = SimError::new(410, "resyncRequired", message);
    let location = format!("{}{}?$deltatoken=", view.request.base(), view.request.path);
    Ok(error
        .into_response(view.request, view.dir.now())
        .with_header("Location", location))
}

fn page(view: &View<'_>, token: &Token, rows: Vec<Value>, more: Option<bool>) -> SimResponse {
    let request = view.request;
    let select = token
        .select
        .as_ref()
        .map_or_else(String::new, |names| format!("({})", names.join(",")));
    let context = format!("{}/$metadata#{}{select}", request.base(), token.set);
    let (name, option) = if more == Some(true) {
        ("@odata.nextLink", "$skiptoken")
    } else {
        ("@odata.deltaLink", "$deltatoken")
    };
    let link = format!(
        "{}{}?{option}={}",
        request.base(),
        request.path,
        token.encode()
    );
    let mut body = Map::new();
    body.insert("@odata.context".to_owned(), context.into());
    body.insert(name.to_owned(), link.into());
    body.insert("value".to_owned(), rows.into());
    SimResponse::ok(body.into())
}

/// The properties that a round follows when nothing is selected.
fn default_properties(entity: &str) -> Vec<String> {
    let names = facts::default_properties(entity);
    if names.is_empty() {
        let all = facts::entity(entity).into_iter();
        return all
            .flat_map(|e| e.properties().map(|p| p.name.clone()))
            .collect();
    }
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests;
