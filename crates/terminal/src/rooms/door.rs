use crate::Failure;
use clap::Args;
use serde_json::Value as Json;
use tidewire_client::rooms::{Join, Room};
use tidewire_client::{Client, Error};

/// Which server and project, and as whom.
#[derive(Args, Clone, Debug)]
pub struct Door {
    /// Key of the project; a publishable one is enough
    #[arg(long, env = "TIDEWIRE_API_KEY", hide_env = true)]
    pub key: String,
    /// Address of the server
    #[arg(long, default_value = "http://127.0.0.1:8090", env = "TIDEWIRE_URL", hide_env = true)]
    pub url: String,
    /// Id that others see
    #[arg(long, value_name = "ID")]
    pub user: Option<String>,
    /// Name that others see [default: the id]
    #[arg(long, requires = "user")]
    pub name: Option<String>,
    /// Token of a user of the project, whose id others see then
    #[arg(long)]
    pub token: Option<String>,
    /// Makes the room, with this title, if nobody is in it
    #[arg(long, value_name = "TITLE")]
    pub create: Option<String>,
}

impl Door {
    /// A room, to be joined.
    pub fn to(&self, room: &str) -> Result<Join<Json>, Failure> {
        let client = Client::new(&self.url)?;
        let mut join = client.project(self.key.as_str()).room(room);
        if let Some(id) = &self.user {
            join = join.user(id, self.name.as_ref().unwrap_or(id));
        }
        if let Some(token) = &self.token {
            join = join.token(token);
        }
        if let Some(title) = &self.create {
            join = join.create(title);
        }
        Ok(join)
    }
}

pub async fn enter(join: Join<Json>) -> Result<Room<Json>, Failure> {
    join.await.map_err(|error| match error {
        Error::Lost(reason) => Failure::NoConnection(reason),
        error => error.into(),
    })
}
