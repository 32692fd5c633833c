//! The file format `allowed_signers` (ssh-keygen(1), "ALLOWED SIGNERS"). The parser is strict: a malformed line is an
//! error, because a policy without that line would allow or reject other signers than its author intended.

use model::base::time;
use model::evidence::signature::AllowedSigner;
use ssh_key::public::KeyData;
use ssh_key::{Certificate, PublicKey};

use crate::error::PolicyError;

/// The maximum size of a policy file, in bytes.
const MAX_POLICY_BYTES: usize = 1 << 20;

/// The content of an `allowed_signers` file.
#[derive(Debug, Clone, Default)]
pub(crate) struct AllowedSigners {
    /// The lines of keys that may sign.
    entries: Vec<(KeyData, AllowedSigner)>,
    /// The lines with `cert-authority`: keys that issue certificates.
    authorities: Vec<(KeyData, AllowedSigner)>,
}

impl AllowedSigners {
    /// Parses the content of an `allowed_signers` file. `file` is its name for errors.
    ///
    /// A line with `cert-authority` allows certificates that its key issued, but not signatures by the key itself.
    ///
    /// # Errors
    /// [`PolicyError`] for a malformed line, an unknown or repeated option, or a time without its final `Z`.
    pub(crate) fn parse(file: &str, text: &str) -> Result<Self, PolicyError> {
        let mut this = Self::default();
        for (line, content) in numbered_lines(file, text)? {
            let error = |message: String| PolicyError::Line { file: file.to_owned(), line, message };
            let (key, grant, is_authority) = parse_entry(content).map_err(error)?;
            if is_authority { &mut this.authorities } else { &mut this.entries }.push((key, grant));
        }
        Ok(this)
    }

    /// Returns the entries of a key.
    pub(crate) fn grants(&self, key: &KeyData) -> Vec<AllowedSigner> {
        self.entries.iter().filter(|(it, _)| it == key).map(|(_, grant)| grant.clone()).collect()
    }
}

impl AllowedSigners {
    /// Returns the entries of the authority of a certificate, restricted to the principals and the validity of the
    /// certificate (`PROTOCOL.certkeys`). The end of a certificate is exclusive, and that of an entry is inclusive.
    pub(crate) fn certificate_grants(&self, certificate: &Certificate) -> Vec<AllowedSigner> {
        let restrict = |grant: &AllowedSigner| {
            let from = i64::try_from(certificate.valid_after()).ok();
            let until = certificate.valid_before().checked_sub(1).and_then(|it| i64::try_from(it).ok());
            AllowedSigner {
                certificate_principals: Some(certificate.valid_principals().to_vec()),
                valid_after: grant.valid_after.max(from),
                valid_before: [grant.valid_before, until].into_iter().flatten().min(),
                ..grant.clone()
            }
        };
        let of = |it: &&(KeyData, AllowedSigner)| it.0 == *certificate.signature_key();
        self.authorities.iter().filter(of).map(|(_, grant)| restrict(grant)).collect()
    }
}

/// Parses a revocation file, with one public key per line.
pub(crate) fn parse_keys(file: &str, text: &str) -> Result<Vec<KeyData>, PolicyError> {
    let key = |(line, content): (usize, &str)| {
        let key = PublicKey::from_openssh(content);
        key.map(|it| it.key_data().clone()).map_err(|error| PolicyError::Line {
            file: file.to_owned(),
            line,
            message: format!("not a public key: {error}"),
        })
    };
    numbered_lines(file, text)?.into_iter().map(key).collect()
}

/// Returns the lines with their numbers, from 1. Empty lines and comments are left out.
fn numbered_lines<'t>(file: &str, text: &'t str) -> Result<Vec<(usize, &'t str)>, PolicyError> {
    if text.len() > MAX_POLICY_BYTES {
        let message = "the file is longer than 1 MiB".to_owned();
        return Err(PolicyError::Line { file: file.to_owned(), line: 1, message });
    }
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    Ok(numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).collect())
}

/// Parses `principals [options] keytype base64 [comment]`. The flag is true for a line with `cert-authority`.
fn parse_entry(line: &str) -> Result<(KeyData, AllowedSigner, bool), String> {
    let (principals, rest) = line.split_once([' ', '\t']).ok_or("expected principals, then a key")?;
    let principals: Vec<String> = principals.trim_matches('"').split(',').map(str::to_owned).collect();
    if principals.iter().any(|it| it.is_empty() || it == "!") {
        return Err("a principal is empty".to_owned());
    }
    let rest = rest.trim_start();
    let (options, key) = if is_key_type(rest) { (Vec::new(), rest) } else { parse_options(rest)? };
    let key = PublicKey::from_openssh(key.trim()).map_err(|error| format!("not a public key: {error}"))?;
    let mut grant = AllowedSigner {
        principals,
        certificate_principals: None,
        namespaces: Vec::new(),
        valid_after: None,
        valid_before: None,
    };
    let mut is_authority = false;
    let mut seen = Vec::new();
    for (name, value) in options {
        if seen.contains(&name) {
            return Err(format!("duplicate option {name}"));
        }
        match (name.as_str(), value.as_deref()) {
            ("cert-authority", None) => is_authority = true,
            ("namespaces", Some(list)) => grant.namespaces = list.split(',').map(str::to_owned).collect(),
            ("valid-after", Some(text)) => grant.valid_after = Some(parse_time(text)?),
            ("valid-before", Some(text)) => grant.valid_before = Some(parse_time(text)?),
            _ => return Err(format!("unknown or malformed option: {name}")),
        }
        seen.push(name);
    }
    Ok((key.key_data().clone(), grant, is_authority))
}

/// Parses a time in UTC, in seconds since 1970. A local time is rejected, because its meaning depends on the reader's
/// time zone.
fn parse_time(text: &str) -> Result<i64, String> {
    time::parse_openssh_time(text).ok_or_else(|| {
        format!("expected YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS with a final Z, found '{text}'")
    })
}

/// Returns true if the text begins with the name of a key type, so that the line has no options.
fn is_key_type(text: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"].iter().any(|it| text.starts_with(it))
}

/// The options of a line: names in lower case, and values without their quotes.
type SignerOptions = Vec<(String, Option<String>)>;

/// Splits off the options, which end at the first space outside quotes. Returns them and the rest of the line. Names
/// are case-insensitive.
fn parse_options(text: &str) -> Result<(SignerOptions, &str), String> {
    let mut quoted = false;
    let end = text.find(|c: char| {
        quoted ^= c == '"';
        c.is_whitespace() && !quoted
    });
    let (list, rest) = text.split_at(end.ok_or("expected a key after the options")?);
    let mut options = Vec::new();
    let mut quoted = false;
    let comma = |c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    };
    for option in list.split(comma) {
        let (name, value) = match option.split_once('=') {
            None => (option, None),
            Some((name, value)) => {
                let inner = value.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
                (name, Some(inner.ok_or_else(|| format!("the value of {name} is not in quotes"))?.to_owned()))
            }
        };
        options.push((name.to_ascii_lowercase(), value));
    }
    Ok((options, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    fn grants(line: &str) -> Result<Vec<AllowedSigner>, String> {
        let signers = AllowedSigners::parse("F", line).map_err(|it| it.to_string())?;
        Ok(signers.entries.into_iter().map(|it| it.1).collect())
    }

    #[test]
    fn allowed_signers_line_is_parsed() {
        let plain = grants(&format!("# who\n\na@x,!b@x {KEY} a comment\n")).unwrap();
        let expected = AllowedSigner {
            principals: vec!["a@x".into(), "!b@x".into()],
            certificate_principals: None,
            namespaces: vec![],
            valid_after: None,
            valid_before: None,
        };
        assert_eq!(plain, [expected]);
        let all = "*@x NAMESPACES=\"git,file\",valid-after=\"20260101Z\",valid-before=\"202602010000Z\"";
        let all = grants(&format!("{all} {KEY}")).unwrap();
        assert_eq!(all[0].namespaces, ["git", "file"]);
        assert_eq!((all[0].valid_after, all[0].valid_before), (Some(1_767_225_600), Some(1_769_904_000)));
        assert_eq!(
            grants(&format!("*@x cert-authority {KEY}")).unwrap(),
            [],
            "an authority allows no key by itself"
        );
    }

    #[test]
    fn malformed_lines_are_errors_with_their_number() {
        for (line, what) in [
            ("a@x", "expected principals, then a key"),
            ("a@x ssh-ed25519 AAAA", "not a public key"),
            (&format!("a@x,, {KEY}"), "a principal is empty"),
            (&format!("a@x valid-after=\"20260101\" {KEY}"), "with a final Z"),
            (&format!("a@x valid-after=20260101Z {KEY}"), "is not in quotes"),
            (&format!("a@x no-touch-required {KEY}"), "unknown or malformed option: no-touch-required"),
            (&format!("a@x namespaces=\"git\",namespaces=\"file\" {KEY}"), "duplicate option namespaces"),
            (&format!("a@x namespaces=\"git {KEY}"), "expected a key after the options"),
        ] {
            let error = grants(&format!("\n{line}\n")).unwrap_err();
            assert!(error.starts_with("F:2: ") && error.contains(what), "{line}: {error}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_policies_never_panic(junk in "[a-z@*!,=\"\\- \\n]{0,40}") {
            for text in [junk.clone(), format!("{junk} {KEY}"), format!("a@x {junk} {KEY}")] {
                if let Ok(signers) = AllowedSigners::parse("F", &text) {
                    prop_assert!(signers.entries.len() <= text.lines().count());
                }
            }
        }
    }
}
