//! One row against one value.

use serde_json::Value as Json;

use super::{
    Mapping,
    condition::{Condition, Unanswerable},
};
use crate::{
    odata::{
        expr::{Expr, Function, Literal as Value, Op},
        facts::{self, FilterRule, Kind, Support},
    },
    resources,
    scim::{
        attr::AttrPath,
        filter::{CompareOp, Literal},
    },
    translation::{
        path::PathStep,
        qualified::Qualified,
        row::Row,
        transform::{self, Transform},
    },
};

/// A row's path as `$filter` writes it, with what Graph allows there.
pub(in crate::translation) struct Operand {
    /// `a/b`: of the property, or of the collection.
    pub path: String,
    /// Whether values are tested in `path/any(p:…)`.
    pub is_list: bool,
    pub rule: FilterRule,
}

impl Operand {
    /// The expression, below `any` for a list.
    fn expr(&self, make: impl FnOnce(String) -> Expr) -> Expr {
        if self.is_list {
            let inner = make("p".to_owned());
            Expr::Any(self.path.clone(), "p".to_owned(), Box::new(inner))
        } else {
            make(self.path.clone())
        }
    }
}

impl Mapping {
    /// Where `$filter` finds the row's values. `None`: nowhere.
    pub(in crate::translation) fn target(&self, row: &Row) -> Option<Operand> {
        let steps = row.graph.as_ref()?.steps()?;
        let (members, is_list) = match steps.split_last()? {
            (PathStep::Each | PathStep::Index(0), members) => (members, true),
            _ => (steps, false),
        };
        let names: Option<Vec<&str>> = members
            .iter()
            .map(|step| match step {
                PathStep::Member(name) => Some(name.as_str()),
                _ => None,
            })
            .collect();
        let path = names?.join("/");
        let known = if is_list {
            facts::filter_rule(&self.entity, &format!("{path}/any(p:p)"))
        } else {
            facts::filter_rule(&self.entity, &path)
        };
        Some(Operand {
            path,
            is_list,
            rule: *known?,
        })
    }

    /// The target, or why there is none.
    fn need_target(&self, row: &Row) -> Result<Operand, Unanswerable> {
        let Some(path) = &row.graph else {
            return Err(Unanswerable::cannot(format!(
                "'{}' is not mapped",
                row.written
            )));
        };
        let root = path.root();
        if self.side_resource(root).is_some() || facts::per_object_only(&self.entity, root) {
            return Err(Unanswerable::fatal(format!(
                "'{}' cannot be filtered: Microsoft Graph gives {root} of one {} at a time",
                row.written, self.entity
            )));
        }
        self.target(row).ok_or_else(|| {
            Unanswerable::cannot(format!(
                "Microsoft Graph cannot filter by '{}' ({path})",
                row.written
            ))
        })
    }

    /// `row op literal`; `negated`: the objects that do not satisfy it, those without a value
    /// among them.
    pub(super) fn leaf(
        &self,
        row: &Row,
        op: CompareOp,
        literal: &Literal,
        negated: bool,
    ) -> Result<Condition, Unanswerable> {
        if row.graph.is_none() {
            return Ok(match row.transform {
                Transform::Constant(_) => Condition::All,
                // Without a value, `ne` holds and nothing else does.
                _ => Condition::constant((op == CompareOp::Ne) != negated),
            });
        }
        let target = self.need_target(row)?;
        if !is_comparable(&row.transform) {
            return Err(computed(row));
        }
        match (op, negated) {
            (CompareOp::Eq, false) => self.equal(row, &target, literal),
            (CompareOp::Eq, true) => self.unequal(row, &target, literal),
            (CompareOp::Ne, false) if !target.is_list => self.unequal(row, &target, literal),
            (CompareOp::Ne, true) if !target.is_list => self.equal(row, &target, literal),
            (CompareOp::Sw | CompareOp::Ew, _) => self.affix(row, &target, op, literal, negated),
            (CompareOp::Co, _) => Err(Unanswerable::cannot(format!(
                "Microsoft Graph cannot look inside '{}' (co): ask by {}",
                row.written,
                offers(row, &target)
            ))),
            (CompareOp::Ne, _) => Err(Unanswerable::cannot(format!(
                "Microsoft Graph cannot compare any value of '{}' by 'ne': write not (… eq …)",
                row.written
            ))),
            (CompareOp::Gt | CompareOp::Ge | CompareOp::Lt | CompareOp::Le, false) => {
                ordered(row, &target, op, literal)
            }
            (CompareOp::Gt | CompareOp::Ge | CompareOp::Lt | CompareOp::Le, true) => {
                Err(unsupported(row, &target, &format!("not ({op} …)")))
            }
        }
    }

    fn equal(
        &self,
        row: &Row,
        target: &Operand,
        literal: &Literal,
    ) -> Result<Condition, Unanswerable> {
        let value = match self.graph_literal(row, target, literal)? {
            Probe::Value(value) => value,
            Probe::Never => return Ok(Condition::False),
        };
        if target.rule.eq == Support::No && target.rule.ge_le != Support::No {
            let side = |op| Box::new(Expr::Compare(target.path.clone(), op, value.clone()));
            let range = Expr::And(side(Op::Ge), side(Op::Le));
            return Condition::graph(range, target.rule.ge_le, false)
                .ok_or_else(|| unsupported(row, target, "eq"));
        }
        let expr = target.expr(|path| Expr::Compare(path, Op::Eq, value));
        Condition::graph(expr, target.rule.eq, is_exact(row))
            .ok_or_else(|| unsupported(row, target, "eq"))
    }

    /// Objects without that value: Graph's `ne` holds for null, as SCIM's does.
    fn unequal(
        &self,
        row: &Row,
        target: &Operand,
        literal: &Literal,
    ) -> Result<Condition, Unanswerable> {
        let value = match self.graph_literal(row, target, literal)? {
            Probe::Value(value) => value,
            Probe::Never => return Ok(Condition::True),
        };
        if !is_exact(row) {
            return Err(Unanswerable::cannot(format!(
                "'{}' heeds case and Microsoft Graph does not: it cannot leave out one spelling",
                row.written
            )));
        }
        let condition = if target.is_list {
            let held = target.expr(|path| Expr::Compare(path, Op::Eq, value));
            Condition::graph(Expr::Not(Box::new(held)), target.rule.not, true)
        } else {
            let expr = Expr::Compare(target.path.clone(), Op::Ne, value);
            Condition::graph(expr, target.rule.ne, true)
        };
        condition.ok_or_else(|| unsupported(row, target, "ne"))
    }

    /// `sw` and `ew`.
    fn affix(
        &self,
        row: &Row,
        target: &Operand,
        op: CompareOp,
        literal: &Literal,
        negated: bool,
    ) -> Result<Condition, Unanswerable> {
        let Literal::String(text) = literal else {
            return Err(unsupported(row, target, &op.to_string()));
        };
        if text.is_empty() {
            return self.leaf_present(row, negated);
        }
        let (function, support) = if op == CompareOp::Sw {
            (Function::StartsWith, target.rule.starts_with)
        } else {
            (Function::EndsWith, target.rule.ends_with)
        };
        if let Transform::QualifiedName(names) = &row.transform {
            return qualified(row, target, op, text, negated, names);
        }
        let (text, exact) = match (&row.transform, op) {
            (Transform::Identity, _) => (text.clone(), is_exact(row)),
            (Transform::SmtpAddress, CompareOp::Sw) => (format!("smtp:{text}"), is_exact(row)),
            // Of addresses, other kinds may end so too.
            (Transform::Lower | Transform::SmtpAddress, _) => (text.clone(), false),
            _ => return Err(computed(row)),
        };
        let holds = target.expr(|path| Expr::Call(function, path, text));
        if !negated {
            return Condition::graph(holds, support, exact)
                .ok_or_else(|| unsupported(row, target, &op.to_string()));
        }
        let condition = if exact && support != Support::No {
            Condition::graph(Expr::Not(Box::new(holds)), target.rule.not, true)
        } else {
            None
        };
        let condition =
            condition.ok_or_else(|| unsupported(row, target, &format!("not ({op} …)")))?;
        if target.is_list {
            return Ok(condition);
        }
        // A function of null is null, and so is its negation: those without a value are asked
        // for by themselves.
        condition.or(self.leaf_present(row, true)?, &self.entity)
    }

    /// The row has a value, or (`negated`) has none.
    pub(super) fn leaf_present(&self, row: &Row, negated: bool) -> Result<Condition, Unanswerable> {
        if row.graph.is_none() {
            let always = matches!(row.transform, Transform::Constant(_));
            return Ok(Condition::constant(always != negated));
        }
        if row.required || row.place().path() == AttrPath::core("id") {
            return Ok(Condition::constant(!negated));
        }
        let target = self.need_target(row)?;
        if is_made_up(&row.transform) {
            return Err(computed(row));
        }
        if matches!(row.transform, Transform::SmtpAddress) {
            let any = target.expr(|path| Expr::Call(Function::StartsWith, path, "smtp:".into()));
            let condition = if negated {
                Condition::graph(Expr::Not(Box::new(any)), target.rule.not, true)
            } else {
                Condition::graph(any, target.rule.starts_with, true)
            };
            return condition.ok_or_else(|| unsupported(row, &target, "pr"));
        }
        if target.is_list {
            let op = if negated { Op::Eq } else { Op::Ne };
            let support = facts::count_rule(&self.entity, &target.path, op, 0);
            return Condition::graph(Expr::Count(target.path.clone(), op, 0), support, true)
                .ok_or_else(|| unsupported(row, &target, "pr"));
        }
        let (op, support) = match (target.rule.eq_null, negated) {
            (Support::No, _) => (Op::Ne, Support::No),
            (support, true) => (Op::Eq, support),
            // `ne null` takes both: that null can be compared with, and `ne`.
            (_, false) => (Op::Ne, target.rule.ne),
        };
        let null = Expr::Compare(target.path.clone(), op, Value::Null);
        if let Some(condition) = Condition::graph(null, support, true) {
            return Ok(condition);
        }
        if row.graph_kind == Kind::Boolean && !negated {
            let is = |truth| {
                let expr = Expr::Compare(target.path.clone(), Op::Eq, Value::Bool(truth));
                Condition::graph(expr, target.rule.eq, true)
            };
            if let (Some(a), Some(b)) = (is(true), is(false)) {
                return a.or(b, &self.entity);
            }
        }
        Err(unsupported(row, &target, "pr"))
    }

    /// The SCIM literal as Graph holds it.
    fn graph_literal(
        &self,
        row: &Row,
        target: &Operand,
        literal: &Literal,
    ) -> Result<Probe, Unanswerable> {
        let json = match literal {
            Literal::Null => return Err(unsupported(row, target, "null")),
            Literal::Bool(truth) => Json::Bool(*truth),
            Literal::Number(number) => Json::Number(number.clone()),
            // No attribute ever has an empty value.
            Literal::String(text) if text.is_empty() => return Ok(Probe::Never),
            Literal::String(text) => Json::String(text.clone()),
        };
        let held = match &row.transform {
            Transform::Identity
            | Transform::Not
            | Transform::BooleanText
            | Transform::IntegerText => row
                .transform
                .write(&json)
                .map_err(|why| Unanswerable::fatal(format!("'{}': {why}", row.written)))?,
            Transform::QualifiedName(names) => {
                let text = json.as_str().unwrap_or_default();
                let held = names.write(text);
                // What is never shown so is nobody's name.
                if !names.read(&held).eq_ignore_ascii_case(text) {
                    return Ok(Probe::Never);
                }
                held.into()
            }
            // Compared to the fraction, though none is written.
            Transform::DateTime => transform::date_time(json.as_str().unwrap_or_default())
                .map(Json::String)
                .map_err(|why| Unanswerable::fatal(format!("'{}': {why}", row.written)))?,
            Transform::Lower => json,
            Transform::SmtpAddress => format!("smtp:{}", json.as_str().unwrap_or_default()).into(),
            _ => return Err(computed(row)),
        };
        let is_object = target.path == "id" && matches!(self.entity.as_str(), "user" | "group");
        Ok(match (&row.graph_kind, held) {
            (_, Json::Bool(truth)) => Probe::Value(Value::Bool(truth)),
            (_, Json::Number(number)) => match number.as_i64() {
                Some(number) => Probe::Value(Value::Int(number)),
                None => return Err(unsupported(row, target, "a decimal")),
            },
            (Kind::DateTimeOffset, Json::String(text)) => Probe::Value(Value::Bare(text)),
            (Kind::Guid, Json::String(text)) if resources::is_object_id(&text) => {
                Probe::Value(Value::Bare(text))
            }
            (Kind::Guid, Json::String(_)) => Probe::Never,
            // Graph answers 400 to an id that is none; nothing has it.
            (_, Json::String(text)) if is_object && !resources::is_object_id(&text) => Probe::Never,
            (_, Json::String(text)) => Probe::Value(Value::String(text)),
            (_, other) => {
                return Err(Unanswerable::fatal(format!(
                    "{other} is no value to compare with"
                )));
            }
        })
    }
}

enum Probe {
    Value(Value),
    /// Nothing has this value.
    Never,
}

/// `sw` and `ew` of names that are shown without prefix and domain, or whole: what may match, to
/// be looked at here.
fn qualified(
    row: &Row,
    target: &Operand,
    op: CompareOp,
    text: &str,
    negated: bool,
    names: &Qualified,
) -> Result<Condition, Unanswerable> {
    let (function, support, held) = if op == CompareOp::Sw {
        let held = format!("{}{text}", names.prefix);
        (Function::StartsWith, target.rule.starts_with, held)
    } else {
        let held = format!("{text}@{}", names.domain);
        (Function::EndsWith, target.rule.ends_with, held)
    };
    if negated {
        return Err(unsupported(row, target, &format!("not ({op} …)")));
    }
    let side = |text: String| Box::new(target.expr(|path| Expr::Call(function, path, text)));
    let either = Expr::Or(side(held), side(text.to_owned()));
    Condition::graph(either, support, false)
        .ok_or_else(|| unsupported(row, target, &op.to_string()))
}

fn ordered(
    row: &Row,
    target: &Operand,
    op: CompareOp,
    literal: &Literal,
) -> Result<Condition, Unanswerable> {
    let is_date = row.graph_kind == Kind::DateTimeOffset && row.transform == Transform::DateTime;
    let (Literal::String(text), true) = (literal, is_date) else {
        return Err(unsupported(row, target, &op.to_string()));
    };
    let at = transform::date_time(text)
        .map_err(|why| Unanswerable::fatal(format!("'{}': {why}", row.written)))?;
    // Graph has ge and le: gt and lt are told apart by the evaluation.
    let (op, exact) = match op {
        CompareOp::Gt => (Op::Ge, false),
        CompareOp::Lt => (Op::Le, false),
        CompareOp::Ge => (Op::Ge, true),
        _ => (Op::Le, true),
    };
    let expr = target.expr(|path| Expr::Compare(path, op, Value::Bare(at)));
    Condition::graph(expr, target.rule.ge_le, exact)
        .ok_or_else(|| unsupported(row, target, "gt, ge, lt or le"))
}

/// Whether Graph's comparison, which ignores case, is that of the attribute.
fn is_exact(row: &Row) -> bool {
    let is_text = matches!(row.graph_kind, Kind::String | Kind::Enum(_) | Kind::Guid);
    !(is_text && row.case_exact)
}

/// Whether SCIM values can be compared where Graph holds them.
fn is_comparable(transform: &Transform) -> bool {
    match transform {
        Transform::Identity
        | Transform::Not
        | Transform::Lower
        | Transform::DateTime
        | Transform::BooleanText
        | Transform::IntegerText
        | Transform::QualifiedName(_)
        | Transform::SmtpAddress => true,
        Transform::Date | Transform::DateTimeTimeZone | Transform::Csv => false,
        other => !is_made_up(other),
    }
}

/// Whether the value is made of something else, so that not even its presence can be asked.
fn is_made_up(transform: &Transform) -> bool {
    matches!(
        transform,
        Transform::Constant(_)
            | Transform::PhotoUrl
            | Transform::FriendlySkuName
            | Transform::AvailableSeats
            | Transform::FullName
            | Transform::PostalAddress
    )
}

fn computed(row: &Row) -> Unanswerable {
    Unanswerable::cannot(format!(
        "'{}' is computed ({}): Microsoft Graph cannot filter by it",
        row.written,
        row.transform.name()
    ))
}

fn unsupported(row: &Row, target: &Operand, what: &str) -> Unanswerable {
    Unanswerable::cannot(format!(
        "Microsoft Graph does not support {what} for '{}' ({}): ask by {}",
        row.written,
        target.path,
        offers(row, target)
    ))
}

/// The SCIM operators that Graph answers for a row: `eq, ne, sw, pr`.
pub(in crate::translation) fn offers(row: &Row, target: &Operand) -> String {
    let names = operators(row, target, |_| true);
    if names.is_empty() {
        "another attribute".to_owned()
    } else {
        names.join(", ")
    }
}

/// The SCIM operators that Graph answers for a row in queries that `wanted` picks.
pub(in crate::translation) fn operators(
    row: &Row,
    target: &Operand,
    wanted: impl Fn(Support) -> bool,
) -> Vec<&'static str> {
    if !is_comparable(&row.transform) {
        return Vec::new();
    }
    let rule = &target.rule;
    let present = match rule.eq_null {
        Support::No => Support::No,
        _ => rule.ne,
    };
    let dated = row.graph_kind == Kind::DateTimeOffset;
    let textual = matches!(
        row.transform,
        Transform::Identity | Transform::SmtpAddress | Transform::QualifiedName(_)
    );
    let known = [
        ("eq", rule.eq, true),
        ("ne", rule.ne, is_exact(row) && !target.is_list),
        ("sw", rule.starts_with, textual),
        ("ew", rule.ends_with, textual),
        ("gt, ge, lt, le", rule.ge_le, dated),
        ("pr", present, true),
    ];
    known
        .iter()
        .filter(|(_, support, applies)| *applies && *support != Support::No && wanted(*support))
        .map(|(name, ..)| *name)
        .collect()
}
