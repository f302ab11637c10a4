//! One audit row for every write: who, what, how it ended, and Graph's request-ids.

use sha2::{Digest, Sha256};

use super::{Context, Error};
use crate::{
    base::chain::Chain,
    scim::Document,
    store::{Actor, AuditEntry},
};

/// A write that has ended, well or not.
pub(super) struct Event<'a> {
    /// `create`, `replace`, `patch`, `delete`.
    pub(super) operation: &'a str,
    /// The resource's id, where there is one.
    pub(super) id: Option<&'a str>,
    /// The HTTP status that the client gets.
    pub(super) status: u16,
    /// Digest of the document before.
    pub(super) before: Option<String>,
    /// Digest of the document as answered.
    pub(super) after: Option<String>,
}

/// Stores the row. A row that cannot be stored is logged loudly: the write itself has happened,
/// and an error to the client would say that it has not.
pub(super) async fn record(cx: &Context, event: Event<'_>) {
    let entry = AuditEntry {
        id: uuid::Uuid::new_v4().to_string(),
        tenant: cx.tenant.name.clone(),
        at: cx.app.clock.now(),
        actor: Actor {
            token: Some(cx.caller.token_id.clone()),
            name: cx.caller.name.clone(),
        },
        operation: event.operation.to_owned(),
        resource_type: cx.kind().name.to_owned(),
        resource_id: event.id.map(str::to_owned),
        status: event.status,
        before: event.before,
        after: event.after,
        graph_requests: cx.call.stats.request_ids(),
    };
    if let Err(error) = cx.app.store.record_audit(&entry).await {
        let error = Error::from(error);
        tracing::error!(
            scim.operation = event.operation,
            scim.resource_type = entry.resource_type,
            scim.id = entry.resource_id.as_deref(),
            http.status = event.status,
            graph.request_ids = ?entry.graph_requests,
            error = %Chain(&error),
            "an audit row could not be stored"
        );
    }
}

/// What tells one state of a resource from another; its values cannot be read out of it.
pub(super) fn digest(doc: &Document) -> String {
    let text = serde_json::to_vec(doc).unwrap_or_default();
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(&text) {
        hex.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        hex.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    hex
}
