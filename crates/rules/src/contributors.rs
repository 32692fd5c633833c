//! The contributors that the notes thank. An `@login` notifies its account, so only logins from GitHub itself are used.

use std::collections::{HashMap, HashSet};

use model::release::changelog::{Contributor, PersonIdent, RangeCommit};

use crate::pattern;

/// Returns each author and co-author once, in the order of their first commit in the list. Two mentions are one person
/// if they have the same address, the same login, or the same name without different logins. Takes time proportional to
/// the number of mentions: each looks up its address, login and name once.
pub(crate) fn contributors(commits: &[RangeCommit], bots: &[String]) -> Vec<Contributor> {
    let bots: Vec<String> = bots.iter().map(|it| it.to_lowercase()).collect();
    let everyone = commits.iter().flat_map(|it| std::iter::once(&it.author).chain(&it.co_authors));
    let mut seen = HashSet::new();
    let people: Vec<PersonMention> =
        everyone.filter(|it| seen.insert(*it)).map(|it| PersonMention::from_ident(it, &bots)).collect();
    let mut groups = DisjointSets::new(people.len());
    // Addresses and logins come first, because they are certain. A name joins only groups without different logins.
    let mut known: HashMap<IdentityKey<'_>, usize> = HashMap::new();
    for (index, person) in people.iter().enumerate() {
        for key in person.identity_keys() {
            match known.get(&key) {
                Some(first) => groups.union(*first, index),
                None => drop(known.insert(key, index)),
            }
        }
    }
    union_by_name(&people, &mut groups);
    let mut found: Vec<(usize, Contributor)> = Vec::new();
    let mut places: HashMap<usize, usize> = HashMap::new();
    for (index, person) in people.iter().enumerate() {
        let root = groups.find(index);
        if let Some(place) = places.get(&root) {
            person.merge_into(&mut found[*place].1);
        } else {
            places.insert(root, found.len());
            found.push((index, person.to_contributor()));
        }
    }
    found.into_iter().map(|(_, it)| it).collect()
}

/// Joins groups of the same name, unless they have different logins. A group joins the first group of its name that has
/// the same login or none.
fn union_by_name(people: &[PersonMention], groups: &mut DisjointSets) {
    let mut logins: HashMap<usize, String> = HashMap::new();
    for (index, person) in people.iter().enumerate() {
        if let Some(login) = &person.login {
            logins.entry(groups.find(index)).or_insert_with(|| login.to_ascii_lowercase());
        }
    }
    // For each name: its first group, and its groups by login.
    let mut named: HashMap<&str, (usize, HashMap<String, usize>)> = HashMap::new();
    for (index, person) in people.iter().enumerate() {
        let root = groups.find(index);
        let login = logins.get(&root).cloned();
        let Some((fallback, by_login)) = named.get_mut(person.name_key.as_str()) else {
            let by_login = login.into_iter().map(|it| (it, root)).collect();
            named.insert(&person.name_key, (root, by_login));
            continue;
        };
        let target = match &login {
            None => *fallback,
            Some(login) => match by_login.get(login) {
                Some(same) => *same,
                None if by_login.is_empty() => *fallback,
                None => root,
            },
        };
        groups.union(target, root);
        let joined = groups.find(target);
        if let Some(login) = login {
            logins.insert(joined, login.clone());
            by_login.insert(login, joined);
        }
    }
}

/// A key that identifies a person with certainty: two mentions with the same key are one person.
#[derive(PartialEq, Eq, Hash)]
enum IdentityKey<'a> {
    Email(&'a str),
    Login(String),
}

/// One mention of a person, as author or co-author.
struct PersonMention {
    name: String,
    /// The name in lower case, with single spaces, for comparison.
    name_key: String,
    email: String,
    login: Option<String>,
    bot: bool,
}

impl PersonMention {
    fn from_ident(person: &PersonIdent, bots: &[String]) -> Self {
        let login = person.login.clone().filter(|it| is_login(it));
        let bot_like =
            |text: &str| bots.iter().any(|it| pattern::matches_wildcards(it, &text.to_lowercase(), None));
        let bot = bot_like(&person.name) || bot_like(&person.email);
        let name = if person.name.trim().is_empty() { "unknown" } else { person.name.trim() };
        Self {
            name: name.to_owned(),
            name_key: name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase(),
            email: person.email.to_lowercase(),
            login: login.or_else(|| noreply_login(&person.email)).filter(|_| !bot),
            bot,
        }
    }

    fn identity_keys(&self) -> impl Iterator<Item = IdentityKey<'_>> {
        let email = (!self.email.is_empty()).then_some(IdentityKey::Email(&self.email));
        email.into_iter().chain(self.login.as_ref().map(|it| IdentityKey::Login(it.to_ascii_lowercase())))
    }

    fn to_contributor(&self) -> Contributor {
        Contributor { name: self.name.clone(), login: self.login.clone(), bot: self.bot }
    }

    fn merge_into(&self, known: &mut Contributor) {
        known.login = known.login.take().or_else(|| self.login.clone());
        known.bot |= self.bot;
    }
}

/// The mentions of each person: disjoint sets (union-find), each represented by its first member.
struct DisjointSets(Vec<usize>);

impl DisjointSets {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn find(&mut self, mut index: usize) -> usize {
        while self.0[index] != index {
            // Path halving keeps later look-ups short.
            self.0[index] = self.0[self.0[index]];
            index = self.0[index];
        }
        index
    }

    fn union(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find(a), self.find(b));
        let (first, second) = (a.min(b), a.max(b));
        self.0[second] = first;
    }
}

/// Returns true if a text has the form of a GitHub login: at most 39 letters, digits and single inner hyphens; for
/// managed users followed by `_` and the short code of their enterprise. Any other text could act as Markdown in the
/// notes.
fn is_login(text: &str) -> bool {
    let (name, company) = text.split_once('_').unwrap_or((text, "x"));
    let word =
        |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let bounded = text.len() <= 39 && !name.starts_with('-') && !name.ends_with('-') && !name.contains("--");
    bounded && word(name) && word(company)
}

/// Returns the login in a noreply address of GitHub: `ID+LOGIN@users.noreply.github.com`, before 2017
/// `LOGIN@users.noreply.github.com`. Returns `None` for any other address, and if the part is not a valid login.
fn noreply_login(email: &str) -> Option<String> {
    const HOST: &str = "@users.noreply.github.com";
    let host_start = email.len().checked_sub(HOST.len())?;
    let (local, host) = (email.get(..host_start)?, email.get(host_start..)?);
    if !host.eq_ignore_ascii_case(HOST) {
        return None;
    }
    let login = match local.split_once('+') {
        Some((id, login)) if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) => login,
        Some(_) => return None,
        None => local,
    };
    is_login(login).then(|| login.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{CommitId, ObjectId};

    fn contributors_of(people: &[(&str, &str)]) -> Vec<String> {
        let person = |(name, email): &(&str, &str)| PersonIdent::new(name, email);
        let commits: Vec<RangeCommit> = people
            .iter()
            .map(|it| RangeCommit {
                id: CommitId::new(ObjectId::from_bytes([0; 20])),
                subject: String::new(),
                body: String::new(),
                author: person(it),
                co_authors: Vec::new(),
            })
            .collect();
        let bots = ["*[bot]".to_owned(), "robot@example.com".to_owned()];
        let shown = |it: Contributor| match (it.bot, it.login) {
            (true, _) => format!("bot {}", it.name),
            (false, Some(handle)) => format!("@{handle}"),
            (false, None) => it.name,
        };
        contributors(&commits, &bots).into_iter().map(shown).collect()
    }

    #[test]
    fn logins_come_only_from_noreply_addresses() {
        assert_eq!(contributors_of(&[("Ada", "1+ada@users.noreply.github.com")]), ["@ada"]);
        assert_eq!(contributors_of(&[("Ada", "ada@users.noreply.github.com")]), ["@ada"]);
        assert_eq!(contributors_of(&[("Ada", "1+ada_acme@users.noreply.github.com")]), ["@ada_acme"]);
        for email in [
            "ada@example.com",
            "ada.l@users.noreply.github.com",
            "x+ada@users.noreply.github.com",
            "1+@users.noreply.github.com",
            "1+a b@users.noreply.github.com",
            "ada@users.noreply.github.com.example.com",
            "ü@users.noreply.github.com",
        ] {
            assert_eq!(contributors_of(&[("Ada", email)]), ["Ada"], "{email}");
        }
    }

    #[test]
    fn each_person_is_listed_once() {
        assert_eq!(contributors_of(&[("Ada", "a@x"), ("Ada L", "A@X"), ("ada  l", "b@y")]), ["Ada"]);
        assert_eq!(contributors_of(&[("Ada", "a@x"), ("Ada", "1+ada@users.noreply.github.com")]), ["@ada"]);
        assert_eq!(
            contributors_of(&[("Ada", "a@x"), ("Bob", "b@y"), ("Bob", "a@x")]),
            ["Ada"],
            "joined by the last one"
        );
        assert_eq!(
            contributors_of(&[
                ("Ada", "1+ada@users.noreply.github.com"),
                ("Ada", "2+other@users.noreply.github.com")
            ]),
            ["@ada", "@other"],
            "two people with the same name"
        );
    }

    #[test]
    fn bots_are_marked() {
        assert_eq!(
            contributors_of(&[("dependabot[bot]", "49+dependabot[bot]@users.noreply.github.com")]),
            ["bot dependabot[bot]"]
        );
        assert_eq!(
            contributors_of(&[("Helper 4", "robot@example.com"), ("Helper 5", "Robot@example.com")]),
            ["bot Helper 4"]
        );
        assert_eq!(contributors_of(&[("robot", "r@example.com")]), ["robot"]);
    }
}
