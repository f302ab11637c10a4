//! Who speaks for a client: proxies that are trusted to say where a request came from and how.
//! `X-Forwarded-*` from anybody else is what any client can write.

use std::net::IpAddr;

use axum::http::HeaderMap;

/// The address at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// The proxies that are trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<Network>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    bits: u128,
    mask: u128,
}

/// Networks in which App Service's front end stands: a container there is reached by nobody else.
const PRIVATE: &str =
    "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,169.254.0.0/16,127.0.0.0/8,::1,fc00::/7,fe80::/10";

impl Proxies {
    /// Addresses and networks (`10.0.0.0/8`), separated by commas.
    ///
    /// # Errors
    /// The one that is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|p| !p.is_empty());
        parts.map(network).collect::<Result<_, _>>().map(Self)
    }

    /// Those of App Service.
    pub fn of_app_service() -> Self {
        Self::parse(PRIVATE).unwrap_or_default()
    }

    /// Whether the address is one of theirs.
    pub fn trusts(&self, address: IpAddr) -> bool {
        let bits = bits(address);
        self.0.iter().any(|n| bits & n.mask == n.bits)
    }

    /// The client's address: the last one in `X-Forwarded-For` that no trusted proxy has.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trusts(peer) {
            return peer;
        }
        let lists = headers.get_all("x-forwarded-for");
        let texts: Vec<&str> = lists.iter().filter_map(|v| v.to_str().ok()).collect();
        let hops = texts.iter().flat_map(|text| text.split(','));
        let mut client = peer;
        for hop in hops.rev() {
            let Some(address) = address(hop.trim()) else {
                break;
            };
            client = address;
            if !self.trusts(address) {
                break;
            }
        }
        client
    }

    /// Scheme and host as the client sees them. A peer on this machine is believed when it says that
    /// TLS ended with it: it can mislead nobody but itself.
    pub fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> String {
        let forwarded = |name: &str| self.trusts(peer).then(|| first(headers, name)).flatten();
        let proto = match forwarded("x-forwarded-proto") {
            None if peer.is_loopback() => first(headers, "x-forwarded-proto"),
            told => told,
        };
        let scheme = match proto {
            Some(proto) if proto.eq_ignore_ascii_case("https") => "https",
            _ => "http",
        };
        let host = forwarded("x-forwarded-host")
            .or_else(|| first(headers, "host"))
            .unwrap_or("localhost");
        format!("{scheme}://{host}")
    }
}

/// The first value of a list header, if it can stand in a URL.
fn first<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let text = headers.get(name)?.to_str().ok()?;
    let first = text.split(',').next()?.trim();
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-:[]_".contains(c);
    (!first.is_empty() && first.chars().all(fits)).then_some(first)
}

/// An address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse()
        .ok()
        .or_else(|| Some(text.parse::<std::net::SocketAddr>().ok()?.ip()))
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn network(text: &str) -> Result<Network, String> {
    let wrong = || format!("'{text}' is no address or network, such as 10.0.0.0/8");
    let (start, length) = match text.split_once('/') {
        Some((start, length)) => (start, Some(length)),
        None => (text, None),
    };
    let start: IpAddr = start.parse().map_err(|_| wrong())?;
    let most: u32 = if start.is_ipv4() { 32 } else { 128 };
    let length = match length {
        Some(length) => length.parse().map_err(|_| wrong())?,
        None => most,
    };
    if length > most {
        return Err(wrong());
    }
    let free = most - length;
    let mask = u128::MAX.checked_shl(free).unwrap_or(0);
    Ok(Network {
        bits: bits(start) & mask,
        mask,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn networks() {
        for (networks, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("2001:db8::/32, 10.0.0.1", "2001:db8:1::1", "2001:db9::1"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
        ] {
            let proxies = Proxies::parse(networks).unwrap();
            assert!(
                proxies.trusts(inside.parse().unwrap()),
                "{networks} {inside}"
            );
            assert!(
                !proxies.trusts(outside.parse().unwrap()),
                "{networks} {outside}"
            );
        }
        for wrong in [
            "10.0.0.0/33",
            "10.0.0",
            "example.com",
            "::/129",
            "10.0.0.0/x",
        ] {
            assert!(Proxies::parse(wrong).is_err(), "{wrong}");
        }
        assert!(!Proxies::default().trusts("127.0.0.1".parse().unwrap()));
        assert!(Proxies::of_app_service().trusts("169.254.129.4".parse().unwrap()));
    }

    #[test]
    fn only_trusted_proxies_are_heard() {
        let told = headers(&[
            ("host", "inner:8080"),
            ("x-forwarded-host", "scim.example.com"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-for", "198.51.100.1, 203.0.113.9:4711"),
            ("x-forwarded-for", "10.0.0.2"),
        ]);
        let proxies = Proxies::parse("10.0.0.0/8").unwrap();
        for (peer, origin, client) in [
            ("10.0.0.1", "https://scim.example.com", "203.0.113.9"),
            ("192.0.2.1", "http://inner:8080", "192.0.2.1"),
            ("127.0.0.1", "https://inner:8080", "127.0.0.1"),
        ] {
            let peer: IpAddr = peer.parse().unwrap();
            assert_eq!(proxies.origin(peer, &told), origin);
            assert_eq!(proxies.client(peer, &told).to_string(), client);
        }
        let odd = headers(&[("host", "a b"), ("x-forwarded-host", "x/y")]);
        let peer: IpAddr = "10.0.0.1".parse().unwrap();
        assert_eq!(proxies.origin(peer, &odd), "http://localhost");
    }
}
