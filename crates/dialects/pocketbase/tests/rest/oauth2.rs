//! Sign-ins through a provider in this process.

use crate::world::{Case, World};
use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};
use serde_json::{Value as Json, json};
use std::sync::{Arc, Mutex};
use tidewire_hooks::{Asking, Elsewhere, Event, Hands, HookError, Occasion, Registration};

/// The code is the token and tells the user: `ID`, `ID,EMAIL` or `ID,EMAIL,unverified`; of an ID alone the address is made.
/// `refused` is no code, `nobody` no user.
async fn provider() -> String {
    let routes = Router::new()
        .route("/token", post(async |body: Bytes| token(&body)))
        .route("/user/{kind}", get(async |Path(_): Path<String>, headers: HeaderMap| user(&headers)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    format!("http://{address}")
}

fn token(body: &[u8]) -> Result<String, StatusCode> {
    let form: std::collections::BTreeMap<_, _> = form_urlencoded::parse(body).into_owned().collect();
    // a verifier that does not fit the challenge
    if form["code"] == "refused" || form.get("code_verifier").is_some_and(|verifier| verifier == "wrong") {
        return Err(StatusCode::BAD_REQUEST);
    }
    Ok(json!({ "access_token": form["code"], "refresh_token": "again", "expires_in": 3600 }).to_string())
}

fn user(headers: &HeaderMap) -> Result<String, StatusCode> {
    let bearer = headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap();
    let mut parts = bearer.split(',');
    let id = parts.next().unwrap_or_default();
    let email = parts.next().map_or_else(|| format!("{id}@example.com"), str::to_owned);
    if id == "nobody" {
        return Err(StatusCode::FORBIDDEN);
    }
    let user = json!({ "sub": id, "name": format!("Name {id}"), "preferred_username": format!("user_{id}"),
        "picture": "https://p.test/a.png", "email": email, "email_verified": parts.next().is_none() });
    Ok(user.to_string())
}

fn options(base: &str, names: &[&str]) -> Json {
    let providers = names.iter().map(|name| {
        json!({ "name": name, "clientId": "us", "clientSecret": "secret", "authURL": format!("{base}/authorize"),
            "tokenURL": format!("{base}/token"), "userInfoURL": format!("{base}/user/{name}") })
    });
    json!({ "oauth2": { "enabled": true, "providers": providers.collect::<Vec<_>>() } })
}

struct Place {
    world: World,
}

impl Place {
    async fn new() -> Self {
        let mut place = Self { world: World::empty().await };
        let base = provider().await;
        place.expect("PATCH /api/collections/users", "super", options(&base, &["oidc", "oidc2"]), 200).await;
        place
    }

    async fn expect(&mut self, request: &str, who: &str, body: Json, status: u16) -> Json {
        let case = Case { request: request.into(), who: who.into(), body: Some(body), ..Case::default() };
        let answer = self.world.send(&case).await;
        assert_eq!(answer.status, status, "{request}: {}", answer.body);
        answer.json()
    }

    /// Signs in; `more` is laid over the body.
    async fn sign_in(&mut self, who: &str, code: &str, more: Json, status: u16) -> Json {
        let mut body = json!({ "provider": "oidc", "code": code, "codeVerifier": "v",
            "redirectURL": "https://app.test/api/oauth2-redirect" });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = self.expect("POST /api/collections/users/auth-with-oauth2", who, body, status).await;
        if let Some(token) = answer["token"].as_str() {
            self.world.keep_token("new", token);
        }
        answer
    }

    async fn register(&mut self, who: &str, email: &str, more: Json) -> String {
        let mut body = json!({ "email": email, "password": "password1", "passwordConfirm": "password1" });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let record = self.expect("POST /api/collections/users/records", who, body, 200).await;
        record["id"].as_str().unwrap().to_owned()
    }

    async fn password(&mut self, email: &str, status: u16) -> Json {
        let body = json!({ "identity": email, "password": "password1" });
        self.expect("POST /api/collections/users/auth-with-password", "", body, status).await
    }

    /// "provider/providerId" of all links of a record.
    async fn links(&mut self, who: &str, record: &str) -> Vec<String> {
        let url =
            format!("GET /api/collections/_externalAuths/records?sort=provider&filter=recordRef='{record}'");
        let list = self.expect(&url, who, Json::Null, 200).await;
        let text = |link: &Json, name: &str| link[name].as_str().unwrap().to_owned();
        let links = list["items"].as_array().unwrap().iter();
        links.map(|link| format!("{}/{}", text(link, "provider"), text(link, "providerId"))).collect()
    }
}

fn id(answer: &Json) -> String {
    answer["record"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn who_comes_for_the_first_time_is_created_and_found_again() {
    let mut place = Place::new().await;
    let first = place
        .sign_in("", "7,ann@example.com", json!({ "createData": { "emailVisibility": true } }), 200)
        .await;
    let meta = &first["meta"];
    assert_eq!(meta["isNew"], true);
    for (name, value) in [
        ("id", "7"),
        ("name", "Name 7"),
        ("username", "user_7"),
        ("email", "ann@example.com"),
        ("avatarURL", "https://p.test/a.png"),
        ("avatarUrl", "https://p.test/a.png"),
        ("accessToken", "7,ann@example.com"),
        ("refreshToken", "again"),
    ] {
        assert_eq!(meta[name], value, "{name}");
    }
    assert!(meta["rawUser"]["sub"] == "7" && meta["expiry"].as_str().unwrap().ends_with('Z'));
    let record = &first["record"];
    assert_eq!((&record["email"], &record["verified"]), (&json!("ann@example.com"), &json!(true)));
    // the name is mapped; the picture would be a file, and is told only
    assert_eq!(
        (&record["name"], &record["avatar"], &record["emailVisibility"]),
        (&json!("Name 7"), &json!(""), &json!(true))
    );
    let again = place.sign_in("", "7,other@example.com", json!({}), 200).await;
    assert_eq!((id(&again), &again["meta"]["isNew"]), (id(&first), &json!(false)));
    assert_eq!(again["record"]["email"], "ann@example.com");
    // the token is as good as any other
    let me = format!("GET /api/collections/users/records/{}", id(&first));
    place.expect(&me, "new", Json::Null, 200).await;
}

#[tokio::test]
async fn the_create_rule_and_the_body_decide_about_new_users() {
    let mut place = Place::new().await;
    let rule = json!({ "createRule": "@request.context = 'oauth2' && @request.body.name != 'Mallory'" });
    place.expect("PATCH /api/collections/users", "super", rule, 200).await;
    let body = json!({ "email": "a@example.com", "password": "password1", "passwordConfirm": "password1" });
    place.expect("POST /api/collections/users/records", "", body, 400).await;
    let refused = place.sign_in("", "1", json!({ "createData": { "name": "Mallory" } }), 400).await;
    assert_eq!(refused["message"], "Failed to create record.");
    let made = place.sign_in("", "1", json!({ "createData": { "name": "Own" } }), 200).await;
    assert_eq!((&made["record"]["name"], &made["record"]["email"]), (&json!("Own"), &json!("1@example.com")));
    let forged = place.sign_in("", "2", json!({ "createData": { "verified": true } }), 400).await;
    assert_eq!(forged["data"]["verified"]["code"], "validation_values_mismatch");
    place.expect("PATCH /api/collections/users", "super", json!({ "createRule": null }), 200).await;
    let closed = place.sign_in("", "2", json!({}), 403).await;
    assert_eq!(closed["message"], "Only superusers can perform this action.");
    assert_eq!(place.sign_in("", "1", json!({}), 200).await["meta"]["isNew"], false);
    place.expect("PATCH /api/collections/users", "super", json!({ "authRule": "name = 'x'" }), 200).await;
    let kept_out = place.sign_in("", "1", json!({}), 403).await;
    assert_eq!(
        kept_out["message"],
        "The request doesn't satisfy the collection requirements to authenticate."
    );
}

#[tokio::test]
async fn user_names_are_taken_if_they_are_free_and_fit() {
    let mut place = Place::new().await;
    let users = place.expect("GET /api/collections/users", "super", Json::Null, 200).await;
    let mut change = json!({ "fields": users["fields"], "indexes": users["indexes"] });
    let field = json!({ "name": "nick", "type": "text", "pattern": "^user_[0-9]+$" });
    change["fields"].as_array_mut().unwrap().push(field);
    let index = "CREATE UNIQUE INDEX `idx_nick` ON `users` (`nick`) WHERE `nick` != ''";
    change["indexes"].as_array_mut().unwrap().push(index.into());
    change["oauth2"] = json!({ "mappedFields": { "username": "nick" } });
    place.expect("PATCH /api/collections/users", "super", change, 200).await;
    place.register("super", "taken@example.com", json!({ "nick": "user_3" })).await;
    for (code, nick) in [("1", "user_1"), ("x", ""), ("3", "")] {
        let made = place.sign_in("", code, json!({}), 200).await;
        assert_eq!(made["record"]["nick"], nick, "{code}");
    }
}

/// Who is found by an address keeps the password only if the address was known to be theirs.
#[tokio::test]
async fn nobody_is_led_into_the_account_of_a_stranger() {
    for (who, more, keeps) in [
        ("super", json!({ "verified": true }), true),
        ("super", json!({}), false),
        // without a mailer this counts as verified, but proves nothing
        ("", json!({}), false),
    ] {
        let mut place = Place::new().await;
        let record = place.register(who, "ann@example.com", more.clone()).await;
        let old = place.password("ann@example.com", 200).await;
        place.world.keep_token("old", old["token"].as_str().unwrap());
        let unproven = place.sign_in("", "6,ann@example.com,unverified", json!({}), 400).await;
        assert_eq!(
            unproven["message"], "Failed to create record.",
            "without a proof the address finds nobody"
        );
        let found = place.sign_in("", "7,ann@example.com", json!({}), 200).await;
        assert_eq!((id(&found), &found["meta"]["isNew"]), (record.clone(), &json!(false)));
        assert_eq!(found["record"]["verified"], true);
        place.password("ann@example.com", if keeps { 200 } else { 400 }).await;
        let refresh = "POST /api/collections/users/auth-refresh";
        place.expect(refresh, "old", Json::Null, if keeps { 200 } else { 401 }).await;
        // from now on it is proven: another provider joins the first
        let joined = place.sign_in("", "8,ann@example.com", json!({ "provider": "oidc2" }), 200).await;
        assert_eq!(id(&joined), record);
        assert_eq!(place.links("super", &record).await, ["oidc/7", "oidc2/8"], "{who} {more}");
    }
}

/// What is remembered of an address goes with its record.
#[tokio::test]
async fn a_new_record_is_not_taken_for_an_old_one() {
    let mut place = Place::new().await;
    let same = json!({ "id": "samesamesame001", "verified": true });
    place.register("", "ann@example.com", json!({ "id": "samesamesame001" })).await;
    place.expect("DELETE /api/collections/users/records/samesamesame001", "super", Json::Null, 204).await;
    place.register("super", "ann@example.com", same).await;
    place.sign_in("", "7,ann@example.com", json!({}), 200).await;
    place.password("ann@example.com", 200).await;
}

#[tokio::test]
async fn links_of_an_unproven_address_end_when_its_owner_comes() {
    let mut place = Place::new().await;
    // somebody else's account with Ann's address
    let data = json!({ "createData": { "email": "ann@example.com" } });
    let thief = place.sign_in("", "66,thief@example.com", data, 200).await;
    assert_eq!(
        (&thief["record"]["verified"], &thief["record"]["email"]),
        (&json!(false), &json!("ann@example.com"))
    );
    place.world.keep_token("thief", thief["token"].as_str().unwrap());
    let ann = place.sign_in("", "7,ann@example.com", json!({ "provider": "oidc2" }), 200).await;
    assert_eq!(id(&ann), id(&thief));
    assert_eq!(place.links("super", &id(&ann)).await, ["oidc2/7"]);
    place.expect("POST /api/collections/users/auth-refresh", "thief", Json::Null, 401).await;
    let back = place.sign_in("", "66,thief@example.com", json!({}), 200).await;
    assert!(id(&back) != id(&ann));
    // the same if a superuser says that the address is right
    let data = json!({ "createData": { "email": "bob@example.com" } });
    let other = place.sign_in("", "67,thief@example.com", data, 400).await;
    assert_eq!(other["message"], "Failed to create record.");
}

#[tokio::test]
async fn who_had_no_address_gets_the_first_that_is_proven() {
    let mut place = Place::new().await;
    let mut users = place.expect("GET /api/collections/users", "super", Json::Null, 200).await;
    for field in users["fields"].as_array_mut().unwrap() {
        if field["name"] == "email" {
            field["required"] = false.into();
        }
    }
    place.expect("PATCH /api/collections/users", "super", json!({ "fields": users["fields"] }), 200).await;
    let mut made = String::new();
    for (code, email) in [
        ("7,", ""),
        ("7,ann@example.com,unverified", ""),
        ("7,ann@example.com", "ann@example.com"),
        ("7,bob@example.com", "ann@example.com"),
    ] {
        let answer = place.sign_in("", code, json!({}), 200).await;
        assert_eq!(
            (&answer["record"]["email"], &answer["record"]["verified"]),
            (&json!(email), &json!(true))
        );
        if made.is_empty() {
            made = id(&answer);
        }
        assert_eq!(id(&answer), made, "{code}");
    }
    assert_eq!(place.links("super", &made).await, ["oidc/7"]);
}

#[tokio::test]
async fn a_superuser_who_verifies_an_address_ends_links_too() {
    let mut place = Place::new().await;
    let data = json!({ "createData": { "email": "ann@example.com" } });
    let thief = id(&place.sign_in("", "66", data, 200).await);
    assert_eq!(place.links("super", &thief).await, ["oidc/66"]);
    place.world.keep_token("thief", "");
    let update = format!("PATCH /api/collections/users/records/{thief}");
    place.expect(&update, "super", json!({ "verified": true }), 200).await;
    assert!(place.links("super", &thief).await.is_empty());
    place.expect("POST /api/collections/users/auth-refresh", "new", Json::Null, 401).await;
}

#[tokio::test]
async fn who_is_signed_in_links_an_account_and_unlinks_it() {
    let mut place = Place::new().await;
    let record = place.register("", "ann@example.com", json!({})).await;
    let other = place.register("", "bob@example.com", json!({})).await;
    for (name, email) in [("ann", "ann@example.com"), ("bob", "bob@example.com")] {
        let token = place.password(email, 200).await["token"].as_str().unwrap().to_owned();
        place.world.keep_token(name, &token);
    }
    let linked = place.sign_in("ann", "7,private@example.com", json!({}), 200).await;
    assert_eq!((id(&linked), &linked["meta"]["isNew"]), (record.clone(), &json!(false)));
    place.password("ann@example.com", 200).await;
    assert_eq!(id(&place.sign_in("", "7", json!({}), 200).await), record);
    // an account leads to one record, whoever asks
    assert_eq!(id(&place.sign_in("bob", "7", json!({}), 200).await), record);
    let twice = place.sign_in("ann", "8", json!({}), 400).await;
    assert_eq!(twice["message"], "Failed to create record.");
    for (who, seen) in [("ann", 1), ("bob", 0), ("", 0)] {
        assert_eq!(place.links(who, &record).await.len(), seen, "{who}");
    }
    let all = place.expect("GET /api/collections/_externalAuths/records", "ann", Json::Null, 200).await;
    let link = all["items"][0].clone();
    assert_eq!((&link["collectionRef"], &link["recordRef"]), (&json!("_pb_users_auth_"), &json!(record)));
    let delete = format!("DELETE /api/collections/_externalAuths/records/{}", link["id"].as_str().unwrap());
    place.expect(&delete, "bob", Json::Null, 404).await;
    place.expect("POST /api/collections/_externalAuths/records", "ann", link, 403).await;
    place.expect(&delete, "ann", Json::Null, 204).await;
    assert!(id(&place.sign_in("", "7", json!({}), 200).await) != record);
    place.expect(&format!("DELETE /api/collections/users/records/{other}"), "bob", Json::Null, 204).await;
}

#[tokio::test]
async fn links_go_with_the_record_and_with_the_collection() {
    let mut place = Place::new().await;
    let base = provider().await;
    let mut members = options(&base, &["oidc"]);
    for (name, value) in [("name", "members"), ("type", "auth"), ("createRule", "")] {
        members[name] = value.into();
    }
    place.expect("POST /api/collections", "super", members, 200).await;
    let body = json!({ "provider": "oidc", "code": "7", "redirectURL": "https://a.test" });
    place.expect("POST /api/collections/members/auth-with-oauth2", "", body, 200).await;
    let user = id(&place.sign_in("", "7", json!({}), 200).await);
    let count = async |place: &mut Place| {
        let list =
            place.expect("GET /api/collections/_externalAuths/records", "super", Json::Null, 200).await;
        list["totalItems"].clone()
    };
    assert_eq!(count(&mut place).await, 2);
    place.expect("DELETE /api/collections/members", "super", Json::Null, 204).await;
    assert_eq!(count(&mut place).await, 1);
    place.expect(&format!("DELETE /api/collections/users/records/{user}"), "super", Json::Null, 204).await;
    assert_eq!(count(&mut place).await, 0);
}

#[tokio::test]
async fn superusers_do_not_sign_up_and_keep_their_password() {
    let mut place = Place::new().await;
    let base = provider().await;
    place.expect("PATCH /api/collections/_superusers", "super", options(&base, &["oidc"]), 200).await;
    for (code, status) in [("7,new@example.com", 400), ("8,root@example.com", 200)] {
        let body = json!({ "provider": "oidc", "code": code, "redirectURL": "https://a.test" });
        place.expect("POST /api/collections/_superusers/auth-with-oauth2", "", body, status).await;
    }
    place.world.sign_in("super", "_superusers", "root@example.com", "rootroot12").await;
}

#[tokio::test]
async fn every_refusal_has_its_words() {
    let mut place = Place::new().await;
    let blank = json!({ "code": "validation_required", "message": "Cannot be blank." });
    let unknown = json!({ "code": "validation_invalid_provider",
        "message": "Provider with name github is missing or is not enabled.", "params": { "name": "github" } });
    let loaded = "An error occurred while loading the submitted data.";
    for (more, message, data) in [
        (json!({ "provider": "" }), loaded, json!({ "provider": blank })),
        (json!({ "provider": "github" }), loaded, json!({ "provider": unknown })),
        (json!({ "code": "" }), loaded, json!({ "code": blank })),
        (json!({ "provider": null, "code": null }), loaded, json!({ "code": blank, "provider": blank })),
        (json!({ "createData": [] }), loaded, json!({})),
        (json!({ "code": 7 }), loaded, json!({})),
        (json!({ "code": "refused" }), "Failed to fetch OAuth2 token.", json!({})),
        (json!({ "codeVerifier": "wrong" }), "Failed to fetch OAuth2 token.", json!({})),
        (json!({ "redirectURL": "no url" }), "Failed to fetch OAuth2 token.", json!({})),
        (json!({ "code": "nobody" }), "Failed to fetch OAuth2 user.", json!({})),
        (
            json!({ "code": "" , "provider": "x".repeat(101) }),
            loaded,
            json!({ "code": blank, "provider": {
            "code": "validation_length_out_of_range", "message": "The length must be between 1 and 100.",
            "params": { "max": 100, "min": 1 } } }),
        ),
    ] {
        let refused = place.sign_in("", "7", more.clone(), 400).await;
        assert_eq!((&refused["message"], &refused["data"]), (&json!(message), &data), "{more}");
    }
    let long = place.sign_in("", &"c".repeat(4097), json!({}), 400).await;
    assert_eq!(long["data"]["code"]["code"], "validation_length_out_of_range");
    // the old spelling of the redirect's address
    place.sign_in("", "7", json!({ "redirectURL": null, "redirectUrl": "https://app.test" }), 200).await;
    place
        .expect("PATCH /api/collections/users", "super", json!({ "oauth2": { "enabled": false } }), 200)
        .await;
    let closed = place.sign_in("", "7", json!({}), 403).await;
    assert_eq!(closed["message"], "The collection is not configured to allow OAuth2 authentication.");
    let body = json!({ "provider": "oidc", "code": "7" });
    place.expect("POST /api/collections/_mfas/auth-with-oauth2", "", body, 404).await;
}

#[tokio::test]
async fn methods_tell_all_that_a_client_needs() {
    let mut place = Place::new().await;
    let methods = "GET /api/collections/users/auth-methods";
    let told = place.expect(methods, "", Json::Null, 200).await;
    let (oauth2, old) = (&told["oauth2"], &told["authProviders"]);
    assert_eq!((&oauth2["enabled"], oauth2["providers"].as_array().unwrap().len()), (&json!(true), 2));
    assert_eq!(&oauth2["providers"], old);
    let provider = &oauth2["providers"][0];
    let text = |name: &str| provider[name].as_str().unwrap().to_owned();
    assert_eq!((text("name"), text("displayName")), ("oidc".into(), "OIDC".into()));
    assert!(text("logo").starts_with("<svg ") && text("logo").ends_with(">OI</text></svg>"));
    assert_eq!((text("state").len(), text("codeVerifier").len(), text("codeChallenge").len()), (30, 43, 43));
    assert!(text("codeChallengeMethod") == "S256" && text("authURL") == text("authUrl"));
    assert!(text("authURL").contains(&format!("state={}", text("state"))));
    assert!(text("authURL").contains(&text("codeChallenge")) && text("authURL").ends_with("&redirect_uri="));
    assert!(!told.to_string().contains("secret"));
    let again = place.expect(methods, "", Json::Null, 200).await;
    assert!(again["oauth2"]["providers"][0]["state"] != provider["state"]);
    place
        .expect("PATCH /api/collections/users", "super", json!({ "oauth2": { "enabled": false } }), 200)
        .await;
    let off = place.expect(methods, "", Json::Null, 200).await;
    assert_eq!(off["oauth2"], json!({ "enabled": false, "providers": [] }));
}

/// Answers as it is told to, from outside of the store.
struct Far(Arc<Mutex<Vec<String>>>);

impl Elsewhere for Far {
    fn ask(&self, occasion: Occasion) -> Asking {
        let mut asked = self.0.lock().unwrap();
        let email = occasion.fields["record"]["email"].as_str().unwrap();
        asked.push(format!("{} {email}", occasion.event.name()));
        let outcome = if email.starts_with("no") { Err(HookError::abort(451, "not you")) } else { Ok(()) };
        Box::pin(async { (occasion, outcome) })
    }
}

#[tokio::test]
async fn hooks_elsewhere_hear_once_of_who_comes_for_the_first_time() {
    let mut place = Place::new().await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let never = |_: &mut Occasion, _: &mut dyn Hands| panic!("it lives elsewhere");
    for event in [Event::RecordBeforeCreate, Event::RecordBeforeUpdate] {
        let far = Registration::new(event, "far", Arc::new(never));
        let far = Registration { elsewhere: Some(Arc::new(Far(asked.clone()))), ..far };
        place.world.store.hooks().register(far);
    }
    let refused = place.sign_in("", "8,no@example.com", json!({}), 451).await;
    assert_eq!(refused["message"], "Not you.");
    let first = place.sign_in("", "7,ann@example.com", json!({}), 200).await;
    let again = place.sign_in("", "7,ann@example.com", json!({}), 200).await;
    assert_eq!(id(&first), id(&again));
    let expected = ["create no@example.com", "create ann@example.com", "update ann@example.com"];
    assert_eq!(*asked.lock().unwrap(), expected.map(|asked| format!("record.before_{asked}")));
}
