use crate::Error;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

/// A record whose fields are read by name: for those who have no type of their own for it.
///
/// ```
/// use tidewire_client::Record;
/// let text = r#"{"id":"p1","collectionName":"posts","title":"Tides","expand":{"author":{"id":"u1","name":"Ann"}}}"#;
/// let post: Record = serde_json::from_str(text)?;
/// assert_eq!(post.get::<String>("title")?, "Tides");
/// assert_eq!(post.get::<Option<u32>>("views")?, None);
/// assert_eq!(post.expanded("author")?[0].get::<String>("name")?, "Ann");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// empty if `fields` of the request left it out, like the other two
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub collection_id: String,
    #[serde(default)]
    pub collection_name: String,
    /// what came along of its relations, by field: a record, or a list of them
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub expand: Map<String, Json>,
    /// all others
    #[serde(flatten)]
    pub fields: Map<String, Json>,
}

impl Record {
    /// A field as `T`; one that is missing reads as null.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        read(name, self.json(name))
    }

    /// The records that came along of a relation; none if it is empty, was not asked for or may not be seen.
    pub fn expanded(&self, name: &str) -> Result<Vec<Record>, Error> {
        match self.expand.get(name) {
            None => Ok(Vec::new()),
            Some(list @ Json::Array(_)) => read(name, list.clone()),
            Some(one) => Ok(vec![read(name, one.clone())?]),
        }
    }

    fn json(&self, name: &str) -> Json {
        match name {
            "id" => json!(self.id),
            "collectionId" => json!(self.collection_id),
            "collectionName" => json!(self.collection_name),
            "expand" => json!(self.expand),
            _ => self.fields.get(name).cloned().unwrap_or_default(),
        }
    }
}

fn read<T: DeserializeOwned>(name: &str, value: Json) -> Result<T, Error> {
    serde_json::from_value(value)
        .map_err(|error| Error::Field { name: name.to_owned(), reason: error.to_string() })
}
