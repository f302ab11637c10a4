//! Users: create, update, revoke sessions.

use serde_json::{Map, Value, json};

use super::answers::{created, value_of};
use super::validate::{self, Input, Limits};
use crate::simulator::directory::{Directory, Kind, Slot, Stored};
use crate::simulator::errors::SimError;
use crate::simulator::model::Ctx;
use crate::simulator::request::SimResponse;

type Answer = Result<SimResponse, SimError>;

const LIMITS: Limits = Limits {
    read_only: &[
        "id",
        "assignedLicenses",
        "assignedPlans",
        "createdDateTime",
        "creationType",
        "deletedDateTime",
        "deviceEnrollmentLimit",
        "externalUserState",
        "externalUserStateChangeDateTime",
        "imAddresses",
        "isManagementRestricted",
        "lastPasswordChangeDateTime",
        "legalAgeGroupClassification",
        "licenseAssignmentStates",
        "mailboxSettings",
        "onPremisesDomainName",
        "onPremisesLastSyncDateTime",
        "onPremisesProvisioningErrors",
        "onPremisesSamAccountName",
        "onPremisesSecurityIdentifier",
        "onPremisesSyncEnabled",
        "onPremisesUserPrincipalName",
        "provisionedPlans",
        "proxyAddresses",
        "securityIdentifier",
        "serviceProvisioningErrors",
        "signInActivity",
        "signInSessionsValidFromDateTime",
    ],
    lengths: &[
        ("city", 128),
        ("state", 128),
        ("country", 128),
        ("jobTitle", 128),
        ("companyName", 64),
        ("department", 64),
        ("givenName", 64),
        ("surname", 64),
        ("mailNickname", 64),
        ("mobilePhone", 64),
        ("displayName", 256),
        ("employeeId", 16),
        ("postalCode", 40),
        ("streetAddress", 1024),
    ],
    required: &[
        "displayName",
        "usageLocation",
        "userPrincipalName",
        "mailNickname",
        "mail",
        "accountEnabled",
    ],
};

/// Profile properties that live outside the directory.
const PROFILE: [&str; 10] = [
    "aboutMe",
    "birthday",
    "hireDate",
    "interests",
    "mySite",
    "pastProjects",
    "preferredName",
    "responsibilities",
    "schools",
    "skills",
];

/// What can be written although the user is mastered on premises.
const CLOUD: [&str; 9] = [
    "usageLocation",
    "otherMails",
    "userType",
    "ageGroup",
    "consentProvidedForMinor",
    "passwordPolicies",
    "passwordProfile",
    "preferredDataLocation",
    "employeeLeaveDateTime",
];

/// `POST /users`
pub fn create(ctx: &mut Ctx<'_>) -> Answer {
    let mut input = validate::body(ctx, Kind::User, &LIMITS)?;
    if let Some((relation, _)) = input.binds.first() {
        return Err(SimError::invalid_property(relation));
    }
    input.properties.retain(|_, value| !value.is_null());
    input.require(&[
        "accountEnabled",
        "displayName",
        "mailNickname",
        "userPrincipalName",
    ])?;
    let profile = input.get("passwordProfile");
    if profile.is_none_or(|profile| profile["password"].as_str().is_none_or(str::is_empty)) {
        return Err(SimError::bad(
            "A password must be specified to create a new user.",
        ));
    }
    check(ctx, &input, None)?;
    if ctx.options.unique_mail_nickname
        && let Some(nickname) = input.text("mailNickname")
        && ctx.dir.present().has_nickname(nickname)
    {
        return Err(SimError::bad("Property netId is invalid."));
    }
    let mut properties = stored(ctx.dir, input, None);
    properties
        .entry("userType")
        .or_insert_with(|| json!("Member"));
    properties.insert("createdDateTime".to_owned(), ctx.dir.now_text());
    let id = ctx.dir.new_id();
    let slot = ctx.dir.insert(
        Kind::User,
        id,
        properties
            .iter()
            .map(|(name, value)| (name.as_str(), value)),
    );
    Ok(created(ctx, slot))
}

/// `PATCH /users/{id}`
pub fn update(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    let input = validate::body(ctx, Kind::User, &LIMITS)?;
    if let Some((relation, _)) = input.binds.first() {
        return Err(SimError::invalid_property(relation));
    }
    check(ctx, &input, Some(slot))?;
    let properties = stored(ctx.dir, input, Some(slot));
    ctx.dir.set(
        slot,
        properties
            .iter()
            .map(|(name, value)| (name.as_str(), value)),
    );
    Ok(SimResponse::no_content())
}

/// `POST /users/{id}/revokeSignInSessions`: documented as 204, really 200 and true.
pub fn revoke_sessions(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    let now = ctx.dir.now_text();
    ctx.dir
        .set_one(slot, "signInSessionsValidFromDateTime", &now);
    Ok(value_of(&ctx.view(), "Edm.Boolean", true.into()))
}

fn check(ctx: &Ctx<'_>, input: &Input, slot: Option<Slot>) -> Result<(), SimError> {
    let dir = &*ctx.dir;
    let bad = |name: &str| Err(SimError::invalid_value(name, Kind::User));
    let profile = input
        .properties
        .keys()
        .filter(|n| PROFILE.contains(&n.as_str()))
        .count();
    if profile > 0 {
        if profile < input.properties.len() {
            return bad(input
                .properties
                .keys()
                .find(|n| PROFILE.contains(&n.as_str()))
                .map_or("aboutMe", |n| n));
        }
        if !ctx.options.profile_by_application {
            return Err(SimError::denied());
        }
    }
    if let Some(slot) = slot
        && dir.flag(slot, "onPremisesSyncEnabled")
        && input
            .properties
            .keys()
            .any(|n| !CLOUD.contains(&n.as_str()) && !PROFILE.contains(&n.as_str()))
    {
        return Err(SimError::on_premises());
    }
    if let Some(upn) = input.text("userPrincipalName") {
        check_upn(dir, upn, slot)?;
    }
    if let Some(mail) = input.text("mail") {
        if !mail.is_ascii() || !mail.contains('@') {
            return bad("mail");
        }
        if dir
            .address_holder(mail)
            .is_some_and(|holder| Some(holder) != slot)
        {
            return Err(SimError::address_conflict());
        }
    }
    if let Some(nickname) = input.text("mailNickname")
        && (!nickname.is_ascii() || nickname.contains(|c| "@()\\[]\";:<>, ".contains(c)))
    {
        return bad("mailNickname");
    }
    let length = |name: &str| {
        input
            .get(name)
            .and_then(Value::as_array)
            .map_or(0, Vec::len)
    };
    if length("businessPhones") > 1 {
        return bad("businessPhones");
    }
    let mails = input.get("otherMails").and_then(Value::as_array);
    if mails.is_some_and(|m| {
        m.len() > 250
            || m.iter()
                .any(|v| v.as_str().is_none_or(|t| t.is_empty() || t.len() > 250))
    }) {
        return bad("otherMails");
    }
    if let Some(location) = input.text("usageLocation")
        && (location.len() != 2 || !location.bytes().all(|b| b.is_ascii_alphabetic()))
    {
        return bad("usageLocation");
    }
    for (name, members) in [
        ("userType", ["Member", "Guest", ""]),
        ("ageGroup", ["Minor", "NotAdult", "Adult"]),
        (
            "consentProvidedForMinor",
            ["Granted", "Denied", "NotRequired"],
        ),
    ] {
        if input
            .text(name)
            .is_some_and(|v| !members.iter().any(|m| m.eq_ignore_ascii_case(v)))
        {
            return bad(name);
        }
    }
    if let Some(data) = input.get("employeeOrgData")
        && (data.get("division").is_none() || data.get("costCenter").is_none())
    {
        return bad("employeeOrgData");
    }
    if let Some(password) = input
        .get("passwordProfile")
        .and_then(|p| p["password"].as_str())
        && !is_complex(password)
    {
        return Err(SimError::bad(
            "The specified password does not comply with password complexity requirements. Please provide a different password.",
        )
        .detail("InvalidValue", "password"));
    }
    Ok(())
}

/// Whether a user principal name can be taken (by `slot`, when it is an update).
pub fn check_upn(dir: &Directory, upn: &str, slot: Option<Slot>) -> Result<(), SimError> {
    let invalid = || SimError::invalid_value("userPrincipalName", Kind::User);
    let (local, domain) = upn.rsplit_once('@').ok_or_else(invalid)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "'.-_!#^~$&%*+/=?`{|}".contains(c);
    let dots = local.starts_with('.') || local.ends_with('.');
    if local.is_empty()
        || local.len() > 64
        || domain.len() > 48
        || dots
        || !local.chars().all(allowed)
    {
        return Err(invalid());
    }
    if !dir.has_domain(domain) {
        return Err(SimError::bad(
            "The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization.",
        )
        .detail("InvalidValue", "userPrincipalName"));
    }
    let taken = |holder: Option<Slot>| holder.is_some_and(|holder| Some(holder) != slot);
    if taken(dir.find_upn(upn)) {
        return Err(SimError::conflict("userPrincipalName"));
    }
    if taken(dir.address_holder(upn)) {
        return Err(SimError::address_conflict());
    }
    Ok(())
}

/// 8 to 256 characters of three of the four classes.
fn is_complex(password: &str) -> bool {
    let has = |test: fn(char) -> bool| u8::from(password.chars().any(test));
    let classes = has(char::is_lowercase)
        + has(char::is_uppercase)
        + has(char::is_numeric)
        + has(|c| !c.is_alphanumeric());
    (8..=256).contains(&password.chars().count()) && classes >= 3
}

/// What is kept of a body: no password, structures merged, addresses derived from `mail`.
fn stored(dir: &Directory, input: Input, slot: Option<Slot>) -> Map<String, Value> {
    let mut properties = input.properties;
    let before = |name: &str| slot.map_or(Value::Null, |slot| dir.json(slot, name));
    if let Some(profile) = properties.get_mut("passwordProfile") {
        let mut kept = match before("passwordProfile") {
            Value::Object(kept) => kept,
            _ => Map::new(),
        };
        if let Value::Object(given) = profile.take() {
            kept.insert("forceChangePasswordNextSignIn".to_owned(), true.into());
            kept.insert(
                "forceChangePasswordNextSignInWithMfa".to_owned(),
                false.into(),
            );
            kept.extend(given);
        }
        let changed = kept.remove("password").is_some();
        *profile = Value::Object(kept);
        if changed {
            properties.insert("lastPasswordChangeDateTime".to_owned(), dir.now_text());
        }
    }
    if let Some(Value::Object(given)) = properties.get_mut("onPremisesExtensionAttributes")
        && let Value::Object(mut kept) = before("onPremisesExtensionAttributes")
    {
        kept.extend(std::mem::take(given));
        *given = kept;
    }
    if let Some(mail) = properties.get("mail").and_then(Value::as_str) {
        let mut addresses = vec![format!("SMTP:{mail}")];
        if let Some(Stored::List(list)) = slot.and_then(|slot| dir.get(slot, "proxyAddresses")) {
            let others = list.iter().filter(|a| !a.starts_with("SMTP:"));
            addresses.extend(
                others
                    .filter(|a| !a.eq_ignore_ascii_case(&format!("smtp:{mail}")))
                    .map(str::to_owned),
            );
        }
        properties.insert("proxyAddresses".to_owned(), addresses.into());
    }
    properties
}

#[cfg(test)]
mod tests {
    use super::is_complex;

    #[test]
    fn passwords() {
        for (password, expected) in [
            ("xWwvJ]6NMw+bWH-d", true),
            ("Abcdefg1", true),
            ("abcdefg1", false),
            ("Abcde1!", false),
            ("ABCDEFG1!", true),
        ] {
            assert_eq!(is_complex(password), expected, "{password}");
        }
    }
}
