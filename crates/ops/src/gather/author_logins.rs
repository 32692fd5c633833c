//! The GitHub logins of commit authors.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use forge::ForgeError;
use model::base::http::HttpEvent;
use model::release::changelog::CommitHistory;

use crate::cache::CacheDir;
use crate::context::OpsContext;

/// The number of requests within GitHub's hourly rate limit that are reserved for the release itself.
const RATE_LIMIT_RESERVE: u32 = 100;

/// Adds GitHub logins to the authors of a range of commits. Returns the cache, to be saved by `apply`.
///
/// One request is sent per email address, for one commit of that author. Addresses at `users.noreply.github.com`
/// contain the login. If a request fails, the author has no login, because the notes can name people without logins;
/// unless GitHub only lacks the commit, no further requests are sent.
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
                // GitHub does not have this commit, but may have others.
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

/// The cached value for an author without a GitHub account. No login is `-`.
const NO_LOGIN: &str = "-";

/// The maximum size of the cache file, in bytes.
const MAX_LOGINS_BYTES: u64 = 16 << 20;

/// The cached logins of one repository, as lines of the form `<commit> <login>`. They never expire, because the author
/// of a commit does not change.
#[derive(Debug)]
pub(crate) struct LoginCache {
    cache: CacheDir,
    /// The name of the repository.
    slug: String,
    logins: BTreeMap<String, String>,
    is_dirty: bool,
}

impl LoginCache {
    /// Reads the cache of a repository. A file that is missing, too large or not a plain file counts as empty, and the
    /// logins are requested again.
    fn load(cache: &CacheDir, slug: &str) -> Self {
        let (below, name) = login_file(slug);
        let folder = cache.open(&below).ok().flatten();
        let bytes = folder.and_then(|it| it.read(name, MAX_LOGINS_BYTES).ok().flatten()).unwrap_or_default();
        let text = String::from_utf8(bytes).unwrap_or_default();
        // A last line without a line end is incomplete.
        let complete_lines = text.rsplit_once('\n').map_or("", |(complete_lines, _)| complete_lines);
        let lines = complete_lines.lines().filter_map(|it| it.split_once(' '));
        let logins = lines.map(|(commit, login)| (commit.to_owned(), login.to_owned())).collect();
        Self { cache: cache.clone(), slug: slug.to_owned(), logins, is_dirty: false }
    }

    /// Saves the cache if it changed. An error is ignored, because the next run can request the logins again.
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

/// Returns the folders below the cache and the file name for a repository.
fn login_file(slug: &str) -> (Vec<&str>, &str) {
    let (owner, name) = slug.rsplit_once('/').unwrap_or(("", slug));
    (["logins"].into_iter().chain(owner.split('/')).filter(|it| !it.is_empty()).collect(), name)
}
