//! Names in URLs (RFC 3986).

/// A name as one segment of a path, or as a value of a query: every byte that is not unreserved is percent-encoded, as
/// section 2.3 tells, slashes too.
#[must_use]
pub fn segment(name: &str) -> String {
    encoded(name, b"")
}

/// A name as a path: like [`segment`], but for the slashes, which stay.
#[must_use]
pub fn path(name: &str) -> String {
    encoded(name, b"/")
}

/// A text without the credentials of the addresses in it: what stands between `://` and `@` is hidden (RFC 3986, 3.2.1).
#[must_use]
pub fn without_credentials(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let end = after
            .find(|c: char| c == '/' || c == '\'' || c == '"' || c.is_whitespace())
            .unwrap_or(after.len());
        let (authority, tail) = after.split_at(end);
        match authority.rsplit_once('@') {
            Some((_, host)) => out.extend(["***@", host]),
            None => out.push_str(authority),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

fn encoded(name: &str, kept: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_hidden_and_nothing_else() {
        let said = "could not read Password for 'https://ghp_x@example.com': no; see https://example.com/a@b and git@example.com:x";
        let hidden = "could not read Password for 'https://***@example.com': no; see https://example.com/a@b and git@example.com:x";
        assert_eq!(without_credentials(said), hidden);
        assert_eq!(without_credentials("http://u:p@w@h:1/x http://v@i"), "http://***@h:1/x http://***@i");
        assert_eq!(without_credentials("nothing"), "nothing");
    }

    #[test]
    fn names_are_one_segment_or_keep_their_slashes() {
        assert_eq!(segment("server/v0.1.0+x"), "server%2Fv0.1.0%2Bx");
        assert_eq!(path("server/v0.1.0+x"), "server/v0.1.0%2Bx");
        assert_eq!(segment("a b#%\u{e4}"), "a%20b%23%25%C3%A4");
    }
}
