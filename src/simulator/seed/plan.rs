//! The plan of a tenant: its size and seed, and the random streams that all else is drawn from.

use base64::Engine as _;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, RngCore as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::names;
use crate::simulator::permissions::FULL_SET;
use crate::simulator::seed_types::SeedApp;

/// The initial domain of every seeded tenant.
pub const DOMAIN: &str = "contoso.onmicrosoft.com";
/// The domain that people's mail addresses have.
pub const MAIL_DOMAIN: &str = "contoso.com";
/// When the tenant was created.
pub(super) const CREATED: OffsetDateTime = datetime!(2017-05-02 8:30 UTC);
/// No date of a seeded object lies behind this one.
pub(super) const LATEST: OffsetDateTime = datetime!(2025-12-31 12:00 UTC);

/// What a random stream is for: the same number in two streams gives unrelated values.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    Tenant = 1,
    User = 2,
    Group = 3,
    Unit = 4,
    Names = 5,
    FirstParty = 6,
    Extra = 7,
}

/// A tenant, yet to be made.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) users: usize,
    pub(super) groups: usize,
    seed: u64,
    /// Locale, given name and surname of each possible person, shuffled; no two have the same
    /// letters in ASCII.
    pub(super) people: Vec<(u8, u8, u8)>,
}

impl Plan {
    /// A tenant of so many users and groups.
    pub fn new(users: usize, groups: usize, seed: u64) -> Self {
        let mut seen = std::collections::HashSet::new();
        let mut people = Vec::new();
        for (l, locale) in (0u8..).zip(names::LOCALES) {
            for (g, given) in (0u8..).zip(locale.given) {
                for (s, surname) in (0u8..).zip(locale.surnames) {
                    let ascii = format!("{}.{}", given.1, surname.1).to_lowercase();
                    if seen.insert(ascii) {
                        people.push((l, g, s));
                    }
                }
            }
        }
        people.shuffle(&mut stream(seed, Stream::Names, 0));
        Self {
            users,
            groups,
            seed,
            people,
        }
    }

    pub(super) fn random(&self, kind: Stream, number: usize) -> ChaCha8Rng {
        stream(self.seed, kind, number)
    }

    /// The tenant's id.
    pub fn tenant_id(&self) -> Uuid {
        uuid(&mut self.random(Stream::Tenant, 0))
    }

    /// The gateway's client secret.
    pub fn client_secret(&self) -> String {
        let mut bytes = [0; 30];
        self.random(Stream::Tenant, 1).fill_bytes(&mut bytes);
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The gateway's application and service principal.
    pub fn app(&self) -> SeedApp {
        let mut random = self.random(Stream::Tenant, 2);
        SeedApp {
            app_id: uuid(&mut random),
            object_id: uuid(&mut random),
            service_principal_id: uuid(&mut random),
            display_name: "entra-scim gateway".to_owned(),
            permissions: FULL_SET.iter().map(|&name| name.to_owned()).collect(),
        }
    }
}

/// A random stream of its own for each object.
fn stream(seed: u64, kind: Stream, number: usize) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8] = kind as u8;
    key[16..24].copy_from_slice(&(number as u64).to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// A version 4 UUID out of the stream.
pub(super) fn uuid(random: &mut ChaCha8Rng) -> Uuid {
    let mut bytes = [0; 16];
    random.fill_bytes(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// A moment between the tenant's creation and `LATEST`.
pub(super) fn moment(random: &mut ChaCha8Rng) -> OffsetDateTime {
    let span = (LATEST - CREATED).whole_seconds();
    CREATED + Duration::seconds(random.random_range(0..span))
}

/// One item of a list that is not empty.
pub(super) fn pick<'a, T>(random: &mut ChaCha8Rng, list: &'a [T]) -> &'a T {
    &list[random.random_range(0..list.len())]
}
