//! The indexes by which objects are looked up: by name, by address, by application.

use std::collections::HashMap;

use uuid::Uuid;

use super::object::{Kind, Slot, State};
use super::record::Stored;
use super::store::Directory;

impl Directory {
    /// Enters an object's names into the indexes, or takes them out.
    pub(super) fn index(&mut self, slot: Slot, add: bool) {
        let (kind, state) = (self.object(slot).kind, self.object(slot).state);
        if state == State::Purged {
            return;
        }
        self.index_values(slot, add);
        match kind {
            Kind::User | Kind::Group => {
                let upn = self.text(slot, "userPrincipalName").map(str::to_lowercase);
                let mut addresses: Vec<String> = self
                    .text(slot, "mail")
                    .map(bare_address)
                    .into_iter()
                    .collect();
                if let Some(Stored::List(list)) = self.get(slot, "proxyAddresses") {
                    addresses.extend(list.iter().map(bare_address));
                }
                if let Some(upn) = upn {
                    index_text(&mut self.upns, upn, slot, add);
                }
                for address in addresses {
                    index_text(&mut self.addresses, address, slot, add);
                }
            }
            Kind::Application | Kind::ServicePrincipal => {
                let app_id = self
                    .text(slot, "appId")
                    .and_then(|t| Uuid::parse_str(t).ok());
                if let Some(app_id) = app_id {
                    if add {
                        self.app_ids.insert((kind, app_id), slot);
                    } else if self.app_ids.get(&(kind, app_id)) == Some(&slot) {
                        self.app_ids.remove(&(kind, app_id));
                    }
                }
            }
            _ => {}
        }
    }
}

fn index_text(index: &mut HashMap<Box<str>, Slot>, text: String, slot: Slot, add: bool) {
    if add {
        index.insert(text.into(), slot);
    } else if index.get(text.as_str()) == Some(&slot) {
        index.remove(text.as_str());
    }
}

/// `SMTP:A@B.com` and `a@b.com` are one address.
pub(super) fn bare_address(address: &str) -> String {
    let bare = match address.split_once(':') {
        Some((scheme, bare)) if scheme.eq_ignore_ascii_case("smtp") => bare,
        _ => address,
    };
    bare.to_lowercase()
}
