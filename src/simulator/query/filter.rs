//! `$filter` held against the type and the query rules, and made ready to run.

use super::predicate::{Literal, Predicate, Test};
use crate::odata::expr::{self, Expr, Function, Op};
use crate::odata::facts::{self, FilterRule, Kind, Property, Support};
use crate::simulator::directory::{Reader, parse_time};
use crate::simulator::errors::SimError;
use crate::simulator::model::Filtering;

/// The most terms that `or` may join, and `in` may list.
pub const MAX_OR: usize = 15;

/// What a filter is held against.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The entity type; `directoryObject` for lists of mixed kinds.
    pub entity: &'a str,
    /// Which rules.
    pub filtering: Filtering,
    /// Whether the advanced parameters were sent.
    pub advanced: bool,
}

/// Checks a filter and compiles it.
pub fn compile(expr: &Expr, rules: Rules<'_>, dir: Reader<'_>) -> Result<Predicate, SimError> {
    let terms = or_terms(expr);
    if terms > MAX_OR {
        return Err(SimError::query(format!(
            "Too many child clauses specified in search filter expression containing 'OR' operators: {terms}. Max allowed: {MAX_OR}."
        )));
    }
    Compiler { rules, dir }.expr(expr)
}

/// The length of the longest `or` chain.
fn or_terms(expr: &Expr) -> usize {
    match expr {
        Expr::Or(a, b) => or_terms(a) + or_terms(b),
        Expr::And(a, b) => or_terms(a).max(or_terms(b)),
        Expr::Not(a) | Expr::Any(_, _, a) | Expr::All(_, _, a) => or_terms(a),
        Expr::In(_, values) => values.len(),
        _ => 1,
    }
}

/// Entity types whose properties a list of mixed kinds may be filtered, sorted and selected by.
pub const MIXED: [&str; 6] = [
    "user",
    "group",
    "servicePrincipal",
    "device",
    "directoryRole",
    "administrativeUnit",
];

/// A property of an entity type; of `directoryObject`, one of any kind of object.
pub fn property_of(entity: &str, name: &str) -> Option<&'static Property> {
    let own = facts::entity(entity).and_then(|e| e.property(name));
    if own.is_some() || entity != "directoryObject" {
        return own;
    }
    MIXED
        .iter()
        .find_map(|kind| facts::entity(kind)?.property(name))
}

/// The type's name as filter errors spell it: `User`.
pub fn label(entity: &str) -> String {
    let mut chars = entity.chars();
    chars
        .next()
        .map(|c| c.to_ascii_uppercase().to_string() + chars.as_str())
        .unwrap_or_default()
}

struct Compiler<'a> {
    rules: Rules<'a>,
    dir: Reader<'a>,
}

/// One operator of the table, and what it is called in errors when the advanced parameters lack.
struct Use {
    cell: fn(&FilterRule) -> Support,
    operator: Option<&'static str>,
}

const EQ: Use = Use {
    cell: |r| r.eq,
    operator: None,
};
const EQ_NULL: Use = Use {
    cell: |r| r.eq_null,
    operator: None,
};
const NE: Use = Use {
    cell: |r| r.ne,
    operator: Some("ne"),
};
const IN: Use = Use {
    cell: |r| r.in_,
    operator: None,
};
const GE_LE: Use = Use {
    cell: |r| r.ge_le,
    operator: None,
};
const STARTS: Use = Use {
    cell: |r| r.starts_with,
    operator: None,
};
const ENDS: Use = Use {
    cell: |r| r.ends_with,
    operator: Some("endsWith"),
};
const NOT: Use = Use {
    cell: |r| r.not,
    operator: Some("not"),
};

/// What directory extensions support.
const EXTENSION: FilterRule = FilterRule {
    eq: Support::Both,
    ne: Support::AdvancedOnly,
    not: Support::AdvancedOnly,
    ge_le: Support::AdvancedOnly,
    in_: Support::Both,
    starts_with: Support::Both,
    ends_with: Support::No,
    eq_null: Support::AdvancedOnly,
};

impl Compiler<'_> {
    fn expr(&self, expr: &Expr) -> Result<Predicate, SimError> {
        Ok(match expr {
            Expr::And(a, b) => Predicate::And(Box::new(self.expr(a)?), Box::new(self.expr(b)?)),
            Expr::Or(a, b) => Predicate::Or(Box::new(self.expr(a)?), Box::new(self.expr(b)?)),
            Expr::Not(inner) => {
                self.negatable(inner)?;
                Predicate::Not(Box::new(self.expr(inner)?))
            }
            Expr::Any(collection, variable, inner) => {
                let property = self.collection(collection)?;
                let item = Item {
                    property: property.as_ref(),
                    collection,
                    variable,
                };
                let inner = self.item(inner, &item)?;
                let (name, sub) = collection.split_once('/').unwrap_or((collection, ""));
                Predicate::Lambda(self.source(name), split(sub), Box::new(inner))
            }
            Expr::All(collection, ..) => {
                self.property(collection, collection)?;
                return Err(self.clause(collection));
            }
            Expr::Count(collection, op, n) => {
                let support = facts::count_rule(self.rules.entity, collection, *op, *n);
                self.allow(support, collection, Some("$count"))?;
                Predicate::Count(self.source(collection), *op, *n)
            }
            leaf => self.leaf(leaf, None)?,
        })
    }

    /// Inside a lambda: comparisons of the variable, and `and`, `or`, `not` of them.
    fn item(&self, expr: &Expr, item: &Item<'_>) -> Result<Predicate, SimError> {
        Ok(match expr {
            Expr::And(a, b) => {
                Predicate::And(Box::new(self.item(a, item)?), Box::new(self.item(b, item)?))
            }
            Expr::Or(a, b) => {
                Predicate::Or(Box::new(self.item(a, item)?), Box::new(self.item(b, item)?))
            }
            Expr::Compare(..) | Expr::Call(..) | Expr::In(..) => self.leaf(expr, Some(item))?,
            _ => return Err(self.clause(item.collection)),
        })
    }

    fn leaf(&self, expr: &Expr, item: Option<&Item<'_>>) -> Result<Predicate, SimError> {
        let (path, used, test) = match expr {
            Expr::Compare(path, Op::Eq, expr::Literal::Null) => (path, EQ_NULL, Test::IsNull(true)),
            Expr::Compare(path, Op::Ne, expr::Literal::Null) => (path, NE, Test::IsNull(false)),
            Expr::Compare(path, op, value) => {
                let value = self.literal(path, value, item, op_name(*op))?;
                match op {
                    Op::Eq => (path, EQ, Test::Eq(value)),
                    Op::Ne => (path, NE, Test::Ne(value)),
                    Op::Ge => (path, GE_LE, Test::Ge(value)),
                    Op::Le => (path, GE_LE, Test::Le(value)),
                    Op::Gt | Op::Lt => {
                        self.rule(path, item)?;
                        return Err(self.clause(path));
                    }
                }
            }
            Expr::Call(function, path, text) => {
                let text = text.to_lowercase();
                let kind = self.kind(path, item)?;
                if !matches!(kind, Some(Kind::String) | None) {
                    return Err(SimError::gateway(format!(
                        "Invalid filter clause: No function signature for the function with name '{}' matches the specified arguments.",
                        function.as_str().to_lowercase()
                    )));
                }
                match function {
                    Function::StartsWith => (path, STARTS, Test::StartsWith(text)),
                    Function::EndsWith => (path, ENDS, Test::EndsWith(text)),
                    Function::Contains => {
                        self.rule(path, item)?;
                        return Err(self.clause(path));
                    }
                }
            }
            Expr::In(path, values) => {
                let values = values
                    .iter()
                    .map(|value| self.literal(path, value, item, "Equal"))
                    .collect::<Result<_, _>>()?;
                (path, IN, Test::In(values))
            }
            _ => return Err(SimError::unsupported()),
        };
        let rule = self.rule(path, item)?;
        if matches!(test, Test::IsNull(false)) && rule.eq_null == Support::No {
            return Err(self.clause(path));
        }
        self.allow((used.cell)(&rule), path, used.operator)?;
        Ok(match item {
            None => {
                let (name, sub) = path.split_once('/').unwrap_or((path, ""));
                Predicate::Test(self.source(name), split(sub), test)
            }
            Some(item) => Predicate::Item(split(item.sub(path).unwrap_or_default()), test),
        })
    }

    /// What stands under `not` must support it.
    fn negatable(&self, expr: &Expr) -> Result<(), SimError> {
        match expr {
            Expr::And(a, b) | Expr::Or(a, b) => {
                self.negatable(a)?;
                self.negatable(b)
            }
            Expr::Not(inner) => self.negatable(inner),
            Expr::Any(collection, variable, inner) => {
                let property = self.collection(collection)?;
                let item = Item {
                    property: property.as_ref(),
                    collection,
                    variable,
                };
                self.negatable_item(inner, &item)
            }
            Expr::Compare(path, ..) | Expr::Call(_, path, _) | Expr::In(path, _) => {
                let rule = self.rule(path, None)?;
                self.allow((NOT.cell)(&rule), path, NOT.operator)
            }
            Expr::All(path, ..) | Expr::Count(path, ..) => Err(self.clause(path)),
        }
    }

    fn negatable_item(&self, expr: &Expr, item: &Item<'_>) -> Result<(), SimError> {
        match expr {
            Expr::And(a, b) | Expr::Or(a, b) => {
                self.negatable_item(a, item)?;
                self.negatable_item(b, item)
            }
            Expr::Compare(path, ..) | Expr::Call(_, path, _) | Expr::In(path, _) => {
                let rule = self.rule(path, Some(item))?;
                self.allow((NOT.cell)(&rule), path, NOT.operator)
            }
            _ => Err(self.clause(item.collection)),
        }
    }

    fn source(&self, name: &str) -> super::predicate::Source {
        super::predicate::Source {
            name: name.to_owned(),
            key: self.dir.key(name),
        }
    }

    fn clause(&self, path: &str) -> SimError {
        let name = path.split('/').next().unwrap_or_default();
        SimError::clause(name, &label(self.rules.entity))
    }

    fn allow(&self, support: Support, path: &str, operator: Option<&str>) -> Result<(), SimError> {
        if support.allows(self.rules.advanced) {
            return Ok(());
        }
        match operator {
            Some(name) if support == Support::AdvancedOnly => Err(SimError::operator(name)),
            _ => Err(self.clause(path)),
        }
    }

    /// The property behind a path's first segment. `None`: the rules name it, though the published
    /// type does not have it.
    fn property(&self, path: &str, whole: &str) -> Result<Option<Property>, SimError> {
        let name = path.split('/').next().unwrap_or_default();
        if let Some(property) = property_of(self.rules.entity, name) {
            return Ok(Some(property.clone()));
        }
        let known = facts::filter_paths(self.rules.entity)
            .any(|(p, _)| p.split('/').next() == Some(name) || p == whole);
        let navigation =
            facts::entity(self.rules.entity).is_some_and(|e| e.navigation(name).is_some());
        if known || navigation || self.extends(name) {
            return Ok(None);
        }
        Err(SimError::gateway(format!(
            "Invalid filter clause: Could not find a property named '{name}' on type 'microsoft.graph.{}'.",
            self.rules.entity
        )))
    }

    /// The collection that a lambda runs over: a property, or one inside a structure.
    fn collection(&self, path: &str) -> Result<Option<Property>, SimError> {
        let property = self.property(path, path)?;
        let mut segments = path.split('/').skip(1);
        let found = segments.try_fold(property, |property, segment| {
            let Some(Kind::Complex(name)) = property.map(|p| p.kind) else {
                return Some(None);
            };
            Some(Some(facts::complex(&name)?.property(segment)?.clone()))
        });
        found.ok_or_else(|| self.clause(path))
    }

    fn rule(&self, path: &str, item: Option<&Item<'_>>) -> Result<FilterRule, SimError> {
        let spelled = match item {
            None => {
                self.property(path, path)?;
                path.to_owned()
            }
            Some(item) => {
                let sub = item.sub(path).ok_or_else(|| self.clause(item.collection))?;
                let slash = if sub.is_empty() { "" } else { "/" };
                format!("{}/any(p:p{slash}{sub})", item.collection)
            }
        };
        match self.rules.filtering {
            Filtering::Facts if self.extends(path) => Ok(EXTENSION),
            Filtering::Facts => self.fact(&spelled).ok_or_else(|| self.clause(path)),
            Filtering::Only(names) if names.contains(&path) && item.is_none() => Ok(FilterRule {
                eq: Support::Both,
                starts_with: if path == "displayName" {
                    Support::Both
                } else {
                    Support::No
                },
                ..FilterRule::default()
            }),
            _ => Err(self.clause(path)),
        }
    }

    /// Whether a name is one of a directory extension of the type.
    fn extends(&self, name: &str) -> bool {
        self.dir.extension(self.rules.entity, name).is_some()
    }

    fn fact(&self, path: &str) -> Option<FilterRule> {
        if self.rules.entity == "directoryObject" {
            return MIXED
                .iter()
                .find_map(|kind| facts::filter_rule(kind, path))
                .copied();
        }
        facts::filter_rule(self.rules.entity, path).copied()
    }

    /// The type that a path ends at; `None` if unknown.
    fn kind(&self, path: &str, item: Option<&Item<'_>>) -> Result<Option<Kind>, SimError> {
        let (property, sub) = match item {
            None => {
                let property = self.property(path, path)?;
                let collection = property.as_ref().is_some_and(|p| p.collection);
                let (name, sub) = path.split_once('/').unwrap_or((path, ""));
                if collection && sub.is_empty() {
                    return Err(self.clause(name));
                }
                (property, sub)
            }
            Some(item) => (
                item.property.cloned(),
                item.sub(path).ok_or_else(|| self.clause(path))?,
            ),
        };
        let Some(mut kind) = property.map(|p| p.kind) else {
            return Ok(None);
        };
        for segment in split(sub) {
            let Kind::Complex(name) = &kind else {
                return Err(self.clause(path));
            };
            let Some(complex) = facts::complex(name) else {
                return Ok(None);
            };
            kind = match complex.property(&segment) {
                Some(property) => property.kind.clone(),
                None => {
                    return Err(SimError::gateway(format!(
                        "Invalid filter clause: Could not find a property named '{segment}' on type 'microsoft.graph.{name}'."
                    )));
                }
            };
        }
        Ok(Some(kind))
    }

    fn literal(
        &self,
        path: &str,
        value: &expr::Literal,
        item: Option<&Item<'_>>,
        operator: &str,
    ) -> Result<Literal, SimError> {
        let kind = self.kind(path, item)?;
        let guid = |text: &String| uuid::Uuid::parse_str(text).is_ok();
        let fits = match (&kind, value) {
            (None | Some(Kind::Boolean), expr::Literal::Bool(b)) => Some(Literal::Bool(*b)),
            (None | Some(Kind::Int32 | Kind::Int64), expr::Literal::Int(n)) => {
                Some(Literal::Int(*n))
            }
            (None | Some(Kind::String | Kind::Enum(_)), expr::Literal::String(text)) => {
                Some(Literal::Text(text.to_lowercase()))
            }
            (Some(Kind::Guid), expr::Literal::Bare(text)) if guid(text) => {
                Some(Literal::Text(text.to_lowercase()))
            }
            (None | Some(Kind::DateTimeOffset), expr::Literal::Bare(text)) => {
                parse_time(text).map(Literal::Time)
            }
            _ => None,
        };
        fits.ok_or_else(|| {
            let found = match value {
                expr::Literal::Null => "null",
                expr::Literal::Bool(_) => "Edm.Boolean",
                expr::Literal::Int(_) => "Edm.Int32",
                expr::Literal::String(_) => "Edm.String",
                expr::Literal::Bare(text) if guid(text) => "Edm.Guid",
                expr::Literal::Bare(_) => "Edm.Untyped",
            };
            let expected = kind.map_or_else(|| "Edm.Untyped".to_owned(), |k| k.name());
            SimError::gateway(format!(
                "Invalid filter clause: A binary operator with incompatible types was detected. Found operand types '{expected}' and '{found}' for operator kind '{operator}'."
            ))
        })
    }
}

/// A lambda's collection and variable.
struct Item<'a> {
    property: Option<&'a Property>,
    collection: &'a str,
    variable: &'a str,
}

impl Item<'_> {
    /// What follows the variable: `x/skuId` → `skuId`, `x` → nothing.
    fn sub<'p>(&self, path: &'p str) -> Option<&'p str> {
        let rest = path.strip_prefix(self.variable)?;
        if rest.is_empty() {
            Some("")
        } else {
            rest.strip_prefix('/')
        }
    }
}

fn split(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|s| !s.is_empty())
        .map(str::to_owned)
        .collect()
}

fn op_name(op: Op) -> &'static str {
    match op {
        Op::Eq => "Equal",
        Op::Ne => "NotEqual",
        Op::Ge => "GreaterThanOrEqual",
        Op::Le => "LessThanOrEqual",
        Op::Gt => "GreaterThan",
        Op::Lt => "LessThan",
    }
}
