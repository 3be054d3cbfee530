//! `tidewire token`: makes tokens, and says what is in one.

use crate::connect::Identity;
use crate::signins::SignIns;
use crate::{CODES, Failure, Output, Remote, output, password};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use std::io::Read as _;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  tidewire token --superuser root@example.com --seconds 600
  tidewire token --collection users ann@example.com --save
  tidewire watch posts --as users:ann@example.com
  tidewire token show \"$TIDEWIRE_TOKEN\"";

#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true, after_help = format!("{EXAMPLES}\n\n{CODES}"))]
pub struct TokenArgs {
    #[command(subcommand)]
    pub task: Option<TokenTask>,
    /// Makes a token of this superuser on the data folder, without a password
    #[arg(long, value_name = "EMAIL", conflicts_with_all = ["identity", "collection", "save", "password_stdin"])]
    pub superuser: Option<String>,
    /// How long the superuser's token holds
    #[arg(long, requires = "superuser", default_value_t = 3600, value_parser = clap::value_parser!(i64).range(1..=315_360_000))]
    pub seconds: i64,
    /// Who signs in, e.g. an e-mail address; the password is asked for, or taken from TIDEWIRE_PASSWORD
    #[arg(required_unless_present = "superuser")]
    pub identity: Option<String>,
    /// Collection of who signs in
    #[arg(long, default_value = "users")]
    pub collection: String,
    /// Address of the server
    #[arg(long, default_value = "http://127.0.0.1:8090", env = "TIDEWIRE_URL", hide_env = true)]
    pub url: String,
    /// Reads the password from the first line of stdin
    #[arg(long)]
    pub password_stdin: bool,
    /// Keeps the token for --as of other commands, in the folder of your settings, instead of printing it
    #[arg(long)]
    pub save: bool,
    /// Prints one line of JSON: the token, and what is in it
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Debug, Subcommand)]
pub enum TokenTask {
    /// Says whose token it is and how long it holds; whether its signature is good, only the server knows
    Show {
        /// The token; from stdin without one
        token: Option<String>,
        /// One line of JSON
        #[arg(long)]
        json: bool,
    },
}

pub async fn run(args: TokenArgs, out: &mut Output) -> Result<(), Failure> {
    match (&args.task, &args.identity) {
        (Some(TokenTask::Show { token, json }), _) => show(token.as_deref(), *json, out),
        (None, Some(identity)) => sign_in(&args, identity, out).await,
        (None, None) => Err(Failure::Usage("name who signs in".to_owned())),
    }
}

async fn sign_in(args: &TokenArgs, identity: &str, out: &mut Output) -> Result<(), Failure> {
    let connect = crate::Connect { url: args.url.clone(), token: None, sign_in: None::<Identity> };
    let remote = Remote::open(&connect, out).await?;
    let password = password::ask(&out.surroundings, identity, args.password_stdin)?;
    let (token, record) = remote.sign_in(&args.collection, identity, &password).await?;
    if args.save {
        let who = Identity { collection: args.collection.clone(), identity: identity.to_owned() };
        let path = SignIns::at(out.surroundings.config.as_deref()).keep(&args.url, &who, token, record)?;
        output::note(&format!("kept in {}: use --as {}:{identity}", path.display(), args.collection));
        return Ok(());
    }
    print(&token, args.json, out)
}

/// Prints a token that was just made.
pub fn print(token: &str, json: bool, out: &mut Output) -> Result<(), Failure> {
    if !json {
        return out.line(token);
    }
    let mut shown = describe(token)?;
    shown["token"] = token.into();
    out.line(&shown.to_string())
}

fn show(token: Option<&str>, json: bool, out: &mut Output) -> Result<(), Failure> {
    let token = match token {
        Some(token) => token.to_owned(),
        None => {
            let mut text = String::new();
            std::io::stdin().lock().take(1 << 16).read_to_string(&mut text)?;
            text.trim().to_owned()
        }
    };
    let shown = describe(&token)?;
    if json {
        return out.line(&shown.to_string());
    }
    for (name, value) in shown.as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), crate::table::plain);
        out.line(&format!("{name:<12} {text}"))?;
    }
    Ok(())
}

/// What a token says of itself.
fn describe(token: &str) -> Result<Json, Failure> {
    let claims = claims(token).ok_or_else(|| Failure::Failed("this is no token".to_owned()))?;
    let seconds = expiry(&claims);
    let expires = seconds.and_then(|at| Timestamp::from_second(at).ok());
    let named =
        |names: [&str; 2]| names.into_iter().find_map(|name| claims[name].as_str()).unwrap_or_default();
    Ok(json!({
        "id": named(["id", "user_id"]),
        "collection": claims["collectionId"],
        "account": named(["tenant", "account_id"]),
        "type": claims["type"],
        "expires": expires.map(|at| at.to_string()),
        "expired": seconds.is_some_and(|at| at <= Timestamp::now().as_second()),
    }))
}

fn claims(token: &str) -> Option<Json> {
    let mut parts = token.split('.');
    let (_, middle, _) = (parts.next()?, parts.next()?, parts.next()?);
    let claims: Json =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(middle.trim_end_matches('=')).ok()?).ok()?;
    claims.is_object().then_some(claims)
}

#[expect(clippy::cast_possible_truncation, reason = "a time beyond all numbers holds for ever")]
fn expiry(claims: &Json) -> Option<i64> {
    claims["exp"].as_i64().or_else(|| claims["exp"].as_f64().map(|at| at as i64))
}

/// The token, unless it is plain that it is none or holds no more: a server would take its owner for a guest.
pub(crate) fn checked(token: &str) -> Result<String, Failure> {
    let found = claims(token);
    let claims =
        found.ok_or_else(|| Failure::Denied("the token is none: `tidewire token` makes one".to_owned()))?;
    if expiry(&claims).is_some_and(|until| until <= Timestamp::now().as_second()) {
        return Err(Failure::Denied("the token has expired: `tidewire token` makes another".to_owned()));
    }
    Ok(token.to_owned())
}

/// How long until it ends; `None` if it never does, or is none.
pub(crate) fn left(token: &str) -> Option<Duration> {
    let until = Timestamp::from_second(expiry(&claims(token)?)?).ok()?;
    Some(Duration::try_from(until - Timestamp::now()).unwrap_or_default())
}

/// Whether it can be used a minute from now.
pub(crate) fn holds(token: &str) -> bool {
    let until = claims(token).and_then(|claims| expiry(&claims));
    until.is_some_and(|until| until > Timestamp::now().as_second() + 60)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn token(exp: i64) -> String {
        let claims = json!({ "id": "u1", "collectionId": "c1", "type": "auth", "exp": exp });
        format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    #[test]
    fn a_token_says_whose_it_is() {
        let shown = describe(&token(4_000_000_000)).unwrap();
        assert_eq!(
            shown,
            json!({ "id": "u1", "collection": "c1", "account": "", "type": "auth", "expires": "2096-10-02T07:06:40Z", "expired": false })
        );
        assert_eq!(describe(&token(1)).unwrap()["expired"], true);
        assert!(holds(&token(4_000_000_000)) && !holds(&token(1)));
        assert!(left(&token(4_000_000_000)) > Some(Duration::ZERO) && left("a").is_none());
        assert_eq!(left(&token(1)), Some(Duration::ZERO));
        assert_eq!(checked(&token(4_000_000_000)).unwrap(), token(4_000_000_000));
        assert_eq!((checked(&token(1)).unwrap_err().code(), checked("a").unwrap_err().code()), (4, 4));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for wrong in ["", "a", "a.b.c", "..", "e30.W10.x"] {
            assert_eq!(describe(wrong).unwrap_err(), Failure::Failed("this is no token".into()), "{wrong}");
        }
    }
}
