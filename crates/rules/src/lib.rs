//! The filter language: text → [`Expr`] → [`Rule`] (names resolved against a catalog) → [`Residual`]
//! (`@request.*` replaced by what is known of one request) → yes or no in memory, or SQL. Pure: no I/O, no database.

mod facts;
mod query;
mod residual;
mod rule;
mod sort;
mod syntax;

pub use facts::Facts;
pub use query::{Query, SqlValue, Statement, TENANT_COLUMN, Tables};
pub use residual::{Equality, Residual, Truth};
pub use rule::{Audience, ResolveError, Rule};
pub use sort::{Sort, SortError};
pub use syntax::{Expr, Limits, SyntaxError};
