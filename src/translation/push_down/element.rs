//! Conditions on elements of a multi-valued attribute: each kind of element is rows of its own.

use super::{
    Mapping,
    piece::{self, Piece, Why},
};
use crate::{
    scim::{
        attr::AttrPath,
        filter::{CompareOp, Filter, Literal},
    },
    translation::row::{Row, Slot},
};

impl Mapping {
    /// `attr[inner]`: some element satisfies it; `negated`: none does.
    pub(super) fn elements(
        &self,
        attr: &AttrPath,
        inner: &Filter,
        negated: bool,
    ) -> Result<Piece, Why> {
        if !self.slots.iter().any(|slot| slot.attr == *attr) {
            return self.plain_elements(attr, inner, negated);
        }
        self.any_element(attr, Some(inner), negated)
    }

    /// `attr[value eq "x"]` of a multi-valued attribute that is not complex.
    fn plain_elements(&self, attr: &AttrPath, inner: &Filter, negated: bool) -> Result<Piece, Why> {
        let row = self
            .rows
            .iter()
            .find(|row| row.multi && row.place().path() == *attr);
        match (row, inner) {
            (Some(row), Filter::Compare(_, op, literal)) if *literal != Literal::Null => {
                self.leaf(row, *op, literal, negated)
            }
            (Some(row), Filter::Present(_)) => self.leaf_present(row, negated),
            _ => Err(Why::cannot(format!(
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
    ) -> Result<Piece, Why> {
        let mut whole = Piece::constant(negated);
        for slot in self.slots.iter().filter(|slot| slot.attr == *attr) {
            let piece = self.slot(slot, inner, negated)?;
            whole = if negated {
                whole.and(piece)
            } else {
                whole.or(piece, &self.entity)?
            };
        }
        Ok(whole)
    }

    fn slot(&self, slot: &Slot, inner: Option<&Filter>, negated: bool) -> Result<Piece, Why> {
        let reduced = match inner {
            None => Reduced::Constant(true),
            Some(inner) => self.reduce(slot, inner),
        };
        match reduced {
            Reduced::Constant(false) => Ok(Piece::constant(negated)),
            Reduced::Constant(true) => self.slot_exists(slot, negated),
            Reduced::Filter(filter) if !slot.many => {
                let piece = self.one(slot, &filter, negated)?;
                match (has_negation(&filter), negated) {
                    (false, _) => Ok(piece),
                    // "There is one and it is not …": Graph gives those without one too.
                    (true, false) => Ok(piece.inexact()),
                    // "There is none, or it is …".
                    (true, true) => self.slot_exists(slot, true)?.or(piece, &self.entity),
                }
            }
            Reduced::Filter(filter) => match &filter {
                Filter::Compare(path, op, literal) if *literal != Literal::Null => {
                    match self.sub_row(slot, &path.attr) {
                        Some(row) => self.leaf(row, *op, literal, negated),
                        None => Ok(Piece::constant(negated)),
                    }
                }
                Filter::Present(_) => self.slot_exists(slot, negated),
                _ => Err(Why::cannot(format!(
                    "Microsoft Graph cannot join conditions on one value of '{}'",
                    slot.attr
                ))),
            },
        }
    }

    /// Whether there is an element of this kind.
    fn slot_exists(&self, slot: &Slot, negated: bool) -> Result<Piece, Why> {
        let mut whole = Piece::constant(negated);
        for (_, row) in self.slot_rows(slot) {
            let piece = self.leaf_present(row, negated)?;
            whole = if negated {
                whole.and(piece)
            } else {
                whole.or(piece, &self.entity)?
            };
        }
        Ok(whole)
    }

    fn sub_row<'a>(&'a self, slot: &'a Slot, sub: &str) -> Option<&'a Row> {
        self.slot_rows(slot)
            .map(|(_, row)| row)
            .find(|row| row.place().sub() == Some(sub))
    }

    /// The filter on the one element of a kind.
    fn one(&self, slot: &Slot, filter: &Filter, negated: bool) -> Result<Piece, Why> {
        match filter {
            Filter::Not(inner) => self.one(slot, inner, !negated),
            Filter::And(a, b) if !negated => {
                piece::both(self.one(slot, a, false), self.one(slot, b, false))
            }
            Filter::Or(a, b) if negated => {
                piece::both(self.one(slot, a, true), self.one(slot, b, true))
            }
            Filter::And(a, b) | Filter::Or(a, b) => {
                let (a, b) = (self.one(slot, a, negated)?, self.one(slot, b, negated)?);
                a.or(b, &self.entity)
            }
            Filter::Compare(path, op, literal) => match self.sub_row(slot, &path.attr) {
                Some(row) if *literal == Literal::Null => {
                    self.leaf_present(row, (*op == CompareOp::Eq) != negated)
                }
                Some(row) => self.leaf(row, *op, literal, negated),
                None => Ok(Piece::constant((*op == CompareOp::Ne) != negated)),
            },
            Filter::Present(path) => match self.sub_row(slot, &path.attr) {
                Some(row) => self.leaf_present(row, negated),
                None => Ok(Piece::constant(negated)),
            },
            Filter::ValuePath(path, _) => {
                Err(Why::fatal(format!("'{path}[' cannot stand inside [ ]")))
            }
        }
    }

    /// The filter with what is known of every element of this kind put in.
    fn reduce(&self, slot: &Slot, filter: &Filter) -> Reduced {
        match filter {
            Filter::Not(inner) => match self.reduce(slot, inner) {
                Reduced::Constant(truth) => Reduced::Constant(!truth),
                Reduced::Filter(inner) => Reduced::Filter(Filter::Not(Box::new(inner))),
            },
            Filter::And(a, b) => self.reduce_pair(slot, a, b, false),
            Filter::Or(a, b) => self.reduce_pair(slot, a, b, true),
            Filter::Compare(path, op, literal) => {
                let fixed = slot.equalities.iter().find(|(name, _)| *name == path.attr);
                match fixed {
                    Some((_, value)) => known(value, *op, literal)
                        .map_or_else(|| Reduced::Filter(filter.clone()), Reduced::Constant),
                    None if self.sub_row(slot, &path.attr).is_some() => {
                        Reduced::Filter(filter.clone())
                    }
                    // Elements of this kind have no such value.
                    None => Reduced::Constant(match literal {
                        Literal::Null => *op == CompareOp::Eq,
                        _ => *op == CompareOp::Ne,
                    }),
                }
            }
            Filter::Present(path) if slot.fixes(&path.attr) => Reduced::Constant(true),
            Filter::Present(path) if self.sub_row(slot, &path.attr).is_none() => {
                Reduced::Constant(false)
            }
            Filter::Present(_) | Filter::ValuePath(..) => Reduced::Filter(filter.clone()),
        }
    }

    /// `dominant` is the truth that decides the pair alone: true for `or`.
    fn reduce_pair(&self, slot: &Slot, a: &Filter, b: &Filter, dominant: bool) -> Reduced {
        match (self.reduce(slot, a), self.reduce(slot, b)) {
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
