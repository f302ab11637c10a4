//! `$search`: `"displayName:text" AND ("description:a" OR "mail:b")`.

use crate::simulator::errors::SimError;

/// A search expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Search {
    /// `"property:text"`
    Term(String, String),
    /// Both.
    And(Box<Self>, Box<Self>),
    /// Either.
    Or(Box<Self>, Box<Self>),
}

impl Search {
    /// The properties it names.
    pub fn properties(&self) -> Vec<&str> {
        match self {
            Self::Term(property, _) => vec![property],
            Self::And(a, b) | Self::Or(a, b) => {
                let mut all = a.properties();
                all.extend(b.properties());
                all
            }
        }
    }

    /// Whether it holds, `test` telling of one term.
    pub fn holds(&self, test: &impl Fn(&str, &str) -> bool) -> bool {
        match self {
            Self::Term(property, text) => test(property, text),
            Self::And(a, b) => a.holds(test) && b.holds(test),
            Self::Or(a, b) => a.holds(test) || b.holds(test),
        }
    }
}

fn invalid(text: &str) -> SimError {
    SimError::gateway(format!(
        "Syntax error: '{text}' is not a valid $search expression."
    ))
}

/// Parses the value of `$search`.
pub fn parse(text: &str) -> Result<Search, SimError> {
    let mut parser = Parser {
        whole: text,
        rest: text,
        depth: 0,
    };
    let search = parser.or()?;
    if parser.rest.trim().is_empty() {
        Ok(search)
    } else {
        Err(invalid(text))
    }
}

struct Parser<'a> {
    whole: &'a str,
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn eat(&mut self, word: &str) -> bool {
        match self.rest.trim_start().strip_prefix(word) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn or(&mut self) -> Result<Search, SimError> {
        self.depth += 1;
        if self.depth > 32 {
            return Err(invalid(self.whole));
        }
        let mut left = self.and()?;
        while self.eat("OR") {
            left = Search::Or(Box::new(left), Box::new(self.and()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn and(&mut self) -> Result<Search, SimError> {
        let mut left = self.term()?;
        while self.eat("AND") {
            left = Search::And(Box::new(left), Box::new(self.term()?));
        }
        Ok(left)
    }

    fn term(&mut self) -> Result<Search, SimError> {
        if self.eat("(") {
            let inner = self.or()?;
            return if self.eat(")") {
                Ok(inner)
            } else {
                Err(invalid(self.whole))
            };
        }
        if !self.eat("\"") {
            return Err(invalid(self.whole));
        }
        let mut text = String::new();
        let mut chars = self.rest.char_indices();
        let end = loop {
            match chars.next() {
                None => return Err(invalid(self.whole)),
                Some((at, '"')) => break at + 1,
                Some((_, '\\')) => text.extend(chars.next().map(|(_, c)| c)),
                Some((_, c)) => text.push(c),
            }
        };
        self.rest = &self.rest[end..];
        match text.split_once(':') {
            Some((property, value)) if !property.is_empty() && !value.is_empty() => {
                Ok(Search::Term(property.trim().to_owned(), value.to_owned()))
            }
            _ => Err(invalid(self.whole)),
        }
    }
}

/// Words of a text: split at spaces, symbols, between digits and letters, and before an upper-case
/// letter that follows a lower-case one. Neighbours without a space between them also count as one
/// word, so that `hello.world` is found by `helloworld`.
pub fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    for chunk in text.split_whitespace() {
        let mut parts: Vec<String> = Vec::new();
        let mut last: Option<char> = None;
        for c in chunk.chars() {
            let starts = match last {
                None => true,
                Some(l) => {
                    class(l) != class(c)
                        || class(c) == Class::Symbol
                        || (l.is_lowercase() && c.is_uppercase())
                }
            };
            if starts {
                parts.push(String::new());
            }
            if let Some(part) = parts.last_mut() {
                part.extend(c.to_lowercase());
            }
            last = Some(c);
        }
        if parts.len() > 1 {
            let joined: String = chunk
                .chars()
                .filter(|c| c.is_alphanumeric())
                .flat_map(char::to_lowercase)
                .collect();
            if !joined.is_empty() && !parts.contains(&joined) {
                parts.push(joined);
            }
        }
        tokens.extend(parts);
    }
    tokens
}

#[derive(PartialEq, Eq)]
enum Class {
    Letter,
    Digit,
    Symbol,
}

fn class(c: char) -> Class {
    if c.is_alphabetic() {
        Class::Letter
    } else if c.is_numeric() {
        Class::Digit
    } else {
        Class::Symbol
    }
}

/// Whether every word of the search begins some word of the value.
pub fn token_match(value: &str, search: &str) -> bool {
    let have = tokens(value);
    search.split_whitespace().all(|word| {
        let word = word.to_lowercase();
        let bare: String = word.chars().filter(|c| c.is_alphanumeric()).collect();
        have.iter()
            .any(|token| token.starts_with(&word) || (!bare.is_empty() && token.starts_with(&bare)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        let term = |p: &str, t: &str| Search::Term(p.into(), t.into());
        assert_eq!(
            parse("\"displayName:One Video\"").unwrap(),
            term("displayName", "One Video")
        );
        assert_eq!(parse(r#""a:x\"y\\z""#).unwrap(), term("a", "x\"y\\z"));
        let both = parse("\"a:x\" AND (\"b:y\" OR \"c:z\")").unwrap();
        assert_eq!(both.properties(), ["a", "b", "c"]);
        assert!(both.holds(&|p, _| p != "b"));
        assert!(!both.holds(&|p, _| p == "b"));
        for bad in [
            "",
            "displayName:x",
            "\"x\"",
            "\"a:x",
            "\"a:x\" and \"b:y\"",
            "(\"a:x\"",
            "\"a:\"",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn words() {
        for (text, expected) in [
            ("hello.world", vec!["hello", ".", "world", "helloworld"]),
            (
                "hello123world",
                vec!["hello", "123", "world", "hello123world"],
            ),
            ("HELLOworld", vec!["helloworld"]),
            ("helloWorld", vec!["hello", "world", "helloworld"]),
            ("One Two", vec!["one", "two"]),
        ] {
            assert_eq!(tokens(text), expected, "{text}");
        }
        for (value, search, expected) in [
            ("OneVideo team", "video one", true),
            ("Adele Vance", "van", true),
            ("Adele Vance", "ance", false),
            ("hello.world", "helloworld", true),
            ("Adele Vance", "Adele Vance", true),
            ("Adele Vance", "Adele Bob", false),
        ] {
            assert_eq!(token_match(value, search), expected, "{value} / {search}");
        }
    }
}
