//! Messages that server hooks publish on a topic of their own: `custom_topics URL`

use serde::Deserialize;
use tidewire_client::Client;
use tidewire_client::realtime::Event;

#[derive(Debug, Deserialize)]
struct Job {
    id: u64,
    status: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8090".to_owned());
    let client = Client::new(url)?;

    let mut jobs = client.realtime().subscribe::<Job>("jobs/finished").await?;
    println!("Waiting for jobs.");
    while let Some(event) = jobs.next().await {
        match event? {
            Event::Message { data, .. } => on_job(&data),
            // such messages are kept only if the server is told to
            Event::Reset { .. } | Event::Gap => println!("Reconnected; jobs may have been missed."),
            _ => {}
        }
    }
    Ok(())
}

fn on_job(job: &Job) {
    println!("Job {}: {}", job.id, job.status);
}
