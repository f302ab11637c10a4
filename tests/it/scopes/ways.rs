//! Every way in: the requests by which a relation can be read, asked about or written.

use serde_json::{Value, json};

use crate::support::app::{Answer, App, patch_op, quoted};

/// A relation of an object, with an edge that is there and one that could be added.
pub(super) struct Target {
    /// `Users`
    pub(super) endpoint: &'static str,
    /// `roles`
    pub(super) relation: &'static str,
    /// What names it in `attributes` and filters.
    pub(super) path: String,
    /// The scopes that it needs beside the endpoint's own, written out by hand.
    pub(super) needs: &'static [&'static str],
    pub(super) id: String,
    /// The far end of an edge that is there.
    pub(super) present: String,
    /// The far end of one that is not.
    pub(super) absent: String,
    /// Whether clients may write it at this end.
    pub(super) writable: bool,
    /// Whether Graph can be asked who has an edge to a value.
    pub(super) filterable: bool,
    /// A body that creates an object of this type, without relations.
    pub(super) create: Option<Value>,
}

/// A way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Get,
    GetNamed,
    List,
    ListNamed,
    Filter,
    FilterWithin,
    FilterNot,
    Sort,
    Search,
    RootSearch,
    PatchAdd,
    PatchRemove,
    PatchRemoveOne,
    PatchReplace,
    PatchWithoutPath,
    Put,
    PutEmpty,
    Post,
}

/// Whether the way shows what the relation holds (and may leave it out), asks about it, or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    Shows,
    Asks,
    Writes,
}

impl Way {
    pub(super) const ALL: [Self; 18] = [
        Self::Get,
        Self::GetNamed,
        Self::List,
        Self::ListNamed,
        Self::Filter,
        Self::FilterWithin,
        Self::FilterNot,
        Self::Sort,
        Self::Search,
        Self::RootSearch,
        Self::PatchAdd,
        Self::PatchRemove,
        Self::PatchRemoveOne,
        Self::PatchReplace,
        Self::PatchWithoutPath,
        Self::Put,
        Self::PutEmpty,
        Self::Post,
    ];

    pub(super) fn nature(self) -> Nature {
        match self {
            Self::Get | Self::List => Nature::Shows,
            Self::GetNamed
            | Self::ListNamed
            | Self::Filter
            | Self::FilterWithin
            | Self::FilterNot
            | Self::Sort
            | Self::Search
            | Self::RootSearch => Nature::Asks,
            _ => Nature::Writes,
        }
    }

    /// Whether the target can be reached this way at all.
    pub(super) fn fits(self, target: &Target) -> bool {
        match self {
            Self::FilterWithin => target.filterable && target.relation != "entitlements",
            Self::Filter | Self::Search | Self::RootSearch => target.filterable,
            // Graph cannot narrow these down; whole lists are evaluated here.
            Self::FilterNot => matches!(target.endpoint, "Roles" | "Licenses"),
            Self::Post => target.create.is_some() && target.writable,
            // A licence's own attributes are not replaced.
            Self::Put | Self::PutEmpty => target.writable && target.endpoint != "Licenses",
            _ if self.nature() == Nature::Writes => target.writable,
            _ => true,
        }
    }

    /// Sends the request; a write as a dry run, so that the tenant stays as it is.
    pub(super) async fn send(self, app: &App, target: &Target, bare: &Value) -> Answer {
        let Target {
            endpoint,
            relation,
            path,
            id,
            ..
        } = target;
        let one = format!("/{endpoint}/{id}");
        let list = format!("/{endpoint}");
        let value = format!("{path}.value");
        let is = format!("{value} eq {}", quoted(&target.present));
        let element = json!([{ "value": target.absent }]);
        let single = *relation == "manager";
        let added = if single { element[0].clone() } else { element };
        let urn = path.rsplit_once(':').map(|(urn, _)| urn);
        let nested = |value: Value| match urn {
            Some(urn) => json!({ urn: { *relation: value } }),
            None => json!({ *relation: value }),
        };
        let with = |value: Value| {
            let mut body = bare.clone();
            let room = match urn {
                Some(urn) => &mut body[urn],
                None => &mut body,
            };
            room[*relation] = value;
            body
        };
        let patch = async |operation: Value| {
            let body = patch_op(json!([operation]));
            dry(app, "PATCH", &one, &body).await
        };
        match self {
            Self::Get => app.get(&one).await,
            Self::GetNamed => app.get(&format!("{one}?attributes=id,{path}")).await,
            Self::List => app.list(&list, &[("count", "3")]).await,
            Self::ListNamed => {
                let name = format!("{path}.value");
                app.list(&list, &[("count", "3"), ("attributes", &name)])
                    .await
            }
            Self::Filter => app.list(&list, &[("filter", &is)]).await,
            Self::FilterWithin => {
                let filter = format!("{path}[value eq {}]", quoted(&target.present));
                app.list(&list, &[("filter", &filter)]).await
            }
            Self::FilterNot => {
                let filter = format!("not ({value} pr)");
                app.list(&list, &[("filter", &filter)]).await
            }
            Self::Sort => app.list(&list, &[("count", "3"), ("sortBy", &value)]).await,
            Self::Search => {
                let body = json!({
                    "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
                    "filter": is, "count": 200 });
                app.post(&format!("{list}/.search"), &body).await
            }
            Self::RootSearch => {
                let body = json!({
                    "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
                    "filter": is, "count": 200 });
                app.post("/.search", &body).await
            }
            Self::PatchAdd => patch(json!({"op": "add", "path": path, "value": added})).await,
            Self::PatchRemove => patch(json!({"op": "remove", "path": path})).await,
            Self::PatchRemoveOne if single => {
                patch(json!({"op": "remove", "path": format!("{path}.value")})).await
            }
            Self::PatchRemoveOne => {
                let which = format!("{path}[value eq {}]", quoted(&target.present));
                patch(json!({"op": "remove", "path": which})).await
            }
            Self::PatchReplace => {
                patch(json!({"op": "replace", "path": path, "value": added})).await
            }
            Self::PatchWithoutPath => patch(json!({"op": "add", "value": nested(added)})).await,
            Self::Put => dry(app, "PUT", &one, &with(added)).await,
            Self::PutEmpty => {
                let empty = if single { Value::Null } else { json!([]) };
                dry(app, "PUT", &one, &with(empty)).await
            }
            Self::Post => {
                let mut body = target.create.clone().unwrap();
                let room = match urn {
                    Some(urn) => &mut body[urn],
                    None => &mut body,
                };
                room[*relation] = added;
                dry(app, "POST", &list, &body).await
            }
        }
    }
}

async fn dry(app: &App, method: &str, path: &str, body: &Value) -> Answer {
    let headers = [("prefer", "dry-run")];
    app.request(method, path, Some(body), &headers).await
}
