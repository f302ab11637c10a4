//! Pieces of an answer, and how they combine.

use crate::odata::{
    expr::{Expr, Literal, Op},
    facts::{self, Support},
};

/// `in` and chains of `or` stop at this many values in Graph.
const MAX_IN: usize = 15;

/// What selects at least what a part of the filter selects.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    /// Every object, exactly.
    True,
    /// No object, exactly.
    False,
    /// Every object, of which the evaluation picks.
    All,
    /// What a Graph expression selects.
    Graph {
        expr: Expr,
        /// Never [`Support::No`].
        mode: Support,
        exact: bool,
    },
}

/// Unanswerable there is no condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unanswerable {
    /// For the caller.
    pub reason: String,
    /// Whether it cannot be evaluated on the result either.
    pub fatal: bool,
}

impl Unanswerable {
    /// Graph cannot; evaluating can.
    pub(super) fn cannot(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            fatal: false,
        }
    }

    /// Neither can.
    pub(super) fn fatal(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            fatal: true,
        }
    }
}

impl Condition {
    pub(super) fn constant(truth: bool) -> Self {
        if truth { Self::True } else { Self::False }
    }

    /// Whether it selects just what the filter selects.
    pub(super) fn is_exact(&self) -> bool {
        match self {
            Self::True | Self::False => true,
            Self::All => false,
            Self::Graph { exact, .. } => *exact,
        }
    }

    /// Whether [`Self::and`] keeps both, or has to leave the other to the evaluation.
    pub(super) fn joins(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Graph { mode, .. }, Self::Graph { mode: other, .. }) => {
                intersect(*mode, *other).is_some()
            }
            _ => true,
        }
    }

    /// The expression, if Graph supports it at all.
    pub(super) fn graph(expr: Expr, mode: Support, exact: bool) -> Option<Self> {
        (mode != Support::No).then_some(Self::Graph { expr, mode, exact })
    }

    /// The same, but only as "or more".
    pub(super) fn inexact(self) -> Self {
        match self {
            Self::True | Self::All => Self::All,
            Self::False => Self::False,
            Self::Graph { expr, mode, .. } => Self::Graph {
                expr,
                mode,
                exact: false,
            },
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::True, condition) | (condition, Self::True) => condition,
            (Self::All, condition) | (condition, Self::All) => condition.inexact(),
            (
                Self::Graph { expr, mode, exact },
                Self::Graph {
                    expr: other,
                    mode: other_mode,
                    exact: other_exact,
                },
            ) => match intersect(mode, other_mode) {
                Some(mode) => Self::Graph {
                    expr: Expr::And(Box::new(expr), Box::new(other)),
                    mode,
                    exact: exact && other_exact,
                },
                // One works only with, one only without the advanced parameters: one leg is left
                // to the evaluation.
                None => Self::Graph {
                    expr,
                    mode,
                    exact: false,
                },
            },
        }
    }

    pub(super) fn or(self, other: Self, entity: &str) -> Result<Self, Unanswerable> {
        match (self, other) {
            (Self::True, _) | (_, Self::True) => Ok(Self::True),
            (Self::All, _) | (_, Self::All) => Ok(Self::All),
            (Self::False, condition) | (condition, Self::False) => Ok(condition),
            (
                Self::Graph { expr, mode, exact },
                Self::Graph {
                    expr: other,
                    mode: other_mode,
                    exact: other_exact,
                },
            ) => {
                let Some(mode) = intersect(mode, other_mode) else {
                    return Err(Unanswerable::cannot(format!(
                        "Microsoft Graph cannot join '{expr}' and '{other}' by 'or': one needs \
                         an advanced query, the other refuses it"
                    )));
                };
                let exact = exact && other_exact;
                let (expr, mode) = join_in(expr, other, mode, entity);
                Ok(Self::Graph { expr, mode, exact })
            }
        }
    }
}

/// Two pieces joined by `and`, of which one may be missing.
pub(super) fn both(
    a: Result<Condition, Unanswerable>,
    b: Result<Condition, Unanswerable>,
) -> Result<Condition, Unanswerable> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok(a.and(b)),
        (Err(why), _) | (_, Err(why)) if why.fatal => Err(why),
        (Ok(condition), Err(_)) | (Err(_), Ok(condition)) => match condition.inexact() {
            // Nothing narrows the list: then the reason is better than the whole tenant.
            Condition::All => Err(Unanswerable::cannot(
                "Microsoft Graph can answer no part of this 'and'",
            )),
            condition => Ok(condition),
        },
        (Err(a), Err(_)) => Err(a),
    }
}

fn intersect(a: Support, b: Support) -> Option<Support> {
    match (a, b) {
        (Support::No, _) | (_, Support::No) => None,
        (Support::Both, mode) | (mode, Support::Both) => Some(mode),
        (a, b) => (a == b).then_some(a),
    }
}

/// `a eq 'x' or a eq 'y'` as `a in ('x','y')`.
fn join_in(a: Expr, b: Expr, mode: Support, entity: &str) -> (Expr, Support) {
    let values = |expr: &Expr| match expr {
        Expr::Compare(path, Op::Eq, value @ Literal::String(_)) => {
            Some((path.clone(), vec![value.clone()]))
        }
        Expr::In(path, values) => Some((path.clone(), values.clone())),
        _ => None,
    };
    if let (Some((path, mut list)), Some((other, more))) = (values(&a), values(&b))
        && path == other
        && list.len() + more.len() <= MAX_IN
    {
        let support = facts::filter_rule(entity, &path).map_or(Support::No, |rule| rule.in_);
        if let Some(mode) = intersect(mode, support) {
            list.extend(more);
            return (Expr::In(path, list), mode);
        }
    }
    (Expr::Or(Box::new(a), Box::new(b)), mode)
}
