use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'@');

/// One segment of a path. An empty one, `.` and `..` would name another place, encoded or not: they are no names.
pub(crate) fn segment(text: &str) -> Result<String, crate::Error> {
    if matches!(text, "" | "." | "..") {
        return Err(crate::Error::Invalid(format!("{text:?} is no name and no id")));
    }
    Ok(utf8_percent_encode(text, SEGMENT).to_string())
}
