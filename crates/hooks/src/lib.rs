//! User code around the feed: events, an ordered registry of handlers, and the acts that handlers may ask for. It knows no
//! language that handlers are written in, no store and no dialect.

mod event;
mod handler;
mod hands;
mod hooks;
mod limits;
mod memory;
mod occasion;
mod registration;
mod stats;
mod voice;

pub use event::Event;
pub use handler::{Asking, Elsewhere, Handler, HookError, Refusal};
pub use hands::{Act, ActError, Hands, NoHands};
pub use hooks::{HookId, Hooks};
pub use limits::{LONGEST, Limits};
pub use memory::{Memory, Unsettled};
pub use occasion::Occasion;
pub use registration::Registration;
pub use stats::Stats;
pub use voice::Voice;
