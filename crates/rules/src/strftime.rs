//! SQLite's `strftime`: <https://sqlite.org/lang_datefunc.html>

mod modifier;
mod moment;

use crate::node::{Constant, Operand};
use crate::scalar::Scalar;
use modifier::Modifier;
use moment::Moment;
use std::borrow::Cow;
use std::fmt::Write;
use tidewire_model::Timestamp;

/// `None` where only SQLite itself knows.
pub(crate) fn strftime<'a>(arguments: &[Scalar<'_>], now: Timestamp) -> Option<Scalar<'a>> {
    let (format, rest) = arguments.split_first()?;
    let Some(format) = format.to_text() else { return Some(Scalar::Null) };
    if !knows_format(&format) {
        return None;
    }
    let (time, texts) = rest.split_first().map_or((None, rest), |(time, texts)| (Some(time), texts));
    let mut modifiers = Vec::with_capacity(texts.len());
    for text in texts {
        let Some(text) = text.to_text() else { return Some(Scalar::Null) };
        modifiers.push(Modifier::parse(&text)?);
    }
    let moment = time.map_or(Some(Moment::of(now)), |time| Moment::read(time, now));
    let moment = moment.and_then(|moment| moment.modified(&modifiers)).and_then(Moment::settled);
    Some(match moment.and_then(|moment| write(&moment, &format)) {
        Some(text) => Scalar::Text(Cow::Owned(text)),
        None => Scalar::Null,
    })
}

/// True if `strftime` answers whatever the record holds.
pub(crate) fn is_known(arguments: &[Operand]) -> bool {
    let literal = |operand: &Operand| match operand {
        Operand::Value(Constant { value: Scalar::Text(text), .. }) => Some(text.clone()),
        _ => None,
    };
    let knows = |text: &str| Modifier::parse(text).is_some();
    arguments.first().and_then(literal).is_some_and(|format| knows_format(&format))
        && arguments.iter().skip(2).all(|modifier| literal(modifier).is_some_and(|text| knows(&text)))
}

/// The day number with its fraction is left to SQLite.
fn knows_format(format: &str) -> bool {
    !format.contains("%J")
}

/// `None` for a format that SQLite does not have.
fn write(moment: &Moment, format: &str) -> Option<String> {
    let mut out = String::with_capacity(format.len() + 16);
    let mut characters = format.split('\0').next().unwrap_or_default().chars();
    while let Some(character) = characters.next() {
        if character == '%' {
            write_part(&mut out, moment, characters.next()?)?;
        } else {
            out.push(character);
        }
    }
    Some(out)
}

fn write_part(out: &mut String, moment: &Moment, part: char) -> Option<()> {
    let (year, month, day) = moment.date();
    let (hour, minute, second) = moment.time();
    let whole = second as i32;
    let hour_of_half = if hour % 12 == 0 { 12 } else { hour % 12 };
    let written = match part {
        'd' => write!(out, "{day:02}"),
        'e' => write!(out, "{day:2}"),
        'f' => write!(out, "{:06.3}", second.min(59.999)),
        'F' => write!(out, "{year:04}-{month:02}-{day:02}"),
        'G' => write!(out, "{:04}", moment.thursday().date().0),
        'g' => write!(out, "{:02}", moment.thursday().date().0 % 100),
        'H' => write!(out, "{hour:02}"),
        'k' => write!(out, "{hour:2}"),
        'I' => write!(out, "{hour_of_half:02}"),
        'l' => write!(out, "{hour_of_half:2}"),
        'j' => write!(out, "{:03}", moment.day_of_year() + 1),
        'm' => write!(out, "{month:02}"),
        'M' => write!(out, "{minute:02}"),
        'p' => write!(out, "{}", if hour >= 12 { "PM" } else { "AM" }),
        'P' => write!(out, "{}", if hour >= 12 { "pm" } else { "am" }),
        'R' => write!(out, "{hour:02}:{minute:02}"),
        's' => write!(out, "{}", moment.unix_seconds()),
        'S' => write!(out, "{whole:02}"),
        'T' => write!(out, "{hour:02}:{minute:02}:{whole:02}"),
        'u' => write!(out, "{}", if moment.after_sunday() == 0 { 7 } else { moment.after_sunday() }),
        'w' => write!(out, "{}", moment.after_sunday()),
        'U' => write!(out, "{:02}", (moment.day_of_year() - moment.after_sunday() + 7) / 7),
        'V' => write!(out, "{:02}", moment.thursday().day_of_year() / 7 + 1),
        'W' => write!(out, "{:02}", (moment.day_of_year() - moment.after_monday() + 7) / 7),
        'Y' => write!(out, "{year:04}"),
        '%' => write!(out, "%"),
        _ => return None,
    };
    written.ok()
}
