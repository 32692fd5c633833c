//! What a release still needs.

use model::catalog::Target;
use model::facts::Facts;
use model::plan::{Action, Plan, State, Step};
use model::request::Request;

use crate::preflight;

/// The plan of a release, with every check that was made. It can be performed if [`Plan::approve`] says so.
#[must_use]
pub fn plan(request: &Request, target: &Target, facts: &Facts) -> Plan {
    let file = |there| if there { State::Again } else { State::Missing };
    let name = request.tag.name();
    let tagged = facts.tags.iter().any(|it| it.name == name && it.commit == Some(facts.commit));
    let path = |name: &str| request.out.join(name).display().to_string();
    let steps = vec![
        Step {
            step: Action::WriteArchive,
            subject: path(&request.tag.archive_name()),
            state: file(facts.files.archive),
        },
        Step { step: Action::WriteSums, subject: path("SHA256SUMS"), state: file(facts.files.sums) },
        Step { step: Action::WriteNotes, subject: path("NOTES.md"), state: file(facts.files.notes) },
        Step {
            step: Action::CreateTag,
            subject: name,
            state: if tagged { State::Present } else { State::Missing },
        },
    ];
    Plan { tag: request.tag.clone(), commit: facts.commit, checks: preflight(request, target, facts), steps }
}
