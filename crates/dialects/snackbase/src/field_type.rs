use tidewire_model::{Field, FieldKind};

/// What SnackBase calls the type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    Text,
    Number,
    Boolean,
    Datetime,
    Date,
    Email,
    Url,
    Json,
    Reference,
    File,
    User,
    Computed,
}

const ALL: [FieldType; 12] = [
    FieldType::Text,
    FieldType::Number,
    FieldType::Boolean,
    FieldType::Datetime,
    FieldType::Date,
    FieldType::Email,
    FieldType::Url,
    FieldType::Json,
    FieldType::Reference,
    FieldType::File,
    FieldType::User,
    FieldType::Computed,
];

impl FieldType {
    pub fn parse(name: &str) -> Option<Self> {
        ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Datetime => "datetime",
            Self::Date => "date",
            Self::Email => "email",
            Self::Url => "url",
            Self::Json => "json",
            Self::Reference => "reference",
            Self::File => "file",
            Self::User => "user",
            Self::Computed => "computed",
        }
    }

    /// Its label, or for fields of other dialects what comes closest to their kind.
    pub fn of(field: &Field) -> Self {
        let labelled = field.extra.as_ref().and_then(|extra| Self::parse(&extra.label));
        labelled.unwrap_or(match &field.kind {
            FieldKind::Number(_) => Self::Number,
            FieldKind::Bool {} => Self::Boolean,
            FieldKind::Email(_) => Self::Email,
            FieldKind::Url(_) => Self::Url,
            FieldKind::Date(_) | FieldKind::Autodate(_) => Self::Datetime,
            FieldKind::Json(_) | FieldKind::GeoPoint {} => Self::Json,
            kind if kind.is_multiple() => Self::Json,
            FieldKind::Relation(_) => Self::Reference,
            FieldKind::File(_)
            | FieldKind::Text(_)
            | FieldKind::Editor(_)
            | FieldKind::Select(_)
            | FieldKind::Password(_) => Self::Text,
        })
    }
}
