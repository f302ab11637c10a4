//! A list as it goes to the client: in pieces, as fast as they are taken, each let go of when it is.

use axum::body::{Body, Bytes};
use futures_util::stream;

use crate::{scim::list, service::read::ListPage};

/// About how long a piece is: enough for one write, little enough to be held by many.
const PIECE: usize = 32 << 10;

/// The body, and its length in bytes.
pub fn list(page: ListPage) -> (Body, usize) {
    let place = match &page.walk {
        None => list::Place::Index(page.start_index),
        Some(walk) => list::Place::Cursor(walk.next.as_deref()),
    };
    let (before, after) = list::frame(page.total, &place, page.resources.len());
    let commas = page.resources.len().saturating_sub(1);
    let texts: usize = page.resources.iter().map(Bytes::len).sum();
    let length = before.len() + texts + commas + after.len();
    let state = State {
        open: Some(before),
        rest: page.resources.into_iter(),
        begun: false,
        after: Some(after),
        room: page.room,
        left: length,
    };
    let pieces = stream::unfold(state, |mut state| async move {
        let piece = state.piece()?;
        Some((Ok::<_, std::convert::Infallible>(piece), state))
    });
    (Body::from_stream(pieces), length)
}

struct State {
    open: Option<String>,
    rest: std::vec::IntoIter<Bytes>,
    begun: bool,
    after: Option<&'static str>,
    /// Shrinks with what is left.
    room: crate::service::memory::Room,
    left: usize,
}

impl State {
    fn piece(&mut self) -> Option<Bytes> {
        let mut piece = Vec::with_capacity(PIECE.min(self.left));
        if let Some(open) = self.open.take() {
            piece.extend_from_slice(open.as_bytes());
        }
        while piece.len() < PIECE {
            let Some(text) = self.rest.next() else {
                piece.extend_from_slice(self.after.take().unwrap_or_default().as_bytes());
                break;
            };
            if std::mem::replace(&mut self.begun, true) {
                piece.push(b',');
            }
            piece.extend_from_slice(&text);
        }
        self.left = self.left.saturating_sub(piece.len());
        self.room.shrink_to(self.left);
        (!piece.is_empty()).then(|| Bytes::from(piece))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use serde_json::{Value, json};

    use super::*;
    use crate::service::memory::Room;

    #[tokio::test]
    async fn pieces_make_the_list() {
        for (count, size) in [(0, 0), (1, 10), (3, 50_000), (999, 100)] {
            let resources: Vec<Bytes> = (0..count)
                .map(|i| Bytes::from(json!({"id": i, "x": "y".repeat(size)}).to_string()))
                .collect();
            let docs = resources
                .iter()
                .map(|text| serde_json::from_slice(text).unwrap())
                .collect();
            let page = ListPage {
                total: 5000,
                start_index: 7,
                resources,
                room: Room::default(),
                walk: None,
            };
            let (body, length) = list(page);
            let text = body.collect().await.unwrap().to_bytes();
            assert_eq!(text.len(), length);
            let whole: Value = serde_json::from_slice(&text).unwrap();
            assert_eq!(whole, list::response(5000, 7, docs));
            assert_eq!(text, whole.to_string().as_bytes(), "the same text");
        }
    }
}
