//! A drawing for each provider. The marks of providers are theirs: shown are the initials of the name, on a colour of its own.

/// A small SVG, to be put into a page as it is.
pub(crate) fn logo(name: &str) -> String {
    let hue = name.bytes().fold(0_u32, |hue, byte| (hue * 31 + u32::from(byte)) % 360);
    let initials = initials(name);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 24 24\">\
         <rect width=\"24\" height=\"24\" rx=\"5\" fill=\"hsl({hue},45%,38%)\"/>\
         <text x=\"12\" y=\"16\" font-family=\"sans-serif\" font-size=\"11\" font-weight=\"600\" text-anchor=\"middle\" \
         fill=\"#fff\">{initials}</text></svg>"
    )
}

/// At most two: what begins a word, and capitals within one. Nothing but letters and digits, so nothing to escape.
fn initials(name: &str) -> String {
    let mut before = ' ';
    let begins = name.chars().filter(|letter| {
        let begins = letter.is_alphanumeric() && (!before.is_alphanumeric() || letter.is_uppercase());
        before = *letter;
        begins
    });
    begins.take(2).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_letters_of_the_name() {
        for (name, expected) in [
            ("Google", "G"),
            ("GitHub", "GH"),
            ("X/Twitter", "XT"),
            ("OIDC", "OI"),
            ("Company login", "CL"),
            ("mailcow", "M"),
            ("<script>alert(1)</script>", "SA"),
            ("\"&'", ""),
            ("日本 語", "日語"),
        ] {
            assert_eq!(initials(name), expected, "{name}");
            let drawn = logo(name);
            assert!(
                drawn.starts_with("<svg ") && drawn.ends_with(&format!(">{expected}</text></svg>")),
                "{drawn}"
            );
        }
        assert_ne!(logo("Google"), logo("Gitee"));
    }
}
