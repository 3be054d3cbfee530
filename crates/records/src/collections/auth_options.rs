use super::templates;
use serde_json::json;
use tidewire_model::collection::{PasswordAuth, TokenOptions};
use tidewire_model::oauth2::OAuth2;
use tidewire_model::{AuthOptions, id};

/// The members that hold a secret.
pub(super) const TOKENS: [&str; 5] =
    ["authToken", "passwordResetToken", "emailChangeToken", "verificationToken", "fileToken"];

/// Options of a new auth collection, with secrets of its own.
pub(crate) fn new() -> AuthOptions {
    AuthOptions {
        auth_rule: Some("".into()),
        manage_rule: None,
        auth_alert: json!({ "enabled": true, "emailTemplate": templates::auth_alert() }),
        oauth2: OAuth2::default(),
        password_auth: PasswordAuth::default(),
        mfa: json!({ "duration": 600, "enabled": false, "rule": "" }),
        otp: json!({
            "duration": 180, "emailTemplate": templates::otp(), "enabled": false, "length": 8,
        }),
        auth_token: token(432_000),
        password_reset_token: token(1800),
        email_change_token: token(1800),
        verification_token: token(86_400),
        file_token: token(180),
        verification_template: templates::verification(),
        reset_password_template: templates::password_reset(),
        confirm_email_change_template: templates::email_change(),
    }
}

pub(crate) fn new_secret() -> Box<str> {
    id::secret(50).into()
}

fn token(duration: i64) -> TokenOptions {
    TokenOptions { duration, secret: new_secret() }
}
