use crate::common::{PASSWORD, Place};
use crate::mail::Mails;
use serde_json::json;
use tidewire_client::Error;

crate::against_both!(what_goes_by_mail_is_done_or_refused);

const ANN: &str = "ann@example.com";

async fn what_goes_by_mail_is_done_or_refused(place: Place) {
    place.user(ANN).await;
    if place.is_tidewire() {
        return all_are_refused(&place).await;
    }
    let mut mails = Mails::start().await;
    let smtp = json!({ "enabled": true, "host": "127.0.0.1", "port": mails.port });
    place.settings("", json!({ "smtp": smtp })).await;
    place.settings("users", json!({ "otp": { "enabled": true, "duration": 180, "length": 8 } })).await;
    let client = place.client();
    let users = client.collection("users");
    users.auth_with_password(ANN, PASSWORD).await.unwrap();

    users.request_verification(ANN).await.unwrap();
    assert_eq!(client.auth().auth().record["verified"], json!(false));
    users.confirm_verification(&mails.token("confirm-verification").await).await.unwrap();
    assert_eq!(client.auth().auth().record["verified"], json!(true));

    users.request_email_change("new@example.com").await.unwrap();
    users.confirm_email_change(&mails.token("confirm-email-change").await, PASSWORD).await.unwrap();
    assert_eq!(client.auth().token(), "");

    users.request_password_reset("new@example.com").await.unwrap();
    let token = mails.token("confirm-password-reset").await;
    users.confirm_password_reset(&token, "another password").await.unwrap();
    assert_eq!(users.confirm_password_reset(&token, "yet another").await.unwrap_err().status(), Some(400));
    users.auth_with_password("new@example.com", "another password").await.unwrap();

    let id = users.request_otp("new@example.com").await.unwrap();
    let password = mails.otp().await;
    client.auth().clear().unwrap();
    assert_eq!(users.auth_with_otp(&id, "00").await.unwrap_err().status(), Some(400));
    let auth = users.auth_with_otp(&id, &password).await.unwrap();
    assert_eq!(
        (client.auth().token(), &auth.record["email"]),
        (auth.token.clone(), &json!("new@example.com"))
    );

    place.settings("users", json!({ "mfa": { "enabled": true, "duration": 60 } })).await;
    let first = users.auth_with_password("new@example.com", "another password").await.unwrap_err();
    let Error::Response { status: 401, body, .. } = first else { panic!("{first}") };
    let id = users.request_otp("new@example.com").await.unwrap();
    let second = users.clone().query("mfaId", body["mfaId"].as_str().unwrap());
    second.auth_with_otp(&id, &mails.otp().await).await.unwrap();
}

/// Tidewire has no mailer yet, and says so.
async fn all_are_refused(place: &Place) {
    let client = place.client();
    let users = client.collection("users");
    users.auth_with_password(ANN, PASSWORD).await.unwrap();
    let before = client.auth().auth();
    let answers = [
        users.request_otp(ANN).await.err(),
        users.auth_with_otp("id", "p").await.err(),
        users.request_verification(ANN).await.err(),
        users.confirm_verification("t").await.err(),
        users.request_password_reset(ANN).await.err(),
        users.confirm_password_reset("t", PASSWORD).await.err(),
        users.request_email_change("new@example.com").await.err(),
        users.confirm_email_change("t", PASSWORD).await.err(),
    ];
    for (index, error) in answers.into_iter().enumerate() {
        let error = error.unwrap();
        assert!(error.status().is_some() && error.to_string().contains("not supported"), "{index}: {error}");
    }
    assert_eq!(client.auth().auth(), before);
}
