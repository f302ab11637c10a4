//! Tokens to a tree. Depth is counted before going down, so no text can exhaust the stack.

use super::{
    CompareOp, Filter, Literal,
    lexer::{Token, place, tokens},
};
use crate::scim::{attr::AttrPath, error::Error};

/// Longest filter text, in bytes.
pub const MAX_LENGTH: usize = 8 * 1024;
/// Deepest nesting of parentheses, brackets and `not`.
pub const MAX_DEPTH: usize = 32;
/// Most comparisons in one filter.
pub const MAX_TERMS: usize = 200;

/// A PATCH path, RFC 7644 §3.5.2: `attrPath / valuePath [subAttr]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// The attribute as written; without a sub-attribute when there is a filter.
    pub attr: AttrPath,
    /// The value filter.
    pub filter: Option<Filter>,
    /// The sub-attribute after the value filter.
    pub sub: Option<String>,
}

/// Parses a filter. Names are kept as written; [`super::check`] gives them the schema's spelling.
///
/// `attr[filter].sub op value`, which Entra sends though the RFC has it in paths only, means
/// `attr[(filter) and sub op value]` and is read as that.
///
/// # Errors
/// `invalidFilter` for what is not a filter and past the limits ([`MAX_LENGTH`], [`MAX_DEPTH`],
/// [`MAX_TERMS`]).
pub fn parse(text: &str) -> Result<Filter, Error> {
    let mut parser = Parser::new(text)?;
    let filter = parser.or(false)?;
    parser.end()?;
    Ok(filter)
}

/// Parses a PATCH path.
///
/// # Errors
/// `invalidPath`; `invalidFilter` when what stands between the brackets is not a filter.
pub fn parse_path(text: &str) -> Result<Path, Error> {
    let text = text.trim();
    let Some((head, _)) = text.split_once('[') else {
        return Ok(Path {
            attr: AttrPath::parse(text)?,
            filter: None,
            sub: None,
        });
    };
    if !text.contains(']') {
        return Err(Error::invalid_path(format!("'{text}' has no closing ']'")));
    }
    let attr = AttrPath::parse(head.trim())?;
    let mut parser = Parser::new(text)?;
    // The head is one word, or `AttrPath::parse` would have refused it.
    parser.at = 2;
    parser.depth = 1;
    let filter = parser.or(true)?;
    parser.expect(&Token::CloseBracket, "']'")?;
    let sub = parser.trailing_sub()?;
    parser
        .end()
        .map_err(|error| Error::invalid_path(error.detail))?;
    Ok(Path {
        attr,
        filter: Some(filter),
        sub,
    })
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<(usize, Token<'a>)>,
    at: usize,
    depth: usize,
    terms: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, Error> {
        if text.len() > MAX_LENGTH {
            return Err(Error::invalid_filter(format!(
                "the filter is longer than {MAX_LENGTH} bytes"
            )));
        }
        Ok(Self {
            text,
            tokens: tokens(text)?,
            at: 0,
            depth: 0,
            terms: 0,
        })
    }

    fn peek(&self) -> Option<&Token<'a>> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn next(&mut self) -> Option<Token<'a>> {
        let token = self.peek().cloned();
        self.at += 1;
        token
    }

    /// What is wrong at the token before the present one.
    fn unexpected(&self, wanted: &str) -> Error {
        match self.tokens.get(self.at.saturating_sub(1)) {
            Some((offset, _)) => Error::invalid_filter(format!(
                "expected {wanted} at character {} of the filter",
                place(self.text, *offset)
            )),
            None => Error::invalid_filter(format!("expected {wanted} where the filter ends")),
        }
    }

    fn expect(&mut self, token: &Token<'_>, wanted: &str) -> Result<(), Error> {
        if self.next().as_ref() == Some(token) {
            Ok(())
        } else {
            Err(self.unexpected(wanted))
        }
    }

    fn end(&mut self) -> Result<(), Error> {
        match self.next() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("'and', 'or' or the end")),
        }
    }

    fn keyword(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(w)) if w.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    /// `within`: inside the brackets of a value path.
    fn or(&mut self, within: bool) -> Result<Filter, Error> {
        let mut left = self.and(within)?;
        while self.keyword("or") {
            left = Filter::Or(Box::new(left), Box::new(self.and(within)?));
        }
        Ok(left)
    }

    fn and(&mut self, within: bool) -> Result<Filter, Error> {
        let mut left = self.unary(within)?;
        while self.keyword("and") {
            left = Filter::And(Box::new(left), Box::new(self.unary(within)?));
        }
        Ok(left)
    }

    fn unary(&mut self, within: bool) -> Result<Filter, Error> {
        let open_after_word = matches!(self.tokens.get(self.at + 1), Some((_, Token::Open)));
        if open_after_word && self.keyword("not") {
            self.at += 1;
            return Ok(Filter::Not(Box::new(self.group(within)?)));
        }
        match self.next() {
            Some(Token::Open) => self.group(within),
            Some(Token::Word(word)) => self.term(word, within),
            _ => Err(self.unexpected("an attribute, 'not' or '('")),
        }
    }

    /// After `(`.
    fn group(&mut self, within: bool) -> Result<Filter, Error> {
        self.deeper()?;
        let filter = self.or(within)?;
        self.expect(&Token::Close, "')'")?;
        self.depth -= 1;
        Ok(filter)
    }

    fn deeper(&mut self) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::invalid_filter(format!(
                "the filter is nested deeper than {MAX_DEPTH}"
            )));
        }
        Ok(())
    }

    fn term(&mut self, word: &str, within: bool) -> Result<Filter, Error> {
        let path = AttrPath::parse(word).map_err(|error| Error::invalid_filter(error.detail))?;
        if within && (path.urn.is_some() || path.sub.is_some()) {
            return Err(Error::invalid_filter(format!(
                "inside [ ] only a sub-attribute's name can stand, not '{word}'"
            )));
        }
        if self.peek() != Some(&Token::OpenBracket) {
            return self.test(path);
        }
        if within {
            return Err(Error::invalid_filter(
                "[ ] cannot stand inside [ ]: sub-attributes have no sub-attributes",
            ));
        }
        self.at += 1;
        self.deeper()?;
        let mut inner = self.or(true)?;
        self.expect(&Token::CloseBracket, "']'")?;
        self.depth -= 1;
        if let Some(sub) = self.trailing_sub()? {
            let test = self.test(AttrPath::core(sub))?;
            inner = Filter::And(Box::new(inner), Box::new(test));
        }
        Ok(Filter::ValuePath(path, Box::new(inner)))
    }

    /// `.sub` after a `]`.
    fn trailing_sub(&mut self) -> Result<Option<String>, Error> {
        let Some(Token::Word(word)) = self.peek() else {
            return Ok(None);
        };
        let Some(name) = word.strip_prefix('.') else {
            return Ok(None);
        };
        let path = AttrPath::parse(name)?;
        if path.urn.is_some() || path.sub.is_some() {
            return Err(Error::invalid_path(format!(
                "'{name}' is not a sub-attribute"
            )));
        }
        self.at += 1;
        Ok(Some(path.attr))
    }

    /// Operator and value after an attribute.
    fn test(&mut self, path: AttrPath) -> Result<Filter, Error> {
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return Err(Error::invalid_filter(format!(
                "the filter has more than {MAX_TERMS} comparisons"
            )));
        }
        let Some(Token::Word(word)) = self.next() else {
            return Err(self.unexpected(&format!("an operator after '{path}'")));
        };
        if word.eq_ignore_ascii_case("pr") {
            return Ok(Filter::Present(path));
        }
        let Some(op) = CompareOp::parse(word) else {
            return Err(Error::invalid_filter(format!(
                "'{word}' is not an operator; there are eq ne co sw ew gt ge lt le pr"
            )));
        };
        let literal = match self.next() {
            Some(Token::Text(text)) => Literal::String(text),
            Some(Token::Number(number)) => Literal::Number(number),
            Some(Token::Word(word)) => bare(word)?,
            _ => return Err(self.unexpected(&format!("a value after '{path} {word}'"))),
        };
        Ok(Filter::Compare(path, op, literal))
    }
}

/// The literals without quotes; ABNF strings heed no case.
fn bare(word: &str) -> Result<Literal, Error> {
    let is = |name: &str| word.eq_ignore_ascii_case(name);
    if is("true") {
        Ok(Literal::Bool(true))
    } else if is("false") {
        Ok(Literal::Bool(false))
    } else if is("null") {
        Ok(Literal::Null)
    } else {
        Err(Error::invalid_filter(format!(
            "the value {word} needs double quotes: \"{word}\""
        )))
    }
}
