//! A server in a process of its own, on a free loopback port and a temporary folder.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;
use tempfile::TempDir;

use crate::http::Connection;
use crate::setup::KEY;

const START: Duration = Duration::from_secs(20);
pub const EMAIL: &str = "root@example.com";
pub const PASSWORD: &str = "root-password";

/// A program that is measured.
pub struct Program {
    pub name: &'static str,
    pub path: PathBuf,
    /// it speaks CocoBase's protocol
    pub has_sockets: bool,
    /// environment with which commits do not wait for the disk
    pub unsynced: &'static [(&'static str, &'static str)],
}

/// A running server; ends when dropped.
pub struct Server {
    process: Child,
    pub address: SocketAddr,
    /// Token of a superuser.
    pub token: String,
    _folder: TempDir,
}

impl Server {
    pub fn start(program: &Program) -> Result<Self> {
        Self::start_with(program, &[])
    }

    /// A server whose commits do not wait for the disk.
    pub fn start_unsynced(program: &Program) -> Result<Self> {
        Self::start_with(program, program.unsynced)
    }

    fn start_with(program: &Program, environment: &[(&str, &str)]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let data = format!("--dir={}", folder.path().join("data").display());
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let process = Command::new(&program.path)
            .args(["serve", &format!("--http={address}"), &data])
            .env("TIDEWIRE_RATE_LIMIT", "off")
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| program.path.display().to_string())?;
        let mut server = Server { process, address, token: String::new(), _folder: folder };
        server.wait()?;
        let made = Command::new(&program.path)
            .args(["superuser", "upsert", EMAIL, PASSWORD, &data])
            .stdout(Stdio::null())
            .status()?;
        if !made.success() {
            bail!("{} superuser upsert: {made}", program.name);
        }
        if program.has_sockets {
            let made = Command::new(&program.path)
                .args(["key", "create", "default", "--key", KEY, &data])
                .stdout(Stdio::null())
                .status()?;
            if !made.success() {
                bail!("{} key create: {made}", program.name);
            }
        }
        server.token = sign_in(address, "_superusers", EMAIL, PASSWORD)?;
        Ok(server)
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    fn wait(&mut self) -> Result<()> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait()? {
                bail!("the server ended: {status}");
            }
            let answer =
                Connection::open(self.address, "").and_then(|mut c| c.send("GET", "/api/health", ""));
            if answer.is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            if begun.elapsed() > START {
                bail!("the server did not answer within {START:?}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the token of a record of an auth collection.
pub fn sign_in(address: SocketAddr, collection: &str, identity: &str, password: &str) -> Result<String> {
    let path = format!("/api/collections/{collection}/auth-with-password");
    let body = json!({"identity": identity, "password": password});
    let answer = Connection::open(address, "")?.json("POST", &path, &body)?;
    Ok(answer["token"].as_str().context("no token in the answer")?.to_owned())
}
