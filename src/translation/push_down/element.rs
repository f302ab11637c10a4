//! Conditions on elements of a multi-valued attribute: each kind of element is rows of its own.

use super::{
    Mapping,
    condition::{self, Condition, Unanswerable},
};
use crate::{
    scim::{
        attr::AttrPath,
        filter::{CompareOp, Filter, Literal},
    },
    translation::row::{ElementKind, Row},
};

impl Mapping {
    /// `attr[inner]`: some element satisfies it; `negated`: none does.
    pub(super) fn elements(
        &self,
        attr: &AttrPath,
        inner: &Filter,
        negated: bool,
    ) -> Result<Condition, Unanswerable> {
        if !self
            .element_kinds
            .iter()
            .any(|element_kind| element_kind.attr == *attr)
        {
            return self.plain_elements(attr, inner, negated);
        }
        self.any_element(attr, Some(inner), negated)
    }

    /// `attr[value eq "x"]` of a multi-valued attribute that is not complex.
    fn plain_elements(
        &self,
        attr: &AttrPath,
        inner: &Filter,
        negated: bool,
    ) -> Result<Condition, Unanswerable> {
        let row = self
            .rows
            .iter()
            .find(|row| row.multi && row.place().path() == *attr);
        match (row, inner) {
            (Some(row), Filter::Compare(_, op, literal)) if *literal != Literal::Null => {
                self.leaf(row, *op, literal, negated)
            }
            (Some(row), Filter::Present(_)) => self.leaf_present(row, negated),
            _ => Err(Unanswerable::cannot(format!(
                "Microsoft Graph cannot answer conditions on elements of '{attr}'"
            ))),
        }
    }

    /// Some element of any kind satisfies `inner` (`None`: any element at all).
    pub(super) fn any_element(
        &self,
        attr: &AttrPath,
        inner: Option<&Filter>,
        negated: bool,
    ) -> Result<Condition, Unanswerable> {
        let mut whole = Condition::constant(negated);
        for element_kind in self
            .element_kinds
            .iter()
            .filter(|element_kind| element_kind.attr == *attr)
        {
            let condition = self.element_kind(element_kind, inner, negated)?;
            whole = if negated {
                whole.and(condition)
            } else {
                whole.or(condition, &self.entity)?
            };
        }
        Ok(whole)
    }

    fn element_kind(
        &self,
        element_kind: &ElementKind,
        inner: Option<&Filter>,
        negated: bool,
    ) -> Result<Condition, Unanswerable> {
        let reduced = match inner {
            None => Reduced::Constant(true),
            Some(inner) => self.reduce(element_kind, inner),
        };
        match reduced {
            Reduced::Constant(false) => Ok(Condition::constant(negated)),
            Reduced::Constant(true) => self.kind_exists(element_kind, negated),
            Reduced::Filter(filter) if !element_kind.many => {
                let condition = self.one(element_kind, &filter, negated)?;
                match (has_negation(&filter), negated) {
                    (false, _) => Ok(condition),
                    // "There is one and it is not …": Graph gives those without one too.
                    (true, false) => Ok(condition.inexact()),
                    // "There is none, or it is …".
                    (true, true) => self
                        .kind_exists(element_kind, true)?
                        .or(condition, &self.entity),
                }
            }
            Reduced::Filter(filter) => match &filter {
                Filter::Compare(path, op, literal) if *literal != Literal::Null => {
                    match self.sub_row(element_kind, &path.attr) {
                        Some(row) => self.leaf(row, *op, literal, negated),
                        None => Ok(Condition::constant(negated)),
                    }
                }
                Filter::Present(_) => self.kind_exists(element_kind, negated),
                _ => Err(Unanswerable::cannot(format!(
                    "Microsoft Graph cannot join conditions on one value of '{}'",
                    element_kind.attr
                ))),
            },
        }
    }

    /// Whether there is an element of this kind.
    fn kind_exists(
        &self,
        element_kind: &ElementKind,
        negated: bool,
    ) -> Result<Condition, Unanswerable> {
        let mut whole = Condition::constant(negated);
        let own = self.rows_of_kind(element_kind);
        for (_, row) in own.filter(|(_, row)| !row.transform.is_derived()) {
            let condition = self.leaf_present(row, negated)?;
            whole = if negated {
                whole.and(condition)
            } else {
                whole.or(condition, &self.entity)?
            };
        }
        Ok(whole)
    }

    fn sub_row<'a>(&'a self, element_kind: &'a ElementKind, sub: &str) -> Option<&'a Row> {
        self.rows_of_kind(element_kind)
            .map(|(_, row)| row)
            .find(|row| row.place().sub() == Some(sub))
    }

    /// The filter on the one element of a kind.
    fn one(
        &self,
        element_kind: &ElementKind,
        filter: &Filter,
        negated: bool,
    ) -> Result<Condition, Unanswerable> {
        match filter {
            Filter::Not(inner) => self.one(element_kind, inner, !negated),
            Filter::And(a, b) if !negated => condition::both(
                self.one(element_kind, a, false),
                self.one(element_kind, b, false),
            ),
            Filter::Or(a, b) if negated => condition::both(
                self.one(element_kind, a, true),
                self.one(element_kind, b, true),
            ),
            Filter::And(a, b) | Filter::Or(a, b) => {
                let (a, b) = (
                    self.one(element_kind, a, negated)?,
                    self.one(element_kind, b, negated)?,
                );
                a.or(b, &self.entity)
            }
            Filter::Compare(path, op, literal) => match self.sub_row(element_kind, &path.attr) {
                Some(row) if *literal == Literal::Null => {
                    self.leaf_present(row, (*op == CompareOp::Eq) != negated)
                }
                Some(row) => self.leaf(row, *op, literal, negated),
                None => Ok(Condition::constant((*op == CompareOp::Ne) != negated)),
            },
            Filter::Present(path) => match self.sub_row(element_kind, &path.attr) {
                Some(row) => self.leaf_present(row, negated),
                None => Ok(Condition::constant(negated)),
            },
            Filter::ValuePath(path, _) => Err(Unanswerable::fatal(format!(
                "'{path}[' cannot stand inside [ ]"
            ))),
        }
    }

    /// The filter with what is known of every element of this kind put in.
    fn reduce(&self, element_kind: &ElementKind, filter: &Filter) -> Reduced {
        match filter {
            Filter::Not(inner) => match self.reduce(element_kind, inner) {
                Reduced::Constant(truth) => Reduced::Constant(!truth),
                Reduced::Filter(inner) => Reduced::Filter(Filter::Not(Box::new(inner))),
            },
            Filter::And(a, b) => self.reduce_pair(element_kind, a, b, false),
            Filter::Or(a, b) => self.reduce_pair(element_kind, a, b, true),
            Filter::Compare(path, op, literal) => {
                let fixed = element_kind
                    .equalities
                    .iter()
                    .find(|(name, _)| *name == path.attr);
                match fixed {
                    Some((_, value)) => known(value, *op, literal)
                        .map_or_else(|| Reduced::Filter(filter.clone()), Reduced::Constant),
                    None if self.sub_row(element_kind, &path.attr).is_some() => {
                        Reduced::Filter(filter.clone())
                    }
                    // Elements of this kind have no such value.
                    None => Reduced::Constant(match literal {
                        Literal::Null => *op == CompareOp::Eq,
                        _ => *op == CompareOp::Ne,
                    }),
                }
            }
            Filter::Present(path) if element_kind.fixes(&path.attr) => Reduced::Constant(true),
            Filter::Present(path) if self.sub_row(element_kind, &path.attr).is_none() => {
                Reduced::Constant(false)
            }
            Filter::Present(_) | Filter::ValuePath(..) => Reduced::Filter(filter.clone()),
        }
    }

    /// `dominant` is the truth that decides the pair alone: true for `or`.
    fn reduce_pair(
        &self,
        element_kind: &ElementKind,
        a: &Filter,
        b: &Filter,
        dominant: bool,
    ) -> Reduced {
        match (self.reduce(element_kind, a), self.reduce(element_kind, b)) {
            (Reduced::Constant(truth), other) | (other, Reduced::Constant(truth)) => {
                if truth == dominant {
                    Reduced::Constant(dominant)
                } else {
                    other
                }
            }
            (Reduced::Filter(a), Reduced::Filter(b)) if dominant => {
                Reduced::Filter(Filter::Or(Box::new(a), Box::new(b)))
            }
            (Reduced::Filter(a), Reduced::Filter(b)) => {
                Reduced::Filter(Filter::And(Box::new(a), Box::new(b)))
            }
        }
    }
}

enum Reduced {
    Constant(bool),
    Filter(Filter),
}

/// A comparison with a value that is fixed. `None`: of types that do not compare.
fn known(value: &serde_json::Value, op: CompareOp, literal: &Literal) -> Option<bool> {
    match (value, literal) {
        (_, Literal::Null) => match op {
            CompareOp::Eq => Some(false),
            CompareOp::Ne => Some(true),
            _ => None,
        },
        (serde_json::Value::Bool(value), Literal::Bool(wanted)) => match op {
            CompareOp::Eq => Some(value == wanted),
            CompareOp::Ne => Some(value != wanted),
            _ => None,
        },
        (serde_json::Value::String(value), Literal::String(wanted)) => {
            let (value, wanted) = (value.to_lowercase(), wanted.to_lowercase());
            Some(match op {
                CompareOp::Eq => value == wanted,
                CompareOp::Ne => value != wanted,
                CompareOp::Co => value.contains(&wanted),
                CompareOp::Sw => value.starts_with(&wanted),
                CompareOp::Ew => value.ends_with(&wanted),
                CompareOp::Gt => value > wanted,
                CompareOp::Ge => value >= wanted,
                CompareOp::Lt => value < wanted,
                CompareOp::Le => value <= wanted,
            })
        }
        _ => None,
    }
}

fn has_negation(filter: &Filter) -> bool {
    match filter {
        Filter::Not(_) | Filter::Compare(_, CompareOp::Ne, _) => true,
        Filter::Compare(_, _, literal) => *literal == Literal::Null,
        Filter::And(a, b) | Filter::Or(a, b) => has_negation(a) || has_negation(b),
        Filter::Present(_) | Filter::ValuePath(..) => false,
    }
}
