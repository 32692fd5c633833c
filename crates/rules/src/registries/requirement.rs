//! Dependency specifiers of Python packages, in one spelling (Python Packaging User Guide, "Dependency specifiers").

use model::package::pyproject::normalized_name;

/// Returns a requirement in one spelling: a normalized name, sorted extras and version specifiers, no optional white
/// space, single quotes in the marker. Build tools write requirements in other spellings than `pyproject.toml`.
pub(super) fn normalized_requirement(text: &str) -> String {
    let (specification, marker) = text.split_once(';').map_or((text, None), |(a, b)| (a, Some(b)));
    let mut out = normalized_specification(specification);
    if let Some(marker) = marker.map(normalized_marker).filter(|it| !it.is_empty()) {
        out.push_str("; ");
        out.push_str(&marker);
    }
    out
}

/// Returns a requirement of an extra, with the marker that selects the extra.
pub(super) fn requirement_of_extra(text: &str, extra: &str) -> String {
    let selects = format!("extra=='{}'", normalized_name(extra));
    match text.split_once(';') {
        Some((specification, marker)) => {
            format!(
                "{}; ({}) and {selects}",
                normalized_specification(specification),
                normalized_marker(marker)
            )
        }
        None => format!("{}; {selects}", normalized_specification(text)),
    }
}

/// Returns version specifiers in one spelling, as of `Requires-Python`.
pub(super) fn normalized_specifiers(text: &str) -> String {
    let text: String = text.chars().filter(|it| !it.is_whitespace()).collect();
    let text = text.strip_prefix('(').and_then(|it| it.strip_suffix(')')).unwrap_or(&text);
    let mut parts: Vec<&str> = text.split(',').filter(|it| !it.is_empty()).collect();
    parts.sort_unstable();
    parts.join(",")
}

fn normalized_specification(text: &str) -> String {
    let text = text.trim();
    if let Some((name, url)) = text.split_once('@') {
        return format!("{}@{}", normalized_name_and_extras(name), url.trim());
    }
    let end = text.find(|it: char| "<>=!~(".contains(it)).unwrap_or(text.len());
    format!("{}{}", normalized_name_and_extras(&text[..end]), normalized_specifiers(&text[end..]))
}

fn normalized_name_and_extras(text: &str) -> String {
    let Some((name, extras)) = text.trim().strip_suffix(']').and_then(|it| it.split_once('[')) else {
        return normalized_name(text);
    };
    let mut extras: Vec<String> = extras.split(',').map(normalized_name).collect();
    extras.sort_unstable();
    format!("{}[{}]", normalized_name(name), extras.join(","))
}

/// Returns a marker with single quotes and without spaces around operators.
fn normalized_marker(marker: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut rest = marker.trim();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '\'' | '"' => rest[1..].find(first).map_or(rest.len(), |it| it + 2),
            _ if "<>=!~".contains(first) => rest.find(|it: char| !"<>=!~".contains(it)).unwrap_or(rest.len()),
            '(' | ')' => 1,
            _ => rest.find(|it: char| it.is_whitespace() || "<>=!~()'\"".contains(it)).unwrap_or(rest.len()),
        };
        let word = &rest[..end];
        words.push(word.replace('"', "'"));
        rest = rest[end..].trim_start();
    }
    let is_word = |it: &str| it.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let mut out = String::new();
    for word in words {
        let joins_words =
            is_word(&word) && out.ends_with(|it: char| it.is_ascii_alphanumeric() || "_')".contains(it));
        let before_group = word == "(" && out.ends_with(|it: char| it.is_ascii_alphanumeric());
        let after_word = word.starts_with('\'') && out.ends_with(|it: char| it.is_ascii_alphanumeric());
        if joins_words || before_group || after_word {
            out.push(' ');
        }
        out.push_str(&word);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_requirement_are_equal() {
        for (left, right) in [
            ("opensandbox>=0.1.4,<0.2.0", "opensandbox<0.2.0,>=0.1.4"),
            ("Foo_Bar [b, a] (>= 1)", "foo-bar[a,b]>=1"),
            ("tomli; python_version < \"3.11\"", "tomli; python_version<'3.11'"),
            ("a ; x == 'b' and y in 'c d'", "a;x=='b' and y in 'c d'"),
        ] {
            assert_eq!(normalized_requirement(left), normalized_requirement(right));
        }
        assert_eq!(
            normalized_requirement("redis<6.0,>=5.0; extra == 'pool-redis'"),
            requirement_of_extra("redis>=5.0,<6.0", "pool-redis")
        );
        assert_eq!(
            normalized_requirement("a; (python_version < '3') and extra == 'x'"),
            requirement_of_extra("a; python_version<'3'", "x")
        );
        assert_ne!(normalized_requirement("a>=1"), normalized_requirement("a>1"));
        assert_ne!(normalized_requirement("a; x == 'b c'"), normalized_requirement("a; x == 'bc'"));
    }
}
