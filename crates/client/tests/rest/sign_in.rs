use crate::common::{PASSWORD, Place};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use std::time::Duration;
use tidewire_client::{Auth, AuthStore, Client, Error, Record};
use tokio::sync::mpsc;

crate::against_both!(
    who_signs_in_is_kept_until_the_token_is_refused,
    a_token_is_renewed_before_its_end_with_the_next_request,
    a_token_is_renewed_also_if_nothing_is_asked,
    a_token_that_cannot_be_renewed_is_forgotten,
);

async fn who_signs_in_is_kept_until_the_token_is_refused(place: Place) {
    place.user("a@example.com").await;
    let client = place.client();
    let users = client.collection("users");
    let refused = users.auth_with_password("a@example.com", "wrong horse").await.unwrap_err();
    assert_eq!((refused.status(), client.auth().token()), (Some(400), String::new()));
    let auth = users.auth_with_password("a@example.com", PASSWORD).await.unwrap();
    assert_eq!((client.auth().token(), &client.auth().auth()), (auth.token.clone(), &auth));
    let again = users.auth_refresh().await.unwrap();
    assert_eq!(again.record["id"], auth.record["id"]);
    assert_eq!(again.as_record().unwrap().get::<String>("email").unwrap(), "a@example.com");
    assert!(client.auth().is_valid() && again.expires_at().is_some());
    assert_eq!(users.auth_methods().await.unwrap()["password"]["enabled"], json!(true));
    client.auth().save(Auth { token: "nonsense".into(), record: Json::Null }).unwrap();
    assert_eq!(users.auth_refresh().await.unwrap_err().status(), Some(401));
    assert_eq!(client.auth().token(), "");
    assert!(!client.auth().is_valid());
}

const LONG: Duration = Duration::from_secs(100 * 365 * 86400);

/// A client that renews its token so long before its end, and the tokens that its store has had.
fn renewing(place: &Place, before: Duration) -> (Client, mpsc::UnboundedReceiver<String>) {
    let client = Client::builder(&place.url).auto_refresh(before).build().unwrap();
    let (told, heard) = mpsc::unbounded_channel();
    client.auth().on_change(move |auth| told.send(auth.token.clone()).unwrap());
    (client, heard)
}

/// A token with these claims that nobody has signed.
fn forged(claims: Json) -> String {
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

async fn a_token_is_renewed_before_its_end_with_the_next_request(place: Place) {
    place.user("a@example.com").await;
    let (client, mut heard) = renewing(&place, LONG);
    let users = client.collection("users");
    users.auth_with_password("a@example.com", PASSWORD).await.unwrap();
    // once, though more are asked, and each of them is due
    for _ in 0..3 {
        let both = tokio::join!(users.get_list::<Record>(1, 1), users.get_list::<Record>(1, 1));
        assert_eq!((both.0.unwrap().items.len(), both.1.unwrap().items.len()), (1, 1));
    }
    client.auth().clear().unwrap();
    let tokens = [heard.recv().await.unwrap(), heard.recv().await.unwrap(), heard.recv().await.unwrap()];
    assert_eq!(tokens.map(|token| token.is_empty()), [false, false, true]);
}

async fn a_token_is_renewed_also_if_nothing_is_asked(place: Place) {
    place.user("a@example.com").await;
    place.settings("users", json!({ "authToken": { "duration": 10 } })).await;
    let (client, mut heard) = renewing(&place, Duration::from_secs(8));
    client.collection("users").auth_with_password("a@example.com", PASSWORD).await.unwrap();
    client.send("GET", "api/health").read().await.unwrap();
    let first = heard.recv().await.unwrap();
    assert_ne!(heard.recv().await.unwrap(), first);
}

async fn a_token_that_cannot_be_renewed_is_forgotten(place: Place) {
    place.posts().await;
    let (client, mut heard) = renewing(&place, Duration::from_secs(60));
    let posts = client.collection("posts");
    let claims = |refreshable: bool| json!({ "collectionId": "_pb_users_auth_", "id": "x", "exp": 1, "refreshable": refreshable });
    for (token, is_left) in
        [(forged(claims(true)), false), (forged(claims(false)), true), ("odd".into(), true)]
    {
        client.auth().save(Auth { token: token.clone(), record: Json::Null }).unwrap();
        assert_eq!(heard.recv().await.unwrap(), token);
        posts.get_list::<Record>(1, 1).await.unwrap();
        assert_eq!(!client.auth().token().is_empty(), is_left, "{token}");
        if !is_left {
            assert_eq!(heard.recv().await.unwrap(), "");
        }
    }
    // a server that is not there says nothing about it
    let nobody = Client::builder("http://127.0.0.1:1").auto_refresh(LONG).retries(0).build().unwrap();
    let token = forged(claims(true));
    nobody.auth().save(Auth { token: token.clone(), record: Json::Null }).unwrap();
    let error = nobody.collection("posts").get_list::<Record>(1, 1).await.unwrap_err();
    assert!(matches!(error, Error::Transport { .. }), "{error}");
    assert_eq!(nobody.auth().token(), token);
}

#[test]
fn a_file_keeps_who_is_signed_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auth.json");
    let auth = Auth { token: "t".into(), record: json!({ "id": "u1", "name": "Ann" }) };
    let store = AuthStore::file(&path).unwrap();
    assert_eq!(store.auth(), Auth::default());
    for name in ["first", "second"] {
        store.save(Auth { token: name.into(), ..auth.clone() }).unwrap();
        assert_eq!(AuthStore::file(&path).unwrap().auth(), Auth { token: name.into(), ..auth.clone() });
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["auth.json"]);
    store.clear().unwrap();
    store.clear().unwrap();
    assert!(!path.exists());
    std::fs::write(&path, "{").unwrap();
    assert!(matches!(AuthStore::file(&path), Err(Error::Store(_))));
    // it cannot be written; who is signed in is signed in all the same
    let lost = AuthStore::file(folder.path().join("missing/auth.json")).unwrap();
    assert!(matches!(lost.save(auth.clone()), Err(Error::Store(_))));
    assert_eq!(lost.auth(), auth);
}

#[tokio::test]
async fn a_change_of_the_store_is_told_and_may_be_waited_for() {
    let store = AuthStore::default();
    let (told, mut heard) = mpsc::unbounded_channel();
    let own = store.clone();
    store.on_change(move |auth| {
        told.send(auth.token.clone()).unwrap();
        // a callback may change it, and is told of that as well
        if auth.token == "a" {
            own.save(Auth { token: "b".into(), record: Json::Null }).unwrap();
        }
    });
    let mut changes = store.changes();
    let waiting =
        tokio::spawn(async move { changes.wait_for(|auth| auth.token == "b").await.unwrap().clone() });
    store.save(Auth { token: "a".into(), record: Json::Null }).unwrap();
    assert_eq!(waiting.await.unwrap(), store.auth());
    store.clone().clear().unwrap();
    let tokens = [heard.recv().await.unwrap(), heard.recv().await.unwrap(), heard.recv().await.unwrap()];
    assert_eq!(tokens, ["a", "b", ""]);
}
