//! What leaves this machine, in its order: draft, assets, tag, and last what cannot be taken back.

use forge::{Latest, NewDraft, Parcel, Told};
use model::audit::Promise;
use model::hosting::{HostedRelease, WantedAsset, WorldFacts};
use model::plan::Action;
use model::receipt::{MadeFile, MadeTag, Receipt};
use model::request::{End, Publication, Request, Signing};
use model::verdict::{Finding, Verdict};

use crate::{Deed, Event, OpsError, Prepared, SUMS_FILE, Work, World, audit, tags};

/// Everything that a release is published with.
pub(crate) struct Publishing<'a> {
    pub(crate) work: Work<'a>,
    pub(crate) world: World<'a>,
    pub(crate) request: &'a Request,
    pub(crate) prepared: &'a Prepared,
    pub(crate) facts: &'a WorldFacts,
    pub(crate) publication: Publication,
}

impl Publishing<'_> {
    /// Brings what was made to the world. Each step looks before it acts, because the plan may be old.
    pub(crate) fn perform(
        &self,
        receipt: &Receipt,
        tell: &mut dyn FnMut(Event),
    ) -> Result<(HostedRelease, Vec<Finding>), OpsError> {
        let assets: Vec<(&MadeFile, WantedAsset)> = receipt.files.iter().filter_map(wanted).collect();
        let mut release = self.draft(tell)?;
        if release.draft {
            for (file, asset) in &assets {
                self.asset(&release, file, asset, tell)?;
            }
            release = self.text(release, tell)?;
        }
        self.tag(&receipt.tag_object, tell)?;
        let wanted: Vec<WantedAsset> = assets.into_iter().map(|(_, it)| it).collect();
        if self.publication.end == End::Draft {
            return Ok((release, Vec::new()));
        }
        let release = self.publish(&release, &wanted, tell)?;
        let promise = Promise {
            tag: self.request.tag.name(),
            object: receipt.tag_object.object,
            commit: receipt.commit,
            prerelease: self.request.tag.version().is_prerelease(),
            assets: wanted,
        };
        let deed = Deed { action: Action::Audit, subject: promise.tag.clone() };
        tell(Event::Doing(deed.clone()));
        let findings = audit::audit(self.work, self.world, self.request, &promise, &mut |it| {
            tell(Event::Connection(it));
        });
        tell(Event::Did(deed));
        Ok((release, findings))
    }

    fn deed(&self, action: Action) -> Deed {
        Deed { action, subject: self.request.tag.name() }
    }

    fn notes(&self) -> &str {
        self.prepared.notes.as_ref().map_or("", |it| it.markdown.as_str())
    }

    /// The one release of the tag: as it was found, or a new draft.
    fn draft(&self, tell: &mut dyn FnMut(Event)) -> Result<HostedRelease, OpsError> {
        let deed = self.deed(Action::CreateDraft);
        if let Some(release) = self.facts.releases.first() {
            tell(Event::Kept(deed));
            return Ok(release.clone());
        }
        let (tag, title) = (self.request.tag.name(), self.request.tag.title());
        let draft = NewDraft {
            tag: &tag,
            title: &title,
            body: self.notes(),
            prerelease: self.request.tag.version().is_prerelease(),
        };
        tell(Event::Doing(deed.clone()));
        let made = self.world.own.create_draft(&draft, &mut |it| tell(Event::Connection(it)))?;
        tell(Event::Did(deed));
        Ok(made)
    }

    /// The draft with the text of the notes.
    fn text(&self, draft: HostedRelease, tell: &mut dyn FnMut(Event)) -> Result<HostedRelease, OpsError> {
        if draft.body == self.notes() {
            return Ok(draft);
        }
        let deed = self.deed(Action::RewriteDraft);
        tell(Event::Doing(deed.clone()));
        let draft = self.world.own.rewrite(&draft, self.notes(), &mut |it| tell(Event::Connection(it)))?;
        tell(Event::Did(deed));
        Ok(draft)
    }

    /// An asset of the draft: kept where it is right; what is wrong goes first, which only a draft allows.
    fn asset(
        &self,
        draft: &HostedRelease,
        file: &MadeFile,
        wanted: &WantedAsset,
        tell: &mut dyn FnMut(Event),
    ) -> Result<(), OpsError> {
        let deed = |action| Deed { action, subject: wanted.name.clone() };
        if let Some(there) = draft.asset(&wanted.name) {
            if wanted.is(there) {
                tell(Event::Kept(deed(Action::Upload)));
                return Ok(());
            }
            tell(Event::Doing(deed(Action::Remove)));
            self.world.own.remove(there.id, &mut |it| tell(Event::Connection(it)))?;
            tell(Event::Did(deed(Action::Remove)));
        }
        let kind = if wanted.name == SUMS_FILE { "text/plain" } else { "application/gzip" };
        tell(Event::Doing(deed(Action::Upload)));
        let parcel = Parcel { path: &file.path, wanted, kind };
        self.world.own.upload(draft, &parcel, &mut |it| tell(Event::Connection(it)))?;
        tell(Event::Did(deed(Action::Upload)));
        Ok(())
    }

    /// The tag on origin, the very object that was made, and what it proves there.
    fn tag(&self, made: &MadeTag, tell: &mut dyn FnMut(Event)) -> Result<(), OpsError> {
        let (repo, name, remote) = (self.work.repo, self.request.tag.name(), &self.request.remote);
        let deed = self.deed(Action::PushTag);
        let idle = self.work.around.idle;
        let mut pushed = Ok(());
        if self.facts.origin.tag.is_some() {
            tell(Event::Kept(deed));
        } else {
            tell(Event::Doing(deed.clone()));
            pushed = repo.push_tag(remote, &name, idle);
            tell(Event::Did(deed));
        }
        // Whether it arrived is what origin says, not what git said of the push.
        let there = repo.ask_origin(remote, &name, idle).wait()?.tag;
        match there {
            Some(there) if there.object == made.object => {}
            Some(there) => {
                return Err(OpsError::OriginDiffers {
                    tag: name,
                    remote: remote.clone(),
                    found: there.object,
                });
            }
            None => {
                pushed?;
                return Err(OpsError::NotPushed { tag: name, remote: remote.clone() });
            }
        }
        self.world.own.wait_for_tag(&name, made.object, &mut |it| tell(Event::Connection(it)))?;
        if self.request.signing == Signing::Unsigned {
            return Ok(());
        }
        let findings = tags::verify_tag(self.work, &name, Some(self.prepared.facts.commit))?;
        match findings.into_iter().find(|it| it.verdict == Verdict::Refuted) {
            Some(it) => Err(OpsError::OwnSignature { reason: it.reason, evidence: it.evidence }),
            None => Ok(()),
        }
    }

    /// The published release. Whatever happened meanwhile is looked at first: this is the step that nobody takes back.
    fn publish(
        &self,
        release: &HostedRelease,
        wanted: &[WantedAsset],
        tell: &mut dyn FnMut(Event),
    ) -> Result<HostedRelease, OpsError> {
        let deed = self.deed(Action::Publish);
        if !release.draft {
            tell(Event::Kept(deed));
            return Ok(release.clone());
        }
        let tag = self.request.tag.name();
        let now = self.world.own.releases(&tag, &mut |it: Told| tell(Event::Connection(it)))?;
        let changed = |reason: String| OpsError::Overtaken { tag: tag.clone(), reason };
        let others: Vec<String> = now
            .iter()
            .filter(|it| it.id != release.id)
            .map(|it| format!("{} ({})", it.id, it.page))
            .collect();
        if !others.is_empty() {
            return Err(changed(format!(
                "beside {} it has other releases now: {}",
                release.id,
                others.join(", ")
            )));
        }
        // By its number: a list may not show it yet.
        let draft = self.world.own.release(release.id, &mut |it: Told| tell(Event::Connection(it)))?;
        if !draft.draft {
            return Err(changed(format!("release {} ({}) was published meanwhile", draft.id, draft.page)));
        }
        if let Some(bad) = wanted.iter().find(|it| !draft.asset(&it.name).is_some_and(|asset| it.is(asset))) {
            return Err(changed(format!(
                "{} of draft {} is no longer what was uploaded",
                bad.name, draft.id
            )));
        }
        if draft.body != self.notes() {
            return Err(changed(format!("somebody changed the text of draft {}", draft.id)));
        }
        let (target, facts) = (self.work.catalog.target(self.request.tag.target()), &self.prepared.facts);
        let owner = self.work.catalog.latest.as_deref();
        let badge = self.publication.badge;
        let gets = target.is_some_and(|it| rules::gets_badge(badge, owner, it, self.request, facts));
        let latest = if gets { Latest::This } else { Latest::Another };
        tell(Event::Doing(deed.clone()));
        let published = self.world.own.publish(&draft, latest, &mut |it| tell(Event::Connection(it)))?;
        tell(Event::Did(deed));
        Ok(published)
    }
}

/// The asset that a file becomes; none for the notes, which are the release's text.
fn wanted(file: &MadeFile) -> Option<(&MadeFile, WantedAsset)> {
    let name = file.path.file_name()?.to_str()?.to_owned();
    let asset = WantedAsset { name, size: file.size, digest: file.digest };
    (asset.name != crate::NOTES_FILE).then_some((file, asset))
}
