use crate::rule::RULE_LIMITS;
use std::sync::Arc;
use tidewire_model::{Catalog, Collection};
use tidewire_rules::{Audience, Expr, Rule};

/// Whether a text can be a rule of the collection, or why not.
pub fn check_rule(catalog: &Arc<Catalog>, collection: &Arc<Collection>, text: &str) -> Result<(), String> {
    let expr = Expr::parse(text, RULE_LIMITS).map_err(|error| error.message)?;
    let tenant = collection.owner.clone().unwrap_or_default();
    Rule::resolve(&expr, catalog, &tenant, collection, Audience::Rule).map_err(|error| error.to_string())?;
    Ok(())
}
