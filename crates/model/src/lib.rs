//! What everything in Tidewire talks about: values, records, collections, changes, principals, tenants.
//!
//! No I/O and no async here. Every other crate depends on this one; it depends on none of them.

pub mod backlog;
pub mod catalog;
pub mod chance;
pub mod change;
pub mod collection;
pub mod field;
pub mod id;
pub mod json;
pub mod message;
pub mod oauth2;
pub mod operations;
pub mod principal;
pub mod record;
pub mod tenant;
pub mod time;
pub mod timings;
pub mod topics;
pub mod value;

pub use backlog::{Backlog, BacklogBounds, Room};
pub use catalog::Catalog;
pub use change::{Action, Change, Epoch, Position, Seq};
pub use collection::{AuthOptions, Collection, CollectionKind, Language, Projections, Rules};
pub use field::{Field, FieldKind};
pub use message::{Kept, Message, MessageError};
pub use operations::Operations;
pub use principal::{Identity, Principal};
pub use record::Record;
pub use tenant::TenantId;
pub use time::Timestamp;
pub use timings::Timings;
pub use topics::{TopicRule, Topics};
pub use value::{GeoPoint, Value};
