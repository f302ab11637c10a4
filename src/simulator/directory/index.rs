//! Looking objects up: by id, by name, by address.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Directory, Kind, Slot, State, Stored};

impl Directory {
    /// The slot of an id, live or in the recycle bin.
    pub fn find(&self, id: Uuid) -> Option<Slot> {
        self.by_id.get(&id).copied()
    }

    /// The live object of an id.
    pub fn live(&self, id: Uuid) -> Option<Slot> {
        self.find(id).filter(|slot| self.is_live(*slot))
    }

    /// The live object of a kind whose id is not a GUID.
    pub fn find_text(&self, kind: Kind, id: &str) -> Option<Slot> {
        self.by_text
            .get(&(kind, Box::from(id)))
            .copied()
            .filter(|s| self.is_live(*s))
    }

    /// The live user of a user principal name.
    pub fn find_upn(&self, upn: &str) -> Option<Slot> {
        self.upns
            .get(upn.to_lowercase().as_str())
            .copied()
            .filter(|slot| self.is_live(*slot))
    }

    /// Whoever holds a mail address, among live objects.
    pub fn address_holder(&self, address: &str) -> Option<Slot> {
        self.addresses
            .get(bare_address(address).as_str())
            .copied()
            .filter(|s| self.is_live(*s))
    }

    /// The live application or service principal of an `appId`.
    pub fn find_app(&self, kind: Kind, app_id: Uuid) -> Option<Slot> {
        self.app_ids
            .get(&(kind, app_id))
            .copied()
            .filter(|slot| self.is_live(*slot))
    }

    /// Enters an object's names into the indexes, or takes them out.
    pub(super) fn index(&mut self, slot: Slot, add: bool) {
        let (kind, state) = (self.object(slot).kind, self.object(slot).state);
        if state == State::Purged {
            return;
        }
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
fn bare_address(address: &str) -> String {
    let bare = match address.split_once(':') {
        Some((scheme, bare)) if scheme.eq_ignore_ascii_case("smtp") => bare,
        _ => address,
    };
    bare.to_lowercase()
}
