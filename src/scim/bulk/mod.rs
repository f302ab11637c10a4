//! Bulk messages, RFC 7644 §3.7: [`parse`] them, [`order`] their operations, write the answer.

mod order;
mod reference;

use serde_json::{Value, json};

use super::{
    Document,
    error::{Error, Kind},
    is_message, member, urn,
};

pub use order::{Node, Order, Phase, order};
pub use reference::{deferred, references, resolve, without};

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Creates.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Deletes.
    Delete,
}

impl Method {
    /// The HTTP method.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// Which resource an operation is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One that is to be made.
    New,
    /// One that there is.
    Id(String),
    /// One that another operation makes: its `bulkId`.
    Made(String),
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// What it does.
    pub method: Method,
    /// The endpoint, without a slash: `Users`.
    pub endpoint: String,
    /// What it is about.
    pub subject: Subject,
    /// The version that the resource must have.
    pub version: Option<String>,
    /// The body.
    pub data: Value,
}

/// One member of `Operations`.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The method as it was sent.
    pub method: String,
    /// `bulkId`
    pub bulk_id: Option<String>,
    /// What it says, or what is wrong with it.
    pub operation: Result<Operation, Error>,
}

/// A bulk request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// How many errors end it.
    pub fail_on_errors: Option<usize>,
    /// In the client's order.
    pub entries: Vec<Entry>,
}

/// Reads a `BulkRequest`. An operation that makes no sense is an error of its own.
///
/// # Errors
/// `invalidSyntax` for what is no bulk request; `invalidValue` when two operations have the same
/// `bulkId`, because what refers to it could mean either; 413 `tooMany` for more than `most`.
pub fn parse(body: &Value, most: usize) -> Result<Request, Error> {
    let message = body
        .as_object()
        .ok_or_else(|| Error::invalid_syntax("a bulk request must be a JSON object"))?;
    if !is_message(message, urn::BULK_REQUEST) {
        return Err(Error::invalid_syntax(format!(
            "the schemas of a bulk request must hold {}",
            urn::BULK_REQUEST
        )));
    }
    let fail_on_errors = match member(message, "failOnErrors") {
        None | Some(Value::Null) => None,
        Some(value) => Some(limit(value).ok_or_else(|| {
            Error::new(
                Kind::InvalidValue,
                "failOnErrors must be a whole number of 1 or more",
            )
        })?),
    };
    let operations = member(message, "Operations")
        .and_then(Value::as_array)
        .filter(|operations| !operations.is_empty())
        .ok_or_else(|| Error::invalid_syntax("Operations must be an array of one or more"))?;
    if operations.len() > most {
        return Err(Error::new(
            Kind::TooManyOperations,
            format!(
                "the bulk request holds {} operations: maxOperations is {most}",
                operations.len()
            ),
        ));
    }
    let entries: Vec<Entry> = operations.iter().map(entry).collect();
    let mut ids: Vec<&str> = entries
        .iter()
        .filter_map(|e| e.bulk_id.as_deref())
        .collect();
    ids.sort_unstable();
    if let Some([twice, _]) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::invalid_value(format!(
            "the bulkId '{}' stands twice",
            twice
        )));
    }
    Ok(Request {
        fail_on_errors,
        entries,
    })
}

/// A count, also as text.
fn limit(value: &Value) -> Option<usize> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok()?,
        value => value.as_u64()?,
    };
    usize::try_from(number).ok().filter(|number| *number > 0)
}

fn entry(value: &Value) -> Entry {
    let nothing = Document::new();
    let object = value.as_object().unwrap_or(&nothing);
    let text = |name: &str| {
        let text = member(object, name)?.as_str()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let bulk_id = text("bulkId");
    Entry {
        method: text("method").unwrap_or_default().to_ascii_uppercase(),
        operation: operation(object, bulk_id.as_deref(), text),
        bulk_id,
    }
}

fn operation(
    object: &Document,
    bulk_id: Option<&str>,
    text: impl Fn(&str) -> Option<String>,
) -> Result<Operation, Error> {
    let named = text("method").unwrap_or_default();
    let method = [Method::Post, Method::Put, Method::Patch, Method::Delete]
        .into_iter()
        .find(|method| method.as_str().eq_ignore_ascii_case(&named))
        .ok_or_else(|| {
            Error::invalid_syntax("the method must be one of POST, PUT, PATCH, DELETE")
        })?;
    let path = text("path").ok_or_else(|| Error::invalid_syntax("the path is missing"))?;
    let (endpoint, subject) = target(&path)
        .ok_or_else(|| Error::new(Kind::InvalidPath, format!("'{path}' names no resource")))?;
    match (method, &subject) {
        (Method::Post, Subject::New) if bulk_id.is_none() => {
            return Err(Error::invalid_syntax("a POST needs a bulkId"));
        }
        (Method::Post, Subject::New) => {}
        (Method::Post, _) | (_, Subject::New) => {
            return Err(Error::new(
                Kind::InvalidPath,
                format!("{} does not go with the path '{path}'", method.as_str()),
            ));
        }
        _ => {}
    }
    let data = match (method, member(object, "data")) {
        (Method::Delete, _) => Value::Null,
        (_, Some(data @ Value::Object(_))) => data.clone(),
        // The figure of RFC 7644 §3.7.3 shows the bare operations (erratum 5050).
        (Method::Patch, Some(data @ Value::Array(_))) => json!({"Operations": data}),
        _ => return Err(Error::invalid_syntax("data must be a JSON object")),
    };
    Ok(Operation {
        method,
        endpoint,
        subject,
        version: text("version"),
        data,
    })
}

/// `/Users`, `/Users/{id}` or `/Users/bulkId:x`, also below a base or as a whole URL.
fn target(path: &str) -> Option<(String, Subject)> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let decoded: Vec<String> = path
        .split('/')
        .map(|segment| {
            percent_encoding::percent_decode_str(segment)
                .decode_utf8()
                .ok()
                .map(std::borrow::Cow::into_owned)
        })
        .collect::<Option<_>>()?;
    let mut segments: Vec<String> = decoded.into_iter().filter(|s| !s.is_empty()).collect();
    let base = segments.windows(2).position(|pair| {
        pair[0].eq_ignore_ascii_case("scim") && pair[1].eq_ignore_ascii_case("v2")
    });
    if let Some(base) = base {
        segments.drain(..base + 2);
    }
    match segments.as_slice() {
        [endpoint] => Some((endpoint.clone(), Subject::New)),
        [endpoint, id] => Some((
            endpoint.clone(),
            match id.strip_prefix(reference::PREFIX) {
                Some(made) => Subject::Made(made.to_owned()),
                None => Subject::Id(id.clone()),
            },
        )),
        _ => None,
    }
}

/// What an operation came to.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Outcome {
    /// HTTP status.
    pub status: u16,
    /// The resource's id, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Its version now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The Error message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
}

impl Outcome {
    /// A failure.
    pub fn failed(error: &Error, location: Option<String>) -> Self {
        Self {
            status: error.kind.status(),
            location,
            error: Some(error.body()),
            ..Self::default()
        }
    }

    /// Whether it succeeded.
    pub fn is_done(&self) -> bool {
        self.status < 400
    }

    fn answer(&self, entry: &Entry) -> Value {
        let mut answer = Document::new();
        answer.insert("method".into(), entry.method.clone().into());
        for (name, value) in [
            ("bulkId", &entry.bulk_id),
            ("version", &self.version),
            ("location", &self.location),
        ] {
            if let Some(value) = value {
                answer.insert(name.into(), value.clone().into());
            }
        }
        answer.insert("status".into(), self.status.to_string().into());
        if let Some(error) = &self.error {
            answer.insert("response".into(), error.clone());
        }
        Value::Object(answer)
    }
}

/// The `BulkResponse`: what was processed, in the client's order.
pub fn response(request: &Request, outcomes: &[Option<Outcome>]) -> Value {
    let answers: Vec<Value> = request
        .entries
        .iter()
        .zip(outcomes)
        .filter_map(|(entry, outcome)| Some(outcome.as_ref()?.answer(entry)))
        .collect();
    json!({"schemas": [urn::BULK_RESPONSE], "Operations": answers})
}

#[cfg(test)]
mod tests;
