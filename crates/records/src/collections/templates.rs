//! Texts of the e-mails that auth collections send unless told otherwise.

use serde_json::{Value as Json, json};

pub(super) fn auth_alert() -> Json {
    template(
        "New sign-in to {APP_NAME}",
        "somebody signed in to your {APP_NAME} account from a place that we did not know: {ALERT_INFO}</p>\n\
         <p>If it was not you, please change your password at once: that ends all other sessions.",
    )
}

pub(super) fn otp() -> Json {
    template(
        "Your code for {APP_NAME}",
        "your one-time code is <strong>{OTP}</strong>.</p>\n\
         <p>If you did not ask for a code, nothing needs to be done.",
    )
}

pub(super) fn verification() -> Json {
    linked(
        "Please verify your {APP_NAME} address",
        "confirm-verification",
        "Verify this address",
        "thank you for joining {APP_NAME}. Please confirm that this address is yours:",
    )
}

pub(super) fn password_reset() -> Json {
    linked(
        "A new password for {APP_NAME}",
        "confirm-password-reset",
        "Choose a new password",
        "a new password was asked for. If it was you, choose one here:",
    )
}

pub(super) fn email_change() -> Json {
    linked(
        "Please confirm your new {APP_NAME} address",
        "confirm-email-change",
        "Confirm the new address",
        "this is to become the address of your account. Please confirm it:",
    )
}

fn linked(subject: &str, page: &str, label: &str, text: &str) -> Json {
    let link = format!("<a href=\"{{APP_URL}}/_/#/auth/{page}/{{TOKEN}}\">{label}</a>");
    template(subject, &format!("{text}</p>\n<p>{link}"))
}

fn template(subject: &str, text: &str) -> Json {
    json!({ "subject": subject, "body": format!("<p>Hello,</p>\n<p>{text}</p>\n<p>{{APP_NAME}}</p>") })
}
