use super::*;
use time::macros::datetime;

fn faults(rules: Value) -> Faults {
    let mut faults = Faults::new(7);
    let list: RuleList = serde_json::from_value(json!({"faults": rules})).unwrap();
    faults.add(list).unwrap();
    faults
}

fn hits(faults: &mut Faults, surface: Surface, method: &str, path: &str, times: usize) -> String {
    (0..times)
        .map(|_| {
            let target = Target {
                surface,
                method,
                path,
                query: "$top=5",
            };
            if faults.decide(&target, Phase::Before).is_some() {
                'x'
            } else {
                '.'
            }
        })
        .collect()
}

#[test]
fn rules_choose_requests() {
    let status = json!({"kind": "status", "status": 503});
    for (rule, surface, method, path, expected) in [
        (
            json!({"fault": status}),
            Surface::Request,
            "GET",
            "/users",
            "xxxxxx",
        ),
        (
            json!({"fault": status}),
            Surface::Item,
            "GET",
            "/users",
            "xxxxxx",
        ),
        (
            json!({"fault": status}),
            Surface::Token,
            "POST",
            "/t/oauth2/v2.0/token",
            "......",
        ),
        (
            json!({"on": "token", "fault": status}),
            Surface::Token,
            "POST",
            "/t/oauth2/v2.0/token",
            "xxxxxx",
        ),
        (
            json!({"on": "item", "fault": status}),
            Surface::Request,
            "GET",
            "/users",
            "......",
        ),
        (
            json!({"on": "item", "fault": status}),
            Surface::Item,
            "GET",
            "/users",
            "xxxxxx",
        ),
        (
            json!({"count": 1, "fault": status}),
            Surface::Request,
            "GET",
            "/users",
            "x.....",
        ),
        (
            json!({"skip": 2, "count": 2, "fault": status}),
            Surface::Request,
            "GET",
            "/users",
            "..xx..",
        ),
        (
            json!({"every": 3, "fault": status}),
            Surface::Request,
            "GET",
            "/users",
            "..x..x",
        ),
        (
            json!({"method": "patch", "fault": status}),
            Surface::Request,
            "GET",
            "/users",
            "......",
        ),
        (
            json!({"path": "/users", "fault": status}),
            Surface::Request,
            "GET",
            "/Users",
            "xxxxxx",
        ),
        (
            json!({"path": "/users", "fault": status}),
            Surface::Request,
            "GET",
            "/users/1",
            "......",
        ),
        (
            json!({"path": "/users/*/memberOf", "fault": status}),
            Surface::Request,
            "GET",
            "/users/1/memberOf",
            "xxxxxx",
        ),
        (
            json!({"path": "/users/*/memberOf", "fault": status}),
            Surface::Request,
            "GET",
            "/users/1/manager",
            "......",
        ),
        (
            json!({"path": "/users/**", "fault": status}),
            Surface::Request,
            "GET",
            "/users/1/manager",
            "xxxxxx",
        ),
        (
            json!({"contains": "$top", "fault": status}),
            Surface::Request,
            "GET",
            "/users",
            "xxxxxx",
        ),
        (
            json!({"contains": "$skiptoken", "fault": status}),
            Surface::Request,
            "GET",
            "/users",
            "......",
        ),
        (
            json!({"probability": 0.0, "fault": status}),
            Surface::Request,
            "GET",
            "/users",
            "......",
        ),
        (
            json!({"probability": 1.0, "fault": status}),
            Surface::Request,
            "GET",
            "/users",
            "xxxxxx",
        ),
    ] {
        let mut faults = faults(json!([rule]));
        assert_eq!(
            hits(&mut faults, surface, method, path, 6),
            expected,
            "{rule}"
        );
    }
}

#[test]
fn chance_is_repeatable_and_first_rule_wins() {
    let rule = json!([{"probability": 0.5, "fault": {"kind": "empty"}}]);
    let one = hits(
        &mut faults(rule.clone()),
        Surface::Request,
        "GET",
        "/users",
        40,
    );
    let two = hits(&mut faults(rule), Surface::Request, "GET", "/users", 40);
    assert_eq!(one, two);
    assert!(one.contains('x') && one.contains('.'));
    let mut both = faults(json!([
        {"count": 1, "fault": {"kind": "cut_body"}},
        {"fault": {"kind": "silence", "seconds": 0.5}},
    ]));
    let target = Target {
        surface: Surface::Request,
        method: "GET",
        path: "/x",
        query: "",
    };
    assert_eq!(both.decide(&target, Phase::Before), Some(Fault::CutBody));
    assert_eq!(
        both.decide(&target, Phase::Before),
        Some(Fault::Silence { seconds: 0.5 })
    );
    assert_eq!((both.list()[0].matched, both.list()[0].served), (2, 1));
}

#[test]
fn replies() {
    let now = datetime!(2026-03-01 10:00 UTC);
    let reply = |fault: Value| {
        serde_json::from_value::<Fault>(fault)
            .unwrap()
            .reply(now)
            .unwrap()
    };
    for (retry, expected) in [
        (json!(10), "10"),
        (json!(2.128), "2.128"),
        (json!({"date_in": 5}), "Sun, 01 Mar 2026 10:00:05 GMT"),
        (json!("soon"), "soon"),
    ] {
        let reply = reply(json!({"kind": "status", "status": 429, "retry_after": retry}));
        assert_eq!(
            reply.headers,
            [("Retry-After".to_owned(), expected.to_owned())]
        );
        assert_eq!(reply.body["error"]["code"], "TooManyRequests");
    }
    assert!(
        reply(json!({"kind": "status", "status": 429}))
            .headers
            .is_empty()
    );
    let own = reply(
        json!({"kind": "status", "status": 500, "code": "c", "message": "m", "headers": {"x": "y"}}),
    );
    assert_eq!(own.body, json!({"error": {"code": "c", "message": "m"}}));
    assert_eq!(own.headers, [("x".to_owned(), "y".to_owned())]);
}

#[test]
fn refuses_rules_that_cannot_work() {
    for rule in [
        json!({"every": 0, "fault": {"kind": "empty"}}),
        json!({"probability": 1.5, "fault": {"kind": "empty"}}),
        json!({"fault": {"kind": "status", "status": 99}}),
        json!({"on": "item", "fault": {"kind": "cut_body"}}),
        json!({"on": "item", "fault": {"kind": "silence", "seconds": 1.0}}),
        json!({"fault": {"kind": "silence", "seconds": -1.0}}),
    ] {
        let list: RuleList = serde_json::from_value(json!({"faults": [rule]})).unwrap();
        assert!(Faults::new(1).add(list).is_err(), "{rule}");
    }
    for rule in [
        json!({"fault": {"kind": "nonsense"}}),
        json!({"pth": "/", "fault": {"kind": "empty"}}),
    ] {
        assert!(
            serde_json::from_value::<Rule>(rule.clone()).is_err(),
            "{rule}"
        );
    }
}

#[test]
fn phases_and_items() {
    let mut faults = faults(json!([
        {"fault": {"kind": "status", "status": 503, "after": true}},
        {"fault": {"kind": "cut_before"}},
    ]));
    let request = Target {
        surface: Surface::Request,
        method: "POST",
        path: "/users",
        query: "",
    };
    let item = Target {
        surface: Surface::Item,
        ..request
    };
    assert_eq!(
        faults.decide(&request, Phase::Before),
        Some(Fault::CutBefore { after: false })
    );
    assert!(
        faults
            .decide(&request, Phase::After)
            .is_some_and(|f| f.comes_after())
    );
    assert_eq!(
        faults.decide(&item, Phase::Before),
        None,
        "items have no connection"
    );
    assert!(faults.decide(&item, Phase::After).is_some());
}
