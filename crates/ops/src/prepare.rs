//! The preparation of a release: facts, plan, changelog and notes.

use model::catalog::Target;
use model::release::changelog::Changelog;
use model::release::facts::{Facts, TagKind};
use model::release::plan::Plan;
use model::release::request::NotesTemplate;
use model::release::request::{Request, TagSigning};
use notes::Notes;
use signing::SigningKey;

use crate::context::OpsContext;
use crate::error::OpsError;
use crate::event::ReleaseEvent;
use crate::gather::author_logins::LoginCache;
use crate::gather::{GatheredFacts, gather};
use crate::prove::publish_workflow;

/// A prepared release. Nothing has been changed yet.
#[derive(Debug)]
pub struct Prepared {
    /// The facts that the plan is based on.
    pub facts: Facts,
    /// The steps to take, and the results of all pre-flight checks.
    pub plan: Plan,
    /// The changelog. `None` if the range of commits has no start.
    pub changelog: Option<Changelog>,
    /// The release notes. `None` if the range of commits has no start.
    pub notes: Option<Notes>,
    /// The key that will sign the tag. `None` if the tag is not to be signed, or no key is usable.
    pub(crate) key: Option<SigningKey>,
    /// The author logins that GitHub reported, for [`apply`](crate::apply) to save. `None` without clients of GitHub.
    pub(crate) login_cache: Option<LoginCache>,
}

/// Gathers the facts, plans the release and renders the notes. Changes nothing.
///
/// # Errors
/// [`OpsError`] if a fact cannot be read or the template is not valid. A failed pre-flight check is not an error: the
/// plan contains it, so that all failed checks are reported together.
pub fn prepare(
    context: OpsContext<'_>,
    target: &Target,
    request: &Request,
    template: Option<&NotesTemplate>,
    on_event: &mut dyn FnMut(ReleaseEvent),
) -> Result<Prepared, OpsError> {
    let GatheredFacts { facts, key, login_cache } =
        gather(context, target, request, &mut |it| on_event(ReleaseEvent::Http(it)))?;
    let changelog = facts.notes_range.as_ref().map(|start| {
        rules::changelog(
            facts.commit,
            start.start.clone(),
            request.paths.clone(),
            &facts.history,
            &context.catalog.bot_patterns,
        )
    });
    let name = request.tag.name();
    let has_signed_tag = facts.tags.iter().any(|it| it.name == name && it.kind == TagKind::Signed);
    let workflow_attests = publish_workflow::attests(context.repo(), facts.commit, &target.workflow);
    let render = |changelog: &Changelog| {
        let input = notes::NotesInput {
            catalog: context.catalog,
            target,
            tag: &request.tag,
            commit: facts.commit,
            slug: &request.slug,
            changelog,
            signed_tag: has_signed_tag || request.tag_signing != TagSigning::Unsigned,
            workflow_attests,
        };
        match template {
            Some(template) => notes::render(&input, template),
            None => notes::render(&input, &notes::default_template()),
        }
    };
    let notes = changelog.as_ref().map(render).transpose()?;
    let plan = rules::plan(request, target, &facts, notes.as_ref().map(|it| it.markdown.as_str()));
    Ok(Prepared { facts, plan, changelog, notes, key, login_cache })
}
