//! A server in a process of its own, on a free loopback port and a temporary folder.

use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::http::Connection;
use crate::keeper::{Keeper, Kept};
use crate::program::Program;
use crate::setup::sign_in;
use crate::world::KEY;

const START: Duration = Duration::from_secs(20);
pub const EMAIL: &str = "root@example.com";
pub const PASSWORD: &str = "root-password";

/// A running server; ends when dropped.
pub struct Server {
    program: Arc<Program>,
    keeper: Keeper,
    process: Kept,
    pub address: SocketAddr,
    /// Token of a superuser.
    pub token: String,
    folder: TempDir,
}

impl Server {
    pub fn start(program: &Arc<Program>, keeper: &Keeper) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (process, address) = spawn(program, keeper, &folder)?;
        let program = program.clone();
        let mut server =
            Server { program, keeper: keeper.clone(), process, address, token: String::new(), folder };
        server.wait()?;
        server.command(&["superuser", "upsert", EMAIL, PASSWORD])?;
        if server.program.has_sockets() {
            server.command(&["key", "create", "default", "--key", KEY])?;
        }
        server.token = sign_in(server.address, "_superusers", EMAIL, PASSWORD)?;
        Ok(server)
    }

    /// Ends it as an operator would and starts a new process on the same data, whose memory has no past.
    pub fn restart(&mut self) -> Result<()> {
        self.process.end()?;
        (self.process, self.address) = spawn(&self.program, &self.keeper, &self.folder)?;
        self.wait()
    }

    /// A file of user code; it holds from the next start on.
    pub fn write_hook(&self, script: &str) -> Result<()> {
        let folder = self.folder.path().join("data").join("hooks");
        std::fs::create_dir_all(&folder)?;
        Ok(std::fs::write(folder.join("bench.js"), script)?)
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    fn command(&self, arguments: &[&str]) -> Result<()> {
        let made = Command::new(&self.program.path)
            .args(arguments)
            .arg(data(&self.folder))
            .stdout(Stdio::null())
            .status()?;
        if !made.success() {
            bail!("{} {}: {made}", self.program.name(), arguments[0]);
        }
        Ok(())
    }

    fn wait(&self) -> Result<()> {
        let begun = Instant::now();
        loop {
            if self.process.has_ended()? {
                bail!("the server ended at its start");
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

fn spawn(program: &Program, keeper: &Keeper, folder: &TempDir) -> Result<(Kept, SocketAddr)> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let child = Command::new(&program.path)
        .args(["serve", &format!("--http={address}"), &data(folder)])
        .env("TIDEWIRE_RATE_LIMIT", "off")
        .envs(program.environment().iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| program.path.display().to_string())?;
    Ok((keeper.keep(child), address))
}

fn data(folder: &TempDir) -> String {
    format!("--dir={}", folder.path().join("data").display())
}
