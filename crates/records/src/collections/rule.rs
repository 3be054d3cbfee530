use crate::rule::RULE_LIMITS;
use std::sync::Arc;
use tidewire_model::{Catalog, Collection, Language};
use tidewire_rules::{Audience, Expr, Rule};

/// What a rule decides about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleOf {
    List,
    View,
    Create,
    Update,
    Delete,
}

/// Why a text cannot be a rule.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct RuleFault {
    pub message: String,
    /// where in the text, if it could not be read; in characters for SnackBase's language, else in bytes
    pub at: Option<usize>,
}

impl RuleOf {
    pub const ALL: [Self; 5] = [Self::List, Self::View, Self::Create, Self::Update, Self::Delete];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::View => "view",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// Whether a text can be a rule of the collection, in the collection's language.
pub fn check_rule(
    catalog: &Arc<Catalog>,
    collection: &Arc<Collection>,
    of: RuleOf,
    text: &str,
) -> Result<(), RuleFault> {
    let expr = Expr::parse_in(collection.language, text, RULE_LIMITS)
        .map_err(|error| RuleFault { message: error.message, at: Some(error.at) })?;
    let unplaced = |message: String| RuleFault { message, at: None };
    if collection.language == Language::SnackBase
        && expr.reads_data()
        && !matches!(of, RuleOf::Create | RuleOf::Update)
    {
        let text = "'@request.data.*' can only be used in create/update rules, not in";
        return Err(unplaced(format!("{text} '{}' rules", of.as_str())));
    }
    let tenant = collection.owner.clone().unwrap_or_default();
    Rule::resolve(&expr, catalog, &tenant, collection, Audience::Rule)
        .map_err(|error| unplaced(error.to_string()))?;
    Ok(())
}
