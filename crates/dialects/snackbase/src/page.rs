//! Pages of lists that are numbered from 1.

use crate::call::Call;
use crate::error::ApiError;
use serde::Serialize;
use serde_json::json;

/// Which page, and how long pages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    page: u64,
    size: u64,
}

#[derive(Serialize)]
pub struct Page<T> {
    items: Vec<T>,
    total: u64,
    page: u64,
    page_size: u64,
    total_pages: u64,
}

const SIZE: u64 = 25;
const SIZE_MAX: u64 = 100;

impl Paging {
    /// `page` and `page_size`.
    pub fn of(call: &Call) -> Result<Self, ApiError> {
        let page = number(call, "page", 1, 1, u64::from(u32::MAX))?;
        Ok(Self { page, size: number(call, "page_size", SIZE, 1, SIZE_MAX)? })
    }

    pub fn cut<T>(self, all: Vec<T>) -> Vec<T> {
        let (skip, size) = ((self.page - 1) * self.size, self.size);
        let cut = all.into_iter().skip(usize::try_from(skip).unwrap_or(usize::MAX));
        cut.take(usize::try_from(size).unwrap_or(usize::MAX)).collect()
    }

    pub fn page<T>(self, items: Vec<T>, total: u64) -> Page<T> {
        let total_pages = total.div_ceil(self.size);
        Page { items, total, page: self.page, page_size: self.size, total_pages }
    }
}

/// A whole number of the query within bounds.
pub fn number(call: &Call, name: &str, default: u64, min: u64, max: u64) -> Result<u64, ApiError> {
    let Some(text) = call.query(name) else { return Ok(default) };
    let refuse = |kind: &str, message: String| {
        let fault = json!({"type": kind, "loc": ["query", name], "msg": message, "input": text});
        ApiError::unprocessable(&[fault])
    };
    match text.parse::<i64>().map(u64::try_from) {
        Ok(Ok(number)) if number > max => {
            Err(refuse("less_than_equal", format!("Input should be less than or equal to {max}")))
        }
        Ok(Ok(number)) if number >= min => Ok(number),
        Ok(_) => Err(refuse("greater_than_equal", format!("Input should be greater than or equal to {min}"))),
        Err(_) => {
            let message = "Input should be a valid integer, unable to parse string as an integer";
            Err(refuse("int_parsing", message.to_owned()))
        }
    }
}
