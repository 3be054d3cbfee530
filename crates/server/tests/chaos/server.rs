//! The built program as a process that can be killed.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

pub const EMAIL: &str = "root@example.com";
pub const PASSWORD: &str = "a-long-password";

/// Keeps folder and port over its lives.
pub struct Server {
    pub address: SocketAddr,
    folder: TempDir,
    process: Option<Child>,
}

impl Server {
    /// With a superuser.
    pub async fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut server = Self { address: free, folder: TempDir::new().unwrap(), process: None };
        let made = server.command().args(["superuser", "upsert", EMAIL, PASSWORD]).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        server.run().await;
        server
    }

    /// Starts it and waits until it listens.
    pub async fn run(&mut self) {
        let http = format!("--http={}", self.address);
        self.process = Some(self.command().args(["serve", &http]).spawn().unwrap());
        while tokio::net::TcpStream::connect(self.address).await.is_err() {
            let process = self.process.as_mut().unwrap();
            assert!(process.try_wait().unwrap().is_none(), "the server ended by itself");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// As a power cut would, but for what the system has not written yet.
    pub fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    pub fn dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidewire"));
        command.arg("--dir").arg(self.dir()).env("TIDEWIRE_LOG", "warn").stdout(Stdio::null());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // a process that is gone already cannot be killed
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
