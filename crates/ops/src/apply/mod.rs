//! What changes something.

pub(crate) mod configuration;
mod publish;
mod tag;
mod tag_lock;

use model::evidence::audit::AuditReport;
use model::release::host::GitHubRelease;
use model::release::plan::ApprovedPlan;
use model::release::receipt::Receipt;
use model::release::request::{ReleaseDestination, Request};

use self::publish::Publishing;
use self::tag_lock::TagLock;
use crate::context::Work;
use crate::error::OpsError;
use crate::event::Event;
use crate::output;
use crate::output::NOTES_FILE;
use crate::prepare::Prepared;
use crate::source_archive;

/// What came of a release.
#[derive(Debug)]
pub struct Done {
    /// What was made on this machine.
    pub receipt: Receipt,
    /// The release on GitHub; none where nothing left this machine.
    pub release: Option<GitHubRelease>,
    /// What an outsider found; empty where nothing was published.
    pub audit: AuditReport,
}

/// Performs a release: archive, sums and notes on disk, then the tag; then, where it was asked for, the world. Run again, it
/// comes to the same end.
///
/// # Errors
/// [`OpsError`]. What was done before stays, and a further run goes on from there; no file is there in part.
pub fn apply(
    work: Work<'_>,
    request: &Request,
    prepared: &Prepared,
    approved: &ApprovedPlan,
    tell: &mut dyn FnMut(Event),
) -> Result<Done, OpsError> {
    let plan = approved.plan();
    let publication = match (request.destination, work.world, &prepared.facts.remote) {
        (ReleaseDestination::GitHub(publication), Some(world), Some(facts)) => {
            Some((publication, world, facts))
        }
        _ => None,
    };
    let lock = publication.map(|_| TagLock::take(&work.around.cache, &request.slug, &request.tag));
    let lock = lock.transpose()?;
    if let Some(known) = &prepared.known {
        known.write();
    }
    let notes = prepared.notes.as_ref().ok_or_else(|| OpsError::no_range(&plan.tag, plan.commit))?;
    let folder = output::create(&request.output_path)?;
    let _writing = folder.lock()?;
    let mut files = source_archive::write_into(work.repo, &plan.tag, plan.commit, &folder, tell)?;
    tell(Event::Writing(NOTES_FILE.to_owned()));
    files.push(folder.write(NOTES_FILE, notes.markdown.as_bytes())?);
    tell(Event::Written(files[2].clone()));
    let tag_object = tag::tag(work, request, prepared, tell)?;
    let receipt = Receipt { tag: plan.tag.clone(), commit: plan.commit, files, tag_object };
    let Some((publication, world, facts)) = publication else {
        return Ok(Done { receipt, release: None, audit: AuditReport::default() });
    };
    let publishing = Publishing { work, world, request, prepared, facts, publication, folder: &folder };
    let (release, audit) = publishing.perform(&receipt, tell)?;
    drop(lock);
    Ok(Done { receipt, release: Some(release), audit })
}
