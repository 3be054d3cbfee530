use crate::call::Call;
use crate::error::ApiError;
use crate::record_json::{has_masks, write_time};
use crate::records::page::{names, require_known};
use crate::records::refusal;
use crate::records::scope::{Operation, Scope};
use crate::wire;
use axum::response::Response;
use http::StatusCode;
use std::sync::Arc;
use tidewire_model::field::{NumberOptions, TextOptions};
use tidewire_model::json::{self, Escape};
use tidewire_model::{Collection, Field, FieldKind, Record, TenantId, Value};
use tidewire_records::{RecordError, list, personal};
use tidewire_rules::{Aggregate, Function, SqlValue};

const KNOWN: [&str; 4] = ["functions", "group_by", "filter", "having"];
/// Groups of one answer; more are left out.
const GROUPS_MAX: u64 = 10_000;
const FUNCTIONS_MAX: usize = 20;

/// `GET /records/{collection}/aggregate`
pub async fn aggregate(call: Call) -> Result<Response, ApiError> {
    let scope = Scope::open(&call, Operation::List)?;
    require_known(&call, &KNOWN)?;
    let question = Question::read(&scope, &call)?;
    let filter = call.query("filter").unwrap_or("").trim().to_owned();
    let having = call.query("having").unwrap_or("").trim().to_owned();
    let text = call.app.store.read(move |snapshot| {
        let query = list::query(snapshot, &scope.asker, &scope.collection, &filter, true)?;
        let by: Vec<&str> = question.by.iter().map(|field| &*field.name).collect();
        let groups = snapshot.aggregate(&query, &question.of, &by, GROUPS_MAX)?;
        let groups = question.keep(snapshot, groups, &having)?;
        Ok::<_, RecordError>(question.write(&groups))
    });
    Ok(wire::raw_json(StatusCode::OK, text.await.map_err(refusal::of_filter)?))
}

/// What is asked for, with the names of the columns of the answer.
struct Question {
    of: Vec<Aggregate>,
    by: Vec<Field>,
    names: Vec<String>,
}

type Group = Vec<SqlValue>;

impl Question {
    fn read(scope: &Scope, call: &Call) -> Result<Self, ApiError> {
        let of = functions(scope, call.query("functions").unwrap_or(""))?;
        let mut by = Vec::new();
        for name in names(call.query("group_by").unwrap_or("")).unwrap_or_default() {
            by.push(open_field(scope, &name)?.clone());
        }
        let functions = of.iter().map(alias);
        let names = functions.chain(by.iter().map(|field| field.name.to_string())).collect();
        Ok(Self { of, by, names })
    }

    /// The groups for which `having` holds, a filter whose names are those of the columns.
    fn keep(
        &self,
        snapshot: &tidewire_store::Snapshot<'_>,
        groups: Vec<Group>,
        having: &str,
    ) -> Result<Vec<Group>, RecordError> {
        if having.is_empty() {
            return Ok(groups);
        }
        let columns = self.columns();
        let condition = list::alone(snapshot, &columns, &self.name_calls(having))?;
        let holds = |group: &Group| {
            let values = group.iter().map(value).collect();
            let row = Record { collection: columns.clone(), tenant: TenantId::default(), values };
            snapshot.holds(&condition, &row, &[])
        };
        let mut kept = Vec::with_capacity(groups.len());
        for group in groups {
            if holds(&group)? {
                kept.push(group);
            }
        }
        Ok(kept)
    }

    /// A condition may repeat what was asked for: `count() > 5` is `count > 5`.
    fn name_calls(&self, having: &str) -> String {
        let calls: Vec<(String, &String)> = self.of.iter().map(call).zip(&self.names).collect();
        let (mut text, mut quote) = (String::with_capacity(having.len()), None);
        let mut rest = having;
        while let Some(next) = rest.chars().next() {
            let named = calls.iter().find(|(call, _)| quote.is_none() && rest.starts_with(call.as_str()));
            if let Some((call, name)) = named {
                text.push_str(name);
                rest = &rest[call.len()..];
                continue;
            }
            quote = match quote {
                Some(open) if open == next => None,
                None if matches!(next, '\'' | '"') => Some(next),
                other => other,
            };
            text.push(next);
            rest = &rest[next.len_utf8()..];
        }
        text
    }

    /// The columns as fields of a collection, so that conditions can name them.
    fn columns(&self) -> Arc<Collection> {
        let kinds = self.of.iter().map(|_| FieldKind::Number(NumberOptions::default()));
        let kinds = kinds.chain(self.by.iter().map(|field| match &field.kind {
            FieldKind::Number(_) | FieldKind::Bool {} => field.kind.clone(),
            _ => FieldKind::Text(TextOptions::default()),
        }));
        let fields = self.names.iter().zip(kinds).map(|(name, kind)| Field {
            name: name.as_str().into(),
            nullable: true,
            kind,
            ..Field::default()
        });
        let mut columns = Collection::default();
        columns.fields = fields.collect();
        columns.language = tidewire_model::Language::SnackBase;
        columns.index_fields();
        Arc::new(columns)
    }

    fn write(&self, groups: &[Group]) -> Vec<u8> {
        let mut text = b"{\"results\":[".to_vec();
        for (index, group) in groups.iter().enumerate() {
            text.extend_from_slice(if index > 0 { b",{" } else { b"{" });
            for (position, (name, column)) in self.names.iter().zip(group).enumerate() {
                text.extend_from_slice(if position > 0 { b"," } else { b"" });
                json::write_text(&mut text, name, Escape::Minimal);
                text.push(b':');
                let field = position.checked_sub(self.of.len()).map(|index| &self.by[index]);
                write_column(field, column, &mut text);
            }
            text.push(b'}');
        }
        text.extend_from_slice(format!("],\"total_groups\":{}}}", groups.len()).as_bytes());
        text
    }
}

fn write_column(field: Option<&Field>, column: &SqlValue, out: &mut Vec<u8>) {
    match (field.map(|field| &field.kind), column) {
        (Some(FieldKind::Bool {}), SqlValue::Integer(number)) => {
            out.extend_from_slice(if *number != 0 { b"true" } else { b"false" });
        }
        (Some(FieldKind::Autodate(_) | FieldKind::Date(_)), SqlValue::Text(text)) => write_time(text, out),
        _ => json::write_value(out, &value(column), Escape::Minimal),
    }
}

fn value(column: &SqlValue) -> Value {
    match column {
        SqlValue::Null => Value::Null,
        SqlValue::Integer(number) => Value::Number(*number as f64),
        SqlValue::Real(number) => Value::Number(*number),
        SqlValue::Text(text) => Value::text(text),
    }
}

/// `count()`, `sum(views)`, …
fn functions(scope: &Scope, text: &str) -> Result<Vec<Aggregate>, ApiError> {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    let mut functions = Vec::new();
    for item in items {
        let parts = item.strip_suffix(')').and_then(|item| item.split_once('('));
        let (function, field) =
            parts.ok_or_else(|| bad(&format!("Invalid aggregation function: '{item}'")))?;
        let field = match field.trim() {
            "" | "*" => None,
            name => Some(open_field(scope, name)?),
        };
        functions.push(Aggregate {
            function: function_of(function.trim(), field)?,
            field: field.map(|field| field.name.clone()),
        });
    }
    match functions.len() {
        0 => Err(bad("At least one aggregation function is required")),
        count if count > FUNCTIONS_MAX => Err(bad("Too many aggregation functions")),
        _ => Ok(functions),
    }
}

fn function_of(name: &str, field: Option<&Field>) -> Result<Function, ApiError> {
    let is_number = field.is_some_and(|field| matches!(field.kind, FieldKind::Number(_)));
    match name.to_lowercase().as_str() {
        "count" => Ok(Function::Count),
        known @ ("sum" | "avg" | "min" | "max") if field.is_none() => {
            Err(bad(&format!("Function '{known}' requires a field")))
        }
        known @ ("sum" | "avg") if !is_number => {
            Err(bad(&format!("Function '{known}' requires a number field")))
        }
        "sum" => Ok(Function::Sum),
        "avg" => Ok(Function::Average),
        "min" => Ok(Function::Least),
        "max" => Ok(Function::Greatest),
        other => Err(bad(&format!("Unknown aggregation function: '{other}'"))),
    }
}

fn alias(aggregate: &Aggregate) -> String {
    match &aggregate.field {
        Some(field) => format!("{}_{field}", name(aggregate.function)),
        None => name(aggregate.function).to_owned(),
    }
}

fn call(aggregate: &Aggregate) -> String {
    format!("{}({})", name(aggregate.function), aggregate.field.as_deref().unwrap_or_default())
}

fn name(function: Function) -> &'static str {
    match function {
        Function::Count => "count",
        Function::Sum => "sum",
        Function::Average => "avg",
        Function::Least => "min",
        Function::Greatest => "max",
    }
}

/// A field whose values the asker may see.
fn open_field<'a>(scope: &'a Scope, name: &str) -> Result<&'a Field, ApiError> {
    let collection = &scope.collection;
    let masked = has_masks(collection) && !personal::may_see(&scope.asker);
    let projection = collection.projections.list.as_ref().filter(|_| !scope.is_superadmin());
    let is_open = |field: &&Field| {
        let hides = field.is_encrypted() || (masked && field.is_personal());
        let closed = field.hidden || field.formula().is_some() || hides;
        let system = crate::record_json::is_system(&field.name);
        !closed && (system || projection.is_none_or(|names| names.contains(&field.name)))
    };
    let found = collection.field(name).filter(is_open);
    found.ok_or_else(|| bad(&format!("Unknown field '{name}'")))
}

fn bad(message: &str) -> ApiError {
    ApiError::message(StatusCode::BAD_REQUEST, "Invalid aggregation", message)
}
