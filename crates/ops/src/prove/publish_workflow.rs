//! Whether the publish workflow in a tag's tree attests what it publishes.

use model::CommitId;
use repo::Repo;

/// The most workflows that are read: a workflow may call others of the repository.
const MAX_WORKFLOWS: usize = 20;

/// Returns whether a workflow in a commit, or one that it calls there, attests. `None` if that is unknown: one of them
/// cannot be read, or runs something that is not read.
pub(crate) fn attests(repo: &Repo, commit: CommitId, workflow: &str) -> Option<bool> {
    let mut names = vec![workflow.to_owned()];
    let (mut next, mut is_complete) = (0, true);
    while let Some(name) = names.get(next) {
        let bytes = repo.file(commit, &format!(".github/workflows/{name}")).ok()??;
        let steps = rules::workflow_steps(std::str::from_utf8(&bytes).ok()?)?;
        if steps.attests {
            return Some(true);
        }
        is_complete &= !steps.runs_others;
        for called in steps.called_workflows {
            if names.contains(&called) {
                continue;
            }
            is_complete &= names.len() < MAX_WORKFLOWS;
            if names.len() < MAX_WORKFLOWS {
                names.push(called);
            }
        }
        next += 1;
    }
    is_complete.then_some(false)
}
