//! What clients carry for us and can neither read nor make: sealed with a key that all instances
//! share.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use tokio::sync::OnceCell;

use super::{App, Tenant};
use crate::store;

/// The name of its key in the store.
const NAME: &str = "seal";
/// Bytes of the key.
const LENGTH: usize = 32;

/// A tenant's seal; its key is read once.
#[derive(Default)]
pub struct Seal(OnceCell<RandomizedNonceKey>);

/// Why nothing was sealed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The key could not be read.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The key is none.
    #[error("the key of the seal is not usable")]
    Key,
}

impl Seal {
    async fn key<'a>(app: &App, tenant: &'a Tenant) -> Result<&'a RandomizedNonceKey, Fault> {
        let make = || async {
            let mut new = [0_u8; LENGTH];
            aws_lc_rs::rand::fill(&mut new).map_err(|_| Fault::Key)?;
            let now = app.clock.now();
            let key = app.store.key(&tenant.name, NAME, &new, now).await?;
            RandomizedNonceKey::new(&AES_256_GCM, &key).map_err(|_| Fault::Key)
        };
        tenant.seal.0.get_or_try_init(make).await
    }

    /// A text of URL-safe characters that holds `plain`, and opens for `purpose` only.
    pub(super) async fn close(
        app: &App,
        tenant: &Tenant,
        purpose: &str,
        plain: &[u8],
    ) -> Result<String, Fault> {
        let key = Self::key(app, tenant).await?;
        let mut held = plain.to_vec();
        let nonce = key
            .seal_in_place_append_tag(Aad::from(purpose.as_bytes()), &mut held)
            .map_err(|_| Fault::Key)?;
        let mut whole = nonce.as_ref().to_vec();
        whole.extend(held);
        Ok(URL_SAFE_NO_PAD.encode(whole))
    }

    /// What such a text holds; `None` when it is none of ours, or of another purpose.
    pub(super) async fn open(
        app: &App,
        tenant: &Tenant,
        purpose: &str,
        text: &str,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let Ok(mut whole) = URL_SAFE_NO_PAD.decode(text) else {
            return Ok(None);
        };
        if whole.len() <= NONCE_LEN {
            return Ok(None);
        }
        let mut held = whole.split_off(NONCE_LEN);
        let Ok(nonce) = Nonce::try_assume_unique_for_key(&whole) else {
            return Ok(None);
        };
        let key = Self::key(app, tenant).await?;
        let opened = key.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut held);
        Ok(opened.ok().map(|plain| plain.to_vec()))
    }
}
