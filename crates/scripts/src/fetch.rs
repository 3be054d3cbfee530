use serde::Deserialize;
use serde_json::json;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};
use tidewire_outbound::{Client, Request};
use tokio::runtime::Handle;

/// Sends requests for a runtime, whose thread waits meanwhile.
#[derive(Clone, Debug)]
pub struct Fetch {
    pub client: Client,
    pub tokio: Handle,
}

/// A request, as the prelude words it.
#[derive(Deserialize)]
struct Asked {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    timeout: Option<f64>,
}

impl Fetch {
    /// The answer, as the prelude reads it. Waits no longer than until the deadline.
    pub fn send(&self, text: &str, deadline: Instant) -> String {
        let outcome = read(text).and_then(|request| self.wait(request, deadline));
        match outcome {
            Ok(response) => {
                let body = String::from_utf8_lossy(&response.body);
                json!({ "done": { "status": response.status, "headers": response.headers, "body": body } })
            }
            Err(error) => json!({ "error": error }),
        }
        .to_string()
    }

    fn wait(&self, mut request: Request, deadline: Instant) -> Result<tidewire_outbound::Response, String> {
        let left = deadline.saturating_duration_since(Instant::now());
        request.timeout = Some(request.timeout.map_or(left, |wanted| wanted.min(left)));
        let (done, answer) = sync_channel(1);
        let client = self.client.clone();
        let task = self.tokio.spawn(async move {
            let _ = done.send(client.send(request).await);
        });
        match answer.recv_timeout(left) {
            Ok(outcome) => outcome.map_err(|error| error.to_string()),
            Err(RecvTimeoutError::Timeout) => {
                task.abort();
                Err("it took longer than the hook may".to_owned())
            }
            Err(RecvTimeoutError::Disconnected) => Err("the server stops".to_owned()),
        }
    }
}

fn read(text: &str) -> Result<Request, String> {
    let asked: Asked = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let timeout = asked.timeout.map(Duration::try_from_secs_f64).transpose();
    let timeout = timeout.map_err(|_| "timeout must be a number of seconds".to_owned())?;
    let Asked { method, url, headers, body, .. } = asked;
    Ok(Request { method, url, headers, body: body.into_bytes(), timeout })
}
