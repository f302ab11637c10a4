//! Graph's errors: status, code and text by situation.

use serde_json::{Value, json};

use super::directory::Kind;

/// An error answer. Boxed: most answers are none.
#[derive(Clone, Debug, PartialEq)]
pub struct SimError(Box<Parts>);

#[derive(Clone, Debug, PartialEq)]
struct Parts {
    status: u16,
    code: String,
    message: String,
    details: Vec<Value>,
}

const BAD: &str = "Request_BadRequest";
const QUERY: &str = "Request_UnsupportedQuery";

impl SimError {
    /// An error.
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            status,
            code: code.to_owned(),
            message: message.into(),
            details: Vec::new(),
        }))
    }

    /// `400 Request_BadRequest`
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(400, BAD, message)
    }

    /// `400 BadRequest`, what Graph's gateway says before the directory is asked.
    pub fn gateway(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// `400 Request_UnsupportedQuery`
    pub fn query(message: impl Into<String>) -> Self {
        Self::new(400, QUERY, message)
    }

    /// Adds a detail; its message is the error's.
    pub fn detail(mut self, code: &str, target: &str) -> Self {
        let message = self.0.message.clone();
        self.0
            .details
            .push(json!({"code": code, "message": message, "target": target}));
        self
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// The code.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// What is wrong in detail.
    pub fn details(&self) -> &[Value] {
        &self.0.details
    }

    /// The text.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The object does not exist.
    pub fn not_found(id: &str) -> Self {
        Self::new(
            404,
            "Request_ResourceNotFound",
            format!(
                "Resource '{id}' does not exist or one of its queried reference-property objects are not present."
            ),
        )
    }

    /// A segment that leads nowhere.
    pub fn segment(segment: &str) -> Self {
        Self::gateway(format!("Resource not found for the segment '{segment}'."))
    }

    /// The method is none of the target's.
    pub fn method() -> Self {
        Self::new(
            405,
            BAD,
            "Specified HTTP method is not allowed for the request target.",
        )
    }

    /// An id that is not a GUID.
    pub fn identifier(id: &str) -> Self {
        Self::bad(format!("Invalid object identifier '{id}'."))
    }

    /// Some property is missing or wrong.
    pub fn invalid_property(name: &str) -> Self {
        Self::bad("One or more property values specified are invalid.").detail("InvalidValue", name)
    }

    /// A property's value is wrong.
    pub fn invalid_value(name: &str, kind: Kind) -> Self {
        Self::bad(format!(
            "Invalid value specified for property '{name}' of resource '{}'.",
            kind.label()
        ))
        .detail("InvalidValue", name)
    }

    /// A property that callers cannot set.
    pub fn read_only(name: &str) -> Self {
        Self::bad(format!("Property '{name}' is read-only and cannot be set."))
            .detail("InvalidValue", name)
    }

    /// A value that must be unique is taken.
    pub fn conflict(name: &str) -> Self {
        Self::bad(format!(
            "Another object with the same value for property {name} already exists."
        ))
        .detail("ObjectConflict", name)
    }

    /// A mail address that somebody else has, as any of theirs.
    pub fn address_conflict() -> Self {
        Self::conflict("proxyAddresses").detail("ConflictingObjects", "proxyAddresses")
    }

    /// The object is mastered on premises.
    pub fn on_premises() -> Self {
        Self::bad(
            "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.",
        )
    }

    /// The body is not JSON.
    pub fn payload() -> Self {
        Self::gateway(
            "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.",
        )
    }

    /// A body without `Content-Type: application/json`.
    pub fn content_type() -> Self {
        Self::gateway(
            "Write requests (excluding DELETE) must contain the Content-Type header declaration.",
        )
    }

    /// An operator that needs the advanced parameters.
    pub fn operator(name: &str) -> Self {
        Self::query(format!(
            "Operator '{name}' is not supported because the required parameters might be missing. Try adding $count=true query parameter and ConsistencyLevel:eventual header. Refer to https://aka.ms/graph-docs/advanced-queries for more information"
        ))
    }

    /// A property that cannot be filtered that way.
    pub fn clause(property: &str, resource: &str) -> Self {
        Self::query(format!(
            "Unsupported or invalid query filter clause specified for property '{property}' of resource '{resource}'."
        ))
    }

    /// Not supported, without a text of its own.
    pub fn unsupported() -> Self {
        Self::query("Unsupported Query.")
    }

    /// A profile property on a collection.
    pub fn not_implemented() -> Self {
        Self::new(
            501,
            "NotImplemented",
            "This operation target is not yet supported.",
        )
    }

    /// Two writes at once.
    pub fn concurrency() -> Self {
        Self::new(
            409,
            "Directory_ConcurrencyViolation",
            "Error due to concurrent requests being made to the tenant. Please wait briefly and retry.",
        )
    }

    /// The caller lacks the right.
    pub fn denied() -> Self {
        Self::new(
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        )
    }

    /// Over the limit of links.
    pub fn quota(would_be: usize, limit: usize, link: &str) -> Self {
        Self::new(
            403,
            "Directory_QuotaExceeded",
            format!(
                "Unable to perform operation as '{would_be}' would exceed the maximum quota count '{limit}' for forward-link '{link}'."
            ),
        )
    }
}
