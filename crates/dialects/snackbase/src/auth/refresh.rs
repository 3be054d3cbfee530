use super::{attempt, hook_refusal, session};
use crate::call::Call;
use crate::error::ApiError;
use crate::token;
use crate::wire;
use axum::response::Response;
use http::StatusCode;
use tidewire_auth::SessionKind;

/// `POST /auth/refresh`: each refresh token works once.
pub async fn refresh(mut call: Call) -> Result<Response, ApiError> {
    let mut form = call.form().await?;
    let token = form.text("refresh_token");
    form.check()?;
    let wrong = || ApiError::not_authenticated("Invalid or expired refresh token");
    let session = tidewire_auth::peek_session(&token).map_err(|_| wrong())?;
    if session.kind != SessionKind::Refresh {
        return Err(wrong());
    }
    let user = token::verify(&call.app, &token, &session).map_err(|_| wrong())?;
    let (tenant, events) = (session.account.clone(), &call.app.events);
    let attempt = attempt(&call, &tenant, &user.collection.name, "", "token refresh");
    events.sign_in(&attempt).await.map_err(|refusal| hook_refusal(&refusal))?;
    let tokens = session::renew(&call.app, &token, session, user.clone()).await?.ok_or_else(wrong)?;
    events.signed_in(&attempt, &user);
    Ok(wire::ok(&tokens))
}

/// `POST /auth/logout`: ends all refresh tokens of the user.
pub async fn logout(call: Call) -> Result<Response, ApiError> {
    let identity = call.user()?;
    call.app.store.write(move |tx| session::forget_all(tx, &identity.record)).await?;
    Ok(wire::message(StatusCode::OK, "Logged out successfully"))
}
