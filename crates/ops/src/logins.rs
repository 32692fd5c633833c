//! The accounts of authors, as GitHub knows them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use forge::{ForgeError, Told};
use model::change::History;

use crate::Work;

/// So many requests of the hour are left to the release itself.
const RESERVE: u32 = 100;

/// Gives the authors of a range the accounts that GitHub knows: one question for each address that no account can be read
/// off, by one commit of that author. A question that is not answered leaves the author as they are: the notes name
/// people without their accounts too. After one that fails for another reason than that commit, nobody is asked any more.
pub(crate) fn name_authors(
    work: Work<'_>,
    slug: &str,
    history: &mut History,
    tell: &mut dyn FnMut(Told),
) -> Known {
    let mut known = Known::read(work.around.cache.join("logins").join(slug));
    let Some(world) = work.world else { return known };
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
            if !answers || world.own.requests_left().is_some_and(|it| it <= RESERVE) {
                return None;
            }
            let login = match world.own.author(commit.id, tell) {
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

/// What GitHub said before: commits do not change, and neither does who made them. A line `<commit> <login>` each.
#[derive(Debug)]
pub(crate) struct Known {
    file: PathBuf,
    logins: BTreeMap<String, String>,
    changed: bool,
}

impl Known {
    fn read(file: PathBuf) -> Self {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        // A line that does not end was not written to its end.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines = whole.lines().filter_map(|it| it.split_once(' '));
        let logins = lines.map(|(commit, login)| (commit.to_owned(), login.to_owned())).collect();
        Self { file, logins, changed: false }
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
        let beside = self.file.with_extension(format!("{}.partial", std::process::id()));
        let folder = self.file.parent().map(std::fs::create_dir_all);
        if folder.is_some_and(|it| it.is_ok()) && std::fs::write(&beside, text).is_ok() {
            std::fs::rename(&beside, &self.file).ok();
        }
    }
}
