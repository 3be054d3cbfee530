//! The exchange of a code.

use crate::known::Credentials;
use crate::user_info::AGENT;
use crate::{Grant, OAuthError, Provider};
use http::{HeaderValue, StatusCode, header};
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AuthType, AuthorizationCode, ClientId, ClientSecret, ExtraTokenFields, HttpRequest, HttpResponse,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, StandardRevocableToken, StandardTokenResponse,
    TokenResponse as _, TokenUrl,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::time::Duration;
use tidewire_model::Timestamp;
use tidewire_outbound::{OutboundError, Request};

/// What a code was exchanged for.
pub(crate) struct Token {
    pub access: String,
    pub refresh: String,
    /// "" if it is not told
    pub expiry: String,
    /// "" if there is none
    pub id_token: String,
    /// what else came with it
    pub rest: Map<String, Json>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Rest {
    #[serde(flatten)]
    members: Map<String, Json>,
}

impl ExtraTokenFields for Rest {}

type Response = StandardTokenResponse<Rest, BasicTokenType>;
type Client = oauth2::Client<
    BasicErrorResponse,
    Response,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
>;
type Failure = RequestTokenError<OutboundError, BasicErrorResponse>;

pub(crate) async fn exchange(
    client: &tidewire_outbound::Client,
    provider: &Provider,
    grant: &Grant<'_>,
) -> Result<Token, OAuthError> {
    let first = match provider.known.credentials {
        Credentials::Body => AuthType::RequestBody,
        Credentials::Header | Credentials::Either => AuthType::BasicAuth,
    };
    match request(client, provider, grant, first).await? {
        Ok(response) => Ok(Token::of(response)),
        // who did not know the client did not take its code
        Err(failure) if provider.known.credentials == Credentials::Either && is_unknown_client(&failure) => {
            let second = request(client, provider, grant, AuthType::RequestBody).await?;
            second.map(Token::of).map_err(|failure| OAuthError::Token(text(&failure)))
        }
        Err(failure) => Err(OAuthError::Token(text(&failure))),
    }
}

async fn request(
    client: &tidewire_outbound::Client,
    provider: &Provider,
    grant: &Grant<'_>,
    credentials: AuthType,
) -> Result<Result<Response, Failure>, OAuthError> {
    let url = TokenUrl::new(provider.token_url().to_owned()).map_err(|_| OAuthError::Address("tokenURL"))?;
    let mut asking = Client::new(ClientId::new(provider.options.client_id.to_string()))
        .set_client_secret(ClientSecret::new(provider.options.client_secret.to_string()))
        .set_auth_type(credentials)
        .set_token_uri(url);
    if !grant.redirect_url.is_empty() {
        let redirect = RedirectUrl::new(grant.redirect_url.to_owned());
        let redirect = redirect.map_err(|_| OAuthError::Token("the redirect URL is no URL".into()))?;
        asking = asking.set_redirect_uri(redirect);
    }
    let mut exchange = asking.exchange_code(AuthorizationCode::new(grant.code.to_owned()));
    if provider.pkce() {
        exchange = exchange.set_pkce_verifier(PkceCodeVerifier::new(grant.verifier.to_owned()));
    }
    let send = |request: HttpRequest| send(client.clone(), request);
    Ok(exchange.request_async(&send).await)
}

async fn send(
    client: tidewire_outbound::Client,
    request: HttpRequest,
) -> Result<HttpResponse, OutboundError> {
    let (parts, body) = request.into_parts();
    let texts = parts.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let headers = texts.chain([AGENT]).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let request = Request {
        method: parts.method.to_string(),
        url: parts.uri.to_string(),
        headers,
        body,
        timeout: None,
    };
    let answer = client.send(request).await?;
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    Ok(response(status, &answer.body))
}

/// The answer as the standard has it: many do not keep to the standard.
fn response(status: StatusCode, body: &[u8]) -> HttpResponse {
    let mut members = members(body);
    let failed = !members.contains_key("access_token");
    if !failed {
        tidy(&mut members);
    }
    // some refuse with 200, and all that is no success is read as a refusal
    let status = if status.is_success() && !failed { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let mut response = HttpResponse::new(Json::Object(members).to_string().into_bytes());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// JSON, or a form.
fn members(body: &[u8]) -> Map<String, Json> {
    match serde_json::from_slice(body) {
        Ok(Json::Object(members)) => members,
        Ok(_) => Map::new(),
        Err(_) => {
            let pairs = form_urlencoded::parse(body).into_owned();
            pairs.map(|(name, value)| (name, Json::String(value))).collect()
        }
    }
}

fn tidy(members: &mut Map<String, Json>) {
    // all use bearer tokens, whatever they call them
    members.insert("token_type".to_owned(), "bearer".into());
    // nobody needs the scopes, and they come as texts, lists and with commas
    members.remove("scope");
    for name in ["refresh_token", "id_token"] {
        if members.get(name).is_some_and(|value| !value.is_string()) {
            members.remove(name);
        }
    }
    let seconds = match members.remove("expires_in") {
        Some(Json::String(text)) => text.parse().ok(),
        Some(Json::Number(number)) => number.as_u64(),
        _ => None,
    };
    if let Some(seconds) = seconds.filter(|seconds| *seconds > 0) {
        members.insert("expires_in".to_owned(), seconds.into());
    }
}

impl Token {
    fn of(response: Response) -> Self {
        let rest = response.extra_fields().members.clone();
        Self {
            access: response.access_token().secret().clone(),
            refresh: response.refresh_token().map(|token| token.secret().clone()).unwrap_or_default(),
            expiry: response.expires_in().map(expiry).unwrap_or_default(),
            id_token: rest.get("id_token").and_then(Json::as_str).unwrap_or_default().to_owned(),
            rest,
        }
    }
}

fn expiry(lifetime: Duration) -> String {
    let milliseconds = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
    Timestamp(Timestamp::now().0.saturating_add(milliseconds)).to_text()
}

fn is_unknown_client(failure: &Failure) -> bool {
    match failure {
        Failure::ServerResponse(answer) => {
            !matches!(answer.error().as_ref(), "invalid_grant" | "invalid_scope" | "access_denied")
        }
        Failure::Parse(..) | Failure::Other(_) => true,
        Failure::Request(_) => false,
    }
}

/// The answer itself may hold secrets, so that it is not told.
fn text(failure: &Failure) -> String {
    match failure {
        Failure::ServerResponse(answer) => {
            let description = answer.error_description().map(String::as_str).unwrap_or_default();
            format!("{} {description}", answer.error().as_ref()).trim().to_owned()
        }
        Failure::Request(error) => error.to_string(),
        Failure::Parse(..) | Failure::Other(_) => "the provider's answer cannot be read".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> (u16, String) {
        let response = response(StatusCode::from_u16(status).unwrap(), body.as_bytes());
        (response.status().as_u16(), String::from_utf8(response.body().clone()).unwrap())
    }

    #[test]
    fn answers_are_brought_to_the_standard() {
        for (status, body, expected, json) in [
            (200, r#"{"access_token":"a"}"#, 200, r#"{"access_token":"a","token_type":"bearer"}"#),
            (
                200,
                r#"{"access_token":"a","token_type":7,"scope":["x","y"],"expires_in":"60","refresh_token":null}"#,
                200,
                r#"{"access_token":"a","expires_in":60,"token_type":"bearer"}"#,
            ),
            (
                201,
                "access_token=a&scope=x%2Cy&expires_in=never",
                200,
                r#"{"access_token":"a","token_type":"bearer"}"#,
            ),
            (200, r#"{"error":"bad_code"}"#, 400, r#"{"error":"bad_code"}"#),
            (
                401,
                r#"{"access_token":"a","expires_in":-1}"#,
                400,
                r#"{"access_token":"a","token_type":"bearer"}"#,
            ),
            (200, "[]", 400, "{}"),
            (500, "", 400, "{}"),
        ] {
            assert_eq!(read(status, body), (expected, json.to_owned()), "{body}");
        }
    }
}
