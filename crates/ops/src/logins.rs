//! The accounts of authors, as GitHub knows them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use forge::Told;
use model::change::History;

use crate::Work;

/// So many requests of the hour are left to the release itself.
const RESERVE: u32 = 100;

/// Gives the authors of a range the accounts that GitHub knows: one question for each address that no account can be read
/// off, by one commit of that author. A question that is not answered leaves the author as they are: the notes name
/// people without their accounts too.
pub(crate) fn name_authors(
    work: Work<'_>,
    slug: &str,
    history: &mut History,
    tell: &mut dyn FnMut(Told),
) -> Known {
    let mut known = Known::read(work.around.cache.join("logins").join(slug));
    let Some(world) = work.world else { return known };
    let mut logins: BTreeMap<String, Option<String>> = BTreeMap::new();
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
            if world.own.requests_left().is_none_or(|it| it <= RESERVE) {
                return None;
            }
            let login = world.own.author(commit.id, tell).ok()?;
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
        let lines = text.lines().filter_map(|it| it.split_once(' '));
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
        let folder = self.file.parent().map(std::fs::create_dir_all);
        if folder.is_some_and(|it| it.is_ok()) {
            std::fs::write(&self.file, text).ok();
        }
    }
}
