//! How many connections there are, in all and of each peer.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

/// The open connections.
#[derive(Debug)]
pub struct Peers {
    most: usize,
    most_each: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    each: HashMap<IpAddr, usize>,
}

/// Which bound a connection would have passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// Connections in all.
    All,
    /// Connections of one peer.
    Peer,
}

/// One open connection; dropping it makes room.
#[derive(Debug)]
pub struct Place {
    peers: Arc<Peers>,
    peer: Option<IpAddr>,
}

impl Peers {
    /// None is open.
    pub fn new(most: usize, most_each: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_each,
            open: Mutex::default(),
        })
    }

    /// Room for a connection. Those of a proxy count in all only: behind it are many.
    ///
    /// # Errors
    /// Which bound is reached.
    pub fn enter(self: &Arc<Self>, address: IpAddr, is_proxy: bool) -> Result<Place, Full> {
        let peer = (!is_proxy).then(|| network(address));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.all >= self.most {
            return Err(Full::All);
        }
        if let Some(peer) = peer {
            let each = open.each.entry(peer).or_default();
            if *each >= self.most_each {
                return Err(Full::Peer);
            }
            *each += 1;
        }
        open.all += 1;
        Ok(Place {
            peers: Arc::clone(self),
            peer,
        })
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).all
    }
}

/// Whom an address stands for: who has one IPv6 address has a whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self
            .peers
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        open.all = open.all.saturating_sub(1);
        let Some(peer) = self.peer else {
            return;
        };
        if let Some(each) = open.each.get_mut(&peer) {
            *each -= 1;
            if *each == 0 {
                open.each.remove(&peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_and_places_come_back() {
        let peers = Peers::new(4, 2);
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        let enter = |text: &str| peers.enter(at(text), false);
        let first = enter("10.0.0.1").unwrap();
        let _second = enter("::ffff:10.0.0.1").unwrap();
        assert_eq!(enter("10.0.0.1").unwrap_err(), Full::Peer);
        let _third = enter("2001:db8::1").unwrap();
        let fourth = enter("2001:db8::2").unwrap();
        assert_eq!(enter("10.0.0.2").unwrap_err(), Full::All);
        drop(fourth);
        let _proxied = peers.enter(at("10.0.0.1"), true).unwrap();
        drop(first);
        assert_eq!(peers.open(), 3);
        assert!(enter("10.0.0.1").is_ok());
    }
}
