//! Reading Rust source for what it uses: which modules, by whatever path, and which crates.
//!
//! Not a parser, but exact about what matters here: comments, literals and test items are no code,
//! `super` climbs from the module that it stands in, and nested groups are taken apart.

use std::collections::{BTreeMap, BTreeSet};

/// A path in the crate, from its root: `["simulator", "core", "Graph"]`.
pub type Path = Vec<String>;

/// What a file uses.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Paths into this crate.
    pub paths: BTreeSet<Path>,
    /// First segments of all other paths: crates, and types and enums in scope.
    pub outside: BTreeSet<String>,
    /// Modules declared for tests alone: their files are no code of the program.
    pub test_modules: BTreeSet<Path>,
}

/// Reads the source of the module `module`; `modules` are all modules of the crate.
pub fn read(source: &str, module: &[String], modules: &BTreeSet<Path>) -> Uses {
    let tokens = tokens(&without_comments_and_literals(source));
    let (tokens, tests) = without_test_items(&tokens);
    let mut reader = Reader {
        tokens: &tokens,
        at: 0,
        here: module.to_vec(),
        modules,
        names: BTreeMap::new(),
        uses: Uses::default(),
    };
    reader.uses.test_modules = tests
        .into_iter()
        .map(|name| [module, &[name]].concat())
        .collect();
    // Imports name modules that paths further up may start with.
    reader.walk();
    reader.at = 0;
    reader.uses.outside.clear();
    reader.walk();
    reader.uses
}

/// The deepest module that a path leads through.
pub fn module_of<'a>(path: &'a [String], modules: &BTreeSet<Path>) -> &'a [String] {
    (0..=path.len())
        .rev()
        .map(|length| &path[..length])
        .find(|prefix| prefix.is_empty() || modules.contains(*prefix))
        .unwrap_or_default()
}

/// The text with comments, strings and characters blanked out.
fn without_comments_and_literals(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_end(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.push(' ');
            at = end;
        }
    }
    out
}

/// Where the comment or literal that begins at `at` ends; `at` itself when none begins there.
fn literal_end(chars: &[char], at: usize) -> usize {
    let is = |i: usize, c: char| chars.get(i) == Some(&c);
    let word_before = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match chars[at] {
        '/' if is(at + 1, '/') => (at..chars.len())
            .find(|i| is(*i, '\n'))
            .unwrap_or(chars.len()),
        '/' if is(at + 1, '*') => {
            let (mut depth, mut i) = (0, at);
            while i < chars.len() {
                if is(i, '/') && is(i + 1, '*') {
                    depth += 1;
                    i += 2;
                } else if is(i, '*') && is(i + 1, '/') {
                    depth -= 1;
                    i += 2;
                    if depth == 0 {
                        break;
                    }
                } else {
                    i += 1;
                }
            }
            i
        }
        '"' => {
            let mut i = at + 1;
            while i < chars.len() && !is(i, '"') {
                i += if is(i, '\\') { 2 } else { 1 };
            }
            i + 1
        }
        'r' | 'b' | 'c' if !word_before => {
            // r"…", r#"…"#, br#"…"#; without a quote behind it is a name.
            let raw = (at..chars.len())
                .find(|i| !is(*i, 'b') && !is(*i, 'c'))
                .unwrap_or(at);
            if !is(raw, 'r') {
                return at;
            }
            let quote = (raw + 1..chars.len()).find(|i| !is(*i, '#')).unwrap_or(raw);
            if !is(quote, '"') {
                return at;
            }
            let hashes = quote - raw - 1;
            let closes = |i: usize| is(i, '"') && (1..=hashes).all(|n| is(i + n, '#'));
            let end = (quote + 1..chars.len()).find(|i| closes(*i));
            end.map_or(chars.len(), |i| i + hashes + 1)
        }
        '\'' => {
            if is(at + 1, '\\') {
                let end = (at + 3..chars.len()).find(|i| is(*i, '\''));
                end.map_or(chars.len(), |i| i + 1)
            } else if is(at + 2, '\'') {
                at + 3
            } else {
                // A lifetime.
                at
            }
        }
        _ => at,
    }
}

/// Names, `::`, and single characters.
fn tokens(code: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = code;
    while let Some(c) = rest.chars().next() {
        let length = if c.is_alphanumeric() || c == '_' {
            rest.find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            c.len_utf8()
        };
        if !c.is_whitespace() {
            tokens.push(rest[..length].to_owned());
        }
        rest = &rest[length..];
    }
    tokens
}

/// Without the items that are compiled for tests alone, and the names of modules among them whose
/// files lie elsewhere.
fn without_test_items(tokens: &[String]) -> (Vec<String>, Vec<String>) {
    const TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut modules) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        let is_test = tokens[at..].iter().take(TEST.len()).eq(TEST.iter());
        if !is_test {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let end = item_end(tokens, at + TEST.len());
        let item = &tokens[at..end];
        if let [.., keyword, name, last] = item
            && keyword == "mod"
            && last == ";"
        {
            modules.push(name.clone());
        }
        at = end;
    }
    (kept, modules)
}

/// Where the item that begins at `at` ends, further attributes included.
fn item_end(tokens: &[String], mut at: usize) -> usize {
    while tokens.get(at).is_some_and(|t| t == "#") {
        at = group_end(tokens, at + 1);
    }
    // A constant's value may hold braces; it ends with its semicolon.
    let value = tokens[at..]
        .iter()
        .take(4)
        .any(|t| matches!(t.as_str(), "const" | "static" | "let"))
        && !tokens[at..].iter().take(4).any(|t| t == "fn");
    while let Some(token) = tokens.get(at) {
        match token.as_str() {
            ";" => return at + 1,
            "{" if !value => return group_end(tokens, at),
            "{" | "(" | "[" => at = group_end(tokens, at),
            // The end of what the item stands in: a field or variant without a comma.
            "}" => return at,
            _ => at += 1,
        }
    }
    at
}

/// Where the bracketed group that begins at `at` ends.
fn group_end(tokens: &[String], mut at: usize) -> usize {
    let mut depth = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            _ => {}
        }
    }
    at
}

struct Reader<'a> {
    tokens: &'a [String],
    at: usize,
    /// The module that the tokens stand in.
    here: Path,
    modules: &'a BTreeSet<Path>,
    /// What imports brought into scope, of this crate.
    names: BTreeMap<String, Path>,
    uses: Uses,
}

impl Reader<'_> {
    fn token(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", String::as_str)
    }

    fn walk(&mut self) {
        let mut closes_module: Vec<bool> = Vec::new();
        while self.at < self.tokens.len() {
            let before = self.at.checked_sub(1).map_or("", |at| self.token(at));
            match self.token(self.at) {
                "use" if self.is_name(self.at + 1) || self.token(self.at + 1) == "::" => {
                    self.at += 1;
                    self.import(Vec::new());
                }
                "mod" if self.token(self.at + 2) == "{" => {
                    self.here.push(self.token(self.at + 1).to_owned());
                    closes_module.push(true);
                    self.at += 3;
                }
                "{" => {
                    closes_module.push(false);
                    self.at += 1;
                }
                "}" => {
                    if closes_module.pop() == Some(true) {
                        self.here.pop();
                    }
                    self.at += 1;
                }
                // Who may see an item is no use of a module.
                "pub" if self.token(self.at + 1) == "(" => {
                    self.at = group_end(self.tokens, self.at + 1);
                }
                _ if self.token(self.at + 1) == "::" && self.is_name(self.at) && before != "::" => {
                    let path = self.path();
                    self.found(&path);
                }
                _ => self.at += 1,
            }
        }
    }

    fn is_name(&self, at: usize) -> bool {
        let first = self.token(at).chars().next();
        first.is_some_and(|c| c.is_alphabetic() || c == '_' || c == '{')
    }

    /// `a::b::c`, up to what is no name.
    fn path(&mut self) -> Path {
        let mut path = vec![self.token(self.at).to_owned()];
        self.at += 1;
        while self.token(self.at) == "::"
            && self.is_name(self.at + 1)
            && self.token(self.at + 1) != "{"
        {
            path.push(self.token(self.at + 1).to_owned());
            self.at += 2;
        }
        path
    }

    /// One tree of an import, whose beginning is known.
    fn import(&mut self, mut path: Path) {
        loop {
            match self.token(self.at) {
                "{" => {
                    self.at += 1;
                    while !matches!(self.token(self.at), "}" | "") {
                        self.import(path.clone());
                        if self.token(self.at) == "," {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                "*" => {
                    self.at += 1;
                    self.found(&path);
                    return;
                }
                "::" => self.at += 1,
                "," | "}" | ";" | "as" | "" => break,
                name => {
                    path.push(name.to_owned());
                    self.at += 1;
                }
            }
        }
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let name = if self.token(self.at) == "as" {
            self.at += 2;
            self.token(self.at - 1).to_owned()
        } else {
            path.last().cloned().unwrap_or_default()
        };
        if let Some(resolved) = self.found(&path) {
            self.names.insert(name, resolved);
        }
    }

    /// Notes a path as it was written, and tells it from the root if it leads into this crate.
    fn found(&mut self, path: &[String]) -> Option<Path> {
        let resolved = self.resolve(path);
        match &resolved {
            Some(path) => {
                self.uses.paths.insert(path.clone());
            }
            None => {
                self.uses.outside.extend(path.first().cloned());
            }
        }
        resolved
    }

    fn resolve(&self, path: &[String]) -> Option<Path> {
        let (first, rest) = path.split_first()?;
        let mut base = match first.as_str() {
            "crate" => Vec::new(),
            "self" => self.here.clone(),
            "super" => self.here.split_last()?.1.to_vec(),
            name => {
                let child = [self.here.as_slice(), &[name.to_owned()]].concat();
                if self.modules.contains(&child) {
                    child
                } else {
                    self.names.get(name)?.clone()
                }
            }
        };
        for name in rest {
            if name == "super" {
                base.pop();
            } else {
                base.push(name.clone());
            }
        }
        Some(base)
    }
}

#[cfg(test)]
mod samples {
    use super::*;

    fn path(text: &str) -> Path {
        text.split("::")
            .filter(|s| !s.is_empty())
            .map(str::to_owned)
            .collect()
    }

    fn modules() -> BTreeSet<Path> {
        ["a", "a::b", "a::b::c", "a::d", "e", "e::f", "g"]
            .map(path)
            .into()
    }

    /// What the source of the module `a::b` uses.
    fn uses(source: &str) -> Vec<String> {
        let read = read(source, &path("a::b"), &modules());
        read.paths.iter().map(|path| path.join("::")).collect()
    }

    #[test]
    fn every_way_to_write_a_path_is_seen() {
        for (source, expected) in [
            ("use crate::e::F;", vec!["e::F"]),
            ("use crate::{e::F, g};", vec!["e::F", "g"]),
            (
                "use crate::{e::{f::{G, self}, H as I}, g::*};",
                vec!["e::H", "e::f", "e::f::G", "g"],
            ),
            ("fn x() { crate::g::h(); }", vec!["g::h"]),
            ("macro_rules! m { () => { $crate::g::h() } }", vec!["g::h"]),
            // Out of the module, and out of the module's parent.
            ("use super::d::X;", vec!["a::d::X"]),
            ("use super::super::e::X;", vec!["e::X"]),
            (
                "use super::{d, super::{e::f, g::X}};",
                vec!["a::d", "e::f", "g::X"],
            ),
            (
                "fn x() -> super::super::g::X { super::super::e::f::y() }",
                vec!["e::f::y", "g::X"],
            ),
            ("impl super::d::T for X {}", vec!["a::d::T"]),
            // Of its own.
            (
                "use self::c::X; fn x() { c::y(); }",
                vec!["a::b::c::X", "a::b::c::y"],
            ),
            // By way of what was imported, wherever it stands.
            (
                "fn x() { f::y(); } use crate::e::f;",
                vec!["e::f", "e::f::y"],
            ),
            (
                "use super::super::e as k; fn x() { k::f::y(); }",
                vec!["e", "e::f::y"],
            ),
            // A module in the file is one more to climb out of.
            ("mod inner { use super::super::d::X; }", vec!["a::d::X"]),
            ("mod inner { fn x() {} } use super::d::X;", vec!["a::d::X"]),
            ("pub(in crate::e) fn x() {}", vec![]),
            (
                "fn x() { let s = \"crate::e::f\"; /* crate::g::x */ } // use crate::g;",
                vec![],
            ),
            (
                "const S: &str = r#\"\"crate::e::f\"#; use crate::g;",
                vec!["g"],
            ),
            (
                "const C: char = '\"'; use crate::g; const D: char = '\\'';",
                vec!["g"],
            ),
            ("fn x<'a>(x: &'a str) -> crate::g::X<'a> {}", vec!["g::X"]),
            ("const U: &str = \"http://x\"; use crate::g;", vec!["g"]),
        ] {
            assert_eq!(uses(source), expected, "{source}");
        }
    }

    #[test]
    fn only_the_test_item_is_blanked_out() {
        for (source, expected) in [
            ("#[cfg(test)]\nmod tests;\nuse crate::g;", vec!["g"]),
            (
                "#[cfg(test)] mod tests { use crate::e::f; fn x() { {} } } use crate::g;",
                vec!["g"],
            ),
            ("#[cfg(test)] use crate::e::{f}; use crate::g;", vec!["g"]),
            (
                "#[cfg(test)] fn x<T: Y>() -> [u8; 3] { crate::e::f() } use crate::g;",
                vec!["g"],
            ),
            (
                "#[cfg(test)] const X: crate::e::F = crate::e::F { x: 1 }; use crate::g;",
                vec!["g"],
            ),
            (
                "#[cfg(test)] pub const fn x() { crate::e::f() } use crate::g;",
                vec!["g"],
            ),
            (
                "#[cfg(test)] #[allow(x)] impl crate::e::F { fn x() {} } use crate::g;",
                vec!["g"],
            ),
            ("#[cfg(not(test))] use crate::g;", vec!["g"]),
        ] {
            assert_eq!(uses(source), expected, "{source}");
        }
        let read = read("#[cfg(test)]\npub mod tests;", &path("a::b"), &modules());
        assert_eq!(read.test_modules, [path("a::b::tests")].into());
    }

    #[test]
    fn crates_are_told_from_modules() {
        let source = "use tokio::sync; use reqwest; #[axum::debug_handler] fn x() { \
            sqlx::query!(\"\"); c::y(); }";
        let read = read(source, &path("a::b"), &modules());
        for name in ["tokio", "reqwest", "axum", "sqlx"] {
            assert!(read.outside.contains(name), "{name}: {read:?}");
        }
        assert!(!read.outside.contains("c"));
    }

    #[test]
    fn a_path_belongs_to_the_deepest_module() {
        for (text, expected) in [
            ("a::b::c::X", "a::b::c"),
            ("a::b::X::new", "a::b"),
            ("a::X", "a"),
            ("X", ""),
        ] {
            let (path_of_text, modules) = (path(text), modules());
            assert_eq!(module_of(&path_of_text, &modules), path(expected), "{text}");
        }
    }
}
