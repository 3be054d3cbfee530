use crate::eval::Eval;
use crate::facts::Facts;
use crate::node::Operand;
use crate::resolve::Resolver;
use crate::rule::{Audience, ResolveError};
use crate::scalar::Scalar;
use std::sync::Arc;
use tidewire_model::{Catalog, Collection, Record, TenantId, Timestamp, Value};

/// A value computed from the fields of one record, by an expression of SnackBase's language.
#[derive(Clone, Debug)]
pub struct Formula {
    operand: Operand,
    collection: Arc<Collection>,
    personal: bool,
}

impl Formula {
    /// The formula of a computed field of the collection.
    pub fn of_field(collection: &Arc<Collection>, field: &str) -> Result<Self, ResolveError> {
        let (catalog, tenant, facts) = (Catalog::default(), TenantId::default(), Facts::default());
        let mut resolver = Resolver::new(&catalog, &tenant, collection, Audience::Superuser, &facts);
        let operand = resolver.formula(field)?;
        Ok(Self { operand, collection: collection.clone(), personal: resolver.personal.is_some() })
    }

    /// Its value tells something of personal data.
    pub fn is_personal(&self) -> bool {
        self.personal
    }

    /// Null, a text or a number; conditions give 1, 0 or null.
    pub fn value(&self, record: &Record, now: Timestamp) -> Value {
        match Eval::new(record, &self.collection, now).operand(&self.operand, None) {
            Ok(Scalar::Int(int)) => Value::Number(int as f64),
            Ok(Scalar::Real(real)) => Value::Number(real),
            Ok(Scalar::Text(text)) => Value::text(&text),
            Ok(Scalar::Null) | Err(_) => Value::Null,
        }
    }
}
