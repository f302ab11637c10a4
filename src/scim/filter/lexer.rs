//! Filter text to tokens, in one pass.

use serde_json::Number;

use crate::scim::error::Error;

/// A token; words are attribute paths, operators and the bare literals.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    Word(&'a str),
    Text(String),
    Number(Number),
}

/// The tokens of `text`, each with its byte offset.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token<'_>)>, Error> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    let run = |from: usize, fits: fn(u8) -> bool| {
        from + bytes[from..].iter().take_while(|b| fits(**b)).count()
    };
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        at += 1;
        let token = match byte {
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            b'(' => Token::Open,
            b')' => Token::Close,
            b'[' => Token::OpenBracket,
            b']' => Token::CloseBracket,
            b'"' => {
                at = string_end(bytes, at).ok_or_else(|| {
                    Error::invalid_filter(format!(
                        "the string that begins at character {} has no closing quote",
                        place(text, start)
                    ))
                })?;
                Token::Text(serde_json::from_str(&text[start..at]).map_err(|error| {
                    Error::invalid_filter(format!(
                        "{} is not a JSON string: {error}",
                        &text[start..at]
                    ))
                })?)
            }
            b'0'..=b'9' | b'-' => {
                at = run(start, |b| {
                    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.')
                });
                Token::Number(number(&text[start..at]).ok_or_else(|| {
                    Error::invalid_filter(format!(
                        "{} is not a number; a string value needs double quotes",
                        &text[start..at]
                    ))
                })?)
            }
            b if in_word(b) => {
                at = run(start, in_word);
                Token::Word(&text[start..at])
            }
            _ => {
                let odd = text[start..].chars().next().unwrap_or_default();
                return Err(Error::invalid_filter(format!(
                    "unexpected '{odd}' at character {}",
                    place(text, start)
                )));
            }
        };
        tokens.push((start, token));
    }
    Ok(tokens)
}

/// The 1-based character position of a byte offset, for messages.
pub(super) fn place(text: &str, offset: usize) -> usize {
    text.get(..offset).unwrap_or(text).chars().count() + 1
}

/// A JSON number. `serde_json` decides what is one, but may miss a fraction's last bit; the
/// standard library does not.
fn number(text: &str) -> Option<Number> {
    let number: Number = text.parse().ok()?;
    if number.is_f64() {
        return Number::from_f64(text.parse().ok()?);
    }
    Some(number)
}

fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'_' | b'$' | b'-')
}

/// The offset after the quote that ends the string whose content begins at `at`.
fn string_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}
