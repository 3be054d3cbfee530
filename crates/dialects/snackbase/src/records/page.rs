//! The options of a list.

use crate::call::Call;
use crate::error::ApiError;
use crate::records::cursor::Cursor;
use crate::records::expansion::Expansion;
use crate::records::sort;
use http::StatusCode;
use serde_json::json;
use std::sync::Arc;
use tidewire_model::Collection;

const DEFAULT_LIMIT: u64 = 30;
const MAX_LIMIT: u64 = 100;
const KNOWN: [&str; 9] =
    ["skip", "limit", "sort", "fields", "expand", "filter", "cursor", "cursor_before", "include_count"];

/// What part of a list is asked for, and how it is to look.
#[derive(Clone, Debug)]
pub struct PageRequest {
    pub skip: u64,
    pub limit: u64,
    /// in the form of `tidewire_rules::Sort`
    pub sort: String,
    pub filter: String,
    /// `None` for all
    pub fields: Option<Vec<Box<str>>>,
    pub expand: Expansion,
    pub cursor: Option<Cursor>,
    pub include_count: bool,
}

impl PageRequest {
    pub fn read(collection: &Arc<Collection>, call: &Call) -> Result<Self, ApiError> {
        require_known(call, &KNOWN)?;
        let get = |name: &str| call.query(name);
        let text = |name: &str| get(name).unwrap_or("").trim();
        let key = sort::first(collection, text("sort"));
        let cursor = match (get("cursor"), get("cursor_before")) {
            (Some(_), Some(_)) => {
                let message = "Cannot use both 'cursor' and 'cursor_before'";
                return Err(ApiError::message(StatusCode::BAD_REQUEST, "Invalid cursor", message));
            }
            (Some(after), None) => Some(Cursor::read(key, after, false)?),
            (None, Some(before)) => Some(Cursor::read(key, before, true)?),
            (None, None) => None,
        };
        Ok(Self {
            skip: whole(get("skip"), "skip", 0, (0, u64::MAX))?,
            limit: whole(get("limit"), "limit", DEFAULT_LIMIT, (1, MAX_LIMIT))?,
            sort: sort::list(collection, text("sort")),
            filter: text("filter").to_owned(),
            fields: names(text("fields")),
            expand: Expansion::read(collection, text("expand"))?,
            cursor,
            include_count: matches!(text("include_count"), "true" | "1" | "True"),
        })
    }
}

/// A comma-separated list; `None` if it is empty.
pub fn names(text: &str) -> Option<Vec<Box<str>>> {
    let names: Vec<Box<str>> =
        text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(Into::into).collect();
    (!names.is_empty()).then_some(names)
}

/// Refuses keys of the query that mean nothing.
pub fn require_known(call: &Call, known: &[&str]) -> Result<(), ApiError> {
    let Some((name, value)) = call.queries().find(|(name, _)| !known.contains(name)) else { return Ok(()) };
    let message = format!(
        "Direct query parameter filtering (e.g., ?{name}={value}) is no longer supported. Use the 'filter' \
         parameter instead: ?filter={name} = \"{value}\""
    );
    Err(ApiError::message(StatusCode::BAD_REQUEST, "Unsupported query parameter", &message))
}

fn fault(kind: &str, name: &str, message: &str, input: &str) -> ApiError {
    let place = ["query", name];
    ApiError::unprocessable(&[json!({ "type": kind, "loc": place, "msg": message, "input": input })])
}

/// A number between two bounds, both allowed.
pub fn whole(
    text: Option<&str>,
    name: &str,
    default: u64,
    (least, most): (u64, u64),
) -> Result<u64, ApiError> {
    let Some(text) = text else { return Ok(default) };
    let Ok(number) = text.parse::<i128>() else {
        let message = "Input should be a valid integer, unable to parse string as an integer";
        return Err(fault("int_parsing", name, message, text));
    };
    if number < i128::from(least) {
        let message = format!("Input should be greater than or equal to {least}");
        return Err(fault("greater_than_equal", name, &message, text));
    }
    if number > i128::from(most) {
        let message = format!("Input should be less than or equal to {most}");
        return Err(fault("less_than_equal", name, &message, text));
    }
    Ok(u64::try_from(number).unwrap_or(most))
}
