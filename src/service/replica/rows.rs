//! Edges as rows, and back.

use serde_json::{Map, Value, json};

use crate::{
    resources::{Edge, EdgeKind, Held, Side, edge::End, object_type},
    store::replica::{EdgeRow, Near, relation_name},
};

/// The end of edges, as the store names it.
pub(crate) const fn near(side: Side) -> Near {
    match side {
        Side::From => Near::From,
        Side::To => Near::To,
    }
}

/// Every kind.
pub(crate) const KINDS: [EdgeKind; 6] = [
    EdgeKind::Member,
    EdgeKind::Owner,
    EdgeKind::Manager,
    EdgeKind::Role,
    EdgeKind::Licence,
    EdgeKind::Unit,
];

/// The kind of edge that a row holds.
pub(crate) fn kind_of(row: &EdgeRow) -> Option<EdgeKind> {
    KINDS
        .into_iter()
        .find(|kind| relation_name(*kind) == row.relation)
}

/// What the ends of an edge are when it does not say so itself.
const fn default_kinds(kind: EdgeKind) -> (&'static str, &'static str) {
    match kind {
        EdgeKind::Member | EdgeKind::Owner => ("Group", ""),
        EdgeKind::Manager => ("User", "User"),
        EdgeKind::Role => ("", "Role"),
        EdgeKind::Licence => ("", "License"),
        EdgeKind::Unit => ("AdministrativeUnit", ""),
    }
}

/// The row of an edge.
pub(crate) fn to_row(edge: &Edge, generation: i64, written: i64) -> EdgeRow {
    let mut part = String::new();
    if edge.kind == EdgeKind::Role {
        part.push_str(edge.scope.as_deref().unwrap_or("/"));
    }
    // For good or for a time: it is the same row.
    if !matches!(edge.held, Held::Permanent | Held::Active) || edge.via.is_some() {
        let via = edge.via.as_deref().unwrap_or_default().to_ascii_lowercase();
        let held = match edge.held {
            Held::Permanent | Held::Active => "",
            Held::Eligible => "eligible",
            Held::Inherited => "inherited",
        };
        part.extend(["|", held, "|", &via]);
    }
    let (from_kind, to_kind) = default_kinds(edge.kind);
    let known = |end: &End, default: &str| end.kind.unwrap_or(default).to_owned();
    EdgeRow {
        relation: relation_name(edge.kind).to_owned(),
        from: edge.from.id.to_ascii_lowercase(),
        to: edge.to.id.to_ascii_lowercase(),
        part,
        from_kind: known(&edge.from, from_kind),
        to_kind: known(&edge.to, to_kind),
        detail: detail(edge),
        generation,
        written,
        removed: false,
        far_name: None,
    }
}

fn detail(edge: &Edge) -> Option<String> {
    let mut detail = Map::new();
    let mut text = |name: &str, value: Option<&String>| {
        if let Some(value) = value {
            detail.insert(name.to_owned(), value.clone().into());
        }
    };
    text("scope", edge.scope.as_ref());
    text("start", edge.start.as_ref());
    text("end", edge.end.as_ref());
    text("via", edge.via.as_ref());
    text("id", edge.id.as_ref());
    text("from", edge.activated_from.as_ref());
    text("state", edge.state.as_ref());
    text("error", edge.error.as_ref());
    if edge.kind == EdgeKind::Licence {
        text("name", edge.to.display.as_ref());
    }
    match edge.held {
        Held::Permanent => {}
        Held::Active => drop(detail.insert("held".to_owned(), "active".into())),
        Held::Eligible => drop(detail.insert("held".to_owned(), "eligible".into())),
        Held::Inherited => drop(detail.insert("held".to_owned(), "inherited".into())),
    }
    if let Some(plans) = &edge.disabled_plans {
        detail.insert("plans".to_owned(), json!(plans));
    }
    (!detail.is_empty()).then(|| Value::Object(detail).to_string())
}

/// Whether a row is of a role that is held for a time or may be activated.
pub(crate) fn is_scheduled_row(row: &EdgeRow) -> bool {
    kind_of(row) == Some(EdgeKind::Role)
        && to_edge(row, EdgeKind::Role, Side::From).held != Held::Permanent
}

/// Whether two rows of one edge say that it is held in different ways, or until different times.
pub(crate) fn is_held_otherwise(one: &EdgeRow, other: &EdgeRow) -> bool {
    kind_of(one).is_some_and(|kind| {
        let edge = |row| to_edge(row, kind, Side::From);
        edge(one).is_held_otherwise(&edge(other))
    })
}

/// The edge of a row; `side` is the end that the row was looked for by.
pub(crate) fn to_edge(row: &EdgeRow, kind: EdgeKind, side: Side) -> Edge {
    let end = |id: &str, kind: &str| End {
        id: id.to_owned(),
        display: None,
        kind: if kind == "Object" {
            Some("Object")
        } else {
            object_type(kind)
        },
    };
    let mut edge = Edge::new(
        kind,
        end(&row.from, &row.from_kind),
        end(&row.to, &row.to_kind),
    );
    let far = match side {
        Side::From => &mut edge.to,
        Side::To => &mut edge.from,
    };
    far.display.clone_from(&row.far_name);
    let Some(detail) = row.detail.as_deref() else {
        return edge;
    };
    let Ok(Value::Object(mut detail)) = serde_json::from_str(detail) else {
        return edge;
    };
    let mut text = |name: &str| match detail.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    edge.scope = text("scope");
    edge.start = text("start");
    edge.end = text("end");
    edge.via = text("via");
    edge.id = text("id");
    edge.activated_from = text("from");
    edge.state = text("state");
    edge.error = text("error");
    if let Some(name) = text("name")
        && side == Side::From
    {
        edge.to.display = Some(name);
    }
    edge.held = match text("held").as_deref() {
        Some("active") => Held::Active,
        Some("eligible") => Held::Eligible,
        Some("inherited") => Held::Inherited,
        _ => Held::Permanent,
    };
    if let Some(Value::Array(plans)) = detail.remove("plans") {
        let plans = plans
            .into_iter()
            .filter_map(|plan| plan.as_str().map(str::to_owned));
        edge.disabled_plans = Some(plans.collect());
    }
    edge
}
