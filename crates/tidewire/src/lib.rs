//! Tidewire inside of a Rust program: the whole server, with hooks that are closures.
//!
//! ```no_run
//! use tidewire::{Event, Tidewire};
//!
//! #[tokio::main]
//! async fn main() -> anyhow::Result<()> {
//!     Tidewire::builder()
//!         .dir("tw_data")
//!         .http(([127, 0, 0, 1], 8090))
//!         .on_collection(Event::RecordBeforeCreate, "posts", |moment| {
//!             if moment.record("title").is_none_or(|title| title == "") {
//!                 return moment.abort(422, "A post needs a title.");
//!             }
//!             moment.set("status", "draft");
//!             Ok(())
//!         })
//!         .on(Event::RecordAfterCreate, |moment| {
//!             let id = moment.record("id").cloned().unwrap_or_default();
//!             moment.publish("jobs/created", id)
//!         })
//!         .build()
//!         .serve()
//!         .await
//! }
//! ```

mod acts;
mod builder;
mod moment;
mod pool;
mod records;
mod server;

pub use builder::{Builder, Tidewire};
pub use moment::{Moment, MomentRecords};
pub use records::Records;
pub use server::Server;
pub use tidewire_hooks::{Act, ActError, Event, Hands, HookError, Occasion, Registration};
pub use tidewire_records::hooks::Retry;
pub use tidewire_server::config::Config;
