//! People.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::Rng as _;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::names::{DEPARTMENTS, LOCALES, Locale, PARTNERS};
use super::plan::{DOMAIN, LATEST, MAIL_DOMAIN, Plan, Stream, moment, pick, uuid};
use super::sku;
use crate::simulator::directory::{ticks, time_text};
use crate::simulator::seed_types::SeedUser;

/// The user who is in as many groups as there can be: more than a page of a hundred.
pub const COLLECTOR: usize = 9;
/// Reports of one manager.
const SPAN: usize = 8;

/// A PNG of one pixel.
pub(super) const PHOTO: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52,
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00, 0x00, 0x1f, 0x15, 0xc4,
    0x89, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0x64, 0xf8, 0xcf, 0x50,
    0x0f, 0x00, 0x03, 0x86, 0x01, 0x80, 0x5a, 0x34, 0x7d, 0x6b, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45,
    0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

/// Given name, surname, display name, local part of the user principal name: people whose names
/// break careless software, always there under these numbers.
const NOTABLE: [(usize, &str, &str, &str, &str); 5] = [
    (1, "Conan", "O'Brien", "Conan O'Brien", "conan.o'brien"),
    (2, "Žofie", "Nováková", "Žofie Nováková", "zofie.novakova.1"),
    (3, "太郎", "日本", "日本 太郎", "taro.nihon.1"),
    (4, "Sofía", "García", "Sofía García 🚀", "sofia.garcia.1"),
    (
        6,
        "Anne-Marie",
        "D'Arcy & Söhne",
        "D'Arcy & Söhne, Anne-Marie (\"AM\") + 100%",
        "am_darcy-soehne",
    ),
];

/// Whether a user is a guest; the first few and the administrators never are.
pub(super) fn is_guest(plan: &Plan, number: usize) -> bool {
    number < plan.users && (number == 5 || (number > 16 && number % 17 == 5))
}

fn is_synced(number: usize) -> bool {
    number == 7 || (number > 16 && number % 5 == 2)
}

fn is_disabled(number: usize) -> bool {
    number == 8 || (number > 16 && number % 23 == 8)
}

/// A user with nothing but what Graph requires.
fn is_bare(number: usize) -> bool {
    number == 10
}

/// The place of a user's department in `DEPARTMENTS`.
pub(super) fn department(number: usize) -> usize {
    // Whole teams share a department: the number of the manager decides.
    number.saturating_sub(1) / SPAN % DEPARTMENTS.len()
}

/// Numbers of the users that the rule `user.department -eq "…"` finds.
pub(super) fn in_department(plan: &Plan, wanted: usize) -> impl Iterator<Item = usize> {
    (0..plan.users).filter(move |n| department(*n) == wanted && !is_guest(plan, *n) && !is_bare(*n))
}

fn manager(plan: &Plan, number: usize) -> Option<usize> {
    if is_guest(plan, number) || is_bare(number) {
        return None;
    }
    let mut at = number;
    while at > 0 {
        at = (at - 1) / SPAN;
        if !is_guest(plan, at) {
            return Some(at);
        }
    }
    None
}

impl Plan {
    /// Whether the user has a photo.
    pub fn has_photo(&self, number: usize) -> bool {
        number % 10 == 4 && sku::has_mailbox(self, number)
    }
}

fn text(at: OffsetDateTime) -> Value {
    Value::String(time_text(ticks(at)))
}

pub(super) fn make(plan: &Plan, number: usize) -> SeedUser {
    let mut random = plan.random(Stream::User, number);
    // First out of the stream: photos are attached by it.
    let id = uuid(&mut random);
    if is_guest(plan, number) {
        return guest(plan, number, id, &mut random);
    }
    let (l, g, s) = plan.people[number % plan.people.len()];
    let locale = &LOCALES[usize::from(l)];
    let (given, surname) = (
        locale.given[usize::from(g)],
        locale.surnames[usize::from(s)],
    );
    let mut local = format!("{}.{}", given.1, surname.1).to_lowercase();
    let round = number / plan.people.len();
    if round > 0 {
        local = format!("{local}{}", round + 1);
    }
    let mut display = if locale.surname_first {
        format!("{} {}", surname.0, given.0)
    } else {
        format!("{} {}", given.0, surname.0)
    };
    let (mut given, mut surname) = (given.0, surname.0);
    if let Some((_, g, s, d, l)) = NOTABLE.iter().find(|notable| notable.0 == number) {
        (given, surname) = (g, s);
        (*d).clone_into(&mut display);
        (*l).clone_into(&mut local);
    }
    let upn = format!("{local}@{DOMAIN}");
    let created = moment(&mut random);
    let mut properties: Vec<(&'static str, Value)> = vec![
        ("displayName", json!(display)),
        ("userPrincipalName", json!(upn)),
        ("mailNickname", json!(local.replace('\'', ""))),
        ("accountEnabled", json!(!is_disabled(number))),
        ("userType", json!("Member")),
        ("createdDateTime", text(created)),
    ];
    if !is_bare(number) {
        properties.push(("givenName", json!(given)));
        properties.push(("surname", json!(surname)));
        work(&mut properties, number, locale, created, &mut random);
        contact(&mut properties, plan, number, &local, locale, &mut random);
        if is_synced(number) {
            synced(&mut properties, number, &local, &display, &mut random);
        }
    }
    SeedUser {
        id,
        properties,
        manager: manager(plan, number),
        licenses: if is_bare(number) {
            Vec::new()
        } else {
            sku::direct(plan, number)
        },
        deleted: false,
    }
}

fn work(
    properties: &mut Vec<(&'static str, Value)>,
    number: usize,
    locale: &Locale,
    created: OffsetDateTime,
    random: &mut rand_chacha::ChaCha8Rng,
) {
    let (department, division, titles) = DEPARTMENTS[department(number)];
    let title = if number == 0 {
        "Chief Executive Officer"
    } else {
        titles[random.random_range(0..titles.len())]
    };
    let (city, state, street) = *pick(random, locale.offices);
    let hired = created + Duration::days(random.random_range(-400..30));
    properties.extend([
        ("jobTitle", json!(title)),
        ("department", json!(department)),
        ("companyName", json!("Contoso")),
        (
            "officeLocation",
            json!(format!(
                "{city} {}/{}",
                random.random_range(1..40),
                random.random_range(1000..5000)
            )),
        ),
        ("streetAddress", json!(street)),
        ("city", json!(city)),
        ("state", json!(state)),
        (
            "postalCode",
            json!(format!("{:05}", random.random_range(1000..99_999))),
        ),
        ("country", json!(locale.country)),
        ("usageLocation", json!(locale.code)),
        ("preferredLanguage", json!(locale.language)),
        ("employeeId", json!(format!("{:06}", 100_000 + number))),
        (
            "employeeType",
            json!(if number % 11 == 4 {
                "Contractor"
            } else {
                "Employee"
            }),
        ),
        (
            "employeeHireDate",
            text(hired.replace_time(time::Time::MIDNIGHT)),
        ),
        (
            "employeeOrgData",
            json!({"division": division, "costCenter": format!("{}", 1000 + number % 40)}),
        ),
        ("lastPasswordChangeDateTime", text(created)),
    ]);
    if number % 11 == 4 {
        let leaves = LATEST + Duration::days(i64::try_from(number % 900).unwrap_or(0) + 400);
        properties.push(("employeeLeaveDateTime", text(leaves)));
    }
}

fn contact(
    properties: &mut Vec<(&'static str, Value)>,
    plan: &Plan,
    number: usize,
    local: &str,
    locale: &Locale,
    random: &mut rand_chacha::ChaCha8Rng,
) {
    let line = random.random_range(1000..10_000);
    properties.push((
        "businessPhones",
        json!([format!("{} {line}", locale.phone)]),
    ));
    if number % 3 != 2 {
        let mobile = random.random_range(100_000..1_000_000);
        properties.push(("mobilePhone", json!(format!("{} {mobile}", locale.phone))));
    }
    if number % 13 == 1 {
        properties.push(("faxNumber", json!(format!("{} {}", locale.phone, line + 1))));
    }
    if number % 4 == 1 {
        properties.push((
            "otherMails",
            json!([
                format!("{}@example.com", local.replace('\'', "")),
                format!("p{number}@example.net")
            ]),
        ));
    }
    if sku::has_mailbox(plan, number) {
        let mail = format!("{local}@{MAIL_DOMAIN}");
        let mut addresses = vec![format!("SMTP:{mail}"), format!("smtp:{local}@{DOMAIN}")];
        if number % 6 == 2 {
            addresses.push(format!("smtp:e{number}@{MAIL_DOMAIN}"));
        }
        properties.push(("mail", json!(mail)));
        properties.push(("proxyAddresses", json!(addresses)));
        properties.push(("imAddresses", json!([mail])));
    }
}

fn synced(
    properties: &mut Vec<(&'static str, Value)>,
    number: usize,
    local: &str,
    display: &str,
    random: &mut rand_chacha::ChaCha8Rng,
) {
    let anchor = uuid(random);
    let sam: String = local.replace(['\'', '.'], "").chars().take(13).collect();
    let mut extension = serde_json::Map::new();
    for i in 1..=15 {
        extension.insert(format!("extensionAttribute{i}"), Value::Null);
    }
    extension.insert(
        "extensionAttribute1".to_owned(),
        json!(format!("CC{}", 1000 + number % 40)),
    );
    extension.insert(
        "extensionAttribute3".to_owned(),
        json!(["Gold", "Silver"][number % 2]),
    );
    properties.extend([
        ("onPremisesSyncEnabled", json!(true)),
        (
            "onPremisesImmutableId",
            json!(STANDARD.encode(anchor.to_bytes_le())),
        ),
        (
            "onPremisesSecurityIdentifier",
            json!(format!(
                "S-1-5-21-1718927463-2089741234-839522115-{}",
                1100 + number
            )),
        ),
        ("onPremisesSamAccountName", json!(format!("{sam}{number}"))),
        (
            "onPremisesDistinguishedName",
            json!(format!(
                "CN={},OU=Users,DC=corp,DC=contoso,DC=com",
                distinguished(display)
            )),
        ),
        ("onPremisesDomainName", json!("corp.contoso.com")),
        (
            "onPremisesUserPrincipalName",
            json!(format!("{local}@{MAIL_DOMAIN}")),
        ),
        (
            "onPremisesLastSyncDateTime",
            text(LATEST - Duration::minutes(i64::try_from(number % 30).unwrap_or(0))),
        ),
        ("onPremisesExtensionAttributes", Value::Object(extension)),
    ]);
}

/// Escapes a value for a distinguished name (RFC 4514 section 2.4).
pub(super) fn distinguished(value: &str) -> String {
    let mut text = String::new();
    for c in value.chars() {
        if matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=') {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

fn guest(
    plan: &Plan,
    number: usize,
    id: uuid::Uuid,
    random: &mut rand_chacha::ChaCha8Rng,
) -> SeedUser {
    let (l, g, s) = plan.people[number % plan.people.len()];
    let locale = &LOCALES[usize::from(l)];
    let (given, surname) = (
        locale.given[usize::from(g)],
        locale.surnames[usize::from(s)],
    );
    let partner = *pick(random, PARTNERS);
    let local = format!("{}{}{number}", given.1, surname.1)
        .replace('\'', "")
        .to_lowercase();
    let mail = format!("{local}@{partner}");
    let created = moment(random);
    let accepted = number % 2 == 1;
    let mut properties = vec![
        ("displayName", json!(format!("{} {}", given.0, surname.0))),
        (
            "userPrincipalName",
            json!(format!("{local}_{partner}#EXT#@{DOMAIN}")),
        ),
        ("mailNickname", json!(format!("{local}_{partner}#EXT#"))),
        ("accountEnabled", json!(true)),
        ("userType", json!("Guest")),
        ("creationType", json!("Invitation")),
        (
            "externalUserState",
            json!(if accepted {
                "Accepted"
            } else {
                "PendingAcceptance"
            }),
        ),
        (
            "externalUserStateChangeDateTime",
            text(created + Duration::days(i64::from(accepted))),
        ),
        ("createdDateTime", text(created)),
        ("mail", json!(mail)),
        ("otherMails", json!([mail])),
        ("proxyAddresses", json!([format!("SMTP:{mail}")])),
    ];
    if accepted {
        properties.push(("givenName", json!(given.0)));
        properties.push(("surname", json!(surname.0)));
        properties.push((
            "companyName",
            json!(partner.split('.').next().unwrap_or(partner)),
        ));
    }
    SeedUser {
        id,
        properties,
        ..SeedUser::default()
    }
}
