//! Commit messages, split as git's pretty formats `%s` and `%b` split them.

use encoding_rs::Encoding;
use git2::{Commit, Mailmap, Signature};
use model::release::changelog::{PersonIdent, RangeCommit as Change};

/// Returns the commit's message as text. git stores bytes, and the name of their encoding if it is not UTF-8. Invalid
/// sequences become the replacement character (U+FFFD).
pub(crate) fn text(commit: &Commit<'_>) -> String {
    decode(commit, commit.message_bytes())
}

/// Decodes bytes of a commit object in the encoding that the commit declares, else as UTF-8.
pub(crate) fn decode(commit: &Commit<'_>, bytes: &[u8]) -> String {
    let declared = commit.message_encoding().ok().flatten().and_then(|it| Encoding::for_label(it.as_bytes()));
    declared.unwrap_or(encoding_rs::UTF_8).decode_without_bom_handling(bytes).0.into_owned()
}

/// Returns the subject, which is the first paragraph on one line (`%s`), and the body after it (`%b`).
pub(crate) fn split_message(message: &str) -> (String, String) {
    let mut lines = message.split('\n').skip_while(|line| is_blank(line));
    let mut subject = Vec::new();
    for line in lines.by_ref() {
        if is_blank(line) {
            break;
        }
        subject.push(line.trim_end_matches(is_space));
    }
    let body: Vec<&str> = lines.skip_while(|line| is_blank(line)).collect();
    (subject.join(" "), body.join("\n"))
}

/// Whether a character is white space by git's `isspace`.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn is_blank(line: &str) -> bool {
    line.chars().all(is_space)
}

/// Returns the commit for a changelog, with the author and the co-authors mapped by `.mailmap`.
pub(crate) fn changelog_commit(commit: &Commit<'_>, mailmap: Option<&Mailmap>) -> Change {
    let (subject, body) = split_message(&text(commit));
    let author = commit.author();
    let person = |bytes: &[u8]| decode(commit, bytes);
    let author = PersonIdent::new(&person(author.name_bytes()), &person(author.email_bytes()));
    let co_authors = body.lines().filter_map(co_author).map(|it| apply_mailmap(it, mailmap)).collect();
    Change {
        id: crate::object_ids::commit_id(commit.id()),
        author: apply_mailmap(author, mailmap),
        subject,
        co_authors,
        body,
    }
}

/// Returns the person of a `Co-authored-by: Name <email>` trailer, whose key is case-insensitive. `None` for other
/// lines.
fn co_author(line: &str) -> Option<PersonIdent> {
    const KEY: &str = "co-authored-by:";
    let key = line.get(..KEY.len())?;
    let (name, rest) = line[KEY.len()..].split_once('<')?;
    let (email, _) = rest.split_once('>')?;
    let person = PersonIdent::new(name.trim(), email.trim());
    (key.eq_ignore_ascii_case(KEY) && !(person.name.is_empty() && person.email.is_empty())).then_some(person)
}

/// Returns the person with the name and email address that `.mailmap` assigns. Returns the person unchanged without a
/// `.mailmap`, or if libgit2 does not accept the name or email address.
fn apply_mailmap(person: PersonIdent, mailmap: Option<&Mailmap>) -> PersonIdent {
    let Some(mailmap) = mailmap else { return person };
    let epoch = git2::Time::new(0, 0);
    let resolved =
        Signature::new(&person.name, &person.email, &epoch).and_then(|it| mailmap.resolve_signature(&it));
    match resolved {
        Ok(signature) => PersonIdent::new(
            &String::from_utf8_lossy(signature.name_bytes()),
            &String::from_utf8_lossy(signature.email_bytes()),
        ),
        Err(_) => person,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_is_split_like_git() {
        assert_eq!(
            split_message("one\ntwo  \n\nbody\n\nmore\n"),
            ("one two".into(), "body\n\nmore\n".into())
        );
        assert_eq!(split_message("\n \n one\n"), (" one".into(), String::new()));
        assert_eq!(split_message(""), (String::new(), String::new()));
    }

    #[test]
    fn co_author_trailers_are_parsed() {
        let person = |name: &str, email: &str| Some(PersonIdent::new(name, email));
        assert_eq!(co_author("Co-Authored-By: A B <a@example.com>"), person("A B", "a@example.com"));
        assert_eq!(co_author("co-authored-by:A<a@example.com> and more"), person("A", "a@example.com"));
        for line in ["Co-authored-by: A", "Signed-off-by: A <a@example.com>", "Co-authored-by: <>", "ü"] {
            assert_eq!(co_author(line), None, "{line}");
        }
    }
}
