//! Whether a publish workflow attests what it publishes, as its file says (GitHub Actions, "Workflow syntax").

use crate::yaml;

/// The actions of GitHub that attest artifacts.
const ATTESTING_ACTIONS: [&str; 3] =
    ["actions/attest@", "actions/attest-build-provenance@", "actions/attest-sbom@"];
/// The prefix of a reusable workflow of the same repository.
const LOCAL_WORKFLOW: &str = "./.github/workflows/";
/// The part of a reusable workflow's name before its file.
const WORKFLOW_FOLDER: &str = "/.github/workflows/";

/// What a workflow runs, as far as it decides whether artifacts are attested.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkflowSteps {
    /// Whether a step uses an action that attests.
    pub attests: bool,
    /// The file names of the workflows of the same repository that it calls.
    pub called_workflows: Vec<String>,
    /// Whether it runs something that may attest and is not read: an action of the same repository, or a reusable
    /// workflow that is named with its repository.
    pub runs_others: bool,
}

/// Returns what a workflow runs. `None` if its text is not YAML, or names an action by an alias.
#[must_use]
pub fn workflow_steps(text: &str) -> Option<WorkflowSteps> {
    let mut steps = WorkflowSteps::default();
    for uses in yaml::values_of_key(text, "uses").ok()? {
        // The names of actions are the same in any case.
        let name = uses.to_ascii_lowercase();
        if ATTESTING_ACTIONS.iter().any(|it| name.starts_with(it)) {
            steps.attests = true;
        } else if let Some(file) = uses.strip_prefix(LOCAL_WORKFLOW) {
            steps.called_workflows.push(file.to_owned());
        } else if uses.starts_with("./") || name.contains(WORKFLOW_FOLDER) {
            steps.runs_others = true;
        }
    }
    Some(steps)
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
        assert!(!called.runs_others);
        assert_eq!(workflow_steps("a: ]"), None);
    }

    #[test]
    fn what_is_not_read_is_reported() {
        assert!(workflow_steps("uses: Actions/Attest@v3").unwrap().attests);
        assert_eq!(workflow_steps("a: &u actions/attest@v3\nuses: *u\n"), None);
        let runs_others = |uses: &str| workflow_steps(&format!("uses: {uses}")).unwrap().runs_others;
        assert!(runs_others("./.github/actions/publish"));
        assert!(runs_others("acme/widgets/.github/workflows/w.yml@main"));
        assert!(!runs_others("actions/checkout@v4"));
    }
}
