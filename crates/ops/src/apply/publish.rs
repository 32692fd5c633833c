//! What leaves this machine, in its order: draft, assets, tag, and last what cannot be taken back.

use std::fs::File;
use std::io;

use archive::FolderHandle;
use forge::{Latest, Parcel, Told};
use model::evidence::audit::{AttestationRequirement, AuditReport, ReleaseExpectation, RunProducts};
use model::release::host::{ExpectedAsset, GitHubRelease, ReleaseText, RemoteFacts};
use model::release::plan::StepAction;
use model::release::receipt::{LocalTag, OutputFile, Receipt};
use model::release::request::{PublishOptions, PublishUntil, Request, TagSigning};
use rules::AssetAction;

use crate::context::{Work, World};
use crate::error::OpsError;
use crate::event::{Deed, Event};
use crate::gather;
use crate::output::SUMS_FILE;
use crate::prepare::Prepared;
use crate::prove::audit::{self, Audit};
use crate::prove::tag;

/// Everything that a release is published with.
pub(crate) struct Publishing<'a> {
    pub(crate) work: Work<'a>,
    pub(crate) world: World<'a>,
    pub(crate) request: &'a Request,
    pub(crate) prepared: &'a Prepared,
    pub(crate) facts: &'a RemoteFacts,
    pub(crate) publication: PublishOptions,
    /// The folder that the files were written to.
    pub(crate) folder: &'a FolderHandle,
}

impl Publishing<'_> {
    /// Brings what was made to the world. Each step looks before it acts, because the plan may be old.
    pub(crate) fn perform(
        &self,
        receipt: &Receipt,
        tell: &mut dyn FnMut(Event),
    ) -> Result<(GitHubRelease, AuditReport), OpsError> {
        let assets: Vec<(&OutputFile, ExpectedAsset)> = receipt.files.iter().filter_map(wanted).collect();
        let title = self.request.tag.title();
        let selection =
            rules::select_release(&self.facts.releases, &self.facts.expected_assets, &self.page(&title));
        self.tidy(&selection.leftover_drafts, tell)?;
        let mut release = self.draft(selection.chosen, tell)?;
        if release.draft {
            release = self.rewritten(release, tell)?;
            for (file, asset) in &assets {
                self.asset(&release, file, asset, tell)?;
            }
        }
        self.tag(&receipt.tag_object, tell)?;
        let wanted: Vec<ExpectedAsset> = assets.into_iter().map(|(_, it)| it).collect();
        if self.publication.until == PublishUntil::Draft {
            return Ok((release, AuditReport::default()));
        }
        let release = self.publish(&release, &wanted, tell)?;
        let made = RunProducts { object: receipt.tag_object.object, commit: receipt.commit, assets: wanted };
        let promise = audit::promise(self.work.catalog, &self.request.tag, AttestationRequirement::Pending);
        let promise =
            ReleaseExpectation { products: Some(made), private: self.facts.repository.private, ..promise };
        let deed = Deed { action: StepAction::Audit, subject: promise.tag.clone() };
        tell(Event::Doing(deed.clone()));
        let audit = Audit {
            world: self.world,
            slug: &self.request.slug,
            only_named: false,
            catalog: self.work.catalog,
            clone: Some(self.work),
            now: (self.work.around.clock)(),
        };
        let report = audit::audit(audit, &promise, &mut |it| tell(Event::Connection(it)))?;
        tell(Event::Did(deed));
        Ok((release, report))
    }

    fn deed(&self, action: StepAction) -> Deed {
        Deed { action, subject: self.request.tag.name() }
    }

    /// What the release says of itself, under its title.
    fn page<'p>(&'p self, title: &'p str) -> ReleaseText<'p> {
        let notes = self.prepared.notes.as_ref().map_or("", |it| it.markdown.as_str());
        rules::release_text(&self.request.tag, title, notes)
    }

    /// A release as it is now, with the digests of our assets.
    fn now(&self, id: u64, tell: &mut dyn FnMut(Event)) -> Result<GitHubRelease, OpsError> {
        let tell = &mut |it: Told| tell(Event::Connection(it));
        let mut release = self.world.own.forge()?.release(id, tell)?;
        gather::digests(self.world, &mut release, &self.request.tag, tell)?;
        Ok(release)
    }

    fn overtaken(&self, reason: String) -> OpsError {
        OpsError::Overtaken { tag: self.request.tag.name(), reason }
    }

    /// A draft that is still one.
    fn still_draft(&self, id: u64, tell: &mut dyn FnMut(Event)) -> Result<GitHubRelease, OpsError> {
        let release = self.now(id, tell)?;
        if release.draft {
            return Ok(release);
        }
        Err(self.overtaken(format!("release {id} ({}) was published meanwhile", release.html_url.escaped())))
    }

    /// Deletes empty drafts that an earlier run left behind. One that somebody filled meanwhile stays.
    fn tidy(&self, drafts: &[&GitHubRelease], tell: &mut dyn FnMut(Event)) -> Result<(), OpsError> {
        for draft in drafts {
            let subject = format!("{} (empty draft {})", self.request.tag.name(), draft.id);
            let deed = Deed { action: StepAction::DeleteDraft, subject };
            tell(Event::Doing(deed.clone()));
            let own = self.world.own.forge()?;
            let gone = own.delete_empty_draft(draft.id, &mut |it| tell(Event::Connection(it)))?;
            tell(if gone { Event::Did(deed) } else { Event::Kept(deed) });
        }
        Ok(())
    }

    /// The release to go on with: the chosen one as it is now, or a new draft.
    fn draft(
        &self,
        chosen: Option<&GitHubRelease>,
        tell: &mut dyn FnMut(Event),
    ) -> Result<GitHubRelease, OpsError> {
        let deed = self.deed(StepAction::CreateDraft);
        if let Some(found) = chosen {
            tell(Event::Kept(deed));
            return if found.draft { self.still_draft(found.id, tell) } else { Ok(found.clone()) };
        }
        let (tag, title) = (self.request.tag.name(), self.request.tag.title());
        tell(Event::Doing(deed.clone()));
        let page = self.page(&title);
        let made =
            self.world.own.forge()?.create_draft(&tag, &page, &mut |it| tell(Event::Connection(it)))?;
        tell(Event::Did(deed));
        Ok(made)
    }

    /// The draft with its title, the notes, and the mark that its version asks for.
    fn rewritten(
        &self,
        draft: GitHubRelease,
        tell: &mut dyn FnMut(Event),
    ) -> Result<GitHubRelease, OpsError> {
        let title = self.request.tag.title();
        let page = self.page(&title);
        if page.matches(&draft) {
            return Ok(draft);
        }
        let deed = self.deed(StepAction::UpdateDraft);
        tell(Event::Doing(deed.clone()));
        self.world.own.forge()?.rewrite(&draft, &page, &mut |it| tell(Event::Connection(it)))?;
        tell(Event::Did(deed));
        self.still_draft(draft.id, tell)
    }

    /// An asset of the draft: kept where it is right; what is wrong goes first, which only a draft allows.
    fn asset(
        &self,
        draft: &GitHubRelease,
        file: &OutputFile,
        wanted: &ExpectedAsset,
        tell: &mut dyn FnMut(Event),
    ) -> Result<(), OpsError> {
        let deed = |action| Deed { action, subject: wanted.name.clone() };
        match rules::asset_action(Some(wanted), draft.asset(&wanted.name)) {
            AssetAction::Keep => {
                tell(Event::Kept(deed(StepAction::UploadAsset)));
                return Ok(());
            }
            AssetAction::Upload => {}
            AssetAction::Replace(id) => {
                self.still_draft(draft.id, tell)?;
                tell(Event::Doing(deed(StepAction::DeleteAsset)));
                self.world.own.forge()?.remove(id, &mut |it| tell(Event::Connection(it)))?;
                tell(Event::Did(deed(StepAction::DeleteAsset)));
            }
        }
        let kind = if wanted.name == SUMS_FILE { "text/plain" } else { "application/gzip" };
        tell(Event::Doing(deed(StepAction::UploadAsset)));
        let open = || self.open(&wanted.name);
        let parcel = Parcel { path: &file.path, open: &open, wanted, kind };
        self.world.own.forge()?.upload(draft, &parcel, &mut |it| tell(Event::Connection(it)))?;
        tell(Event::Did(deed(StepAction::UploadAsset)));
        Ok(())
    }

    /// Opens a file that was written, through the folder that it was written to: its path may lead elsewhere by now.
    fn open(&self, name: &str) -> io::Result<File> {
        let file = self.folder.open_file(name).map_err(io::Error::other)?;
        file.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The tag on origin, the very object that was made, and what it proves there.
    fn tag(&self, made: &LocalTag, tell: &mut dyn FnMut(Event)) -> Result<(), OpsError> {
        let (repo, name, remote) = (self.work.repo, self.request.tag.name(), &self.request.remote);
        let deed = self.deed(StepAction::PushTag);
        let idle = self.work.around.idle;
        self.proven_tag(&name)?;
        let mut pushed = None;
        if self.facts.refs.tag.is_some() {
            tell(Event::Kept(deed));
        } else {
            tell(Event::Doing(deed.clone()));
            pushed = Some(repo.push_tag(remote, &name, idle));
        }
        // Whether it arrived is what origin says, not what git said of the push.
        let there = repo.spawn_ls_remote(remote, &name, idle).wait()?.tag;
        match there {
            Some(there) if there.object == made.object => {
                if pushed.is_some() {
                    tell(Event::Did(self.deed(StepAction::PushTag)));
                }
            }
            Some(there) => {
                return Err(OpsError::OriginDiffers {
                    tag: name,
                    remote: remote.clone(),
                    found: there.object,
                });
            }
            None => {
                pushed.transpose()?;
                return Err(OpsError::NotPushed { tag: name, remote: remote.clone() });
            }
        }
        self.world.own.forge()?.wait_for_tag(&name, made.object, &mut |it| tell(Event::Connection(it)))?;
        self.proven_tag(&name)
    }

    /// What the tag proves, before it is pushed and again under the name that origin gave: nothing that is refuted goes on.
    fn proven_tag(&self, name: &str) -> Result<(), OpsError> {
        let has_signers = self.prepared.facts.has_signer_policy;
        if self.request.tag_signing == TagSigning::Unsigned && !has_signers {
            return Ok(());
        }
        let findings = tag::verify_tag(self.work, name, Some(self.prepared.facts.commit))?;
        match rules::self_check(findings, has_signers) {
            Some(it) => {
                Err(OpsError::TagRefuted { tag: name.to_owned(), reason: it.reason, evidence: it.evidence })
            }
            None => Ok(()),
        }
    }

    /// The published release. Whatever happened meanwhile is looked at first: this is the step that nobody takes back.
    fn publish(
        &self,
        release: &GitHubRelease,
        wanted: &[ExpectedAsset],
        tell: &mut dyn FnMut(Event),
    ) -> Result<GitHubRelease, OpsError> {
        let deed = self.deed(StepAction::Publish);
        if !release.draft {
            tell(Event::Kept(deed));
            return Ok(release.clone());
        }
        let tag = self.request.tag.name();
        let all = self.world.own.forge()?.releases(&tag, &mut |it: Told| tell(Event::Connection(it)))?;
        // By its number: a list may not show it yet.
        let draft = self.still_draft(release.id, tell)?;
        let title = self.request.tag.title();
        let page = self.page(&title);
        let planned = |it: &GitHubRelease| self.facts.releases.iter().any(|known| known.id == it.id);
        let others = all.iter().filter(|it| it.id != draft.id);
        // The request of a run that was killed may be carried out only now.
        let (late, others): (Vec<_>, Vec<_>) = others.partition(|it| rules::is_leftover_draft(it, &page));
        self.tidy(&late, tell)?;
        let others: Vec<&GitHubRelease> = others.into_iter().filter(|it| !planned(it)).collect();
        if let Some(reason) = rules::concurrent_change(&draft, &others, wanted, &page) {
            return Err(self.overtaken(reason));
        }
        let (target, facts) = (self.work.catalog.target(self.request.tag.target()), &self.prepared.facts);
        let owner = self.work.catalog.latest_target.as_deref();
        let badge = self.publication.make_latest;
        let gets = target.is_some_and(|it| rules::is_latest(badge, owner, it, self.request, facts));
        let latest = if gets { Latest::This } else { Latest::Another };
        tell(Event::Doing(deed.clone()));
        let published =
            self.world.own.forge()?.publish(&draft, latest, &mut |it| tell(Event::Connection(it)))?;
        tell(Event::Did(deed));
        Ok(published)
    }
}

/// The asset that a file becomes; none for the notes, which are the release's text.
fn wanted(file: &OutputFile) -> Option<(&OutputFile, ExpectedAsset)> {
    let name = file.path.file_name()?.to_str()?.to_owned();
    let asset = ExpectedAsset { name, size: file.size, digest: file.digest };
    (asset.name != crate::NOTES_FILE).then_some((file, asset))
}
