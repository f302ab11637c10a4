//! What only SQLite in memory needs to show; the contract on both backends is in `tests/it/store.rs`.

use super::{Error, Store};

#[tokio::test]
async fn urls_are_refused_without_being_repeated() {
    for url in [
        "mysql://root:hunter2@localhost/x",
        "hunter2",
        "sqlite://x.db?colour=hunter2",
        "postgres://u:hunter2@localhost:notaport/x",
    ] {
        let error = Store::connect(url).await.unwrap_err();
        assert!(matches!(error, Error::Url(_)), "{url}: {error:?}");
        if !url.contains("colour") {
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }
}

#[tokio::test]
async fn an_unreachable_server_is_named_without_its_password() {
    let error = Store::connect("postgres://me:hunter2@127.0.0.1:1/x")
        .await
        .unwrap_err();
    assert!(error.is_transient());
    assert_eq!(
        error.to_string(),
        "cannot open the store (postgres at 127.0.0.1:1, database x)"
    );
    assert!(!format!("{error:?}").contains("hunter2"));
}
