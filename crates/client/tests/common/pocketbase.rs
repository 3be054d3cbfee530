use super::{PASSWORD, ROOT};
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tidewire_client::Client;

/// The real PocketBase as a child process, on a folder of its own.
pub struct Server {
    pub url: String,
    binary: String,
    folder: TempDir,
    child: Option<Child>,
}

impl Server {
    /// Without a binary the test says that it does nothing; straight to stderr, for the words of tests that pass are kept back.
    pub async fn start() -> Option<Self> {
        let Some(binary) = binary() else {
            let test = std::thread::current().name().unwrap_or_default().to_owned();
            let line = format!("SKIPPED {test}: TIDEWIRE_POCKETBASE names no binary of PocketBase\n");
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            return None;
        };
        let folder = TempDir::new().unwrap();
        let made = command(&binary, folder.path()).args(["superuser", "upsert", ROOT, PASSWORD]).output();
        let made = made.unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut server = Self { url: String::new(), binary, folder, child: None };
        server.run().await;
        Some(server)
    }

    /// Begins it, on its former address if it had one, and waits until it answers.
    pub async fn run(&mut self) {
        loop {
            if self.url.is_empty() {
                let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
                self.url = format!("http://{address}");
            }
            let address = self.url.trim_start_matches("http://");
            let child = command(&self.binary, self.folder.path())
                .args(["serve", "--http", address])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            self.child = Some(child.unwrap());
            if self.answers().await {
                return;
            }
            // somebody else took the port meanwhile
            self.url.clear();
        }
    }

    async fn answers(&mut self) -> bool {
        let client = Client::new(&self.url).unwrap();
        while client.send("GET", "api/health").read().await.is_err() {
            if self.child.as_mut().unwrap().try_wait().unwrap().is_some() {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        true
    }

    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn command(binary: &str, folder: &Path) -> Command {
    let mut command = Command::new(binary);
    // it keeps migrations beside its data, and runs those that it finds
    command.arg("--dir").arg(folder.join("data"));
    command
}

#[expect(clippy::disallowed_methods, reason = "the tests' own settings")]
fn binary() -> Option<String> {
    std::env::var("TIDEWIRE_POCKETBASE").ok().filter(|path| !path.is_empty())
}
