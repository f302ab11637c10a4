//! A filter against a schema: every path in the schema's spelling, every value of the type.

use super::{CompareOp, Filter, Literal};
use crate::scim::{
    attr::AttrPath,
    datetime,
    error::Error,
    schema::{Attribute, ResourceSchema, Returned, Type},
};

/// The filter with canonical paths and with values of the attributes' types: strings for
/// booleans (`primary eq "True"`, as Entra writes) become booleans, and a comparison of a
/// complex attribute that has a `value` (`emails co "x"`, `manager eq "id"`) names it.
///
/// # Errors
/// `invalidFilter`: unknown attribute, an operator or a value that the attribute's type does
/// not have, or an attribute that is never returned.
pub fn check(filter: &Filter, schema: &ResourceSchema) -> Result<Filter, Error> {
    Ok(match filter {
        Filter::And(a, b) => Filter::And(both(a, schema)?, both(b, schema)?),
        Filter::Or(a, b) => Filter::Or(both(a, schema)?, both(b, schema)?),
        Filter::Not(a) => Filter::Not(both(a, schema)?),
        Filter::Present(path) => {
            let found = resolve(path, schema)?;
            Filter::Present(found.path)
        }
        Filter::Compare(path, op, literal) => {
            let found = resolve(path, schema)?;
            let Some(leaf) = found.leaf() else {
                return Err(Error::invalid_filter(format!(
                    "'{path}' is a schema: only 'pr' applies to it"
                )));
            };
            if leaf.kind == Type::Complex {
                let value = leaf.sub("value").ok_or_else(|| no_value(&found.path))?;
                let path = found.path.with_sub(&value.name);
                let literal = typed(&path, value, *op, literal)?;
                Filter::Compare(path, *op, literal)
            } else {
                let literal = typed(&found.path, leaf, *op, literal)?;
                Filter::Compare(found.path, *op, literal)
            }
        }
        Filter::ValuePath(path, inner) => {
            let found = resolve(path, schema)?;
            match (found.attribute, found.sub) {
                (Some(attribute), None) => {
                    let inner = check_within(inner, attribute)?;
                    Filter::ValuePath(found.path, Box::new(inner))
                }
                _ => {
                    return Err(Error::invalid_filter(format!(
                        "'{path}' cannot take a filter in [ ]"
                    )));
                }
            }
        }
    })
}

fn both(filter: &Filter, schema: &ResourceSchema) -> Result<Box<Filter>, Error> {
    check(filter, schema).map(Box::new)
}

/// The filter inside the brackets of a value path over `attribute`.
///
/// # Errors
/// As [`check`]. A multi-valued attribute that is not complex has the one name `value`.
pub fn check_within(filter: &Filter, attribute: &Attribute) -> Result<Filter, Error> {
    let boxed = |filter: &Filter| check_within(filter, attribute).map(Box::new);
    Ok(match filter {
        Filter::And(a, b) => Filter::And(boxed(a)?, boxed(b)?),
        Filter::Or(a, b) => Filter::Or(boxed(a)?, boxed(b)?),
        Filter::Not(a) => Filter::Not(boxed(a)?),
        Filter::Present(path) => {
            let (path, _) = element_leaf(path, attribute)?;
            Filter::Present(path)
        }
        Filter::Compare(path, op, literal) => {
            let (path, leaf) = element_leaf(path, attribute)?;
            let literal = typed(&path, leaf, *op, literal)?;
            Filter::Compare(path, *op, literal)
        }
        Filter::ValuePath(path, _) => {
            return Err(Error::invalid_filter(format!(
                "'{path}[' cannot stand inside [ ]"
            )));
        }
    })
}

fn element_leaf<'a>(
    path: &AttrPath,
    attribute: &'a Attribute,
) -> Result<(AttrPath, &'a Attribute), Error> {
    if attribute.kind != Type::Complex {
        return if attribute.multi_valued && path.attr.eq_ignore_ascii_case("value") {
            Ok((AttrPath::core("value"), attribute))
        } else {
            Err(Error::invalid_filter(format!(
                "'{}' has no sub-attribute '{path}'",
                attribute.name
            )))
        };
    }
    let sub = attribute.sub(&path.attr).ok_or_else(|| {
        Error::invalid_filter(format!(
            "'{}' has no sub-attribute '{path}'",
            attribute.name
        ))
    })?;
    readable(path, sub)?;
    Ok((AttrPath::core(&sub.name), sub))
}

fn resolve<'a>(
    path: &AttrPath,
    schema: &'a ResourceSchema,
) -> Result<crate::scim::schema::Resolved<'a>, Error> {
    let found = schema
        .resolve(path)
        .map_err(|error| Error::invalid_filter(error.detail))?;
    for attribute in [found.attribute, found.sub].into_iter().flatten() {
        readable(path, attribute)?;
    }
    Ok(found)
}

/// What is never returned must not be guessed by filters either.
fn readable(path: &AttrPath, attribute: &Attribute) -> Result<(), Error> {
    if attribute.returned == Returned::Never {
        return Err(Error::invalid_filter(format!(
            "'{path}' is never returned and cannot be filtered"
        )));
    }
    Ok(())
}

fn no_value(path: &AttrPath) -> Error {
    Error::invalid_filter(format!(
        "'{path}' is complex and has no 'value': compare one of its sub-attributes"
    ))
}

/// The literal in the attribute's type, if the operator applies to that type.
fn typed(
    path: &AttrPath,
    leaf: &Attribute,
    op: CompareOp,
    literal: &Literal,
) -> Result<Literal, Error> {
    let textual = matches!(op, CompareOp::Co | CompareOp::Sw | CompareOp::Ew);
    let ordered = !textual && !matches!(op, CompareOp::Eq | CompareOp::Ne);
    let refused = match leaf.kind {
        Type::Boolean | Type::Binary | Type::Complex => textual || ordered,
        Type::Decimal | Type::Integer => textual,
        Type::String | Type::DateTime | Type::Reference => false,
    };
    if refused || (*literal == Literal::Null && (textual || ordered)) {
        return Err(Error::invalid_filter(format!(
            "'{op} {literal}' does not apply to '{path}', which is of type {}",
            type_name(leaf.kind)
        )));
    }
    let mismatch = || {
        Error::invalid_filter(format!(
            "{literal} is not a value of '{path}', which is of type {}",
            type_name(leaf.kind)
        ))
    };
    match (leaf.kind, literal) {
        (_, Literal::Null)
        | (Type::Boolean, Literal::Bool(_))
        | (Type::Decimal | Type::Integer, Literal::Number(_))
        | (Type::String | Type::Reference | Type::Binary, Literal::String(_)) => {
            Ok(literal.clone())
        }
        (Type::Boolean, Literal::String(text)) => {
            boolean(text).map(Literal::Bool).ok_or_else(mismatch)
        }
        (Type::Decimal | Type::Integer, Literal::String(text)) => {
            text.parse().map(Literal::Number).map_err(|_| mismatch())
        }
        (Type::DateTime, Literal::String(text)) => {
            if textual || datetime::instant(text).is_some() {
                Ok(literal.clone())
            } else {
                Err(Error::invalid_filter(format!(
                    "{literal} is not a dateTime such as \"2026-01-31T08:00:00Z\" ('{path}')"
                )))
            }
        }
        _ => Err(mismatch()),
    }
}

/// The booleans that clients send as strings.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// The type's name of RFC 7643 §2.3, for messages.
pub(crate) fn type_name(kind: Type) -> &'static str {
    match kind {
        Type::String => "string",
        Type::Boolean => "boolean",
        Type::Decimal => "decimal",
        Type::Integer => "integer",
        Type::DateTime => "dateTime",
        Type::Binary => "binary",
        Type::Reference => "reference",
        Type::Complex => "complex",
    }
}
