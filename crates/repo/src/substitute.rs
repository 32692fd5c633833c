//! `$Format:…$` in files with the attribute `export-subst` (`git help archive`), by git's pretty formats.
//!
//! Only what the commit itself says is rendered. What depends on the clone (abbreviations, names of references,
//! `describe`, notes, signatures, a mailmap) or on the day would give another archive on another machine: that is
//! refused, and so is anything unknown. Nothing is left as it is by mistake.

use git2::{Commit, Time};

use crate::message;

/// The file with its placeholders rendered, or what is wrong with one of them.
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

fn unsupported_placeholder(rest: &[u8]) -> String {
    let shown = String::from_utf8_lossy(&rest[..rest.len().min(12)]).into_owned();
    format!(
        "the export-subst placeholder '%{}' cannot be rendered the same on every machine; use %H, %T, %P, %an, %ae, \
         %ai, %aI, %as, %at, %aD, %ad, the same with %c, %s, %b, %B, %n or %%",
        shown.trim_end()
    )
}

/// What a placeholder stands for, and how many bytes it takes after its `%`.
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

/// A time in the zone that it was written in, in git's forms.
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
