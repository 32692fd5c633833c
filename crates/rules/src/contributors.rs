//! Who is thanked. A handle pings whoever has it, so it is used only where GitHub itself gave it.

use std::collections::HashSet;

use model::change::{Commit, Contributor, Person};

/// Everyone behind the commits, once, in the order of their first commit in the list. Two appearances are one
/// person by the same address, the same handle, or the same name unless their handles differ.
pub(crate) fn contributors(commits: &[Commit], bots: &[String]) -> Vec<Contributor> {
    let mut groups: Vec<Group> = Vec::new();
    let mut seen = HashSet::new();
    let everyone = commits.iter().flat_map(|it| std::iter::once(&it.author).chain(&it.co_authors));
    for person in everyone.filter(|it| seen.insert(*it)) {
        let new = Group::of(person, bots);
        let Some(first) = groups.iter().position(|it| it.is_same(&new)) else {
            groups.push(new);
            continue;
        };
        let mut group = groups.remove(first);
        group.absorb(new);
        let (tied, others): (Vec<Group>, Vec<Group>) =
            groups.drain(first..).partition(|it| it.is_same(&group));
        for it in tied {
            group.absorb(it);
        }
        groups.push(group);
        groups.extend(others);
    }
    groups.into_iter().map(|it| it.person).collect()
}

/// The appearances of one person.
struct Group {
    person: Contributor,
    names: Vec<String>,
    emails: Vec<String>,
}

impl Group {
    fn of(person: &Person, bots: &[String]) -> Self {
        let handle = person.login.clone().or_else(|| handle(&person.email));
        let known_bot =
            |text: &str| bots.iter().any(|pattern| matches(&pattern.to_lowercase(), &text.to_lowercase()));
        let bot = known_bot(&person.name) || known_bot(&person.email);
        let name = if person.name.trim().is_empty() { "unknown" } else { person.name.trim() };
        Self {
            person: Contributor { name: name.to_owned(), handle: handle.filter(|_| !bot), bot },
            names: vec![name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()],
            emails: if person.email.is_empty() { Vec::new() } else { vec![person.email.to_lowercase()] },
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        if self.emails.iter().any(|it| other.emails.contains(it)) {
            return true;
        }
        match (&self.person.handle, &other.person.handle) {
            (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
            _ => self.names.iter().any(|it| other.names.contains(it)),
        }
    }

    fn absorb(&mut self, other: Self) {
        self.person.handle = self.person.handle.take().or(other.person.handle);
        self.person.bot |= other.person.bot;
        self.names.extend(other.names);
        self.emails.extend(other.emails);
    }
}

/// The login in an address that GitHub gives to hide the real one: `ID+LOGIN@users.noreply.github.com`, before 2017
/// `LOGIN@users.noreply.github.com`. `None` for any other address, and for what no login looks like.
fn handle(email: &str) -> Option<String> {
    const HOST: &str = "@users.noreply.github.com";
    let at = email.len().checked_sub(HOST.len())?;
    let (local, host) = (email.get(..at)?, email.get(at..)?);
    if !host.eq_ignore_ascii_case(HOST) {
        return None;
    }
    let login = match local.split_once('+') {
        Some((id, login)) if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) => login,
        Some(_) => return None,
        None => local,
    };
    // Managed users have `_` and their company's short code at the end.
    let (name, company) = login.split_once('_').unwrap_or((login, ""));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let fits =
        !name.is_empty() && login.len() <= 39 && !name.starts_with('-') && plain(name) && plain(company);
    fits.then(|| login.to_owned())
}

/// Whether a text fits a pattern in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            (0..=text.len()).filter(|at| text.is_char_boundary(*at)).any(|at| matches(rest, &text[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{CommitId, ObjectId};

    fn of(people: &[(&str, &str)]) -> Vec<String> {
        let person = |(name, email): &(&str, &str)| Person::new(name, email);
        let commits: Vec<Commit> = people
            .iter()
            .map(|it| Commit {
                id: CommitId::new(ObjectId::from_bytes([0; 20])),
                subject: String::new(),
                body: String::new(),
                author: person(it),
                co_authors: Vec::new(),
            })
            .collect();
        let bots = ["*[bot]".to_owned(), "robot@example.com".to_owned()];
        let shown = |it: Contributor| match (it.bot, it.handle) {
            (true, _) => format!("bot {}", it.name),
            (false, Some(handle)) => format!("@{handle}"),
            (false, None) => it.name,
        };
        contributors(&commits, &bots).into_iter().map(shown).collect()
    }

    #[test]
    fn a_handle_is_only_what_github_gave() {
        assert_eq!(of(&[("Ada", "1+ada@users.noreply.github.com")]), ["@ada"]);
        assert_eq!(of(&[("Ada", "ada@users.noreply.github.com")]), ["@ada"]);
        assert_eq!(of(&[("Ada", "1+ada_acme@users.noreply.github.com")]), ["@ada_acme"]);
        for email in [
            "ada@example.com",
            "ada.l@users.noreply.github.com",
            "x+ada@users.noreply.github.com",
            "1+@users.noreply.github.com",
            "1+a b@users.noreply.github.com",
            "ada@users.noreply.github.com.example.com",
            "ü@users.noreply.github.com",
        ] {
            assert_eq!(of(&[("Ada", email)]), ["Ada"], "{email}");
        }
    }

    #[test]
    fn nobody_stands_twice() {
        assert_eq!(of(&[("Ada", "a@x"), ("Ada L", "A@X"), ("ada  l", "b@y")]), ["Ada"]);
        assert_eq!(of(&[("Ada", "a@x"), ("Ada", "1+ada@users.noreply.github.com")]), ["@ada"]);
        assert_eq!(
            of(&[("Ada", "a@x"), ("Bob", "b@y"), ("Bob", "a@x")]),
            ["Ada"],
            "tied together by the last"
        );
        assert_eq!(
            of(&[("Ada", "1+ada@users.noreply.github.com"), ("Ada", "2+other@users.noreply.github.com")]),
            ["@ada", "@other"],
            "two people of one name"
        );
    }

    #[test]
    fn programs_are_told_apart() {
        assert_eq!(
            of(&[("dependabot[bot]", "49+dependabot[bot]@users.noreply.github.com")]),
            ["bot dependabot[bot]"]
        );
        assert_eq!(
            of(&[("Helper 4", "robot@example.com"), ("Helper 5", "Robot@example.com")]),
            ["bot Helper 4"]
        );
        assert_eq!(of(&[("robot", "r@example.com")]), ["robot"]);
    }

    #[test]
    fn patterns() {
        assert!(matches("*[bot]", "x[bot]") && matches("a*c*", "abcd") && matches("*", ""));
        assert!(!matches("*[bot]", "x[bot]y") && !matches("a*c", "abd") && !matches("", "a"));
    }
}
