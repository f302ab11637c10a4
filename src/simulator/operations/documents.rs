//! What is computed whole: subscriptions, the organisation, domains, role templates, licence
//! details.

use serde_json::{Value, json};

use super::answers::{entity, value_of};
use crate::odata::facts;
use crate::simulator::directory::{Kind, Plan, Reader, Slot, State, ticks, time_text};
use crate::simulator::errors::SimError;
use crate::simulator::model::{EntitySet, Filtering, View};
use crate::simulator::query::options::{Query, check_only_select};
use crate::simulator::query::project::Projection;
use crate::simulator::request::SimResponse;

/// `GET set` and `GET set/key`
pub fn read(
    view: &View<'_>,
    set: &EntitySet,
    documents: &[Value],
    rest: &[String],
) -> Result<SimResponse, SimError> {
    if matches!(set.filter, Filtering::None) {
        check_only_select(view.request)?;
    }
    let select = {
        let query = Query::parse(view, entity_name(set))?;
        query.check_single().map_err(|_| SimError::unsupported())?;
        if facts::entity(entity_name(set)).is_some() {
            Projection::new(view, &query, entity_name(set), false)?;
        }
        query.select
    };
    let shown = |document: &Value| match (&select, document) {
        (Some(names), Value::Object(all)) => {
            let some = names
                .iter()
                .filter_map(|n| Some((n.clone(), all.get(n)?.clone())));
            Value::Object(some.collect())
        }
        _ => document.clone(),
    };
    match rest {
        [] => Ok(value_of(
            view,
            set.context,
            documents.iter().map(shown).collect(),
        )),
        [key] => {
            let found = documents
                .iter()
                .find(|d| {
                    d["id"]
                        .as_str()
                        .is_some_and(|id| id.eq_ignore_ascii_case(key))
                })
                .ok_or_else(|| SimError::not_found(key))?;
            Ok(entity(
                view,
                &format!("{}/$entity", set.context),
                shown(found),
            ))
        }
        [_, other, ..] => Err(SimError::segment(other)),
    }
}

/// The entity type of a set of documents.
pub fn entity_name(set: &EntitySet) -> &'static str {
    match set.context {
        "applicationTemplates" => "applicationTemplate",
        "domains" => "domain",
        "organization" => "organization",
        "directoryRoleTemplates" => "directoryRoleTemplate",
        "groupSettings" => "groupSetting",
        "groupSettingTemplates" => "groupSettingTemplate",
        _ => "subscribedSku",
    }
}

fn plan(plan: &Plan) -> Value {
    json!({
        "servicePlanId": plan.id.to_string(),
        "servicePlanName": plan.name,
        "provisioningStatus": "Success",
        "appliesTo": if plan.for_users { "User" } else { "Company" },
    })
}

/// `/subscribedSkus`
pub fn subscribed_skus(dir: Reader<'_>) -> Vec<Value> {
    let tenant = dir.tenant().id;
    dir.licences()
        .skus
        .iter()
        .map(|sku| {
            let status = match (sku.enabled, sku.warning, sku.suspended) {
                (0, 0, 1..) => "Suspended",
                (0, 1.., _) => "Warning",
                _ => "Enabled",
            };
            json!({
                "accountName": dir.tenant().name,
                "accountId": tenant.to_string(),
                "appliesTo": "User",
                "capabilityStatus": status,
                "consumedUnits": sku.consumed,
                "id": format!("{tenant}_{}", sku.id),
                "skuId": sku.id.to_string(),
                "skuPartNumber": sku.part_number,
                "subscriptionIds": [],
                "prepaidUnits": {
                    "enabled": sku.enabled,
                    "suspended": sku.suspended,
                    "warning": sku.warning,
                    "lockedOut": 0,
                },
                "servicePlans": sku.plans.iter().map(plan).collect::<Vec<_>>(),
            })
        })
        .collect()
}

/// `/users/{id}/licenseDetails`
pub fn license_details(dir: Reader<'_>, user: Slot) -> Vec<Value> {
    dir.held(user)
        .into_iter()
        .map(|(number, disabled)| {
            let sku = dir.licences().sku(number);
            let plans: Vec<Value> = sku
                .plans
                .iter()
                .enumerate()
                .map(|(i, p)| {
                    let mut shown = plan(p);
                    if disabled >> i & 1 == 1 {
                        shown["provisioningStatus"] = json!("Disabled");
                    }
                    shown
                })
                .collect();
            json!({
                "id": format!("{}_{}", dir.object(user).id.simple(), sku.id),
                "skuId": sku.id.to_string(),
                "skuPartNumber": sku.part_number,
                "servicePlans": plans,
            })
        })
        .collect()
}

/// `/organization`
pub fn organization(dir: Reader<'_>) -> Vec<Value> {
    let domains: Vec<Value> = dir
        .tenant()
        .domains
        .iter()
        .map(|d| {
            json!({
                "capabilities": "Email, OfficeCommunicationsOnline",
                "isDefault": d.is_default,
                "isInitial": d.is_initial,
                "name": d.name,
                "type": "Managed",
            })
        })
        .collect();
    let used: usize = Kind::ALL
        .into_iter()
        .filter(|kind| kind.is_directory_object())
        .map(|kind| dir.count_in(kind, State::Live))
        .sum();
    vec![json!({
        "id": dir.tenant().id.to_string(),
        "deletedDateTime": null,
        "businessPhones": [],
        "city": null,
        "country": null,
        "countryLetterCode": "US",
        "createdDateTime": time_text(ticks(dir.tenant().created)),
        "defaultUsageLocation": null,
        "directorySizeQuota": {"used": used, "total": 300_000},
        "displayName": dir.tenant().name,
        "isMultipleDataLocationsForServicesEnabled": null,
        "marketingNotificationEmails": [],
        "onPremisesLastSyncDateTime": null,
        "onPremisesSyncEnabled": null,
        "partnerTenantType": null,
        "postalCode": null,
        "preferredLanguage": "en",
        "securityComplianceNotificationMails": [],
        "securityComplianceNotificationPhones": [],
        "state": null,
        "street": null,
        "technicalNotificationMails": [],
        "tenantType": "AAD",
        "privacyProfile": null,
        "assignedPlans": [],
        "provisionedPlans": [],
        "verifiedDomains": domains,
    })]
}

/// `/domains`
pub fn domains(dir: Reader<'_>) -> Vec<Value> {
    dir.tenant()
        .domains
        .iter()
        .map(|domain| {
            json!({
                "authenticationType": "Managed",
                "availabilityStatus": null,
                "id": domain.name,
                "isAdminManaged": true,
                "isDefault": domain.is_default,
                "isInitial": domain.is_initial,
                "isRoot": true,
                "isVerified": true,
                "supportedServices": ["Email", "OfficeCommunicationsOnline"],
                "passwordValidityPeriodInDays": 2_147_483_647,
                "passwordNotificationWindowInDays": 14,
                "state": null,
            })
        })
        .collect()
}

/// `/directoryRoleTemplates`: the built-in role definitions.
pub fn role_templates(dir: Reader<'_>) -> Vec<Value> {
    dir.all(Kind::RoleDefinition, None)
        .filter(|slot| dir.flag(*slot, "isBuiltIn"))
        .map(|slot| {
            json!({
                "id": dir.id_text(slot),
                "deletedDateTime": null,
                "description": dir.json(slot, "description"),
                "displayName": dir.json(slot, "displayName"),
            })
        })
        .collect()
}
