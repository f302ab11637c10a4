//! The bodies of a batch: requests in, answers out. Pure.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::{
    graph::{
        error::{Error, member},
        transfer::BATCH,
    },
    odata::request::Request,
};

/// The part of a batch that stands for `request`.
pub(super) fn part(position: usize, request: &Request, chained: bool) -> Value {
    let mut headers = Map::new();
    if request.body.is_some() {
        headers.insert("Content-Type".into(), "application/json".into());
    }
    if request.advanced {
        headers.insert("ConsistencyLevel".into(), "eventual".into());
    }
    let mut part = Map::new();
    part.insert("id".into(), (position + 1).to_string().into());
    part.insert("method".into(), request.method.as_str().into());
    part.insert("url".into(), request.url().into());
    if !headers.is_empty() {
        part.insert("headers".into(), headers.into());
    }
    if let Some(body) = &request.body {
        part.insert("body".into(), body.clone());
    }
    if chained && position > 0 {
        part.insert("dependsOn".into(), json!([position.to_string()]));
    }
    part.into()
}

/// What a batch says about one of its parts.
#[derive(Debug)]
pub(super) enum Answer {
    Missing,
    Twice,
    Unreadable,
    One {
        status: u16,
        headers: Map<String, Value>,
        body: Value,
    },
}

impl Answer {
    pub(super) fn units(&self) -> Option<u32> {
        let Self::One { headers, .. } = self else {
            return None;
        };
        match member(headers, "x-ms-resource-unit")? {
            Value::String(text) => text.parse().ok(),
            Value::Number(n) => n.as_u64().and_then(|n| u32::try_from(n).ok()),
            _ => None,
        }
    }
}

/// Reads the answer of a batch: by position, in whatever order they came.
pub(super) fn sort(mut body: Value) -> Result<HashMap<usize, Answer>, Error> {
    let Some(Value::Array(responses)) = body.get_mut("responses").map(Value::take) else {
        return Err(Error::protocol(BATCH, "an answer without `responses`"));
    };
    let mut answers = HashMap::new();
    for mut response in responses {
        let position = match response.get("id") {
            Some(Value::String(id)) => id.parse::<usize>().ok(),
            Some(Value::Number(id)) => id.as_u64().and_then(|id| usize::try_from(id).ok()),
            _ => None,
        };
        // An answer to nobody's request: whoever lacks one will complain.
        let Some(position) = position.and_then(|p| p.checked_sub(1)) else {
            continue;
        };
        let status = response
            .get("status")
            .and_then(|s| s.as_u64().or_else(|| s.as_str()?.parse().ok()))
            .and_then(|s| u16::try_from(s).ok());
        let answer = match status {
            None => Answer::Unreadable,
            Some(status) => Answer::One {
                status,
                headers: match response.get_mut("headers").map(Value::take) {
                    Some(Value::Object(headers)) => headers,
                    _ => Map::new(),
                },
                body: response.get_mut("body").map_or(Value::Null, Value::take),
            },
        };
        answers
            .entry(position)
            .and_modify(|a| *a = Answer::Twice)
            .or_insert(answer);
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_carries_its_own_headers() {
        let request = Request::get("/users").select(["id"]).advanced();
        assert_eq!(
            part(0, &request, true),
            json!({"id":"1","method":"GET","url":"/users?$select=id&$count=true",
                   "headers":{"ConsistencyLevel":"eventual"}})
        );
        let request = Request::patch("/groups/1", json!({"a":1}));
        assert_eq!(
            part(1, &request, true),
            json!({"id":"2","method":"PATCH","url":"/groups/1",
                   "headers":{"Content-Type":"application/json"},"body":{"a":1},
                   "dependsOn":["1"]})
        );
        assert_eq!(
            part(1, &Request::delete("/users/1"), false),
            json!({"id":"2","method":"DELETE","url":"/users/1"})
        );
    }

    #[test]
    fn answers_are_found_in_any_order() {
        let body = json!({"responses":[
            {"id":"3","status":204},
            {"id":1,"status":"200","body":{"a":1},"headers":{"X-MS-Resource-Unit":"2"}},
            {"id":"2","status":200}, {"id":"2","status":200},
            {"id":"4"}, {"id":"0","status":200}, {"status":200}
        ]});
        let answers = sort(body).unwrap();
        assert_eq!(answers.len(), 4);
        assert!(matches!(answers[&0], Answer::One { status: 200, .. }));
        assert_eq!(answers[&0].units(), Some(2));
        assert!(matches!(answers[&1], Answer::Twice));
        assert!(matches!(answers[&2], Answer::One { status: 204, .. }));
        assert!(matches!(answers[&3], Answer::Unreadable));
        for bad in [json!({}), json!([]), json!(null), json!({"responses": {}})] {
            assert!(sort(bad.clone()).is_err(), "{bad}");
        }
    }
}
