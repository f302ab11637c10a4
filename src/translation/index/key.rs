//! Values as bytes that sort and compare as SCIM compares: one byte for the type, then the value.
//! A database needs no collation, no date and no number to compare them.

use serde_json::Value;

use crate::scim::{
    datetime,
    filter::{CompareOp, Literal},
    schema::{Attribute, Type},
    text,
};

/// Of an object that has no value: behind every value.
pub const ABSENT: &[u8] = &[0xFF];
/// An empty text: a value that is not present.
pub const EMPTY: &[u8] = &[TEXT];
/// The first key behind all texts.
pub const BEHIND_TEXT: &[u8] = &[TEXT + 1];
/// The longest key that goes into an index; a value with a longer one is not indexed.
pub const LONGEST: usize = 1024;

const BOOLEAN: u8 = 1;
const NUMBER: u8 = 2;
const INSTANT: u8 = 3;
const TEXT: u8 = 4;

/// The integers that a double holds exactly.
const EXACT: i64 = 1 << 53;

fn tagged(tag: u8, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(rest.len() + 1);
    key.push(tag);
    key.extend_from_slice(rest);
    key
}

fn of_number(value: f64) -> Vec<u8> {
    let bits = value.to_bits();
    // Negative numbers sort backwards by their bits.
    let ordered = if bits >> 63 == 1 {
        !bits
    } else {
        bits | (1 << 63)
    };
    tagged(NUMBER, &ordered.to_be_bytes())
}

fn of_instant(instant: datetime::Instant) -> Vec<u8> {
    let nanos = instant.nanoseconds();
    tagged(INSTANT, &(nanos ^ i128::MIN).to_be_bytes())
}

fn of_text(value: &str, leaf: &Attribute) -> Vec<u8> {
    if is_exact(leaf) {
        tagged(TEXT, value.as_bytes())
    } else {
        tagged(TEXT, text::fold(value).as_bytes())
    }
}

/// Whether strings of the attribute compare with case.
pub fn is_exact(leaf: &Attribute) -> bool {
    leaf.case_exact || leaf.kind == Type::Binary
}

/// The key of one value of the attribute; `None` for what has none: null, an empty string, an
/// object, a number that is not exact.
pub fn of_value(value: &Value, leaf: &Attribute) -> Option<Vec<u8>> {
    match value {
        Value::Bool(value) => Some(tagged(BOOLEAN, &[u8::from(*value)])),
        Value::Number(number) => {
            let exact = number.as_i64().is_none_or(|n| n.abs() < EXACT) && !number.is_u64()
                || number.as_i64().is_some_and(|n| n.abs() < EXACT);
            exact.then(|| number.as_f64().map(of_number)).flatten()
        }
        Value::String(value) if leaf.kind == Type::DateTime => {
            datetime::instant(value).map(of_instant)
        }
        Value::String(value) => Some(of_text(value, leaf)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A comparison of keys.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// There is a value.
    Any,
    /// It is this one.
    Equal(Vec<u8>),
    /// It is another one.
    Differs(Vec<u8>),
    /// `from` (included or not) up to `to` (included or not).
    Between {
        /// The lower end.
        from: (Vec<u8>, bool),
        /// The upper end.
        to: (Vec<u8>, bool),
    },
    /// It ends with these bytes.
    EndsWith(Vec<u8>),
    /// It holds these bytes.
    Contains(Vec<u8>),
    /// No value satisfies it.
    Nothing,
}

/// What a comparison with a literal asks of keys; `None` when keys cannot answer it.
pub fn test(op: CompareOp, literal: &Literal, leaf: &Attribute) -> Option<Test> {
    let (tag, key) = match literal {
        Literal::Null => return None,
        Literal::Bool(value) => (BOOLEAN, tagged(BOOLEAN, &[u8::from(*value)])),
        Literal::Number(number) => {
            let key = of_value(&Value::Number(number.clone()), leaf)?;
            (NUMBER, key)
        }
        Literal::String(value) => {
            let textual = matches!(op, CompareOp::Co | CompareOp::Sw | CompareOp::Ew);
            if leaf.kind == Type::DateTime {
                if textual {
                    return None;
                }
                (INSTANT, of_instant(datetime::instant(value)?))
            } else {
                (TEXT, of_text(value, leaf))
            }
        }
    };
    let end = vec![tag + 1];
    Some(match op {
        CompareOp::Eq => Test::Equal(key),
        CompareOp::Ne => Test::Differs(key),
        CompareOp::Gt => Test::Between {
            from: (key, false),
            to: (end, false),
        },
        CompareOp::Ge => Test::Between {
            from: (key, true),
            to: (end, false),
        },
        CompareOp::Lt => Test::Between {
            from: (vec![tag], true),
            to: (key, false),
        },
        CompareOp::Le => Test::Between {
            from: (vec![tag], true),
            to: (key, true),
        },
        CompareOp::Sw | CompareOp::Ew | CompareOp::Co if tag != TEXT => Test::Nothing,
        CompareOp::Sw => {
            let to = (successor(&key), false);
            Test::Between {
                from: (key, true),
                to,
            }
        }
        CompareOp::Ew => Test::EndsWith(key[1..].to_vec()),
        CompareOp::Co => Test::Contains(key[1..].to_vec()),
    })
}

/// The first key behind all that begin with `prefix`, which is not all 0xFF.
fn successor(prefix: &[u8]) -> Vec<u8> {
    let mut next = prefix.to_vec();
    while let Some(last) = next.pop() {
        if last < 0xFF {
            next.push(last + 1);
            return next;
        }
    }
    ABSENT.to_vec()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn leaf(kind: Type, exact: bool) -> Attribute {
        Attribute {
            case_exact: exact,
            ..Attribute::new("x", kind, "")
        }
    }

    #[test]
    fn keys_sort_as_values_do() {
        let rows: [(Attribute, Vec<Value>); 4] = [
            (leaf(Type::Boolean, false), vec![json!(false), json!(true)]),
            (
                leaf(Type::Decimal, false),
                vec![
                    json!(-10.5),
                    json!(-2),
                    json!(0),
                    json!(0.25),
                    json!(3),
                    json!(1e20),
                ],
            ),
            (
                leaf(Type::DateTime, false),
                vec![
                    json!("0001-01-01T00:00:00Z"),
                    json!("2026-01-01T04:00:00+05:00"),
                    json!("2026-01-01T00:00:00Z"),
                    json!("2026-01-01T00:00:00.5Z"),
                ],
            ),
            (
                leaf(Type::String, false),
                vec![
                    json!("ADAM"),
                    json!("adamant"),
                    json!("Bea"),
                    json!("Ž"),
                    json!("日本"),
                ],
            ),
        ];
        for (leaf, values) in rows {
            let keys: Vec<_> = values.iter().map(|v| of_value(v, &leaf).unwrap()).collect();
            assert!(keys.is_sorted(), "{values:?}");
            assert!(keys.iter().all(|key| key.as_slice() < ABSENT));
        }
    }

    #[test]
    fn what_is_not_exact_has_no_key() {
        let number = leaf(Type::Integer, false);
        assert_eq!(of_value(&json!(9_007_199_254_740_993_i64), &number), None);
        assert_eq!(of_value(&json!(null), &number), None);
        assert_eq!(
            of_value(&json!("no date"), &leaf(Type::DateTime, false)),
            None
        );
    }

    #[test]
    fn a_prefix_is_a_range() {
        let text = leaf(Type::String, false);
        let literal = Literal::String("Ad".into());
        let Some(Test::Between { from, to }) = test(CompareOp::Sw, &literal, &text) else {
            panic!("no range");
        };
        for (value, inside) in [("ad", true), ("ADAM", true), ("ae", false), ("ac", false)] {
            let key = of_value(&json!(value), &text).unwrap();
            assert_eq!(key >= from.0 && key < to.0, inside, "{value}");
        }
    }
}
