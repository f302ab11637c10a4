//! Delta query: everything once, then only what changed
//! ([overview](https://learn.microsoft.com/graph/delta-query-overview)).

mod query;
mod round;
mod token;
mod tracked;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use self::query::Call;
use self::token::Token;
use self::tracked::tracked;
use super::directory::journal::LIFE;
use super::errors::SimError;
use super::model::{EntitySet, View};
use super::options::Resync;
use super::request::SimResponse;

/// `GET set/delta`
pub fn read(view: &View<'_>, set: &'static EntitySet) -> Result<SimResponse, SimError> {
    let tracked = tracked(set)?;
    let (dir, now) = (view.dir.directory(), view.dir.now());
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
    let journal = view.dir.directory().journal();
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
    if view.options.delta.resync == Resync::SyncStateNotFound {
        return Err(SimError::new(400, "syncStateNotFound", message));
    }
    let error = SimError::new(410, "resyncRequired", message);
    let location = format!(
        "{}{}?$deltatoken=",
        view.request.base(),
        view.request.written()
    );
    Ok(SimResponse::refusal(error, view.request, view.dir.now()).with_header("Location", location))
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
        request.written(),
        token.encode()
    );
    let mut body = Map::new();
    body.insert("@odata.context".to_owned(), context.into());
    body.insert(name.to_owned(), link.into());
    body.insert("value".to_owned(), rows.into());
    SimResponse::ok(body.into())
}

#[cfg(test)]
mod tests;
