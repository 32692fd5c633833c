//! Percent-encoding of names in URLs, and removal of credentials from them (RFC 3986).

/// Encodes a name as one segment of a path, or as a value of a query: every byte outside the unreserved characters
/// (section 2.3) is percent-encoded, slashes too.
#[must_use]
pub fn encode_segment(name: &str) -> String {
    percent_encode(name, b"")
}

/// Encodes a name as a path: like [`encode_segment`], but slashes are kept.
#[must_use]
pub fn encode_path(name: &str) -> String {
    percent_encode(name, b"/")
}

/// Replaces the credentials of every URL in a text with `***`: the part between `://` and `@` (RFC 3986, 3.2.1).
#[must_use]
pub fn redact_userinfo(text: &str) -> String {
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

/// Returns a URL with `***` in place of its credentials: the part between `://` and the last `@` of the authority, which
/// ends at `/`, `?`, `#` or `\` (RFC 3986, 3.2; WHATWG URL Standard).
#[must_use]
pub fn redact_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://***{}", &rest[at..]),
        None => url.to_owned(),
    }
}

fn percent_encode(name: &str, unescaped: &[u8]) -> String {
    const HEX_DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || unescaped.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX_DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(HEX_DIGITS[usize::from(byte & 15)]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_a_url_are_redacted_whatever_they_contain() {
        for secret in ["a:b", "a:S3cr'et", "a:\"b", "a:b c", "a@b:c@d", "a"] {
            assert_eq!(
                redact_url(&format!("https://{secret}@example.com/x@y?z@")),
                "https://***@example.com/x@y?z@"
            );
        }
        assert_eq!(redact_url("https://example.com/x@y"), "https://example.com/x@y");
        assert_eq!(redact_url("no url"), "no url");
    }

    #[test]
    fn only_userinfo_is_redacted() {
        let message = "could not read Password for 'https://ghp_x@example.com': no; see https://example.com/a@b and git@example.com:x";
        let redacted = "could not read Password for 'https://***@example.com': no; see https://example.com/a@b and git@example.com:x";
        assert_eq!(redact_userinfo(message), redacted);
        assert_eq!(redact_userinfo("http://u:p@w@h:1/x http://v@i"), "http://***@h:1/x http://***@i");
        assert_eq!(redact_userinfo("nothing"), "nothing");
    }

    #[test]
    fn only_encode_path_keeps_slashes() {
        assert_eq!(encode_segment("server/v0.1.0+x"), "server%2Fv0.1.0%2Bx");
        assert_eq!(encode_path("server/v0.1.0+x"), "server/v0.1.0%2Bx");
        assert_eq!(encode_segment("a b#%\u{e4}"), "a%20b%23%25%C3%A4");
    }
}
