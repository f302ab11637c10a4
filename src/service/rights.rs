//! What this gateway is for in a tenant, whatever its application may be granted: a tenant that
//! is configured for reading is never written to.

use super::Context;
use crate::scim::error::Error;

/// The permission preset of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// No writes.
    ReadOnly,
    /// Only members and owners of groups, holders of roles and licences.
    MembershipOnly,
    /// Everything.
    Full,
}

/// Refuses a write that the tenant's preset does not include.
///
/// # Errors
/// 403 naming the preset.
pub(super) fn check(cx: &Context, only_membership: bool) -> Result<(), Error> {
    let refused = match cx.tenant.rights {
        Rights::Full => return Ok(()),
        Rights::MembershipOnly if only_membership => return Ok(()),
        Rights::MembershipOnly => "membership-only: members, owners, holders of roles and licences",
        Rights::ReadOnly => "read-only",
    };
    Err(Error::forbidden(format!(
        "this gateway is configured {refused}; nothing was changed"
    )))
}
