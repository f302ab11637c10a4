//! Lists: page by page, or whole; whole or not at all.
//!
//! Source: <https://learn.microsoft.com/graph/paging>

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use url::Url;

use super::{
    client::Client,
    error::Error,
    expect,
    model::{Anchor, BatchItem, Call, NextLink, Page, Trail},
    operation::{self, Cost},
    refusal::Refusal,
    transfer::{Prepared, decode},
};
use crate::odata::request::{Method, Request};

/// A list whose pages are empty for so long has no end.
const MAX_EMPTY_PAGES: usize = 200;

impl Client {
    /// The first page of a list.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; [`Error::Protocol`] when the answer is no list, or its link leads to another
    /// origin.
    pub async fn page(&self, call: &Call, request: &Request) -> Result<Page, Error> {
        let prepared = self.prepare(request, operation::is_repeatable(request))?;
        let operation = &prepared.operation;
        self.fetch(call, &prepared, |body| {
            self.parse_first(operation, request, body)
        })
        .await
    }

    /// The page behind `link`. `advanced` as in the first request: Graph wants the header again.
    ///
    /// # Errors
    ///
    /// As for [`Self::page`]; [`Error::Protocol`] also when the links go round in a circle, or on
    /// and on over empty pages. A link that leads to another origin is never called.
    pub async fn next_page(
        &self,
        call: &Call,
        link: &NextLink,
        advanced: bool,
    ) -> Result<Page, Error> {
        let fetched = self.fetch_link(call, &link.url, &link.trail, advanced);
        let error = match fetched.await {
            Err(error) => error,
            page => return page,
        };
        let token_lost = error.refusal() == Some(Refusal::PageTokenLost);
        let Some(anchor) = link.anchor.as_ref().filter(|_| token_lost) else {
            return Err(error);
        };
        // The page before took several tries, and Graph does not know the token that the last try
        // gave: take that page again, for a token that it knows.
        let fetched = self.fetch_link(call, &anchor.url, &link.trail, advanced);
        let before = fetched.await?;
        if last_id(&before.items) != anchor.last_id {
            return Err(Error::protocol(
                error.operation(),
                "the list moved while a lost page token was replaced",
            ));
        }
        match before.next {
            Some(next) => {
                self.fetch_link(call, &next.url, &next.trail, advanced)
                    .await
            }
            None => Ok(Page {
                items: Vec::new(),
                count: None,
                next: None,
                delta: before.delta,
            }),
        }
    }

    /// Every item of a list.
    ///
    /// # Errors
    ///
    /// As for [`Self::next_page`]; [`Error::TooMany`] above `limit` items.
    pub async fn collect(
        &self,
        call: &Call,
        request: &Request,
        limit: usize,
    ) -> Result<Vec<Value>, Error> {
        let page = self.page(call, request).await?;
        self.rest(call, request, page, limit).await
    }

    /// A list to be walked page by page.
    pub fn pages<'a>(&'a self, call: &'a Call, request: &'a Request, limit: usize) -> Pages<'a> {
        Pages {
            client: self,
            call,
            request,
            limit,
            at: Some(Place::Start),
            seen: 0,
        }
    }

    /// Every item of several lists: the first pages by `$batch`, the others one by one. Each list
    /// is complete or an error.
    ///
    /// # Errors
    ///
    /// None of its own so far; each list has its own result.
    pub async fn collect_many(
        &self,
        call: &Call,
        requests: Vec<Request>,
    ) -> Result<Vec<Result<Vec<Value>, Error>>, Error> {
        let items = requests.iter().cloned().map(BatchItem::new).collect();
        let replies = self.batch(call, items).await?;
        // Collected first: a stream over a closure that borrows is not `Send` to the compiler.
        let mut lists = Vec::with_capacity(requests.len());
        for (request, reply) in requests.iter().zip(replies) {
            lists.push(async move {
                let reply = reply?;
                let page = self
                    .parse_first(&operation::of(request), request, reply.body)
                    .map_err(|error| error.answering(reply.request_id))?;
                self.rest(call, request, page, usize::MAX).await
            });
        }
        Ok(stream::iter(lists)
            .buffered(self.settings.batch_concurrency)
            .collect()
            .await)
    }

    /// `first` and all pages after it. Ends before the next page as soon as it is known that
    /// there are more than `limit`.
    async fn rest(
        &self,
        call: &Call,
        request: &Request,
        first: Page,
        limit: usize,
    ) -> Result<Vec<Value>, Error> {
        let counted = first.count.and_then(|count| usize::try_from(count).ok());
        let mut items = first.items;
        let mut next = first.next;
        loop {
            if items.len() > limit || counted.is_some_and(|count| count > limit) {
                return Err(Error::TooMany {
                    operation: operation::of(request),
                    limit,
                });
            }
            let Some(link) = next else {
                return Ok(items);
            };
            let page = self.next_page(call, &link, request.advanced).await?;
            items.extend(page.items);
            next = page.next;
        }
    }

    async fn fetch(
        &self,
        call: &Call,
        prepared: &Prepared,
        parse: impl FnOnce(Value) -> Result<Page, Error>,
    ) -> Result<Page, Error> {
        let (response, attempts) = self.execute(call, prepared).await?;
        let mut page = decode(call, &prepared.operation, &response)
            .await
            .and_then(|reply| parse(reply.body))
            .map_err(|error| error.answering(response.request_id()))?;
        if attempts > 1 && prepared.method == Method::Get {
            let last_id = last_id(&page.items);
            if let Some(next) = &mut page.next {
                next.anchor = Some(Anchor {
                    url: prepared.url.to_string(),
                    last_id,
                });
            }
        }
        Ok(page)
    }

    /// One page behind a link, of which `trail` is what led there.
    async fn fetch_link(
        &self,
        call: &Call,
        link: &str,
        trail: &Trail,
        advanced: bool,
    ) -> Result<Page, Error> {
        let prepared = self.follow(link, advanced)?;
        let (operation, from) = (&prepared.operation, prepared.url.as_str());
        self.fetch(call, &prepared, |body| {
            self.parse(operation, from, trail, body)
        })
        .await
    }

    /// Prepares the request behind a link, if it leads to our origin.
    fn follow(&self, link: &str, advanced: bool) -> Result<Prepared, Error> {
        let url = self.same_origin("GET (next page)", link)?;
        let below = self.below_version(url.path());
        Ok(Prepared {
            operation: format!("{} (next page)", operation::name("GET", below)),
            method: Method::Get,
            accept: "application/json",
            advanced,
            body: None,
            cost: Cost {
                units: 2,
                writes: 0,
            },
            repeatable: true,
            url,
        })
    }

    /// The bearer goes to the configured scheme, host and port, and nowhere else.
    fn same_origin(&self, operation: &str, link: &str) -> Result<Url, Error> {
        let origin = &self.settings.origin;
        Url::parse(link)
            .ok()
            .filter(|url| {
                url.scheme() == origin.scheme()
                    && url.host() == origin.host()
                    && url.port_or_known_default() == origin.port_or_known_default()
                    && url.username().is_empty()
                    && url.password().is_none()
            })
            .ok_or_else(|| Error::protocol(operation, "a link that leads to another origin"))
    }

    /// Reads a list. `from` is its URL, `trail` what led there.
    fn parse(
        &self,
        operation: &str,
        from: &str,
        trail: &Trail,
        body: Value,
    ) -> Result<Page, Error> {
        let unusable = |what: &str| Error::protocol(operation, what);
        if expect::is_error(&body) {
            return Err(unusable("an error under a status of success"));
        }
        let Value::Object(mut body) = body else {
            return Err(unusable("the body is no JSON object"));
        };
        let Some(Value::Array(items)) = body.remove("value") else {
            return Err(unusable("a list without `value`"));
        };
        expect::are_objects(&items).map_err(|what| unusable(&what))?;
        let next = match body.get("@odata.nextLink") {
            None | Some(Value::Null) => None,
            Some(Value::String(link)) => {
                let url = self.same_origin(operation, link)?;
                let trail = trail
                    .then(from, items.is_empty())
                    .leading_to(url.as_str())
                    .map_err(unusable)?;
                Some(NextLink {
                    url: link.clone(),
                    anchor: None,
                    trail,
                })
            }
            Some(_) => return Err(unusable("a link that is no text")),
        };
        // A quiet round of a delta query may hand the same link out again.
        let delta = match body.get("@odata.deltaLink") {
            Some(Value::String(link)) => {
                self.same_origin(operation, link)?;
                Some(NextLink::from_stored(link.clone()))
            }
            None | Some(Value::Null) => None,
            Some(_) => return Err(unusable("a link that is no text")),
        };
        Ok(Page {
            count: body.get("@odata.count").and_then(Value::as_u64),
            items,
            next,
            delta,
        })
    }

    /// Reads the first page of a list, which may say how many there are.
    fn parse_first(&self, operation: &str, request: &Request, body: Value) -> Result<Page, Error> {
        let from = self.url(request);
        let page = self.parse(operation, &from, &Trail::default(), body)?;
        check_count(request, &page).map_err(|what| Error::protocol(operation, what))?;
        Ok(page)
    }
}

/// A list that is walked page by page: what has been looked at need not be kept.
pub struct Pages<'a> {
    client: &'a Client,
    call: &'a Call,
    request: &'a Request,
    limit: usize,
    at: Option<Place>,
    seen: usize,
}

/// Where a walk goes on.
enum Place {
    Start,
    Behind(NextLink),
}

impl Pages<'_> {
    /// The items of the next page; `None` at the end.
    ///
    /// # Errors
    ///
    /// As for [`Client::collect`].
    pub async fn next(&mut self) -> Result<Option<Vec<Value>>, Error> {
        let page = match self.at.take() {
            None => return Ok(None),
            Some(Place::Start) => self.client.page(self.call, self.request).await?,
            Some(Place::Behind(link)) => {
                let advanced = self.request.advanced;
                self.client.next_page(self.call, &link, advanced).await?
            }
        };
        self.seen += page.items.len();
        let counted = page.count.and_then(|count| usize::try_from(count).ok());
        if self.seen > self.limit || counted.is_some_and(|count| count > self.limit) {
            return Err(Error::TooMany {
                operation: operation::of(self.request),
                limit: self.limit,
            });
        }
        self.at = page.next.map(Place::Behind);
        Ok(Some(page.items))
    }
}

impl Trail {
    /// The trail after the page at `url`.
    fn then(&self, url: &str, empty: bool) -> Self {
        let mut visited = self.visited.clone();
        visited.push(hash(url));
        Self {
            visited,
            empty: if empty { self.empty + 1 } else { 0 },
        }
    }

    /// Refuses a link from which the list would not come to an end.
    fn leading_to(self, url: &str) -> Result<Self, &'static str> {
        if self.visited.contains(&hash(url)) {
            Err("the pages go round in a circle")
        } else if self.empty >= MAX_EMPTY_PAGES {
            Err("too many empty pages in a row")
        } else {
            Ok(self)
        }
    }
}

fn hash(url: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    url.hash(&mut hasher);
    hasher.finish()
}

/// Compares a first page with the count that it gives.
fn check_count(request: &Request, page: &Page) -> Result<(), &'static str> {
    let Some(count) = page.count.and_then(|count| usize::try_from(count).ok()) else {
        return Ok(());
    };
    let option = |name: &str| request.query.iter().find(|(n, _)| n == name);
    let none_wanted =
        option("$skip").is_some() || option("$top").is_some_and(|(_, top)| top.trim() == "0");
    if count < page.items.len() {
        Err("a count below the number of items")
    } else if count > 0 && page.items.is_empty() && page.next.is_none() && !none_wanted {
        Err("a count of items, and none of them")
    } else {
        Ok(())
    }
}

fn last_id(items: &[Value]) -> Option<String> {
    items
        .last()
        .and_then(|item| item.get("id"))
        .and_then(Value::as_str)
        .map(str::to_owned)
}
