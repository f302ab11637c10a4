//! Groups: create and update, by the rules of their kinds.

use serde_json::{Value, json};

use super::answers::created;
use super::refs::{self, MAX_BINDS};
use super::validate::{self, Input, Limits};
use crate::simulator::directory::{Kind, Relation, Slot};
use crate::simulator::errors::SimError;
use crate::simulator::model::Ctx;
use crate::simulator::request::SimResponse;

type Answer = Result<SimResponse, SimError>;

/// The most role-assignable groups of a tenant.
const MAX_ROLE_ASSIGNABLE: usize = 500;

const LIMITS: Limits = Limits {
    read_only: &[
        "id",
        "assignedLicenses",
        "createdDateTime",
        "deletedDateTime",
        "expirationDateTime",
        "hasMembersWithLicenseErrors",
        "isArchived",
        "isManagementRestricted",
        "licenseProcessingState",
        "mail",
        "onPremisesDomainName",
        "onPremisesLastSyncDateTime",
        "onPremisesNetBiosName",
        "onPremisesProvisioningErrors",
        "onPremisesSamAccountName",
        "onPremisesSecurityIdentifier",
        "onPremisesSyncEnabled",
        "organizationId",
        "proxyAddresses",
        "renewedDateTime",
        "securityIdentifier",
        "serviceProvisioningErrors",
    ],
    lengths: &[
        ("displayName", 256),
        ("description", 1024),
        ("mailNickname", 64),
    ],
    required: &[
        "displayName",
        "mailNickname",
        "mailEnabled",
        "securityEnabled",
    ],
};

/// Set by a later PATCH, never at creation.
const LATER: [&str; 9] = [
    "accessType",
    "allowExternalSenders",
    "autoSubscribeNewMembers",
    "hideFromAddressLists",
    "hideFromOutlookClients",
    "isFavorite",
    "isSubscribedByMail",
    "unseenConversationsCount",
    "unseenCount",
];

/// Kept by Exchange: each PATCH of them holds nothing else, and answers 200.
const EXCHANGE: [&str; 6] = [
    "allowExternalSenders",
    "autoSubscribeNewMembers",
    "hideFromAddressLists",
    "hideFromOutlookClients",
    "isSubscribedByMail",
    "unseenCount",
];

/// `POST /groups`
pub fn create(ctx: &mut Ctx<'_>) -> Answer {
    let mut input = validate::body(ctx, Kind::Group, &LIMITS)?;
    input.properties.retain(|_, value| !value.is_null());
    input.require(&[
        "displayName",
        "mailEnabled",
        "mailNickname",
        "securityEnabled",
    ])?;
    if let Some(name) = input
        .properties
        .keys()
        .find(|n| LATER.contains(&n.as_str()))
    {
        return Err(SimError::invalid_property(name));
    }
    check_kind(ctx, &input)?;
    let (members, owners) = binds(ctx, &input)?;

    let unified = input.lists("groupTypes", "Unified");
    let mut properties = input.properties;
    let nickname = properties["mailNickname"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    if unified {
        let domain = ctx
            .dir
            .tenant
            .domains
            .iter()
            .find(|d| d.is_default)
            .map_or("", |d| &d.name);
        let mail = format!("{nickname}@{domain}");
        if ctx.dir.address_holder(&mail).is_some() {
            return Err(SimError::conflict("mailNickname"));
        }
        properties.insert("proxyAddresses".to_owned(), json!([format!("SMTP:{mail}")]));
        properties.insert("mail".to_owned(), mail.into());
        properties
            .entry("visibility")
            .or_insert_with(|| json!("Public"));
    }
    if let Some(name) = properties.get("uniqueName").and_then(Value::as_str) {
        let taken = ctx
            .dir
            .all(Kind::Group, None)
            .any(|s| ctx.dir.text(s, "uniqueName") == Some(name));
        if taken {
            return Err(SimError::conflict("uniqueName"));
        }
    }
    let now = ctx.dir.now_text();
    properties.insert("createdDateTime".to_owned(), now.clone());
    properties.insert("renewedDateTime".to_owned(), now);
    let pairs = properties
        .iter()
        .map(|(name, value)| (name.as_str(), value));
    let id = ctx.dir.new_id();
    let slot = ctx.dir.insert(Kind::Group, id, pairs);
    // What can be wrong with members is known only to the group that is to hold them.
    if let Err(error) = refs::check_owners(ctx.dir, slot, &owners, 0).and_then(|()| {
        if members.is_empty() {
            Ok(())
        } else {
            refs::add_members(ctx.dir, slot, &members)
        }
    }) {
        ctx.dir.withdraw(slot);
        return Err(error);
    }
    for owner in owners {
        ctx.dir.link(Relation::Owner, slot, owner);
    }
    Ok(created(ctx, slot))
}

/// `members@odata.bind` and `owners@odata.bind`, 20 in all.
fn binds(ctx: &Ctx<'_>, input: &Input) -> Result<(Vec<Slot>, Vec<Slot>), SimError> {
    let (mut members, mut owners) = (Vec::new(), Vec::new());
    for (relation, addresses) in &input.binds {
        let slots = refs::bound(ctx, addresses)?;
        match relation.as_str() {
            "members" => members = slots,
            "owners" => owners = slots,
            other => return Err(SimError::invalid_property(other)),
        }
    }
    if members.len() + owners.len() > MAX_BINDS {
        return Err(too_many());
    }
    Ok((members, owners))
}

fn too_many() -> SimError {
    SimError::bad(format!(
        "The number of references in the request exceeds the maximum of '{MAX_BINDS}'."
    ))
}

fn check_kind(ctx: &Ctx<'_>, input: &Input) -> Result<(), SimError> {
    let flag = |name: &str| input.flag(name) == Some(true);
    let bad = |name: &str| Err(SimError::invalid_property(name));
    let types = input.get("groupTypes").and_then(Value::as_array);
    if types.is_some_and(|types| {
        types
            .iter()
            .any(|t| !matches!(t.as_str(), Some("Unified" | "DynamicMembership")))
    }) {
        return bad("groupTypes");
    }
    let (unified, dynamic) = (
        input.lists("groupTypes", "Unified"),
        input.lists("groupTypes", "DynamicMembership"),
    );
    if flag("mailEnabled") && !unified {
        return Err(SimError::bad(
            "Cannot Create a mail-enabled security groups and or distribution list.",
        ));
    }
    if unified && !flag("mailEnabled") {
        return bad("mailEnabled");
    }
    if !unified && !flag("securityEnabled") {
        return bad("securityEnabled");
    }
    if dynamic != input.get("membershipRule").is_some() {
        return bad("membershipRule");
    }
    check_common(input)?;
    if input.text("visibility") == Some("HiddenMembership") && !unified {
        return bad("visibility");
    }
    if flag("isAssignableToRole") {
        if !flag("securityEnabled") || dynamic {
            return bad("isAssignableToRole");
        }
        let dir = &*ctx.dir;
        let count = dir
            .all(Kind::Group, None)
            .filter(|s| dir.is_live(*s) && dir.flag(*s, "isAssignableToRole"))
            .count();
        if count >= MAX_ROLE_ASSIGNABLE {
            return Err(SimError::new(
                403,
                "Directory_QuotaExceeded",
                "The directory object quota limit for the Tenant has been exceeded.",
            ));
        }
    }
    Ok(())
}

fn check_common(input: &Input) -> Result<(), SimError> {
    let bad = |name: &str| Err(SimError::invalid_value(name, Kind::Group));
    if let Some(nickname) = input.text("mailNickname")
        && (!nickname.is_ascii() || nickname.contains(|c| "@()\\[]\";:.<>, ".contains(c)))
    {
        return bad("mailNickname");
    }
    for (name, members) in [
        ("visibility", ["Public", "Private", "HiddenMembership"]),
        ("membershipRuleProcessingState", ["On", "Paused", ""]),
    ] {
        if input.text(name).is_some_and(|v| !members.contains(&v)) {
            return bad(name);
        }
    }
    Ok(())
}

/// `PATCH /groups/{id}`
pub fn update(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    let input = validate::body(ctx, Kind::Group, &LIMITS)?;
    let dir = &*ctx.dir;
    if dir.flag(slot, "onPremisesSyncEnabled") {
        return Err(SimError::on_premises());
    }
    let unified = dir.lists(slot, "groupTypes", "Unified");
    if dir.flag(slot, "mailEnabled") && !unified {
        return Err(SimError::bad(
            "Cannot Update a mail-enabled security groups and or distribution list.",
        ));
    }
    // Fixed at creation: they may be repeated, not changed.
    for name in ["isAssignableToRole", "mailEnabled", "uniqueName"] {
        if input
            .properties
            .get(name)
            .is_some_and(|value| *value != dir.json(slot, name))
        {
            return Err(SimError::read_only(name));
        }
    }
    let types = input.properties.contains_key("groupTypes");
    if types && input.lists("groupTypes", "Unified") != unified {
        return Err(SimError::invalid_property("groupTypes"));
    }
    check_common(&input)?;
    let exchange = input
        .properties
        .keys()
        .filter(|n| EXCHANGE.contains(&n.as_str()))
        .count();
    if exchange > 0 && (exchange < input.properties.len() || !input.binds.is_empty() || !unified) {
        return Err(SimError::invalid_property(
            input
                .properties
                .keys()
                .find(|n| EXCHANGE.contains(&n.as_str()))
                .map_or("", |n| n),
        ));
    }
    if let Some((relation, _)) = input
        .binds
        .iter()
        .find(|(relation, _)| relation != "members")
    {
        return Err(SimError::invalid_property(relation));
    }
    if let Some((_, addresses)) = input.binds.first() {
        if addresses.len() > MAX_BINDS {
            return Err(too_many());
        }
        let members = refs::bound(ctx, addresses)?;
        refs::check_replicated(ctx.dir, slot, &members)?;
        refs::add_members(ctx.dir, slot, &members)?;
    }
    let pairs = input.pairs();
    ctx.dir.set(slot, pairs);
    Ok(SimResponse {
        status: if exchange > 0 { 200 } else { 204 },
        ..SimResponse::default()
    })
}
