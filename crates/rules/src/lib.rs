//! The filter language: text → [`Expr`] → [`Rule`] (names resolved against a catalog) → [`Residual`]
//! (`@request.*` replaced by what is known of one request) → yes or no in memory, or SQL. Pure: no I/O, no database.

mod clock;
mod compare;
mod document;
mod equality;
mod eval;
mod facet;
mod facts;
mod fold;
mod formula;
mod function;
mod geo;
mod index;
mod key;
mod like;
mod local;
mod node;
mod number;
mod place;
mod query;
mod reads;
mod residual;
mod resolve;
mod rule;
mod scalar;
mod snackbase;
mod sort;
mod sql;
mod strftime;
mod syntax;

pub use document::{DOCUMENT_TEST, DocumentFilter, DocumentFilterError, DocumentTest, ValueForm, shown_time};
pub use facts::Facts;
pub use formula::Formula;
pub use geo::{GEO_DISTANCE, geo_distance};
pub use query::{Aggregate, Function, Query, SqlValue, Statement, TENANT_COLUMN, Tables};
pub use reads::Reads;
pub use residual::{Equality, Facet, Residual, Truth};
pub use rule::{Audience, ResolveError, Rule};
pub use sort::{Sort, SortError};
pub use sql::document_key;
pub use syntax::{Expr, Limits, SyntaxError};
