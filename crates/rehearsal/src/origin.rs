//! Origin, and the operator's clone of it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use emulators::GitHub;

use crate::process::{self, Somebody};
use crate::{PlayError, Plot, written};

/// Fills origin with the demo, and clones it. Says what stands there.
pub(crate) fn demo(plot: &Plot, github: &GitHub, operator: &Somebody) -> Result<String, PlayError> {
    let (commits, tags) = emulators::demo(github.bare(), &plot.catalog_text, &plot.tag.name())?;
    operator.git(&operator.home, ["clone", "-q", &github.clone_url(), "clone"])?;
    Ok(format!("a demo repository of {commits} commits and {tags} tags"))
}

/// What the operator's repository has.
struct Own {
    head: String,
    /// The default branch, as the remote was last seen.
    main: String,
    /// Every tag, with its object.
    tags: Vec<(String, String)>,
    attributes: Option<String>,
}

/// Fills origin with what the operator's clone last saw of its own, and makes a copy of that clone. Objects are borrowed, not
/// copied: nothing is written where they are (`git help gitrepository-layout`, objects/info/alternates).
pub(crate) fn copy(
    plot: &Plot,
    github: &GitHub,
    operator: &Somebody,
    (root, remote): (&Path, &str),
) -> Result<String, PlayError> {
    let branch = &plot.catalog.default_branch;
    let own = look(root, remote, branch)?;
    let objects = read_only(root, &["rev-parse", "--path-format=absolute", "--git-path", "objects"])?;
    let bare = github.bare();
    written(&bare.join("objects/info/alternates"), &format!("{objects}\n"))?;
    // Whether the tag that is released was pushed is not known here: it is taken for one that was not. One that is signed and at
    // the released commit is left out: another key signs here.
    let reference = plot.tag.reference();
    let (unpushed, pushed): (Vec<_>, Vec<_>) = own.tags.iter().partition(|it| it.0 == reference);
    let made_again = match unpushed.first() {
        Some((_, object)) => is_signed(root, object, &released(plot, root)?)?,
        None => false,
    };
    let unpushed = unpushed.into_iter().filter(|_| !made_again);
    let main = (format!("refs/heads/{branch}"), own.main.clone());
    update(operator, bare, std::iter::once(&main).chain(pushed.iter().copied()))?;
    let borrow = bare.display().to_string();
    let clone = ["clone", "-q", "--no-checkout", "--reference", &borrow, &github.clone_url(), "clone"];
    operator.git(&operator.home, clone)?;
    let clone = operator.home.join("clone");
    update(operator, &clone, unpushed)?;
    if let Some(text) = own.attributes {
        written(&clone.join(".git/info/attributes"), &text)?;
    }
    if own.head == own.main {
        operator.git(&clone, ["checkout", "-q", branch])?;
    } else {
        operator.git(&clone, ["checkout", "-q", "--detach", &own.head])?;
    }
    let commits = read_only(root, &["rev-list", "--count", &own.head])?;
    let again = if made_again { "; its tag, which is there, is made anew" } else { "" };
    Ok(format!("a scratch clone of {}: {commits} commits, {} tags{again}", root.display(), own.tags.len()))
}

/// The commit that is released: the one that was asked for, else `HEAD`.
fn released(plot: &Plot, root: &Path) -> Result<String, PlayError> {
    let asked = plot.flags.iter().find_map(|it| it.strip_prefix("--commit=")).unwrap_or("HEAD");
    read_only(root, &["rev-parse", "--verify", &format!("{asked}^{{commit}}")])
}

/// Whether an object is a tag of a commit, with a signature of whatever kind.
fn is_signed(root: &Path, object: &str, commit: &str) -> Result<bool, PlayError> {
    let peeled = read_only(root, &["rev-parse", "--verify", &format!("{object}^{{}}")])?;
    let text = read_only(root, &["cat-file", "-p", object])?;
    Ok(peeled == commit && text.contains("\n-----BEGIN "))
}

fn look(root: &Path, remote: &str, branch: &str) -> Result<Own, PlayError> {
    let commit =
        |name: &str| read_only(root, &["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")]);
    let head = commit("HEAD")?;
    let bare = read_only(root, &["rev-parse", "--is-bare-repository"])? == "true";
    let main = match commit(&format!("refs/remotes/{remote}/{branch}")) {
        Err(_) if bare => commit(&format!("refs/heads/{branch}")),
        other => other,
    };
    let unknown = |_| PlayError::Remote { remote: remote.to_owned(), branch: branch.to_owned() };
    let main = main.map_err(unknown)?;
    let listed = read_only(root, &["for-each-ref", "--format=%(refname) %(objectname)", "refs/tags"])?;
    let pair = |line: &str| line.split_once(' ').map(|(name, object)| (name.to_owned(), object.to_owned()));
    let tags = listed.lines().filter_map(pair).collect();
    let file = read_only(root, &["rev-parse", "--path-format=absolute", "--git-path", "info/attributes"])?;
    Ok(Own { head, main, tags, attributes: std::fs::read_to_string(file).ok() })
}

/// Sets references to objects.
fn update<'a>(
    operator: &Somebody,
    repository: &Path,
    references: impl Iterator<Item = &'a (String, String)>,
) -> Result<(), PlayError> {
    let mut text = String::new();
    for (name, object) in references {
        writeln!(text, "update {name} {object}").expect("writing to a string cannot fail");
    }
    let path = operator.home.join("tmp/updates");
    written(&path, &text)?;
    let input = std::fs::File::open(&path).map_err(|source| PlayError::Read { path, source })?;
    let mut command = operator.command("git", repository);
    command.args(["update-ref", "--stdin"]).stdin(input);
    process::told("git update-ref", &process::ran(&mut command)?).map(drop)
}

/// What git says of a repository that nothing is written to. It is the operator's, and so are the settings that it is asked with.
pub(crate) fn read_only(root: &Path, arguments: &[&str]) -> Result<String, PlayError> {
    let mut command = Command::new("git");
    // Nothing leads to another repository than this one, and nothing is fetched that a partial clone lacks.
    for name in [
        "GIT_DIR",
        "GIT_COMMON_DIR",
        "GIT_INDEX_FILE",
        "GIT_WORK_TREE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_NAMESPACE",
    ] {
        command.env_remove(name);
    }
    command.env("GIT_NO_LAZY_FETCH", "1");
    // Where git takes this folder for no repository, it must not go on looking above it (`git help git`).
    if let Some(above) = root.canonicalize().ok().as_deref().and_then(Path::parent) {
        command.env("GIT_CEILING_DIRECTORIES", above);
    }
    command.arg("--no-optional-locks").arg("-C").arg(root).args(arguments).stdin(Stdio::null());
    process::told("git", &process::ran(&mut command)?)
}
