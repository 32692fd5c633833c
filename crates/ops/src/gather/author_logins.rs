//! The accounts of authors, as GitHub knows them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use forge::ForgeError;
use model::base::http::HttpEvent;
use model::release::changelog::CommitHistory;

use crate::cache::CacheDir;
use crate::context::OpsContext;

/// So many requests of the hour are left to the release itself.
const RATE_LIMIT_RESERVE: u32 = 100;

/// Gives the authors of a range the accounts that GitHub knows: one question for each address that no account can be read
/// off, by one commit of that author. A question that is not answered leaves the author as they are: the notes name
/// people without their accounts too. After one that fails for another reason than that commit, nobody is asked any more.
pub(crate) fn resolve_logins(
    context: OpsContext<'_>,
    slug: &str,
    history: &mut CommitHistory,
    on_event: &mut dyn FnMut(HttpEvent),
) -> LoginCache {
    let mut login_cache = LoginCache::load(&context.env.cache, slug);
    let Some(Ok(forge)) = context.clients.map(|it| it.authenticated.forge()) else { return login_cache };
    let mut logins: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut available = true;
    for commit in &mut history.commits {
        let email = commit.author.email.to_lowercase();
        if email.ends_with("@users.noreply.github.com") {
            continue;
        }
        let login = logins.entry(email).or_insert_with(|| {
            let id = commit.id.to_string();
            if let Some(login) = login_cache.logins.get(&id) {
                return Some(login.clone()).filter(|it| it != NO_LOGIN);
            }
            if !available || forge.rate_limit_remaining().is_some_and(|it| it <= RATE_LIMIT_RESERVE) {
                return None;
            }
            let login = match forge.commit_login(commit.id, on_event) {
                Ok(login) => login,
                // GitHub does not know the commit: another may be known.
                Err(ForgeError::Status { status: 404 | 422, .. }) => return None,
                Err(_) => {
                    available = false;
                    return None;
                }
            };
            login_cache.logins.insert(id, login.clone().unwrap_or(NO_LOGIN.to_owned()));
            login_cache.is_dirty = true;
            login
        });
        commit.author.login.clone_from(login);
    }
    login_cache
}

/// What stands for an address that GitHub knows no account for.
const NO_LOGIN: &str = "-";

/// The longest file of logins that is read, in bytes.
const MAX_LOGINS_BYTES: u64 = 16 << 20;

/// What GitHub said before: commits do not change, and neither does who made them. A line `<commit> <login>` each.
#[derive(Debug)]
pub(crate) struct LoginCache {
    cache: CacheDir,
    /// The repository.
    slug: String,
    logins: BTreeMap<String, String>,
    is_dirty: bool,
}

impl LoginCache {
    /// Reads the file of a repository. One that is missing, too long or no plain file is empty: everybody is asked again.
    fn load(cache: &CacheDir, slug: &str) -> Self {
        let (below, name) = login_file(slug);
        let folder = cache.open(&below).ok().flatten();
        let bytes = folder.and_then(|it| it.read(name, MAX_LOGINS_BYTES).ok().flatten()).unwrap_or_default();
        let text = String::from_utf8(bytes).unwrap_or_default();
        // A line that does not end was not written to its end.
        let complete_lines = text.rsplit_once('\n').map_or("", |(complete_lines, _)| complete_lines);
        let lines = complete_lines.lines().filter_map(|it| it.split_once(' '));
        let logins = lines.map(|(commit, login)| (commit.to_owned(), login.to_owned())).collect();
        Self { cache: cache.clone(), slug: slug.to_owned(), logins, is_dirty: false }
    }

    /// Writes it down. Where that fails, the next run asks again.
    pub(crate) fn save(&self) {
        if !self.is_dirty {
            return;
        }
        let mut text = String::new();
        for (commit, login) in &self.logins {
            writeln!(text, "{commit} {login}").expect("writing to a string cannot fail");
        }
        let (below, name) = login_file(&self.slug);
        if let Ok(Some(folder)) = self.cache.create(&below) {
            folder.write(name, text.as_bytes()).ok();
        }
    }
}

/// The folders of the cache that lead to the file of a repository, and its name.
fn login_file(slug: &str) -> (Vec<&str>, &str) {
    let (owner, name) = slug.rsplit_once('/').unwrap_or(("", slug));
    (["logins"].into_iter().chain(owner.split('/')).filter(|it| !it.is_empty()).collect(), name)
}
