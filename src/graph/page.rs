//! Lists: page by page, or whole; whole or not at all.
//!
//! Source: <https://learn.microsoft.com/graph/paging>

use std::collections::HashSet;

use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use url::Url;

use super::{
    client::Client,
    error::Error,
    model::{Anchor, BatchItem, Call, NextLink, Page},
    operation::{self, Cost},
    refusal::Refusal,
    transfer::{Wire, decode},
};
use crate::odata::request::{Method, Request};

impl Client {
    /// The first page of a list.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; [`Error::Protocol`] when the answer is no list, or its link leads to another
    /// origin.
    pub async fn page(&self, call: &Call, request: &Request) -> Result<Page, Error> {
        let wire = self.wire(request, operation::is_repeatable(request))?;
        self.fetch(call, &wire).await
    }

    /// The page behind `link`. `advanced` as in the first request: Graph wants the header again.
    ///
    /// # Errors
    ///
    /// As for [`Self::page`]. A link that leads to another origin is never called.
    pub async fn next_page(
        &self,
        call: &Call,
        link: &NextLink,
        advanced: bool,
    ) -> Result<Page, Error> {
        let wire = self.follow(&link.url, advanced)?;
        let error = match self.fetch(call, &wire).await {
            Err(error) => error,
            page => return page,
        };
        let token_lost = error.refusal() == Some(Refusal::PageTokenLost);
        let Some(anchor) = link.anchor.as_ref().filter(|_| token_lost) else {
            return Err(error);
        };
        // The page before took several tries, and Graph does not know the token that the last try
        // gave: take that page again, for a token that it knows.
        let before = self
            .fetch(call, &self.follow(&anchor.url, advanced)?)
            .await?;
        if last_id(&before.items) != anchor.last_id {
            return Err(Error::protocol(
                &wire.operation,
                "the list moved while a lost page token was replaced",
            ));
        }
        match before.next {
            Some(next) => self.fetch(call, &self.follow(&next.url, advanced)?).await,
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
    /// As for [`Self::page`]; [`Error::TooMany`] above `limit` items; [`Error::Protocol`] when the
    /// pages go round in a circle.
    pub async fn collect(
        &self,
        call: &Call,
        request: &Request,
        limit: usize,
    ) -> Result<Vec<Value>, Error> {
        let page = self.page(call, request).await?;
        self.rest(call, request, page, limit).await
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
                let operation = operation::name(request.method.as_str(), &request.path);
                let page = self.parse(&operation, None, reply?.body)?;
                self.rest(call, request, page, usize::MAX).await
            });
        }
        Ok(stream::iter(lists)
            .buffered(self.settings.batch_concurrency)
            .collect()
            .await)
    }

    /// `first` and all pages after it.
    async fn rest(
        &self,
        call: &Call,
        request: &Request,
        first: Page,
        limit: usize,
    ) -> Result<Vec<Value>, Error> {
        let operation = || operation::name(request.method.as_str(), &request.path);
        let mut seen: HashSet<String> = HashSet::new();
        let mut items = first.items;
        let mut next = first.next;
        loop {
            if items.len() > limit {
                return Err(Error::TooMany {
                    operation: operation(),
                    limit,
                });
            }
            let Some(link) = next else {
                return Ok(items);
            };
            if !seen.insert(link.url.clone()) {
                return Err(Error::protocol(
                    &operation(),
                    "the pages go round in a circle",
                ));
            }
            let page = self.next_page(call, &link, request.advanced).await?;
            items.extend(page.items);
            next = page.next;
        }
    }

    async fn fetch(&self, call: &Call, wire: &Wire) -> Result<Page, Error> {
        let (raw, attempts) = self.execute(call, wire).await?;
        let reply = decode(&wire.operation, &raw, true)?;
        let mut page = self.parse(&wire.operation, Some(wire.url.as_str()), reply.body)?;
        if attempts > 1 && wire.method == Method::Get {
            let last_id = last_id(&page.items);
            if let Some(next) = &mut page.next {
                next.anchor = Some(Anchor {
                    url: wire.url.to_string(),
                    last_id,
                });
            }
        }
        Ok(page)
    }

    /// Prepares the request behind a link, if it leads to our origin.
    fn follow(&self, link: &str, advanced: bool) -> Result<Wire, Error> {
        let url = self.same_origin("GET (next page)", link)?;
        let below = self.below_version(url.path());
        Ok(Wire {
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

    /// Reads a list. `from` is the link that led here, if one did.
    fn parse(&self, operation: &str, from: Option<&str>, body: Value) -> Result<Page, Error> {
        let Value::Object(mut body) = body else {
            return Err(Error::protocol(operation, "the body is no JSON object"));
        };
        let Some(Value::Array(items)) = body.remove("value") else {
            return Err(Error::protocol(operation, "a list without `value`"));
        };
        let link = |name: &str| match body.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(link)) => {
                let url = self.same_origin(operation, link)?;
                if from == Some(url.as_str()) {
                    return Err(Error::protocol(operation, "a page that follows itself"));
                }
                Ok(Some(NextLink::from_stored(link.clone())))
            }
            Some(_) => Err(Error::protocol(operation, "a link that is no text")),
        };
        let next = link("@odata.nextLink")?;
        // A quiet round of a delta query may hand the same link out again.
        let delta = match body.get("@odata.deltaLink") {
            Some(Value::String(link)) => {
                self.same_origin(operation, link)?;
                Some(NextLink::from_stored(link.clone()))
            }
            _ => None,
        };
        Ok(Page {
            count: body.get("@odata.count").and_then(Value::as_u64),
            items,
            next,
            delta,
        })
    }
}

fn last_id(items: &[Value]) -> Option<String> {
    items
        .last()
        .and_then(|item| item.get("id"))
        .and_then(Value::as_str)
        .map(str::to_owned)
}
