//! How the library's requests leave: through our client, and to plain http on loopback only.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::{
    cloud::{CloudConfiguration, CustomConfiguration},
    http::{AsyncRawResponse, ClientOptions, HttpClient, Request, RetryOptions, Transport},
};
use url::{Host, Url};

use super::sane::Sane;

/// Whether `url` points at this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

/// Checks an authority: https, or http on loopback; no path, query or user in it.
pub(super) fn check_authority(authority: &Url) -> Result<(), String> {
    match authority.scheme() {
        "https" => {}
        "http" if is_loopback(authority) => {}
        _ => {
            return Err(format!(
                "the authority {authority} must use https (http is for loopback hosts only)"
            ));
        }
    }
    let bare = authority.path() == "/"
        && authority.query().is_none()
        && authority.fragment().is_none()
        && authority.username().is_empty()
        && authority.password().is_none();
    if authority.host().is_none() || !bare {
        return Err("the authority must be a scheme and host, without a path".to_owned());
    }
    Ok(())
}

/// The library's options for a checked `authority`: our client, no retries of its own (they would
/// turn an unreachable host into 82 seconds of waiting).
pub(super) fn options(authority: Option<&Url>, http: &reqwest::Client) -> ClientOptions {
    let mut client: Arc<dyn HttpClient> = Arc::new(Sane(Arc::new(http.clone())));
    let cloud = authority.map(|authority| {
        let mut host = authority.clone();
        if authority.scheme() == "http" && host.set_scheme("https").is_ok() {
            // The library is shown https; the wrapper puts back what was configured.
            client = Arc::new(Rewriting {
                target: authority.clone(),
                inner: client.clone(),
            });
        }
        let mut custom = CustomConfiguration::default();
        custom.authority_host = host.to_string();
        Arc::new(CloudConfiguration::from(custom))
    });
    ClientOptions {
        retry: RetryOptions::none(),
        transport: Some(Transport::new(client)),
        cloud,
        ..ClientOptions::default()
    }
}

/// Sends everything to `target`'s scheme, host and port: the library itself refuses plain http.
#[derive(Debug)]
struct Rewriting {
    target: Url,
    inner: Arc<dyn HttpClient>,
}

#[async_trait]
impl HttpClient for Rewriting {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let mut request = request.clone();
        let mut url = self.target.clone();
        url.set_path(request.url().path());
        url.set_query(request.url().query());
        *request.url_mut() = url;
        self.inner.execute_request(&request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_are_https_or_loopback() {
        for (text, ok) in [
            ("https://login.microsoftonline.com", true),
            ("https://login.microsoftonline.us/", true),
            ("http://127.0.0.1:9400", true),
            ("http://localhost:80", true),
            ("http://[::1]:9400/", true),
            ("http://login.microsoftonline.com", false),
            ("http://127.0.0.1.example.com", false),
            ("http://10.0.0.1", false),
            ("https://login.microsoftonline.com/tenant", false),
            ("https://user@login.microsoftonline.com", false),
            ("https://login.microsoftonline.com?x=1", false),
            ("ftp://127.0.0.1", false),
        ] {
            let url: Url = text.parse().unwrap();
            assert_eq!(check_authority(&url).is_ok(), ok, "{text}");
        }
    }
}
