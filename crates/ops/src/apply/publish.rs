//! Publishes a release on GitHub: creates the draft, uploads the assets, pushes the tag and publishes the draft. Steps
//! that cannot be undone come last.

use std::fs::File;
use std::io;

use archive::FolderHandle;
use forge::{AssetUpload, LatestLabel};
use model::base::http::HttpEvent;
use model::evidence::audit::{AttestationRequirement, AuditReport, ReleaseExpectation, RunProducts};
use model::release::host::{ExpectedAsset, GitHubRelease, ReleaseText, RemoteFacts};
use model::release::plan::StepAction;
use model::release::receipt::{LocalTag, OutputFile, Receipt};
use model::release::request::{PublishOptions, PublishUntil, Request, TagSigning};
use rules::AssetAction;

use crate::context::{ForgeClients, OpsContext};
use crate::error::OpsError;
use crate::event::{ReleaseEvent, StepRef};
use crate::gather;
use crate::output::SUMS_FILE;
use crate::prepare::Prepared;
use crate::prove::audit;
use crate::prove::audit_request::AuditRequest;
use crate::prove::tag;

/// The inputs of publishing a release.
pub(crate) struct Publishing<'a> {
    pub(crate) context: OpsContext<'a>,
    pub(crate) clients: ForgeClients<'a>,
    pub(crate) request: &'a Request,
    pub(crate) prepared: &'a Prepared,
    pub(crate) facts: &'a RemoteFacts,
    pub(crate) publication: PublishOptions,
    /// The output folder with the files of the release.
    pub(crate) folder: &'a FolderHandle,
}

impl Publishing<'_> {
    /// Publishes the release and audits it. Each step reads the current state first, because it may have changed since
    /// the plan was made.
    pub(crate) fn perform(
        &self,
        receipt: &Receipt,
        on_event: &mut dyn FnMut(ReleaseEvent),
    ) -> Result<(GitHubRelease, AuditReport), OpsError> {
        let assets: Vec<(&OutputFile, ExpectedAsset)> =
            receipt.files.iter().filter_map(expected_asset).collect();
        let title = self.request.tag.title();
        let selection = rules::select_release(
            &self.facts.releases,
            &self.facts.expected_assets,
            &self.release_text(&title),
        );
        self.delete_empty_drafts(&selection.leftover_drafts, on_event)?;
        let mut release = self.find_or_create_draft(selection.chosen, on_event)?;
        if release.draft {
            release = self.update_draft(release, on_event)?;
            for (file, asset) in &assets {
                self.upload_asset(&release, file, asset, on_event)?;
            }
        }
        self.push_tag(&receipt.tag_object, on_event)?;
        let expected: Vec<ExpectedAsset> = assets.into_iter().map(|(_, it)| it).collect();
        if self.publication.until == PublishUntil::Draft {
            return Ok((release, AuditReport::default()));
        }
        let release = self.publish_draft(&release, &expected, on_event)?;
        let products =
            RunProducts { object: receipt.tag_object.object, commit: receipt.commit, assets: expected };
        let expectation =
            audit::expectation(self.context.catalog, &self.request.tag, AttestationRequirement::Pending);
        let expectation = ReleaseExpectation {
            products: Some(products),
            private: self.facts.repository.private,
            ..expectation
        };
        let step = StepRef { action: StepAction::Audit, subject: expectation.tag.clone() };
        on_event(ReleaseEvent::Started(step.clone()));
        let audit = AuditRequest {
            metadata: None,
            clients: self.clients,
            slug: &self.request.slug,
            current_name_only: false,
            catalog: self.context.catalog,
            clone: Some(self.context),
            now: (self.context.env.clock)(),
            source: true,
            // The publish workflow uploads packages only after the tag is pushed.
            packages: None,
        };
        let report = audit::audit(audit, &expectation, &mut |it| on_event(ReleaseEvent::Http(it)))?;
        on_event(ReleaseEvent::Finished(step));
        Ok((release, report))
    }

    fn step(&self, action: StepAction) -> StepRef {
        StepRef { action, subject: self.request.tag.name() }
    }

    /// Returns the title, the text and the pre-release flag that the release on GitHub must have.
    fn release_text<'p>(&'p self, title: &'p str) -> ReleaseText<'p> {
        let notes = self.prepared.notes.as_ref().map_or("", |it| it.markdown.as_str());
        rules::release_text(&self.request.tag, title, notes)
    }

    /// Fetches a release again, with the digests of the suite's assets.
    fn reload(&self, id: u64, on_event: &mut dyn FnMut(ReleaseEvent)) -> Result<GitHubRelease, OpsError> {
        let on_event = &mut |it: HttpEvent| on_event(ReleaseEvent::Http(it));
        let mut release = self.clients.authenticated.forge()?.release(id, on_event)?;
        gather::fill_missing_digests(self.clients, &mut release, &self.request.tag, on_event)?;
        Ok(release)
    }

    fn concurrent_change(&self, reason: String) -> OpsError {
        OpsError::ConcurrentChange { tag: self.request.tag.name(), reason }
    }

    /// Fetches a draft again. Fails if it was published during the run.
    fn reload_draft(
        &self,
        id: u64,
        on_event: &mut dyn FnMut(ReleaseEvent),
    ) -> Result<GitHubRelease, OpsError> {
        let release = self.reload(id, on_event)?;
        if release.draft {
            return Ok(release);
        }
        Err(self.concurrent_change(format!(
            "release {id} ({}) was published during this run",
            release.html_url.escaped()
        )))
    }

    /// Deletes the empty drafts that earlier runs left behind. A draft that has content by now is kept.
    fn delete_empty_drafts(
        &self,
        drafts: &[&GitHubRelease],
        on_event: &mut dyn FnMut(ReleaseEvent),
    ) -> Result<(), OpsError> {
        for draft in drafts {
            let subject = format!("{} (empty draft {})", self.request.tag.name(), draft.id);
            let step = StepRef { action: StepAction::DeleteDraft, subject };
            on_event(ReleaseEvent::Started(step.clone()));
            let forge = self.clients.authenticated.forge()?;
            let deleted = forge.delete_empty_draft(draft.id, &mut |it| on_event(ReleaseEvent::Http(it)))?;
            on_event(if deleted { ReleaseEvent::Finished(step) } else { ReleaseEvent::AlreadyDone(step) });
        }
        Ok(())
    }

    /// Returns the release to continue with: the chosen one in its current state, or a new draft.
    fn find_or_create_draft(
        &self,
        chosen: Option<&GitHubRelease>,
        on_event: &mut dyn FnMut(ReleaseEvent),
    ) -> Result<GitHubRelease, OpsError> {
        let step = self.step(StepAction::CreateDraft);
        if let Some(release) = chosen {
            on_event(ReleaseEvent::AlreadyDone(step));
            return if release.draft { self.reload_draft(release.id, on_event) } else { Ok(release.clone()) };
        }
        let (tag, title) = (self.request.tag.name(), self.request.tag.title());
        on_event(ReleaseEvent::Started(step.clone()));
        let page = self.release_text(&title);
        let draft = self
            .clients
            .authenticated
            .forge()?
            .create_draft(&tag, &page, &mut |it| on_event(ReleaseEvent::Http(it)))?;
        on_event(ReleaseEvent::Finished(step));
        Ok(draft)
    }

    /// Updates title, notes and pre-release flag of the draft if they differ. Returns the current draft.
    fn update_draft(
        &self,
        draft: GitHubRelease,
        on_event: &mut dyn FnMut(ReleaseEvent),
    ) -> Result<GitHubRelease, OpsError> {
        let title = self.request.tag.title();
        let text = self.release_text(&title);
        if text.matches(&draft) {
            return Ok(draft);
        }
        let step = self.step(StepAction::UpdateDraft);
        on_event(ReleaseEvent::Started(step.clone()));
        self.clients
            .authenticated
            .forge()?
            .update_release(&draft, &text, &mut |it| on_event(ReleaseEvent::Http(it)))?;
        on_event(ReleaseEvent::Finished(step));
        self.reload_draft(draft.id, on_event)
    }

    /// Uploads an asset, or keeps it if it is complete. An asset with wrong content is deleted first, which is allowed
    /// only while the release is a draft.
    fn upload_asset(
        &self,
        draft: &GitHubRelease,
        file: &OutputFile,
        expected: &ExpectedAsset,
        on_event: &mut dyn FnMut(ReleaseEvent),
    ) -> Result<(), OpsError> {
        let step = |action| StepRef { action, subject: expected.name.clone() };
        match rules::asset_action(Some(expected), draft.asset(&expected.name)) {
            AssetAction::Keep => {
                on_event(ReleaseEvent::AlreadyDone(step(StepAction::UploadAsset)));
                return Ok(());
            }
            AssetAction::Upload => {}
            AssetAction::Replace(id) => {
                self.reload_draft(draft.id, on_event)?;
                on_event(ReleaseEvent::Started(step(StepAction::DeleteAsset)));
                self.clients
                    .authenticated
                    .forge()?
                    .delete_asset(id, &mut |it| on_event(ReleaseEvent::Http(it)))?;
                on_event(ReleaseEvent::Finished(step(StepAction::DeleteAsset)));
            }
        }
        let content_type = if expected.name == SUMS_FILE { "text/plain" } else { "application/gzip" };
        on_event(ReleaseEvent::Started(step(StepAction::UploadAsset)));
        let open = || self.open_file(&expected.name);
        let upload = AssetUpload { path: &file.path, open: &open, expected, content_type };
        self.clients
            .authenticated
            .forge()?
            .upload(draft, &upload, &mut |it| on_event(ReleaseEvent::Http(it)))?;
        on_event(ReleaseEvent::Finished(step(StepAction::UploadAsset)));
        Ok(())
    }

    /// Opens a file of the release through the handle of its folder, because the path may lead elsewhere by now.
    fn open_file(&self, name: &str) -> io::Result<File> {
        let file = self.folder.open_file(name).map_err(io::Error::other)?;
        file.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Pushes the tag, checks that the remote and GitHub have the same tag object, and verifies its signature.
    fn push_tag(&self, local_tag: &LocalTag, on_event: &mut dyn FnMut(ReleaseEvent)) -> Result<(), OpsError> {
        let (repo, name, remote) = (self.context.repo(), self.request.tag.name(), &self.request.remote);
        let step = self.step(StepAction::PushTag);
        let idle = self.context.env.idle_timeout;
        self.check_tag(&name)?;
        let mut pushed = None;
        if self.facts.refs.tag.is_some() {
            on_event(ReleaseEvent::AlreadyDone(step));
        } else {
            on_event(ReleaseEvent::Started(step.clone()));
            pushed = Some(repo.push_tag(remote, &name, idle));
        }
        // The remote's refs decide whether the push succeeded, because a lost connection can hide its success.
        let remote_tag = repo.spawn_ls_remote(remote, &name, idle).wait()?.tag;
        match remote_tag {
            Some(remote_tag) if remote_tag.object == local_tag.object => {
                if pushed.is_some() {
                    on_event(ReleaseEvent::Finished(self.step(StepAction::PushTag)));
                }
            }
            Some(remote_tag) => {
                return Err(OpsError::RemoteTagMismatch {
                    tag: name,
                    remote: remote.clone(),
                    remote_object: remote_tag.object,
                });
            }
            None => {
                pushed.transpose()?;
                return Err(OpsError::TagNotPushed { tag: name, remote: remote.clone() });
            }
        }
        self.clients
            .authenticated
            .forge()?
            .wait_for_tag(&name, local_tag.object, &mut |it| on_event(ReleaseEvent::Http(it)))?;
        self.check_tag(&name)
    }

    /// Verifies the tag, before the push and again after it, so that no refuted tag is pushed or published.
    fn check_tag(&self, name: &str) -> Result<(), OpsError> {
        let has_signers = self.prepared.facts.has_signer_policy;
        if self.request.tag_signing == TagSigning::Unsigned && !has_signers {
            return Ok(());
        }
        let findings = tag::verify_tag(self.context, name, Some(self.prepared.facts.commit))?;
        match rules::self_check(findings, has_signers) {
            Some(finding) => {
                Err(OpsError::TagNotProven { tag: name.to_owned(), explanation: finding.explanation })
            }
            None => Ok(()),
        }
    }

    /// Publishes the draft, if nothing changed on GitHub during the run. Publishing cannot be undone, so the current
    /// releases of the tag are fetched first.
    fn publish_draft(
        &self,
        release: &GitHubRelease,
        expected: &[ExpectedAsset],
        on_event: &mut dyn FnMut(ReleaseEvent),
    ) -> Result<GitHubRelease, OpsError> {
        let step = self.step(StepAction::Publish);
        if !release.draft {
            on_event(ReleaseEvent::AlreadyDone(step));
            return Ok(release.clone());
        }
        let tag = self.request.tag.name();
        let all = self
            .clients
            .authenticated
            .forge()?
            .releases(&tag, &mut |it: HttpEvent| on_event(ReleaseEvent::Http(it)))?;
        // The draft is fetched by id, because the list may not show a new draft yet.
        let draft = self.reload_draft(release.id, on_event)?;
        let title = self.request.tag.title();
        let text = self.release_text(&title);
        let planned = |it: &GitHubRelease| self.facts.releases.iter().any(|known| known.id == it.id);
        let others = all.iter().filter(|it| it.id != draft.id);
        // GitHub may carry out the request of a killed run only now, so a further empty draft may have appeared.
        let (late_drafts, others): (Vec<_>, Vec<_>) =
            others.partition(|it| rules::is_leftover_draft(it, &text));
        self.delete_empty_drafts(&late_drafts, on_event)?;
        let others: Vec<&GitHubRelease> = others.into_iter().filter(|it| !planned(it)).collect();
        if let Some(reason) = rules::concurrent_change(&draft, &others, expected, &text) {
            return Err(self.concurrent_change(reason));
        }
        let (target, facts) = (self.context.catalog.target(self.request.tag.target()), &self.prepared.facts);
        let latest_target = self.context.catalog.latest_target.as_deref();
        let make_latest = self.publication.make_latest;
        let is_latest =
            target.is_some_and(|it| rules::is_latest(make_latest, latest_target, it, self.request, facts));
        let latest = if is_latest { LatestLabel::ThisRelease } else { LatestLabel::Unchanged };
        on_event(ReleaseEvent::Started(step.clone()));
        let published = self
            .clients
            .authenticated
            .forge()?
            .publish(&draft, latest, &mut |it| on_event(ReleaseEvent::Http(it)))?;
        on_event(ReleaseEvent::Finished(step));
        Ok(published)
    }
}

/// Returns the asset that a file becomes. `None` for the notes, which are the text of the release.
fn expected_asset(file: &OutputFile) -> Option<(&OutputFile, ExpectedAsset)> {
    let name = file.path.file_name()?.to_str()?.to_owned();
    let asset = ExpectedAsset { name, size: file.size, digest: file.digest };
    (asset.name != crate::NOTES_FILE).then_some((file, asset))
}
