use serde_json::{Map, Value as Json, json};
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use tempfile::TempDir;
use tidewire_hooks::{Act, ActError, Event, Hands, HookError, Hooks, NoHands, Occasion};
use tidewire_model::TenantId;
use tidewire_outbound::{Client, Policy};
use tidewire_scripts::{HandsMaker, LoadError, Options, Scripts};
use tokio::runtime::{Builder, Runtime};

/// A folder of scripts that are in use.
pub struct World {
    pub folder: TempDir,
    pub hooks: Hooks,
    pub scripts: Scripts,
}

impl World {
    pub fn new(files: &[(&str, &str)]) -> Self {
        Self::with(files, |_| {}).unwrap()
    }

    /// One file, `a.js`.
    pub fn of(script: &str) -> Self {
        Self::new(&[("a.js", script)])
    }

    pub fn with(files: &[(&str, &str)], set: impl FnOnce(&mut Options)) -> Result<Self, LoadError> {
        Self::within(files, set, Arc::new(|| Box::new(NoHands)), Policy::default())
    }

    pub fn within(
        files: &[(&str, &str)],
        set: impl FnOnce(&mut Options),
        hands: HandsMaker,
        policy: Policy,
    ) -> Result<Self, LoadError> {
        lines();
        let folder = TempDir::new().unwrap();
        for (name, text) in files {
            write(folder.path(), name, text);
        }
        let mut options = Options::new(folder.path());
        options.runtimes = 1;
        set(&mut options);
        let hooks = Hooks::default();
        let (client, tokio) = (Client::new(policy), runtime().handle().clone());
        let scripts = Scripts::start(hooks.clone(), options, client, tokio, hands)?;
        Ok(Self { folder, hooks, scripts })
    }

    pub fn write(&self, name: &str, text: &str) {
        write(self.folder.path(), name, text);
    }

    /// Calls all handlers of the event until one fails, and shows what became of the fields.
    pub fn call_with(
        &self,
        event: Event,
        fields: Json,
        hands: &mut dyn Hands,
    ) -> Result<Occasion, HookError> {
        let mut occasion = Occasion::new(event, TenantId::default());
        let Json::Object(fields) = fields else { panic!("fields are an object") };
        occasion.fields = fields;
        for registration in self.hooks.registered(event) {
            registration.call(&mut occasion, hands)?;
        }
        Ok(occasion)
    }

    pub fn call(&self, event: Event, fields: Json) -> Result<Occasion, HookError> {
        self.call_with(event, fields, &mut Desk::default())
    }

    /// Calls `onRealtimeConnect`.
    pub fn connect(&self) -> Result<Occasion, HookError> {
        self.call(Event::RealtimeConnect, json!({}))
    }
}

pub fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap())
}

/// Hands that note what they did and make up the answers. With hooks, records that they write are hooked.
#[derive(Default)]
pub struct Desk {
    pub acts: Vec<Act>,
    pub hooks: Option<Hooks>,
}

impl Hands for Desk {
    fn act(&mut self, act: Act) -> Result<Json, ActError> {
        self.acts.push(act.clone());
        match act {
            Act::Get { id, .. } if id == "none" => Err(ActError {
                status: 404,
                message: "The requested resource wasn't found.".to_owned(),
                data: json!({ "id": "missing" }),
            }),
            Act::Get { collection, id, .. } => Ok(json!({ "id": id, "from": collection })),
            Act::List { page, per_page, .. } => Ok(json!({ "page": page, "perPage": per_page, "items": [] })),
            Act::Create { collection, data, .. } => self.create(&collection, data),
            Act::Update { id, data, .. } => Ok(json!({ "id": id, "data": data })),
            Act::Setting { path } => Ok(json!(format!("<{path}>"))),
            Act::Delete { .. } | Act::Publish { .. } | Act::Say { .. } | Act::Broadcast { .. } => {
                Ok(Json::Null)
            }
        }
    }
}

impl Desk {
    fn create(&mut self, collection: &str, data: Map<String, Json>) -> Result<Json, ActError> {
        let Some(hooks) = self.hooks.clone() else { return Ok(Json::Object(data)) };
        let mut occasion = Occasion::new(Event::RecordBeforeCreate, TenantId::default())
            .of(collection)
            .with("record", Json::Object(data));
        for registration in hooks.registered(Event::RecordBeforeCreate) {
            if registration.concerns(Some(collection)) {
                registration.call(&mut occasion, self).map_err(|error| match error {
                    HookError::Abort(refusal) => ActError::new(refusal.status, refusal.message),
                    other => ActError::new(500, other.to_string()),
                })?;
            }
        }
        Ok(occasion.fields.remove("record").unwrap_or_default())
    }
}

/// Everything that was logged so far, by all tests.
pub fn lines() -> String {
    static LOG: OnceLock<Log> = OnceLock::new();
    let log = LOG.get_or_init(|| {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
        tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
        log
    });
    String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned()
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
