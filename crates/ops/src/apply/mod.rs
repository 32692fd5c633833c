//! The operations that change files, tags and releases.

pub(crate) mod configuration;
mod publish;
mod tag;
mod tag_lock;

use model::evidence::audit::AuditReport;
use model::release::host::GitHubRelease;
use model::release::plan::ApprovedPlan;
use model::release::receipt::Receipt;
use model::release::request::{ReleaseDestination, Request, TagSigning};
use model::release::tag_digests::TagDigests;
use repo::PendingEvtag;

use self::publish::Publishing;
use self::tag_lock::TagLock;
use crate::context::OpsContext;
use crate::error::OpsError;
use crate::event::ReleaseEvent;
use crate::output;
use crate::output::NOTES_FILE;
use crate::prepare::Prepared;
use crate::source_archive::{self, SourceFiles};

/// The result of a release.
#[derive(Debug)]
pub struct ReleaseOutcome {
    /// The files and the tag on this machine.
    pub receipt: Receipt,
    /// The release on GitHub. `None` if nothing was to be published.
    pub release: Option<GitHubRelease>,
    /// The audit of the published release. Empty if nothing was published.
    pub audit: AuditReport,
}

/// Executes a plan: writes the archive, `SHA256SUMS` and the notes, creates the tag and, if requested, publishes the
/// release on GitHub. A repeated run resumes, and ends with the same result.
///
/// # Errors
/// [`OpsError`] if a step fails. Completed steps are kept, and the next run resumes there. No incomplete file is left.
pub fn apply(
    context: OpsContext<'_>,
    request: &Request,
    prepared: &Prepared,
    approved: &ApprovedPlan,
    on_event: &mut dyn FnMut(ReleaseEvent),
) -> Result<ReleaseOutcome, OpsError> {
    let plan = approved.plan();
    let publication = match (request.destination, context.clients, &prepared.facts.remote) {
        (ReleaseDestination::GitHub(publication), Some(clients), Some(facts)) => {
            Some((publication, clients, facts))
        }
        _ => None,
    };
    let lock = publication.map(|_| TagLock::acquire(&context.env.cache, &request.slug, &request.tag));
    let lock = lock.transpose()?;
    if let Some(login_cache) = &prepared.login_cache {
        login_cache.save();
    }
    let notes =
        prepared.notes.as_ref().ok_or_else(|| OpsError::no_previous_release(&plan.tag, plan.commit))?;
    let evtag = (request.tag_signing != TagSigning::Unsigned)
        .then(|| context.repo().spawn_evtag(plan.commit))
        .transpose()?;
    let folder = output::create(&request.output_path)?;
    let _writing = folder.lock()?;
    let SourceFiles { mut files, digests } =
        source_archive::write_source_files(context.repo(), &plan.tag, plan.commit, &folder, on_event)?;
    on_event(ReleaseEvent::WritingFile(NOTES_FILE.to_owned()));
    files.push(folder.write(NOTES_FILE, notes.markdown.as_bytes())?);
    on_event(ReleaseEvent::FileWritten(files[2].clone()));
    let evtag = evtag.map(PendingEvtag::wait).transpose()?.flatten();
    let digests = TagDigests { evtag, ..digests };
    let tag_object = tag::create_tag(context, request, (prepared, digests), on_event)?;
    let receipt = Receipt { tag: plan.tag.clone(), commit: plan.commit, files, tag_object };
    let Some((publication, clients, facts)) = publication else {
        return Ok(ReleaseOutcome { receipt, release: None, audit: AuditReport::default() });
    };
    let publishing = Publishing { context, clients, request, prepared, facts, publication, folder: &folder };
    let (release, audit) = publishing.perform(&receipt, on_event)?;
    drop(lock);
    Ok(ReleaseOutcome { receipt, release: Some(release), audit })
}
