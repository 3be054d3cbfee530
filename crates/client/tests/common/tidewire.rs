use super::{PASSWORD, ROOT};
use tempfile::TempDir;
use tidewire_server::command::Command;
use tidewire_server::config::Config;
use tidewire_server::control;
use tidewire_server::serve::Running;

/// Tidewire in this process, on a folder of its own.
pub struct Server {
    running: Option<Running>,
    config: Config,
    folder: TempDir,
}

impl Server {
    pub async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let config = Config::new("127.0.0.1:0".parse().unwrap(), folder.path());
        let mut server = Self { running: None, config, folder };
        server.run().await;
        // started anew it is found where it was
        server.config.http = server.running.as_ref().unwrap().address;
        let upsert = Command::SuperuserUpsert { email: ROOT.into(), password: PASSWORD.into() };
        let path = server.folder.path().to_owned();
        let asked = tokio::task::spawn_blocking(move || control::ask(&path, &upsert)).await;
        asked.unwrap().unwrap().unwrap().unwrap();
        server
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.config.http)
    }

    pub async fn run(&mut self) {
        // the last handles on the old store may still be going
        while self.running.is_none() {
            match Running::start(self.config.clone()).await {
                Ok(running) => self.running = Some(running),
                Err(error) => assert!(format!("{error:#}").contains("in use"), "{error:#}"),
            }
        }
    }

    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }
}
