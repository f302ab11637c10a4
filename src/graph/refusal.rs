//! What Graph means by an error: status, code, details and, where Graph gives nothing better, the
//! wording. The only place that looks at the wording.
//!
//! Sources: <https://learn.microsoft.com/graph/errors>, the reference pages of the operations,
//! public recordings and reports. Pure.

use percent_encoding::percent_decode_str;

use super::error::Detail;

/// Why Graph refused. Some meanings depend on the operation: "a conflicting object" is a name
/// that is taken when a user is created, and an assignment that is held when a role is assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The object that the path names does not exist.
    Absent,
    /// The user has no mailbox that can be reached.
    NoMailbox,
    /// There is no photo.
    NoPhoto,
    /// Another object has a value that must be unique.
    Duplicate,
    /// What was to be added is there: a member, an assignment, a grant.
    AlreadyThere,
    /// What was to be removed or read is not there: a member, an assignment, a licence, a manager.
    /// Of a removal Graph often says the same when the object itself does not exist.
    NotThere,
    /// The body refers to an object that does not exist, or that Graph does not know yet.
    MissingReference,
    /// The object is mastered in an on-premises directory.
    OnPremises,
    /// The group is managed in Exchange and cannot be changed through Graph.
    ExchangeManaged,
    /// The last owner of a group cannot be removed.
    LastOwner,
    /// The licence comes from a group and can only be removed there.
    InheritedLicence,
    /// All seats of the subscription are taken.
    NoSeats,
    /// A licence needs the user's usage location.
    NoUsageLocation,
    /// A rule of Privileged Identity Management refuses the assignment.
    AssignmentPolicy,
    /// The tenant lacks the Entra ID licence that the feature needs.
    PremiumRequired,
    /// The token was not accepted.
    TokenRejected,
    /// The application lacks a permission or a role.
    Forbidden,
    /// A quota of the directory is used up.
    QuotaExceeded,
    /// Graph cannot answer the query.
    UnsupportedQuery,
    /// Graph does not know the page token that it gave a moment ago.
    PageTokenLost,
    /// A page token was used too late.
    PageTokenExpired,
    /// The state of a delta query is gone: it has to start over.
    ResyncRequired,
    /// Somebody else changes the same object; passes.
    ConcurrentChange,
    /// The directory is catching up and cannot say; passes.
    Replicating,
}

/// The request that an error answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// Method and path template: `DELETE /users/{id}`.
    pub(super) operation: &'a str,
    /// The path itself, below the version.
    pub(super) path: &'a str,
}

impl<'a> Asked<'a> {
    fn method(&self) -> &'a str {
        self.operation.split(' ').next().unwrap_or_default()
    }

    fn template(&self) -> &'a str {
        self.operation.split(' ').nth(1).unwrap_or_default()
    }

    /// Whether the request deals with something that is held: a reference, an assignment, a grant.
    fn is_about_a_holding(&self) -> bool {
        const HOLDINGS: [&str; 8] = [
            "$ref",
            "roleAssignments",
            "roleAssignmentScheduleRequests",
            "roleEligibilityScheduleRequests",
            "assignmentScheduleRequests",
            "eligibilityScheduleRequests",
            "appRoleAssignments",
            "appRoleAssignedTo",
        ];
        self.template()
            .split('/')
            .any(|s| HOLDINGS.contains(&s) || s == "oauth2PermissionGrants")
    }

    fn is_about_a_photo(&self) -> bool {
        self.template()
            .split('/')
            .any(|s| matches!(s, "photo" | "photos"))
    }

    /// How the request mentions the resource that an error names.
    fn mention(&self, resource: &str) -> Mention {
        let path = percent_decode_str(self.path).decode_utf8_lossy();
        let templates = self.template().split('/');
        for (segment, template) in path.split('/').zip(templates) {
            if segment.eq_ignore_ascii_case(resource) && segment == template {
                return Mention::Relation;
            }
            let (segment, resource) = (segment.to_ascii_lowercase(), resource.to_ascii_lowercase());
            if segment == resource || segment.contains(&format!("'{resource}'")) {
                return Mention::Path;
            }
        }
        Mention::Elsewhere
    }
}

/// Where a request mentions a resource.
enum Mention {
    /// As an id of its path.
    Path,
    /// As a relation of its path: `manager`.
    Relation,
    /// Not in its path.
    Elsewhere,
}

/// The meaning of an error, where it has one beyond its status.
pub(super) fn read(
    asked: Asked<'_>,
    status: u16,
    code: &str,
    message: &str,
    details: &[Detail],
) -> Option<Refusal> {
    if code.is_empty() && message.is_empty() {
        // Nothing that Graph wrote.
        return None;
    }
    by_code(asked, status, code, message, details)
        .or_else(|| by_message(asked, status, &message.to_ascii_lowercase()))
        .or(match (status, code) {
            (_, "") => None,
            (401, _) => Some(Refusal::TokenRejected),
            (403, _) => Some(Refusal::Forbidden),
            (410, _) => Some(Refusal::ResyncRequired),
            (501, _) if asked.method() == "GET" => Some(Refusal::UnsupportedQuery),
            _ => None,
        })
}

fn by_code(
    asked: Asked<'_>,
    status: u16,
    code: &str,
    message: &str,
    details: &[Detail],
) -> Option<Refusal> {
    use Refusal::{
        Absent, AlreadyThere, AssignmentPolicy, ConcurrentChange, Duplicate, MissingReference,
        NoMailbox, NoPhoto, NotThere, PageTokenExpired, PageTokenLost, PremiumRequired,
        QuotaExceeded, Replicating, ResyncRequired, UnsupportedQuery,
    };
    let conflict = if asked.is_about_a_holding() {
        AlreadyThere
    } else {
        Duplicate
    };
    let found = match (status, code) {
        (404, _) if is_taken_net_id(asked, message) => Duplicate,
        (404, "Request_ResourceNotFound") => not_found(asked, message),
        (404, "Directory_ObjectNotFound") => Replicating,
        (404, "ErrorNonExistentMailbox" | "MailboxNotEnabledForRESTAPI") => {
            if asked.is_about_a_photo() {
                NoPhoto
            } else {
                NoMailbox
            }
        }
        (404, "ImageNotFound") => NoPhoto,
        (404, "RoleAssignmentRequestNotFound") => Absent,
        (400 | 404, "RoleNotFound" | "SubjectNotFound" | "PrincipalNotFound") => MissingReference,
        (400 | 409, "RoleAssignmentExists") => AlreadyThere,
        (400 | 404, "RoleAssignmentDoesNotExist") => NotThere,
        (400, "RoleAssignmentRequestPolicyValidationFailed") => AssignmentPolicy,
        (
            _,
            "AadPremiumLicenseRequired" | "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
        ) => PremiumRequired,
        (403, "Directory_QuotaExceeded") => QuotaExceeded,
        (400, "Request_UnsupportedQuery" | "ExpandNotSupported") => UnsupportedQuery,
        (400 | 409, "Directory_ConcurrencyViolation") => ConcurrentChange,
        (400, "Directory_ExpiredPageToken") => PageTokenExpired,
        (400 | 410, "resyncRequired" | "syncStateNotFound") => ResyncRequired,
        (409, "Request_MultipleObjectsWithSameKeyValue") => conflict,
        (400 | 404, _) if code.to_ascii_lowercase().contains("pagetokennotfound") => PageTokenLost,
        (400 | 409 | 422, _) if details.iter().any(is_conflict) => conflict,
        _ => return None,
    };
    Some(found)
}

/// How a create tells that its name collides with another object's, whatever the status.
fn is_taken_net_id(asked: Asked<'_>, message: &str) -> bool {
    asked.method() == "POST"
        && message
            .to_ascii_lowercase()
            .contains("property netid is invalid")
}

fn is_conflict(detail: &Detail) -> bool {
    ["ObjectConflict", "PropertyConflict"]
        .iter()
        .any(|code| detail.code.eq_ignore_ascii_case(code))
}

/// A resource is not there: which one?
fn not_found(asked: Asked<'_>, message: &str) -> Refusal {
    if asked.method() == "DELETE" && asked.is_about_a_holding() {
        return Refusal::NotThere;
    }
    let writes = matches!(asked.method(), "POST" | "PATCH" | "PUT");
    match quoted(message).map(|resource| asked.mention(resource)) {
        Some(Mention::Relation) => Refusal::NotThere,
        Some(Mention::Elsewhere) if writes => Refusal::MissingReference,
        Some(Mention::Path | Mention::Elsewhere) | None => Refusal::Absent,
    }
}

/// The first text in quotes.
fn quoted(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once('\'')?;
    let (inner, _) = rest.split_once('\'')?;
    Some(inner).filter(|inner| !inner.is_empty())
}

/// What only the wording tells; `message` is in lower case.
fn by_message(asked: Asked<'_>, status: u16, message: &str) -> Option<Refusal> {
    use Refusal::{
        AlreadyThere, Duplicate, ExchangeManaged, Forbidden, InheritedLicence, LastOwner,
        MissingReference, NoSeats, NoUsageLocation, NotThere, OnPremises, PremiumRequired,
        Replicating, TokenRejected, UnsupportedQuery,
    };
    let says = |text: &str| message.contains(text);
    let found = match status {
        400 if says("invalid object identifier") => {
            return match quoted(message).map(|id| asked.mention(id)) {
                Some(Mention::Elsewhere) if asked.method() == "GET" => None,
                _ => Some(not_found(asked, message)),
            };
        }
        400 | 409 if says("added object references already exist") => AlreadyThere,
        400 | 404 if says("removed object references do not exist") => NotThere,
        400 if says("does not have a corresponding license") => NotThere,
        400 if says("license is inherited from a group") => InheritedLicence,
        400 if says("does not have any available licenses") => NoSeats,
        400 if says("invalid usage location") => NoUsageLocation,
        400 if says("does not correspond to a valid company license")
            || says("one of the objects being referenced don't exist")
            || says("does not reference a valid application object")
            || says("not a valid reference update") =>
        {
            MissingReference
        }
        403 if says("the backing application of the service principal") => MissingReference,
        400 if is_taken_net_id(asked, message) => Duplicate,
        400 if says("on-premises mastered") => OnPremises,
        400 if says("mail-enabled security groups and or distribution list") => ExchangeManaged,
        400 if says("must have at least one owner") => LastOwner,
        400 if says("$count is not currently supported") => UnsupportedQuery,
        400 | 403
            if says("[aadpremiumlicenserequired]")
                || says("needs an aad premium 2 license")
                || says("tenant doesn't have premium license") =>
        {
            PremiumRequired
        }
        401 | 403 if says("attempted to perform an unauthorized operation") => Forbidden,
        403 if says("permissionscopenotgranted") => Forbidden,
        401 if says("lifetime validation failed") => TokenRejected,
        404 if says("failed to execute ms graph backend request getgroupinternalapirequest") => {
            Replicating
        }
        400 | 409 if says("already exists") || says("conflicting object") => {
            if asked.is_about_a_holding() {
                AlreadyThere
            } else {
                Duplicate
            }
        }
        _ => return None,
    };
    Some(found)
}
