//! Whether the publish workflow in a tag's tree attests what it publishes.

use model::CommitId;
use repo::Repo;

/// The most workflows that are read: a workflow may call others of the repository.
const MAX_WORKFLOWS: usize = 20;

/// Returns whether a workflow in a commit, or one that it calls there, attests. `None` if one of them cannot be read, so
/// that it is unknown.
pub(crate) fn attests(repo: &Repo, commit: CommitId, workflow: &str) -> Option<bool> {
    let mut names = vec![workflow.to_owned()];
    let mut next = 0;
    while let Some(name) = names.get(next) {
        let bytes = repo.file(commit, &format!(".github/workflows/{name}")).ok()??;
        let steps = rules::workflow_steps(std::str::from_utf8(&bytes).ok()?)?;
        if steps.attests {
            return Some(true);
        }
        for called in steps.called_workflows {
            if names.len() < MAX_WORKFLOWS && !names.contains(&called) {
                names.push(called);
            }
        }
        next += 1;
    }
    Some(false)
}
