//! `$filter` text to [`Expr`]: what Graph's directory objects accept of the OData v4 grammar.

use std::fmt;

use super::expr::{Expr, Function, Literal, Op};

/// The deepest nesting of parentheses, `not` and lambdas.
pub const MAX_DEPTH: usize = 64;
/// The most comparisons of one filter: a tree as deep as it is long must not overflow the stack.
pub const MAX_TERMS: usize = 1000;

/// Why a filter is not one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Byte offset in the text.
    pub position: usize,
    /// What was expected or found.
    pub message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at position {}", self.message, self.position)
    }
}

impl std::error::Error for ParseError {}

/// Parses a `$filter` expression. `and` binds tighter than `or`; operators, functions and literals
/// that are words are read without case, as Graph does (`startswith`, `NOT(…)`, `tags/Any(…)`).
pub fn filter(text: &str) -> Result<Expr, ParseError> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
        terms: 0,
    };
    let expr = parser.or()?;
    parser.space();
    if parser.at < text.len() {
        return Err(parser.error("unexpected text"));
    }
    Ok(expr)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    terms: usize,
}

impl<'a> Parser<'a> {
    fn error(&self, message: &str) -> ParseError {
        ParseError {
            position: self.at,
            message: message.to_owned(),
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, symbol: char) -> bool {
        self.space();
        let found = self.rest().starts_with(symbol);
        if found {
            self.at += symbol.len_utf8();
        }
        found
    }

    fn expect(&mut self, symbol: char) -> Result<(), ParseError> {
        if self.eat(symbol) {
            Ok(())
        } else {
            Err(self.error(&format!("expected '{symbol}'")))
        }
    }

    /// Takes `word`, in any case, when it stands alone.
    fn keyword(&mut self, word: &str) -> bool {
        self.space();
        let Some((head, after)) = self.rest().split_at_checked(word.len()) else {
            return false;
        };
        if !head.eq_ignore_ascii_case(word) || after.starts_with(|c: char| is_name(c) || c == '/') {
            return false;
        }
        self.at += word.len();
        true
    }

    fn run(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        self.space();
        let rest = self.rest();
        let end = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn or(&mut self) -> Result<Expr, ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("the expression is nested too deeply"));
        }
        let mut left = self.and()?;
        while self.keyword("or") {
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr, ParseError> {
        let mut left = self.unary()?;
        while self.keyword("and") {
            left = Expr::And(Box::new(left), Box::new(self.unary()?));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, ParseError> {
        if self.keyword("not") {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(self.error("the expression is nested too deeply"));
            }
            let inner = self.unary()?;
            self.depth -= 1;
            return Ok(Expr::Not(Box::new(inner)));
        }
        if self.eat('(') {
            let inner = self.or()?;
            self.expect(')')?;
            return Ok(inner);
        }
        self.predicate()
    }

    fn predicate(&mut self) -> Result<Expr, ParseError> {
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return Err(self.error("the expression has too many terms"));
        }
        let start = self.at;
        let path = self.run(|c| is_name(c) || matches!(c, '/' | '.' | '$' | '@'));
        if path.is_empty() || path.starts_with(|c: char| c.is_ascii_digit()) {
            self.at = start;
            return Err(self.error("expected a property or function"));
        }
        if self.rest().starts_with('(') {
            if let Some(function) = function(path) {
                return self.call(function);
            }
            if let Some(collection) = without_suffix(path, "/any") {
                return self.lambda(collection, true);
            }
            if let Some(collection) = without_suffix(path, "/all") {
                return self.lambda(collection, false);
            }
            self.at = start;
            return Err(self.error(&format!("unknown function '{path}'")));
        }
        self.comparison(path)
    }

    fn call(&mut self, function: Function) -> Result<Expr, ParseError> {
        self.expect('(')?;
        let path = self.run(|c| is_name(c) || c == '/').to_owned();
        if path.is_empty() {
            return Err(self.error("expected a property"));
        }
        self.expect(',')?;
        let Literal::String(text) = self.literal()? else {
            return Err(self.error("expected a string"));
        };
        self.expect(')')?;
        // `startsWith(p,'x') eq true` says the same as `startsWith(p,'x')`.
        let call = Expr::Call(function, path, text);
        let here = self.at;
        if self.keyword("eq") {
            if self.keyword("true") {
                return Ok(call);
            }
            if self.keyword("false") {
                return Ok(Expr::Not(Box::new(call)));
            }
            self.at = here;
            return Err(self.error("expected 'true' or 'false'"));
        }
        Ok(call)
    }

    fn lambda(&mut self, collection: &str, any: bool) -> Result<Expr, ParseError> {
        self.expect('(')?;
        let variable = self.run(is_name).to_owned();
        if variable.is_empty() {
            return Err(self.error("expected a range variable"));
        }
        self.expect(':')?;
        let inner = Box::new(self.or()?);
        self.expect(')')?;
        let collection = collection.to_owned();
        Ok(if any {
            Expr::Any(collection, variable, inner)
        } else {
            Expr::All(collection, variable, inner)
        })
    }

    fn comparison(&mut self, path: &str) -> Result<Expr, ParseError> {
        if self.keyword("in") {
            self.expect('(')?;
            let mut values = vec![self.literal()?];
            while self.eat(',') {
                values.push(self.literal()?);
            }
            self.expect(')')?;
            return Ok(Expr::In(path.to_owned(), values));
        }
        let Some(op) = OPERATORS
            .iter()
            .copied()
            .find(|op| self.keyword(op.as_str()))
        else {
            return Err(self.error("expected an operator"));
        };
        let value = self.literal()?;
        if let Some(collection) = without_suffix(path, "/$count") {
            let Literal::Int(count) = value else {
                return Err(self.error("expected a number"));
            };
            return Ok(Expr::Count(collection.to_owned(), op, count));
        }
        Ok(Expr::Compare(path.to_owned(), op, value))
    }

    fn literal(&mut self) -> Result<Literal, ParseError> {
        self.space();
        if self.rest().starts_with('\'') {
            return self.string();
        }
        let word = self.run(|c| is_name(c) || matches!(c, '.' | ':' | '+' | '-'));
        let is = |keyword: &str| word.eq_ignore_ascii_case(keyword);
        Ok(match word {
            "" => return Err(self.error("expected a value")),
            _ if is("null") => Literal::Null,
            _ if is("true") => Literal::Bool(true),
            _ if is("false") => Literal::Bool(false),
            _ => word
                .parse()
                .map_or_else(|_| Literal::Bare(word.to_owned()), Literal::Int),
        })
    }

    fn string(&mut self) -> Result<Literal, ParseError> {
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1).peekable();
        while let Some((offset, c)) = chars.next() {
            if c != '\'' {
                text.push(c);
            } else if chars.next_if(|(_, next)| *next == '\'').is_some() {
                text.push('\'');
            } else {
                self.at += offset + 1;
                return Ok(Literal::String(text));
            }
        }
        Err(self.error("the string has no end"))
    }
}

const OPERATORS: [Op; 6] = [Op::Eq, Op::Ne, Op::Ge, Op::Le, Op::Gt, Op::Lt];

fn without_suffix<'a>(path: &'a str, suffix: &str) -> Option<&'a str> {
    let (head, tail) = path.split_at_checked(path.len().checked_sub(suffix.len())?)?;
    tail.eq_ignore_ascii_case(suffix).then_some(head)
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn function(name: &str) -> Option<Function> {
    [Function::StartsWith, Function::EndsWith, Function::Contains]
        .into_iter()
        .find(|f| name.eq_ignore_ascii_case(f.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_parses_to_the_same() {
        for text in [
            "displayName eq 'O''Brien'",
            "accountEnabled eq true and (userType eq 'Guest' or userType eq null)",
            "startsWith(displayName,'a') or endsWith(mail,'@x.com') or contains(mail,'b')",
            "not(startsWith(displayName,'a'))",
            "otherMails/any(p:p eq 'x' or startsWith(p,'y'))",
            "assignedLicenses/any(a:a/skuId eq 6fd2c87f-b296-42f0-b197-1e91e994b900)",
            "assignedLicenses/$count ne 0",
            "createdDateTime ge 2021-01-01T00:00:00Z",
            "id in ('a','b')",
            "tags/all(t:t ne 'x')",
            "employeeOrgData/division eq 'R&D'",
        ] {
            let parsed = filter(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(parsed.to_string(), text);
        }
    }

    #[test]
    fn spellings_that_clients_use() {
        for (text, printed) in [
            (
                "startswith( displayName , 'a' )",
                "startsWith(displayName,'a')",
            ),
            ("startswith(mail,'a') eq true", "startsWith(mail,'a')"),
            ("not startswith(mail,'a')", "not(startsWith(mail,'a'))"),
            ("NOT (a eq 1)", "not(a eq 1)"),
            (
                "NOT(startswith(a,'x')) AND b EQ True OR c Ne NULL",
                "not(startsWith(a,'x')) and b eq true or c ne null",
            ),
            ("tags/Any(t:t EQ 'x')", "tags/any(t:t eq 'x')"),
            (
                "a IN ('x') and b/$Count ne 0",
                "a in ('x') and b/$count ne 0",
            ),
            ("a eq ' and b or ''c'", "a eq ' and b or ''c'"),
            ("a eq 'x' and", ""),
            ("a like 'é'", ""),
            ("( a eq 'x' )", "a eq 'x'"),
            ("a eq -5", "a eq -5"),
            ("x/any(c: c  eq 'd')", "x/any(c:c eq 'd')"),
            ("organization eq 'x'", "organization eq 'x'"),
            ("id in ( 'a' , 'b' )", "id in ('a','b')"),
            (
                "a eq 'x' and b eq 'y' or c eq 'z'",
                "a eq 'x' and b eq 'y' or c eq 'z'",
            ),
        ] {
            match filter(text) {
                Ok(expr) => assert_eq!(expr.to_string(), printed, "{text}"),
                Err(_) => assert!(printed.is_empty(), "{text}"),
            }
        }
    }

    #[test]
    fn what_is_refused() {
        for text in [
            "",
            "displayName",
            "displayName eq",
            "displayName eq 'x",
            "displayName like 'x'",
            "'x' eq displayName",
            "a eq 'x' b eq 'y'",
            "(a eq 'x'",
            "a eq 'x')",
            "id in ()",
            "tolower(a) eq 'x'",
            "x/any()",
            "x/$count eq 'a'",
            "a eq 'x' and",
            "startsWith(a,5)",
        ] {
            assert!(filter(text).is_err(), "{text}");
        }
        let deep = format!("{}a eq 1{}", "(".repeat(200), ")".repeat(200));
        assert!(filter(&deep).is_err());
        assert!(filter(&format!("{}a eq 1", "not ".repeat(200))).is_err());
        assert!(filter(&format!("a eq 1{}", " or a eq 1".repeat(100_000))).is_err());
    }

    #[test]
    fn tells_where() {
        let error = filter("a eq 'x' or !").unwrap_err();
        assert_eq!(
            (error.position, error.message.as_str()),
            (12, "expected a property or function")
        );
    }
}
