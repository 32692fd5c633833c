//! `$Format:…$` in files with the attribute `export-subst` (`git help archive`), expanded as git's pretty formats.
//!
//! Only placeholders for data of the commit object are supported. Others depend on the clone (abbreviations,
//! reference names, `describe`, notes, signatures, a mailmap) or on the date, and would give another archive on
//! another machine. They are refused, as are unknown placeholders, so that no placeholder stays unexpanded unnoticed.

use git2::{Commit, Time};

use crate::message;

/// Returns the file with all placeholders expanded. The error is a message about an unsupported placeholder.
pub(crate) fn substitute(bytes: &[u8], commit: &Commit<'_>) -> Result<Vec<u8>, String> {
    const START: &[u8] = b"$Format:";
    let mut out = Vec::with_capacity(bytes.len() + 64);
    let mut rest = bytes;
    while let Some(start) = rest.windows(START.len()).position(|it| it == START) {
        let format = &rest[start + START.len()..];
        let Some(end) = format.iter().position(|byte| *byte == b'$') else { break };
        out.extend_from_slice(&rest[..start]);
        render(&format[..end], commit, &mut out)?;
        rest = &format[end + 1..];
    }
    out.extend_from_slice(rest);
    Ok(out)
}

/// Appends the expansion of one format to `out`. The format is the text between `$Format:` and `$`.
fn render(format: &[u8], commit: &Commit<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    let mut rest = format;
    while let Some(percent) = rest.iter().position(|byte| *byte == b'%') {
        out.extend_from_slice(&rest[..percent]);
        rest = &rest[percent + 1..];
        let (value, length) =
            expand_placeholder(rest, commit).ok_or_else(|| unsupported_placeholder(rest))?;
        out.extend_from_slice(value.as_bytes());
        rest = &rest[length..];
    }
    out.extend_from_slice(rest);
    Ok(())
}

/// The message for a placeholder, of which at most 12 bytes are shown.
fn unsupported_placeholder(rest: &[u8]) -> String {
    let shown = String::from_utf8_lossy(&rest[..rest.len().min(12)]).into_owned();
    format!(
        "the export-subst placeholder '%{}' cannot be rendered the same on every machine; use %H, %T, %P, %an, %ae, \
         %ai, %aI, %as, %at, %aD, %ad, the same with %c, %s, %b, %B, %n or %%",
        shown.trim_end()
    )
}

/// Returns the value of a placeholder, and its length in bytes after the `%`. `None` if it is not supported.
fn expand_placeholder(rest: &[u8], commit: &Commit<'_>) -> Option<(String, usize)> {
    let text = || message::text(commit);
    let one = match rest.first()? {
        b'H' => commit.id().to_string(),
        b'T' => commit.tree_id().to_string(),
        b'P' => commit.parent_ids().map(|it| it.to_string()).collect::<Vec<_>>().join(" "),
        b's' => message::split_message(&text()).0,
        b'b' => message::split_message(&text()).1,
        b'B' => text(),
        b'n' => "\n".to_owned(),
        b'%' => "%".to_owned(),
        person @ (b'a' | b'c') => {
            let signature = if *person == b'a' { commit.author() } else { commit.committer() };
            let decode = |bytes: &[u8]| message::decode(commit, bytes);
            let two = match rest.get(1)? {
                b'n' => decode(signature.name_bytes()),
                b'e' => decode(signature.email_bytes()),
                b'l' => decode(signature.email_bytes().split(|byte| *byte == b'@').next()?),
                b't' => signature.when().seconds().to_string(),
                form => format_date(signature.when(), *form)?,
            };
            return Some((two, 2));
        }
        _ => return None,
    };
    Some((one, 1))
}

/// Formats a time in its recorded time zone, in the date format of `form` (`git help log`, "PRETTY FORMATS"). `None`
/// if the format is not supported.
fn format_date(time: Time, form: u8) -> Option<String> {
    let form = match form {
        b'd' => "%a %b %-d %H:%M:%S %Y %z",
        b'D' => "%a, %-d %b %Y %H:%M:%S %z",
        b'i' => "%Y-%m-%d %H:%M:%S %z",
        b's' => "%Y-%m-%d",
        b'I' if time.offset_minutes() == 0 => "%Y-%m-%dT%H:%M:%SZ",
        b'I' => "%Y-%m-%dT%H:%M:%S%:z",
        _ => return None,
    };
    model::base::time::format_in_zone(time.seconds(), time.offset_minutes(), form)
}
