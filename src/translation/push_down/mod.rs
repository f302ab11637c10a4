//! Filters: what of a SCIM filter Graph can answer.
//!
//! Every part becomes a [`Piece`]: a Graph expression that selects what the SCIM filter selects,
//! or more (then it is not exact and the filter is evaluated on the result). Negations are driven
//! down to the comparisons first, so that "or more" stays "or more" under `and` and `or`. What
//! Graph cannot answer is left to the evaluation where an `and` has another leg that it can.

mod element;
mod leaf;
mod piece;

use super::{Mapping, path::Place, row::RelationRow};
use crate::{
    odata::{
        expr::{Expr, Literal as Value, Op},
        facts::{self, Support},
    },
    resources,
    scim::{
        attr::AttrPath,
        error::Error,
        filter::{CompareOp, Filter, Literal},
    },
};
pub(super) use leaf::{Target, operators};
use piece::{Piece, Why};

/// What Graph is asked for a filter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PushDown {
    /// The `$filter`; `None`: no restriction.
    pub expr: Option<Expr>,
    /// Whether it takes an advanced query (`ConsistencyLevel: eventual` and `$count=true`).
    pub advanced: bool,
    /// Whether the answer is just what the SCIM filter selects. If not, it may hold more, and
    /// the SCIM filter has to be evaluated on the result.
    pub exact: bool,
    /// Nothing can satisfy the filter: no need to ask.
    pub nothing: bool,
    /// The id that the filter pins.
    pub id: Option<String>,
    /// A relation that the objects must have, beside `expr`.
    pub relation: Option<RelationFilter>,
    /// What is left to evaluate on the objects that are asked for; `None`: nothing, they all
    /// satisfy the filter.
    ///
    /// With a `relation` they are the objects that have it, of which nothing else is known; with
    /// an `id` alone it is that one object, of which not even the spelling of its id is known;
    /// else they are what `expr` selects.
    pub rest: Option<Filter>,
}

/// `members.value eq "x"`: the objects whose relation holds a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationFilter {
    /// The relation's name.
    pub relation: String,
    /// The value it must hold.
    pub value: String,
}

impl Mapping {
    /// What to ask Graph so that a filter (checked against [`Mapping::schema`]) is answered.
    ///
    /// # Errors
    /// `invalidFilter` when Graph cannot narrow the list by any part of it, or when a part can
    /// not even be evaluated on what a list returns; says why, and what could be asked instead.
    pub fn push_down(&self, filter: &Filter) -> Result<PushDown, Error> {
        let legs = filter.conjuncts();
        let mut down = PushDown {
            exact: true,
            ..PushDown::default()
        };
        let mut whole = Piece::True;
        let (mut useful, mut refusal) = (false, None);
        // What the relation does not say, and what Graph's answer to the expression does not.
        let (mut beside_relation, mut inexact) = (Vec::new(), Vec::new());
        for leg in legs {
            if let Some(id) = pinned_id(leg) {
                down.id.get_or_insert(id);
            }
            if let Some(wanted) = self.relation_leg(leg) {
                match &down.relation {
                    None => {
                        down.relation = Some(wanted);
                        useful = true;
                    }
                    Some(same) if *same == wanted => {}
                    Some(_) => {
                        down.exact = false;
                        beside_relation.push(leg);
                    }
                }
                continue;
            }
            beside_relation.push(leg);
            match self.piece(leg, false) {
                Ok(piece) => {
                    useful |= matches!(piece, Piece::Graph { .. } | Piece::False);
                    if !(piece.is_exact() && whole.joins(&piece)) {
                        inexact.push(leg);
                    }
                    whole = whole.and(piece);
                }
                Err(why) if why.fatal => return Err(Error::invalid_filter(why.reason)),
                Err(why) => {
                    down.exact = false;
                    inexact.push(leg);
                    refusal.get_or_insert(why.reason);
                }
            }
        }
        match refusal {
            Some(reason) if !useful => return Err(Error::invalid_filter(reason)),
            _ => {}
        }
        down.rest = if down.relation.is_some() {
            Filter::all_of(beside_relation)
        } else if down.id.is_some() {
            Some(filter.clone())
        } else {
            Filter::all_of(inexact)
        };
        match whole {
            Piece::True => {}
            Piece::All => down.exact = false,
            Piece::False => {
                down = PushDown {
                    exact: true,
                    nothing: true,
                    ..PushDown::default()
                };
            }
            Piece::Graph { expr, mode, exact } => {
                down.expr = Some(expr);
                down.advanced = mode == Support::AdvancedOnly;
                down.exact &= exact;
            }
        }
        Ok(down)
    }

    /// A part of the filter; `negated`: what it does not select.
    fn piece(&self, filter: &Filter, negated: bool) -> Result<Piece, Why> {
        match filter {
            Filter::Not(inner) => self.piece(inner, !negated),
            Filter::And(a, b) if !negated => {
                piece::both(self.piece(a, false), self.piece(b, false))
            }
            Filter::Or(a, b) if negated => piece::both(self.piece(a, true), self.piece(b, true)),
            Filter::And(a, b) | Filter::Or(a, b) => {
                let (a, b) = (self.piece(a, negated)?, self.piece(b, negated)?);
                a.or(b, &self.entity)
            }
            // RFC 7644 §3.4.2.2: null is "no value".
            Filter::Compare(path, CompareOp::Eq, Literal::Null) => self.present(path, !negated),
            Filter::Compare(path, CompareOp::Ne, Literal::Null) | Filter::Present(path) => {
                self.present(path, negated)
            }
            Filter::Compare(path, op, literal) => self.compare(path, *op, literal, negated),
            Filter::ValuePath(path, inner) => {
                if let Some(row) = self.relation_at(path) {
                    return Err(relation_alone(row));
                }
                self.elements(path, inner, negated)
            }
        }
    }

    fn compare(
        &self,
        path: &AttrPath,
        op: CompareOp,
        literal: &Literal,
        negated: bool,
    ) -> Result<Piece, Why> {
        if let Some(piece) = self.server_side(path, op, literal, negated)? {
            return Ok(piece);
        }
        if let Some(row) = self.relation_at(path) {
            return self.assigned_licence(row, path, op, literal, negated);
        }
        let plain = |row: &&super::Row| *row.place() == Place::Plain(path.clone());
        if let Some(row) = self.rows.iter().find(plain) {
            return self.leaf(row, op, literal, negated);
        }
        if self
            .slots
            .iter()
            .any(|slot| slot.attr == path.without_sub())
        {
            if op == CompareOp::Ne {
                return Err(Why::cannot(format!(
                    "Microsoft Graph cannot compare any value of '{path}' by 'ne': write not \
                     ({path} eq …), which means none of them"
                )));
            }
            let sub = path.sub.clone().unwrap_or_else(|| "value".to_owned());
            let inner = Filter::Compare(AttrPath::core(sub), op, literal.clone());
            return self.elements(&path.without_sub(), &inner, negated);
        }
        Err(Why::cannot(format!(
            "Microsoft Graph cannot filter by '{path}'"
        )))
    }

    fn present(&self, path: &AttrPath, negated: bool) -> Result<Piece, Why> {
        if path.urn.is_none() && matches!(path.attr.as_str(), "schemas" | "meta" | "id") {
            if path.sub.as_deref() == Some("created") {
                return self.present_rows(path, negated);
            }
            return Ok(Piece::constant(!negated));
        }
        // A whole extension: evaluated on what a list without restriction returns.
        if path.attr.is_empty() {
            return Ok(Piece::All);
        }
        if let Some(row) = self.relation_at(path) {
            return Err(relation_alone(row));
        }
        if self
            .slots
            .iter()
            .any(|slot| slot.attr == path.without_sub())
        {
            let inner = path
                .sub
                .as_ref()
                .map(|sub| Filter::Present(AttrPath::core(sub)));
            return self.any_element(&path.without_sub(), inner.as_ref(), negated);
        }
        self.present_rows(path, negated)
    }

    /// Presence of a simple attribute, or of any sub-attribute of a complex one.
    fn present_rows(&self, path: &AttrPath, negated: bool) -> Result<Piece, Why> {
        let mut whole: Option<Piece> = None;
        for row in &self.rows {
            let Place::Plain(place) = row.place() else {
                continue;
            };
            let covers = place == path || (path.sub.is_none() && place.without_sub() == *path);
            if !covers {
                continue;
            }
            let piece = self.leaf_present(row, negated)?;
            whole = Some(match whole {
                None => piece,
                Some(whole) if negated => whole.and(piece),
                Some(whole) => whole.or(piece, &self.entity)?,
            });
        }
        whole.ok_or_else(|| Why::cannot(format!("Microsoft Graph cannot filter by '{path}'")))
    }

    /// Attributes that this server and not Graph knows.
    fn server_side(
        &self,
        path: &AttrPath,
        op: CompareOp,
        literal: &Literal,
        negated: bool,
    ) -> Result<Option<Piece>, Why> {
        if path.urn.is_some() {
            return Ok(None);
        }
        match (path.attr.as_str(), path.sub.as_deref()) {
            ("schemas", _) => Ok(Some(match (op, literal) {
                (CompareOp::Eq, Literal::String(urn)) if *urn == self.schema.core.id => {
                    Piece::constant(!negated)
                }
                (CompareOp::Eq, Literal::String(urn)) if self.schema.extension(urn).is_none() => {
                    Piece::constant(negated)
                }
                _ => Piece::All,
            })),
            ("meta", Some("resourceType")) => Ok(Some(match (op, literal) {
                (CompareOp::Eq, Literal::String(name)) => {
                    Piece::constant((*name == self.schema.name) != negated)
                }
                _ => Piece::All,
            })),
            ("meta", Some("lastModified")) => Err(Why::fatal(
                "'meta.lastModified' cannot be asked of Microsoft Graph, which does not record \
                 when an object last changed",
            )),
            ("meta", Some("created")) => Ok(None),
            ("meta", _) => Err(Why::cannot(format!(
                "'{path}' is made by this server: Microsoft Graph cannot filter by it"
            ))),
            _ => Ok(None),
        }
    }

    fn relation_at(&self, path: &AttrPath) -> Option<&RelationRow> {
        let attr = path.without_sub();
        self.relations.iter().find(|row| row.path == attr)
    }

    /// The relation that a leg demands, when the objects that have it can be looked up.
    fn relation_leg(&self, leg: &Filter) -> Option<RelationFilter> {
        let (path, literal) = match leg {
            Filter::Compare(path, CompareOp::Eq, literal)
                if path.sub.as_deref().is_none_or(|sub| sub == "value") =>
            {
                (path.without_sub(), literal)
            }
            Filter::ValuePath(path, inner) => match inner.as_ref() {
                Filter::Compare(sub, CompareOp::Eq, literal) if sub.attr == "value" => {
                    (path.clone(), literal)
                }
                _ => return None,
            },
            _ => return None,
        };
        let Literal::String(value) = literal else {
            return None;
        };
        let row = self.relation_at(&path)?;
        // A condition on the object itself, which combines with the rest.
        if self.is_assigned_licence(row) {
            return None;
        }
        self.kind?.relation(&row.relation)?.candidates(value)?;
        Some(RelationFilter {
            relation: row.relation.clone(),
            value: value.clone(),
        })
    }

    fn is_assigned_licence(&self, row: &RelationRow) -> bool {
        row.relation == "entitlements"
            && facts::filter_rule(&self.entity, ASSIGNED_LICENCE).is_some()
    }

    /// `entitlements.value eq "sku"`: the one relation that is a property of the object.
    fn assigned_licence(
        &self,
        row: &RelationRow,
        path: &AttrPath,
        op: CompareOp,
        literal: &Literal,
        negated: bool,
    ) -> Result<Piece, Why> {
        let rule = facts::filter_rule(&self.entity, ASSIGNED_LICENCE);
        let by_value = path.sub.as_deref().is_none_or(|sub| sub == "value");
        let (Some(rule), Literal::String(sku), CompareOp::Eq, true, "entitlements") =
            (rule, literal, op, by_value, row.relation.as_str())
        else {
            return Err(relation_alone(row));
        };
        if !resources::is_object_id(sku) {
            return Ok(Piece::constant(negated));
        }
        let held = Expr::Any(
            "assignedLicenses".to_owned(),
            "a".to_owned(),
            Box::new(Expr::Compare(
                "a/skuId".to_owned(),
                Op::Eq,
                Value::Bare(sku.clone()),
            )),
        );
        if negated {
            Piece::graph(Expr::Not(Box::new(held)), rule.not, true)
        } else {
            Piece::graph(held, rule.eq, true)
        }
        .ok_or_else(|| relation_alone(row))
    }
}

/// The id that a leg demands.
fn pinned_id(leg: &Filter) -> Option<String> {
    match leg {
        Filter::Compare(path, CompareOp::Eq, Literal::String(id))
            if *path == AttrPath::core("id") =>
        {
            Some(id.clone())
        }
        _ => None,
    }
}

const ASSIGNED_LICENCE: &str = "assignedLicenses/any(p:p/skuId)";

fn relation_alone(row: &RelationRow) -> Why {
    Why::cannot(format!(
        "of '{path}' only '{path}.value eq \"id\"' can be asked, alone or joined to the rest by \
         'and'",
        path = row.path
    ))
}
