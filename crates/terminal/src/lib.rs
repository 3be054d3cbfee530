//! The commands of the binary that speak to a server as any client does: they know no store, only the Rust client.
//!
//! The binary reads the environment and passes what it found in [`Surroundings`]; everything here ends in a [`Failure`],
//! which has an exit code.

mod codec;
mod columns;
mod completions;
mod connect;
pub mod doctor;
mod export;
mod failure;
mod import;
mod output;
mod password;
mod progress;
mod records;
mod remote;
mod rooms;
mod rows;
mod signins;
mod state;
mod table;
mod task;
mod token;
mod watch;

pub use clap_complete::Shell;
pub use completions::{completions, man};
pub use connect::{Connect, MaybeConnect};
pub use failure::{CODES, Failure};
pub use output::{Output, Surroundings};
pub use records::RecordsTask;
pub use remote::Remote;
pub use rooms::{RoomsArgs, RoomsTask, show as show_rooms, talk};
pub use task::Task;
pub use token::{TokenArgs, TokenTask, print as print_token};
pub use watch::WatchArgs;

/// Runs one command to its end.
pub async fn run(task: Task, surroundings: Surroundings) -> Result<(), Failure> {
    let mut out = Output::new(surroundings);
    match task {
        Task::Records(task) => records::run(task, &mut out).await,
        Task::Watch(args) => watch::run(args, &mut out).await,
        Task::Token(args) => token::run(args, &mut out).await,
    }
}

/// Sends a message to a topic over HTTP.
pub async fn publish(
    connect: &Connect,
    topic: &str,
    data: &serde_json::Value,
    surroundings: Surroundings,
) -> Result<(), Failure> {
    let mut out = Output::new(surroundings);
    let remote = Remote::open(connect, &out).await?;
    let body = serde_json::json!({ "topic": topic, "data": data });
    remote.post("api/pubsub/publish", &body).await?;
    out.line(&format!("Published to {topic:?}."))
}
