//! What stands above role assignments: clouds, tenants, management groups, subscriptions, their
//! locations and resource groups. Seeded, and read only.

use serde_json::{Value, json};
use uuid::Uuid;

use super::call::Answer;
use super::errors::ArmError;
use crate::odata::request::Method;
use crate::simulator::directory::Tenant;

const SUBSCRIPTIONS: [&str; 2] = ["Contoso Production", "Contoso Development"];
const GROUPS: [(&str, &str); 2] = [("rg-identity", "westeurope"), ("rg-apps", "northeurope")];
const LOCATIONS: [(&str, &str); 3] = [
    ("westeurope", "West Europe"),
    ("northeurope", "North Europe"),
    ("eastus", "East US"),
];
const MANAGEMENT: &str = "/providers/Microsoft.Management/managementGroups";

/// The clouds' endpoints, as `az cloud register` asks for them. Needs no token.
pub fn endpoints(origin: &str, tenant: &Tenant) -> Value {
    json!({
        "name": "EntraScimSimulator",
        "portal": format!("{origin}/portal"),
        "authentication": {
            "loginEndpoint": origin,
            "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
            "tenant": tenant.id.to_string(),
            "identityProvider": "AAD",
        },
        "media": "https://rest.media.azure.net",
        "graphAudience": "https://graph.windows.net/",
        "graph": "https://graph.windows.net/",
        "microsoftGraphResourceId": format!("{origin}/"),
        "resourceManager": format!("{origin}/arm"),
        "sqlManagement": format!("{origin}/sql"),
        "gallery": format!("{origin}/gallery"),
        "batch": "https://batch.core.windows.net/",
        "activeDirectoryDataLake": "https://datalake.azure.net/",
        "azmirrorStorageAccountResourceId": null,
        "vmImageAliasDoc": null,
        "suffixes": {
            "acrLoginServer": "azurecr.io",
            "sqlServerHostname": "database.windows.net",
            "keyVaultDns": "vault.azure.net",
            "storage": "core.windows.net",
            "azureDataLakeStoreFileSystem": "azuredatalakestore.net",
            "azureDataLakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
            "synapseAnalytics": "dev.azuresynapse.net",
        },
    })
}

/// The subscriptions' ids follow from the tenant's.
fn subscription_ids(tenant: &Tenant) -> Vec<(Uuid, &'static str)> {
    let id = |number: u128| Uuid::from_u128(tenant.id.as_u128() ^ (0x5b5c_0000 + number));
    (1..)
        .zip(SUBSCRIPTIONS)
        .map(|(n, name)| (id(n), name))
        .collect()
}

fn subscription(tenant: &Tenant, id: Uuid, name: &str) -> Value {
    json!({
        "id": format!("/subscriptions/{id}"),
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": id.to_string(),
        "tenantId": tenant.id.to_string(),
        "displayName": name,
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "EnterpriseAgreement_2014-09-01",
            "spendingLimit": "Off",
        },
    })
}

fn list(items: Vec<Value>) -> (u16, Value) {
    let count = items.len();
    (
        200,
        json!({"value": items, "count": {"type": "Total", "value": count}}),
    )
}

/// Answers a path that is one of the hierarchy's; `None` leaves it to the role API.
pub fn handle(tenant: &Tenant, method: Method, path: &str) -> Option<Answer> {
    let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    let lower: Vec<String> = segments.iter().map(|s| s.to_ascii_lowercase()).collect();
    let names: Vec<&str> = lower.iter().map(String::as_str).collect();
    let answer = match names.as_slice() {
        ["subscriptions"] => Ok(list(
            subscription_ids(tenant)
                .into_iter()
                .map(|(id, name)| subscription(tenant, id, name))
                .collect(),
        )),
        ["subscriptions", id, rest @ ..] if matches!(rest.len(), 0..=2) => {
            if rest.len() == 2 && rest[0] != "resourcegroups" {
                return None;
            }
            in_subscription(tenant, id, rest)
        }
        ["tenants"] => Ok(list(vec![json!({
            "id": format!("/tenants/{}", tenant.id),
            "tenantId": tenant.id.to_string(),
            "countryCode": "US",
            "displayName": tenant.name,
            "domains": tenant.domains.iter().map(|d| &d.name).collect::<Vec<_>>(),
            "tenantCategory": "Home",
        })])),
        ["providers", "microsoft.management", "managementgroups"] => Ok((
            200,
            json!({"value": [management_group(tenant)], "@nextLink": null}),
        )),
        [
            "providers",
            "microsoft.management",
            "managementgroups",
            name,
        ] => {
            if *name == tenant.id.to_string() {
                Ok((200, management_group(tenant)))
            } else {
                Err(ArmError::new(
                    404,
                    "NotFound",
                    format!("'{MANAGEMENT}/{name}' not found"),
                ))
            }
        }
        _ => return None,
    };
    Some(if method == Method::Get {
        answer
    } else {
        Err(ArmError::method())
    })
}

/// The root management group, which has the tenant's id for a name.
fn management_group(tenant: &Tenant) -> Value {
    json!({
        "id": format!("{MANAGEMENT}/{}", tenant.id),
        "type": "Microsoft.Management/managementGroups",
        "name": tenant.id.to_string(),
        "properties": {"tenantId": tenant.id.to_string(), "displayName": "Tenant Root Group"},
    })
}

fn in_subscription(tenant: &Tenant, id: &str, rest: &[&str]) -> Answer {
    let known = subscription_ids(tenant)
        .into_iter()
        .find(|(known, _)| known.to_string() == id);
    let (known, name) = known.ok_or_else(|| {
        ArmError::new(
            404,
            "SubscriptionNotFound",
            format!("The subscription '{id}' could not be found."),
        )
    })?;
    let own = format!("/subscriptions/{known}");
    let group = |(name, location): (&str, &str)| {
        json!({
            "id": format!("{own}/resourceGroups/{name}"),
            "name": name,
            "type": "Microsoft.Resources/resourceGroups",
            "location": location,
            "properties": {"provisioningState": "Succeeded"},
        })
    };
    match rest {
        [] => Ok((200, subscription(tenant, known, name))),
        ["locations"] => Ok((
            200,
            json!({"value": LOCATIONS.iter().map(|(name, shown)| json!({
                "id": format!("{own}/locations/{name}"),
                "name": name,
                "type": "Region",
                "displayName": shown,
                "regionalDisplayName": shown,
                "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
            })).collect::<Vec<_>>()}),
        )),
        ["resourcegroups"] => Ok((200, json!({"value": GROUPS.map(group).to_vec()}))),
        ["resourcegroups", wanted] => {
            let found = GROUPS.into_iter().find(|(name, _)| name == wanted);
            found.map(|found| (200, group(found))).ok_or_else(|| {
                ArmError::new(
                    404,
                    "ResourceGroupNotFound",
                    format!("Resource group '{wanted}' could not be found."),
                )
            })
        }
        [other, ..] => Err(ArmError::path(&format!("{own}/{other}"))),
    }
}
