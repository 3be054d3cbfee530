//! Numbers to text and back as SQLite does it.

use crate::scalar::Scalar;

/// What a NUMERIC column keeps of a float64: an integer where nothing is lost.
pub(crate) fn integer_or_real<'a>(number: f64) -> Scalar<'a> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if number.is_nan() {
        Scalar::Null
    } else if number.trunc() == number && number > -LIMIT && number < LIMIT {
        Scalar::Int(number as i64)
    } else {
        Scalar::Real(number)
    }
}

/// The number that a text begins with, 0 if there is none.
pub(crate) fn leading_number(text: &str) -> f64 {
    let text = text.trim_start_matches(|character: char| matches!(character, ' ' | '\t'..='\r'));
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, rest) = digits(unsigned.as_bytes());
    let fraction = rest.strip_prefix(b".").map_or(0, |rest| digits(rest).0 + 1);
    let mut end = text.len() - unsigned.len() + whole + fraction;
    if let Some(exponent) = text[end..].strip_prefix(['e', 'E']) {
        let plain = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let count = digits(plain.as_bytes()).0;
        if count > 0 {
            end = text.len() - plain.len() + count;
        }
    }
    text[..end].parse().unwrap_or(0.0)
}

/// Reads text that is a number as a whole, spaces around it allowed.
pub(crate) fn parse_number<'a>(text: &str) -> Option<Scalar<'a>> {
    let is_space = |character: char| matches!(character, ' ' | '\t'..='\r');
    let text = text.trim_matches(is_space);
    if !is_number(text.as_bytes()) {
        return None;
    }
    if let Ok(int) = text.parse::<i64>() {
        return Some(Scalar::Int(int));
    }
    let real = text.parse::<f64>().ok()?;
    Some(if real.is_finite() { integer_or_real(real) } else { Scalar::Real(real) })
}

/// Sign, digits with at most one dot, exponent; at least one digit before the exponent.
fn is_number(bytes: &[u8]) -> bool {
    let rest = bytes.strip_prefix(b"+").or_else(|| bytes.strip_prefix(b"-")).unwrap_or(bytes);
    let (whole, rest) = digits(rest);
    let (fraction, rest) = match rest.strip_prefix(b".") {
        Some(rest) => digits(rest),
        None => (0, rest),
    };
    if whole + fraction == 0 {
        return false;
    }
    match rest {
        [] => true,
        [b'e' | b'E', exponent @ ..] => {
            let exponent =
                exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-")).unwrap_or(exponent);
            matches!(digits(exponent), (1.., []))
        }
        _ => false,
    }
}

fn digits(bytes: &[u8]) -> (usize, &[u8]) {
    let count = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count, &bytes[count..])
}

/// Seventeen significant digits, fewer where a run of nines or zeros shows that fewer say the same.
pub(crate) fn real_to_text(real: f64) -> String {
    if real == 0.0 {
        return "0.0".to_owned();
    }
    if !real.is_finite() {
        return if real > 0.0 { "Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{:.*e}", long_digits(real.abs()) - 1, real.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let mut exponent: i32 = exponent.parse().unwrap_or(0);
    let long: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0').collect();
    let digits = rounded(&long, precision(&long, exponent, real.abs()), &mut exponent);
    let mut out = String::with_capacity(24);
    if real < 0.0 {
        out.push('-');
    }
    write_digits(&mut out, &digits, exponent);
    out
}

/// How many digits SQLite starts from: eighteen, or one more where the power of two below has a digit less.
fn long_digits(real: f64) -> usize {
    let bits = real.to_bits();
    let power = match (bits >> 52) as i32 {
        0 => -1011 - bits.leading_zeros() as i32,
        exponent => exponent - 1023,
    };
    let tens = (power * 78_913) >> 18;
    let scientific = format!("{real:e}");
    let exponent = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok());
    if exponent.is_some_and(|exponent| exponent > tens) { 19 } else { 18 }
}

/// How many of the digits are kept.
fn precision(digits: &[u8], exponent: i32, real: f64) -> usize {
    let keep = if digits[15] == 9 && digits[14] == 9 {
        digits[..14].iter().rposition(|digit| *digit != 9).map_or(0, |last| last + 1)
    } else if exponent + 1 >= digits.len() as i32 || digits[13..16] == [0, 0, 0] {
        digits[..13].iter().rposition(|digit| *digit != 0).map_or(1, |last| last + 1)
    } else {
        return 17;
    };
    let mut whole: u64 = digits[..keep].iter().fold(0, |sum, digit| sum * 10 + u64::from(*digit));
    if digits[15] == 9 && digits[14] == 9 {
        whole += 1;
    }
    let shorter: f64 = format!("{whole}e{}", exponent + 1 - keep as i32).parse().unwrap_or(0.0);
    if shorter == real { keep + 1 } else { 17 }
}

fn rounded(digits: &[u8], keep: usize, exponent: &mut i32) -> Vec<u8> {
    let mut kept = digits[..keep].to_vec();
    if digits[keep] >= 5 {
        match kept.iter().rposition(|digit| *digit != 9) {
            Some(last) => {
                kept[last] += 1;
                kept[last + 1..].fill(0);
            }
            None => {
                kept = vec![1];
                *exponent += 1;
            }
        }
    }
    while kept.len() > 1 && kept.last() == Some(&0) {
        kept.pop();
    }
    kept
}

/// `%!g`: always a dot with a digit on both sides; an exponent below 1e-4 and from 1e17 on.
fn write_digits(out: &mut String, digits: &[u8], exponent: i32) {
    let digit = |index: i32| {
        let found = usize::try_from(index).ok().and_then(|index| digits.get(index));
        char::from(b'0' + found.copied().unwrap_or(0))
    };
    let length = digits.len() as i32;
    if !(-4..=16).contains(&exponent) {
        out.push(digit(0));
        out.push('.');
        (1..length.max(2)).for_each(|index| out.push(digit(index)));
        let sign = if exponent < 0 { '-' } else { '+' };
        out.push_str(&format!("e{sign}{:02}", exponent.abs()));
        return;
    }
    (0..=exponent.max(0)).for_each(|index| out.push(digit(index + exponent.min(0))));
    out.push('.');
    let first = exponent + 1;
    (first..length.max(first + 1)).for_each(|index| out.push(digit(index)));
}
