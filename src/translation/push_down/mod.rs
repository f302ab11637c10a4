//! Filters: what of a SCIM filter Graph can answer.
//!
//! Every part becomes a [`Condition`]: a Graph expression that selects what the SCIM filter selects,
//! or more (then it is not exact and the filter is evaluated on the result). Negations are driven
//! down to the comparisons first, so that "or more" stays "or more" under `and` and `or`. What
//! Graph cannot answer is left to the evaluation where an `and` has another leg that it can.

mod condition;
mod element;
mod leaf;

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
use condition::{Condition, Unanswerable};
pub(super) use leaf::{Operand, operators};

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
        let mut whole = Condition::True;
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
            match self.condition(leg, false) {
                Ok(condition) => {
                    useful |= matches!(condition, Condition::Graph { .. } | Condition::False);
                    if !(condition.is_exact() && whole.joins(&condition)) {
                        inexact.push(leg);
                    }
                    whole = whole.and(condition);
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
            Condition::True => {}
            Condition::All => down.exact = false,
            Condition::False => {
                down = PushDown {
                    exact: true,
                    nothing: true,
                    ..PushDown::default()
                };
            }
            Condition::Graph { expr, mode, exact } => {
                down.expr = Some(expr);
                down.advanced = mode == Support::AdvancedOnly;
                down.exact &= exact;
            }
        }
        Ok(down)
    }

    /// A part of the filter; `negated`: what it does not select.
    fn condition(&self, filter: &Filter, negated: bool) -> Result<Condition, Unanswerable> {
        match filter {
            Filter::Not(inner) => self.condition(inner, !negated),
            Filter::And(a, b) if !negated => {
                condition::both(self.condition(a, false), self.condition(b, false))
            }
            Filter::Or(a, b) if negated => {
                condition::both(self.condition(a, true), self.condition(b, true))
            }
            Filter::And(a, b) | Filter::Or(a, b) => {
                let (a, b) = (self.condition(a, negated)?, self.condition(b, negated)?);
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
    ) -> Result<Condition, Unanswerable> {
        if let Some(condition) = self.server_side(path, op, literal, negated)? {
            return Ok(condition);
        }
        if let Some(row) = self.relation_at(path) {
            return self.assigned_licence(row, path, op, literal, negated);
        }
        let plain = |row: &&super::Row| *row.place() == Place::Plain(path.clone());
        if let Some(row) = self.rows.iter().find(plain) {
            return self.leaf(row, op, literal, negated);
        }
        if self
            .element_kinds
            .iter()
            .any(|element_kind| element_kind.attr == path.without_sub())
        {
            if op == CompareOp::Ne {
                return Err(Unanswerable::cannot(format!(
                    "Microsoft Graph cannot compare any value of '{path}' by 'ne': write not \
                     ({path} eq …), which means none of them"
                )));
            }
            let sub = path.sub.clone().unwrap_or_else(|| "value".to_owned());
            let inner = Filter::Compare(AttrPath::core(sub), op, literal.clone());
            return self.elements(&path.without_sub(), &inner, negated);
        }
        Err(Unanswerable::cannot(format!(
            "Microsoft Graph cannot filter by '{path}'"
        )))
    }

    fn present(&self, path: &AttrPath, negated: bool) -> Result<Condition, Unanswerable> {
        if path.urn.is_none() && matches!(path.attr.as_str(), "schemas" | "meta" | "id") {
            if path.sub.as_deref() == Some("created") {
                return self.present_rows(path, negated);
            }
            return Ok(Condition::constant(!negated));
        }
        // A whole extension: evaluated on what a list without restriction returns.
        if path.attr.is_empty() {
            return Ok(Condition::All);
        }
        if let Some(row) = self.relation_at(path) {
            return Err(relation_alone(row));
        }
        if self
            .element_kinds
            .iter()
            .any(|element_kind| element_kind.attr == path.without_sub())
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
    fn present_rows(&self, path: &AttrPath, negated: bool) -> Result<Condition, Unanswerable> {
        let mut whole: Option<Condition> = None;
        for row in &self.rows {
            let Place::Plain(place) = row.place() else {
                continue;
            };
            // What is made of other attributes is there where they are.
            let part = path.sub.is_none() && !row.transform.is_derived();
            let covers = place == path || (part && place.without_sub() == *path);
            if !covers {
                continue;
            }
            let condition = self.leaf_present(row, negated)?;
            whole = Some(match whole {
                None => condition,
                Some(whole) if negated => whole.and(condition),
                Some(whole) => whole.or(condition, &self.entity)?,
            });
        }
        whole.ok_or_else(|| {
            Unanswerable::cannot(format!("Microsoft Graph cannot filter by '{path}'"))
        })
    }

    /// Attributes that this server and not Graph knows.
    fn server_side(
        &self,
        path: &AttrPath,
        op: CompareOp,
        literal: &Literal,
        negated: bool,
    ) -> Result<Option<Condition>, Unanswerable> {
        if path.urn.is_some() {
            return Ok(None);
        }
        match (path.attr.as_str(), path.sub.as_deref()) {
            ("schemas", _) => Ok(Some(match (op, literal) {
                (CompareOp::Eq, Literal::String(urn)) if *urn == self.schema.core.id => {
                    Condition::constant(!negated)
                }
                (CompareOp::Eq, Literal::String(urn)) if self.schema.extension(urn).is_none() => {
                    Condition::constant(negated)
                }
                _ => Condition::All,
            })),
            ("meta", Some("resourceType")) => Ok(Some(match (op, literal) {
                (CompareOp::Eq, Literal::String(name)) => {
                    Condition::constant((*name == self.schema.name) != negated)
                }
                _ => Condition::All,
            })),
            ("meta", Some("lastModified")) => Err(Unanswerable::fatal(
                "'meta.lastModified' cannot be asked of Microsoft Graph, which does not record \
                 when an object last changed",
            )),
            ("meta", Some("created")) => Ok(None),
            ("meta", _) => Err(Unanswerable::cannot(format!(
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
    ) -> Result<Condition, Unanswerable> {
        let rule = facts::filter_rule(&self.entity, ASSIGNED_LICENCE);
        let by_value = path.sub.as_deref().is_none_or(|sub| sub == "value");
        let (Some(rule), Literal::String(sku), CompareOp::Eq, true, "entitlements") =
            (rule, literal, op, by_value, row.relation.as_str())
        else {
            return Err(relation_alone(row));
        };
        if !resources::is_object_id(sku) {
            return Ok(Condition::constant(negated));
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
            Condition::graph(Expr::Not(Box::new(held)), rule.not, true)
        } else {
            Condition::graph(held, rule.eq, true)
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

fn relation_alone(row: &RelationRow) -> Unanswerable {
    Unanswerable::cannot(format!(
        "of '{path}' only '{path}.value eq \"id\"' can be asked, alone or joined to the rest by \
         'and'",
        path = row.path
    ))
}
