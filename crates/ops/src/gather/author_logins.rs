//! The accounts of authors, as GitHub knows them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use forge::{ForgeError, Told};
use model::release::changelog::CommitHistory;

use crate::cache::Cache;
use crate::context::Work;

/// So many requests of the hour are left to the release itself.
const RESERVE: u32 = 100;

/// Gives the authors of a range the accounts that GitHub knows: one question for each address that no account can be read
/// off, by one commit of that author. A question that is not answered leaves the author as they are: the notes name
/// people without their accounts too. After one that fails for another reason than that commit, nobody is asked any more.
pub(crate) fn name_authors(
    work: Work<'_>,
    slug: &str,
    history: &mut CommitHistory,
    tell: &mut dyn FnMut(Told),
) -> Known {
    let mut known = Known::read(&work.around.cache, slug);
    let Some(Ok(own)) = work.world.map(|it| it.own.forge()) else { return known };
    let mut logins: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut answers = true;
    for commit in &mut history.commits {
        let email = commit.author.email.to_lowercase();
        if email.ends_with("@users.noreply.github.com") {
            continue;
        }
        let login = logins.entry(email).or_insert_with(|| {
            let id = commit.id.to_string();
            if let Some(login) = known.logins.get(&id) {
                return Some(login.clone()).filter(|it| it != NOBODY);
            }
            if !answers || own.requests_left().is_some_and(|it| it <= RESERVE) {
                return None;
            }
            let login = match own.author(commit.id, tell) {
                Ok(login) => login,
                // GitHub does not know the commit: another may be known.
                Err(ForgeError::Refused { status: 404 | 422, .. }) => return None,
                Err(_) => {
                    answers = false;
                    return None;
                }
            };
            known.logins.insert(id, login.clone().unwrap_or(NOBODY.to_owned()));
            known.changed = true;
            login
        });
        commit.author.login.clone_from(login);
    }
    known
}

/// What stands for an address that GitHub knows no account for.
const NOBODY: &str = "-";

/// The longest file of logins that is read, in bytes.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// What GitHub said before: commits do not change, and neither does who made them. A line `<commit> <login>` each.
#[derive(Debug)]
pub(crate) struct Known {
    cache: Cache,
    /// The repository.
    slug: String,
    logins: BTreeMap<String, String>,
    changed: bool,
}

impl Known {
    /// Reads the file of a repository. One that is missing, too long or no plain file is empty: everybody is asked again.
    fn read(cache: &Cache, slug: &str) -> Self {
        let (below, name) = place(slug);
        let folder = cache.open(&below).ok().flatten();
        let bytes = folder.and_then(|it| it.read(name, MAX_FILE_BYTES).ok().flatten()).unwrap_or_default();
        let text = String::from_utf8(bytes).unwrap_or_default();
        // A line that does not end was not written to its end.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines = whole.lines().filter_map(|it| it.split_once(' '));
        let logins = lines.map(|(commit, login)| (commit.to_owned(), login.to_owned())).collect();
        Self { cache: cache.clone(), slug: slug.to_owned(), logins, changed: false }
    }

    /// Writes it down. Where that fails, the next run asks again.
    pub(crate) fn write(&self) {
        if !self.changed {
            return;
        }
        let mut text = String::new();
        for (commit, login) in &self.logins {
            writeln!(text, "{commit} {login}").expect("writing to a string cannot fail");
        }
        let (below, name) = place(&self.slug);
        if let Ok(Some(folder)) = self.cache.create(&below) {
            folder.write(name, text.as_bytes()).ok();
        }
    }
}

/// The folders of the cache that lead to the file of a repository, and its name.
fn place(slug: &str) -> (Vec<&str>, &str) {
    let (owner, name) = slug.rsplit_once('/').unwrap_or(("", slug));
    (["logins"].into_iter().chain(owner.split('/')).filter(|it| !it.is_empty()).collect(), name)
}
