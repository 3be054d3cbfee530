//! User code in JavaScript: the files of a folder are run in QuickJS, each runtime on a thread of its own, and what they
//! register is called like every other hook. It knows events and acts (`tidewire_hooks`), but no store and no dialect.

mod acts;
mod crons;
mod engine;
mod error;
mod fetch;
mod input;
mod lane;
mod modules;
mod natives;
mod options;
mod pool;
mod run;
mod schedule;
mod script;
mod scripts;
mod set;
mod sources;
mod stage;
mod talk;

pub use error::LoadError;
pub use options::Options;
pub use schedule::Schedule;
pub use scripts::{HandsMaker, Scripts};
