//! Attribute paths of RFC 7644 §3.10: `[URN:]attribute[.subAttribute]`, names without case.

use std::fmt;

use super::error::Error;

/// `[urn:]attr[.sub]`, as written or (after resolution against a schema) in the schema's spelling.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttrPath {
    /// The schema URN; `None` means the core schema (or not said).
    pub urn: Option<String>,
    /// The attribute name; empty when the path is a bare extension URN (the whole container).
    pub attr: String,
    /// The sub-attribute.
    pub sub: Option<String>,
}

impl AttrPath {
    /// A core attribute.
    pub fn core(attr: impl Into<String>) -> Self {
        Self {
            urn: None,
            attr: attr.into(),
            sub: None,
        }
    }

    /// This path with `sub` as sub-attribute.
    pub fn with_sub(&self, sub: impl Into<String>) -> Self {
        Self {
            sub: Some(sub.into()),
            ..self.clone()
        }
    }

    /// This path without its sub-attribute.
    pub fn without_sub(&self) -> Self {
        Self {
            sub: None,
            ..self.clone()
        }
    }

    /// Whether one of two canonical paths is the other or a part of it: `meta` and
    /// `meta.version`, a bare extension URN and its attributes.
    pub fn overlaps(&self, other: &Self) -> bool {
        let same_or_whole = |a: &Option<String>, b: &Option<String>| match (a, b) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        self.urn == other.urn
            && (self.attr.is_empty()
                || other.attr.is_empty()
                || (self.attr == other.attr && same_or_whole(&self.sub, &other.sub)))
    }

    /// Parses the notation. A name is a letter or `$`, then letters, digits, `-`, `_` or `$`.
    ///
    /// The last `:` splits a URN from the attribute, because a URN holds dots (`2.0`). The dot
    /// form `urn:…:User.manager`, sent by Entra's inbound sync, is only settled by
    /// [`super::schema::ResourceSchema::resolve`], which knows the URNs.
    ///
    /// # Errors
    /// `invalidPath` for what is not such a path.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (urn, rest) = match text.rsplit_once(':') {
            Some((urn, rest)) if urn.get(..4).is_some_and(|p| p.eq_ignore_ascii_case("urn:")) => {
                (Some(urn.to_owned()), rest)
            }
            Some(_) => {
                return Err(Error::invalid_path(format!(
                    "'{text}' is not an attribute path"
                )));
            }
            None => (None, text),
        };
        let (attr, sub) = match rest.split_once('.') {
            Some((attr, sub)) => (attr, Some(sub)),
            None => (rest, None),
        };
        // "2.0" or "User" at the end of a bare URN is settled by the schema, so a name that
        // starts with a digit passes when there is a URN before it, and so does the second dot
        // of the dot form `urn:…:User.manager.value`.
        let fine = |name: &str| {
            let mut chars = name.chars();
            chars.next().is_some_and(|c| {
                c.is_ascii_alphabetic() || c == '$' || (urn.is_some() && c.is_ascii_digit())
            }) && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '$'))
        };
        let fine_sub = |sub: &str| {
            fine(sub)
                || (urn.is_some() && sub.split_once('.').is_some_and(|(a, b)| fine(a) && fine(b)))
        };
        if !fine(attr) || !sub.is_none_or(fine_sub) {
            return Err(Error::invalid_path(format!(
                "'{text}' is not an attribute path"
            )));
        }
        Ok(Self {
            urn,
            attr: attr.to_owned(),
            sub: sub.map(str::to_owned),
        })
    }
}

impl fmt::Display for AttrPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(urn) = &self.urn {
            f.write_str(urn)?;
            if !self.attr.is_empty() {
                f.write_str(":")?;
            }
        }
        f.write_str(&self.attr)?;
        if let Some(sub) = &self.sub {
            write!(f, ".{sub}")?;
        }
        Ok(())
    }
}
