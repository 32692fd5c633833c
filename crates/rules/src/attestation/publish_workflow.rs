//! Whether a publish workflow attests what it publishes, as its file says (GitHub Actions, "Workflow syntax").

use crate::yaml;

/// The actions of GitHub that attest artifacts.
const ATTESTING_ACTIONS: [&str; 3] =
    ["actions/attest@", "actions/attest-build-provenance@", "actions/attest-sbom@"];
/// The prefix of a reusable workflow of the same repository.
const LOCAL_WORKFLOW: &str = "./.github/workflows/";

/// What a workflow runs, as far as it decides whether artifacts are attested.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkflowSteps {
    /// Whether a step uses an action that attests.
    pub attests: bool,
    /// The file names of the workflows of the same repository that it calls.
    pub called_workflows: Vec<String>,
}

/// Returns what a workflow runs. `None` if its text is not YAML.
#[must_use]
pub fn workflow_steps(text: &str) -> Option<WorkflowSteps> {
    let uses = yaml::values_of_key(text, "uses").ok()?;
    let called = uses.iter().filter_map(|it| it.strip_prefix(LOCAL_WORKFLOW)).map(str::to_owned);
    Some(WorkflowSteps {
        attests: uses.iter().any(|it| ATTESTING_ACTIONS.iter().any(|action| it.starts_with(action))),
        called_workflows: called.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_other_actions_attest_nothing() {
        let attests = |text: &str| workflow_steps(text).unwrap().attests;
        let job = |steps: &str| format!("on: push\njobs:\n  publish:\n    steps:\n{steps}");
        assert!(attests(&job("      - uses: actions/attest@v3\n")));
        assert!(attests(&job("      - name: x\n        uses: 'actions/attest-build-provenance@v2'\n")));
        assert!(!attests(&job("      # - uses: actions/attest@v3\n      - uses: actions/checkout@v4\n")));
        assert!(!attests(&job("      - uses: mallory/actions/attest@v3\n")));
        assert!(!attests(&job("      - run: echo uses:\\ actions/attest@v3\n")));
        let called = workflow_steps("jobs:\n  a:\n    uses: ./.github/workflows/b.yml\n").unwrap();
        assert_eq!(called.called_workflows, ["b.yml"]);
        assert_eq!(workflow_steps("a: ]"), None);
    }
}
