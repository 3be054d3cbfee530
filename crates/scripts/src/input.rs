use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value as Json};
use tidewire_hooks::{HookError, Occasion};

/// What a function in JavaScript is called with, as texts.
pub struct Input {
    /// which of the functions
    pub index: usize,
    pub event: &'static str,
    /// small fields, one object of JSON
    pub head: String,
    /// names and JSON of fields that are parsed only if they are looked at
    pub large: Vec<(String, String)>,
}

/// What it changed.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Changes {
    set: Map<String, Json>,
    gone: Vec<String>,
    reply: Option<Reply>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Reply {
    value: Json,
}

/// What it says at its end.
#[derive(Deserialize)]
struct Answer {
    abort: Option<Abort>,
    failed: Option<String>,
    #[serde(default)]
    limit: bool,
    #[serde(flatten)]
    changes: Changes,
}

#[derive(Deserialize)]
struct Abort {
    #[serde(deserialize_with = "status")]
    status: u16,
    message: String,
}

impl Input {
    pub fn new(index: usize, occasion: &Occasion) -> serde_json::Result<Self> {
        let (mut head, mut large) = (Vec::with_capacity(256), Vec::new());
        head.push(b'{');
        for (name, value) in &occasion.fields {
            if matches!(value, Json::Array(_) | Json::Object(_)) {
                large.push((name.clone(), serde_json::to_string(value)?));
                continue;
            }
            if head.len() > 1 {
                head.push(b',');
            }
            serde_json::to_writer(&mut head, name)?;
            head.push(b':');
            serde_json::to_writer(&mut head, value)?;
        }
        head.push(b'}');
        // serde_json writes UTF-8
        let head = String::from_utf8(head).unwrap_or_default();
        Ok(Self { index, event: occasion.event.name(), head, large })
    }
}

impl Changes {
    pub fn apply(self, occasion: &mut Occasion) {
        for name in self.gone {
            occasion.fields.remove(&name);
        }
        occasion.fields.extend(self.set);
        if let Some(reply) = self.reply {
            occasion.reply = Some(reply.value);
        }
    }
}

/// Reads an answer; the second says whether the runtime is sound.
pub fn read(text: &str) -> (Result<Option<Changes>, HookError>, bool) {
    match serde_json::from_str::<Answer>(text) {
        Ok(Answer { abort: Some(abort), .. }) => (Err(HookError::abort(abort.status, abort.message)), true),
        Ok(Answer { failed: Some(text), limit, .. }) => (Err(HookError::Failed(text)), !limit),
        Ok(Answer { changes, .. }) => (Ok(Some(changes)), true),
        Err(error) => (Err(HookError::Failed(format!("its answer cannot be read: {error}"))), true),
    }
}

/// Any number; one that is no status becomes 400 later.
fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let number = Json::deserialize(deserializer)?;
    Ok(number.as_u64().and_then(|number| u16::try_from(number).ok()).unwrap_or(0))
}
