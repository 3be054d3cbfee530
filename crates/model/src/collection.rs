use crate::field::{Field, FieldKind, RECORD_ID};
use crate::oauth2::OAuth2;
use crate::tenant::TenantId;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CollectionKind {
    #[default]
    Base,
    Auth,
    View,
}

impl CollectionKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Auth => "auth",
            Self::View => "view",
        }
    }
}

/// The language that the rules of a collection are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    #[default]
    PocketBase,
    SnackBase,
}

impl Language {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Roles of those who may do what with an open collection; nobody named: everybody who has a key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Permissions {
    pub create: Vec<Box<str>>,
    pub read: Vec<Box<str>>,
    pub update: Vec<Box<str>>,
    pub delete: Vec<Box<str>>,
}

impl Permissions {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Which fields each operation may show or set; `None`: all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Projections {
    pub list: Option<Vec<Box<str>>>,
    pub view: Option<Vec<Box<str>>>,
    pub create: Option<Vec<Box<str>>>,
    pub update: Option<Vec<Box<str>>>,
}

impl Projections {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Access rules as source text: `None` superusers only, "" everyone, else an expression.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rules {
    #[serde(rename = "listRule")]
    pub list: Option<Box<str>>,
    #[serde(rename = "viewRule")]
    pub view: Option<Box<str>>,
    #[serde(rename = "createRule")]
    pub create: Option<Box<str>>,
    #[serde(rename = "updateRule")]
    pub update: Option<Box<str>>,
    #[serde(rename = "deleteRule")]
    pub delete: Option<Box<str>>,
}

/// Lifetime in seconds and signing secret of one kind of token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenOptions {
    pub duration: i64,
    pub secret: Box<str>,
}

impl Default for TokenOptions {
    fn default() -> Self {
        Self { duration: 0, secret: "".into() }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PasswordAuth {
    pub enabled: bool,
    pub identity_fields: Vec<Box<str>>,
}

impl Default for PasswordAuth {
    fn default() -> Self {
        Self { enabled: true, identity_fields: vec!["email".into()] }
    }
}

/// What only auth collections have. Parts that no code of ours reads yet are kept as the JSON they came as.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthOptions {
    pub auth_rule: Option<Box<str>>,
    pub manage_rule: Option<Box<str>>,
    pub auth_alert: Json,
    #[serde(rename = "oauth2")]
    pub oauth2: OAuth2,
    pub password_auth: PasswordAuth,
    pub mfa: Json,
    pub otp: Json,
    pub auth_token: TokenOptions,
    pub password_reset_token: TokenOptions,
    pub email_change_token: TokenOptions,
    pub verification_token: TokenOptions,
    pub file_token: TokenOptions,
    pub verification_template: Json,
    pub reset_password_template: Json,
    pub confirm_email_change_template: Json,
}

/// A named set of records with a schema and rules. Immutable once published in a `Catalog`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Collection {
    pub id: Box<str>,
    pub name: Box<str>,
    #[serde(rename = "type")]
    pub kind: CollectionKind,
    pub system: bool,
    /// the server's own: no dialect lists or finds it
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub internal: bool,
    /// the tenant that made it for itself; `None` for a collection of the instance
    #[serde(default)]
    pub owner: Option<TenantId>,
    #[serde(flatten)]
    pub rules: Rules,
    #[serde(default, skip_serializing_if = "Language::is_default")]
    pub language: Language,
    #[serde(default, skip_serializing_if = "Projections::is_default")]
    pub projections: Projections,
    /// it takes any JSON object: what no field is named for goes into the field `data`
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open: bool,
    #[serde(default, skip_serializing_if = "Permissions::is_default")]
    pub permissions: Permissions,
    /// kept for clients that read it back
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub webhook_url: Box<str>,
    pub fields: Vec<Field>,
    /// `CREATE [UNIQUE] INDEX` statements as given
    pub indexes: Vec<Box<str>>,
    #[serde(default)]
    pub auth: Option<AuthOptions>,
    #[serde(default)]
    pub view_query: Option<Box<str>>,
    /// "YYYY-MM-DD HH:MM:SS.mmmZ"
    pub created: Box<str>,
    pub updated: Box<str>,
    #[serde(skip)]
    positions: HashMap<Box<str>, usize>,
}

impl Collection {
    /// The id of the collection of superusers, the same in every installation.
    pub const SUPERUSERS_ID: &'static str = "pbc_3142635823";
    pub const SUPERUSERS: &'static str = "_superusers";
    /// The id of the collection of the users of accounts.
    pub const USERS_ID: &'static str = "_pb_users_auth_";
    /// The field of an open collection that holds what no other field is named for.
    pub const DATA: &'static str = "data";

    /// Must be called after any change of `fields`.
    pub fn index_fields(&mut self) {
        self.positions =
            self.fields.iter().enumerate().map(|(index, field)| (field.name.clone(), index)).collect();
    }

    pub fn field_index(&self, name: &str) -> Option<usize> {
        self.positions.get(name).copied()
    }

    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.get(self.field_index(name)?)
    }

    /// Whether a record of it could have this id, as far as length and the usual pattern tell.
    pub fn may_hold(&self, id: &str) -> bool {
        let Some(FieldKind::Text(options)) = self.field("id").map(|field| &field.kind) else { return true };
        let length = id.chars().count() as u64;
        let usual = || id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        length >= options.min.max(1)
            && (options.max == 0 || length <= options.max)
            && (&*options.pattern != RECORD_ID || usual())
    }

    /// True for the collections that a tenant other than `tenant` made for itself.
    pub fn is_foreign(&self, tenant: &TenantId) -> bool {
        self.owner.as_ref().is_some_and(|owner| owner != tenant)
    }

    pub fn is_auth(&self) -> bool {
        self.kind == CollectionKind::Auth
    }

    pub fn is_superusers(&self) -> bool {
        &*self.id == Self::SUPERUSERS_ID
    }

    pub fn is_users(&self) -> bool {
        &*self.id == Self::USERS_ID
    }
}
