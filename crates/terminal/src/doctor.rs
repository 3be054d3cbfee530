//! What `tidewire doctor` reports, and the checks that need nothing but a server's address.

mod remote;

use crate::{CODES, Failure, Output};
use anstyle::AnsiColor;
use clap::Args;
use serde_json::{Value as Json, json};
use std::path::PathBuf;

pub use remote::remote;

#[derive(Args, Clone, Debug)]
#[command(after_help = CODES)]
pub struct DoctorArgs {
    /// Also looks at the server at this address, through every proxy in front of it
    #[arg(long, env = "TIDEWIRE_URL", hide_env = true)]
    pub url: Option<String>,
    /// Address that the server listens on, or will
    #[arg(long, default_value = "127.0.0.1:8090", env = "TIDEWIRE_HTTP", hide_env = true)]
    pub http: String,
    /// Sockets that the server is meant to hold
    #[arg(long, default_value_t = 100_000, env = "TIDEWIRE_CONNECTIONS", hide_env = true)]
    pub connections: u64,
    /// Folder of hooks in JavaScript [default: hooks in the data folder]
    #[arg(long, env = "TIDEWIRE_HOOKS_DIR", hide_env = true)]
    pub hooks_dir: Option<PathBuf>,
    /// One line of JSON per check
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Ok,
    Warn,
    Fail,
}

impl Verdict {
    fn text(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub name: &'static str,
    pub verdict: Verdict,
    /// what was found
    pub found: String,
    /// what to do; "" if nothing
    pub advice: String,
}

impl Check {
    pub fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, found: found.into(), advice: String::new() }
    }

    pub fn warn(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Warn, found: found.into(), advice: advice.into() }
    }

    pub fn fail(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Fail, found: found.into(), advice: advice.into() }
    }

    fn json(&self) -> Json {
        json!({ "check": self.name, "verdict": self.verdict.text(), "found": self.found, "advice": self.advice })
    }
}

/// Prints the checks; a failure if one has failed.
pub fn report(checks: &[Check], json: bool, out: &mut Output) -> Result<(), Failure> {
    for check in checks {
        if json {
            out.line(&check.json().to_string())?;
            continue;
        }
        let color = match check.verdict {
            Verdict::Ok => AnsiColor::Green,
            Verdict::Warn => AnsiColor::Yellow,
            Verdict::Fail => AnsiColor::Red,
        };
        let verdict = out.paint(color.on_default(), &format!("{:<4}", check.verdict.text()));
        out.line(&format!("{verdict}  {:<12} {}", check.name, check.found))?;
        if !check.advice.is_empty() {
            out.line(&format!("      {:<12} {}", "", check.advice))?;
        }
    }
    match checks.iter().filter(|check| check.verdict == Verdict::Fail).count() {
        0 => Ok(()),
        1 => Err(Failure::Failed("one check failed".to_owned())),
        failed => Err(Failure::Failed(format!("{failed} checks failed"))),
    }
}
