//! Acts on the records of one collection.

use serde_json::{Map, Value as Json};
use tidewire_hooks::{Act, ActError};

/// A collection, and whether the asker's rules hold.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub collection: String,
    pub rules: bool,
}

impl Target {
    pub fn get(&self, id: &str) -> Act {
        Act::Get { collection: self.collection.clone(), id: id.to_owned(), rules: self.rules }
    }

    pub fn list(&self, filter: &str, sort: &str, page: u64, per_page: u64) -> Act {
        Act::List {
            collection: self.collection.clone(),
            filter: filter.to_owned(),
            sort: sort.to_owned(),
            page,
            per_page,
            rules: self.rules,
        }
    }

    pub fn create(&self, data: Json) -> Result<Act, ActError> {
        Ok(Act::Create { collection: self.collection.clone(), data: object(data)?, rules: self.rules })
    }

    pub fn update(&self, id: &str, data: Json) -> Result<Act, ActError> {
        let (collection, id) = (self.collection.clone(), id.to_owned());
        Ok(Act::Update { collection, id, data: object(data)?, rules: self.rules })
    }

    pub fn delete(&self, id: &str) -> Act {
        Act::Delete { collection: self.collection.clone(), id: id.to_owned(), rules: self.rules }
    }
}

fn object(data: Json) -> Result<Map<String, Json>, ActError> {
    match data {
        Json::Object(object) => Ok(object),
        _ => Err(ActError::new(400, "the data of a record are an object")),
    }
}
