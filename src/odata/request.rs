//! A Graph request as a value: built by pure code, printed, compared in tests, sent elsewhere.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::expr::Expr;

/// What RFC 3986 leaves unreserved stays as it is; all else is encoded.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// In query values OData's own punctuation stays readable.
const QUERY: &AsciiSet = &COMPONENT
    .remove(b'$')
    .remove(b'(')
    .remove(b')')
    .remove(b',')
    .remove(b'/')
    .remove(b':')
    .remove(b'=')
    .remove(b'@')
    .remove(b';')
    .remove(b'\'')
    .remove(b'*');

/// An HTTP method that Graph knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "HTTP's own names")]
pub enum Method {
    Get,
    Post,
    Patch,
    Put,
    Delete,
}

impl Method {
    /// `GET`, `POST`, …
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// One request to Graph v1.0.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Path below `/v1.0`, starting with `/`, its segments already encoded.
    pub path: String,
    /// Query options in order, values not yet encoded.
    pub query: Vec<(String, String)>,
    /// Sends `ConsistencyLevel: eventual` (on the sub-request, inside a `$batch`).
    pub advanced: bool,
    /// The JSON body.
    pub body: Option<Value>,
}

/// Encodes one path segment, such as an id or a user principal name.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
}

impl Request {
    /// A request without query and body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            advanced: false,
            body: None,
        }
    }

    /// `GET path`
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::Get, path)
    }

    /// `POST path` with `body`
    pub fn post(path: impl Into<String>, body: Value) -> Self {
        Self {
            body: Some(body),
            ..Self::new(Method::Post, path)
        }
    }

    /// `PATCH path` with `body`
    pub fn patch(path: impl Into<String>, body: Value) -> Self {
        Self {
            body: Some(body),
            ..Self::new(Method::Patch, path)
        }
    }

    /// `PUT path` with `body`
    pub fn put(path: impl Into<String>, body: Value) -> Self {
        Self {
            body: Some(body),
            ..Self::new(Method::Put, path)
        }
    }

    /// `DELETE path`
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::Delete, path)
    }

    /// Adds a query option.
    pub fn option(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    /// Adds `$select`, unless `properties` is empty.
    pub fn select<S: AsRef<str>>(self, properties: impl IntoIterator<Item = S>) -> Self {
        let list: Vec<String> = properties
            .into_iter()
            .map(|p| p.as_ref().to_owned())
            .collect();
        if list.is_empty() {
            self
        } else {
            self.option("$select", list.join(","))
        }
    }

    /// Adds `$filter`.
    pub fn filter(self, expr: &Expr) -> Self {
        self.option("$filter", expr.to_string())
    }

    /// Adds `$top`.
    pub fn top(self, count: usize) -> Self {
        self.option("$top", count.to_string())
    }

    /// Makes it an advanced query: `$count=true` and `ConsistencyLevel: eventual`.
    pub fn advanced(mut self) -> Self {
        self.advanced = true;
        self.option("$count", "true")
    }

    /// Path and query, encoded: `/users?$top=5`.
    pub fn url(&self) -> String {
        let mut url = self.path.clone();
        for (i, (name, value)) in self.query.iter().enumerate() {
            url.push(if i == 0 { '?' } else { '&' });
            url.push_str(name);
            url.push('=');
            url.extend(utf8_percent_encode(value, QUERY));
        }
        url
    }

    /// Whether the request changes something (as opposed to a GET or a reading POST action).
    pub fn is_write(&self) -> bool {
        const READING_ACTIONS: [&str; 5] = [
            "/getByIds",
            "/checkMemberGroups",
            "/checkMemberObjects",
            "/getMemberGroups",
            "/getMemberObjects",
        ];
        self.method != Method::Get && !READING_ACTIONS.iter().any(|a| self.path.ends_with(a))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_an_encoded_url() {
        let request = Request::get("/users")
            .select(["id", "displayName"])
            .option("$filter", "userPrincipalName eq 'O''Brien+x&y@contoso.com'")
            .top(999)
            .advanced();
        assert_eq!(
            request.url(),
            "/users?$select=id,displayName&$filter=userPrincipalName%20eq%20'O''Brien%2Bx%26y@contoso.com'&$top=999&$count=true"
        );
        assert!(request.advanced);
    }
}
