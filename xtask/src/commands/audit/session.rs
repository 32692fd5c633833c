//! A run of the audit command: what the audits of its tags share.

use std::time::{Duration, Instant};

use model::evidence::audit::{AttestationRequirement, AuditReport, ReleaseExpectation};
use model::evidence::verdict::{Verdict, overall};
use model::{ReleaseTag, Target};
use ops::{AuditRequest, PackageRegistries, PackageScope, RecordingFolder, ReleaseEvent};

use super::args::AuditArgs;
use super::channel::{selected_registries, unsupported_channels};
use super::output::AuditResult;
use crate::args::GlobalArgs;
use crate::clock;
use crate::error::CliError;
use crate::http;
use crate::progress::ProgressReporter;
use crate::registries;
use crate::report;

/// The pause between two attempts of an audit that waits.
///
/// An attempt takes about ten requests, and GitHub allows 60 anonymous requests per hour.
const AUDIT_RETRY_INTERVAL: Duration = Duration::from_secs(30);

/// A run of the command.
pub(super) struct AuditSession<'a> {
    pub(super) global: &'a GlobalArgs,
    pub(super) args: &'a AuditArgs,
    pub(super) request: AuditRequest<'a>,
    /// The folder that keeps the responses, or that they are read from.
    pub(super) recording: Option<RecordingFolder>,
    /// Notes for the report of many releases.
    pub(super) notes: Vec<String>,
    /// The registries of the target with this id. The tags of a target follow each other.
    registries: Option<(String, PackageRegistries)>,
}

impl<'a> AuditSession<'a> {
    pub(super) fn new(
        global: &'a GlobalArgs,
        args: &'a AuditArgs,
        request: AuditRequest<'a>,
        recording: Option<RecordingFolder>,
    ) -> Self {
        Self { global, args, request, recording, notes: Vec::new(), registries: None }
    }

    /// Audits a release.
    pub(super) fn audit_tag(&mut self, tag: &ReleaseTag) -> Result<AuditResult, CliError> {
        let catalog = self.request.catalog;
        let expectation = ops::expectation(catalog, tag, AttestationRequirement::Required);
        let target = catalog.target(tag.target()).expect("a tag is made for a target of the catalog");
        let (global, wait) = (self.global, self.args.wait.unwrap_or_default());
        let (request, channels) = (self.request, &self.args.channel);
        let registries = self.find_registries(target)?;
        let audit = AuditRequest { packages: Some(PackageScope { registries, tag }), ..request };
        let mut report = audit_with_retries(global, audit, &expectation, wait)?;
        report.warnings.extend(unsupported_channels(channels, target));
        Ok(AuditResult { subject: expectation.tag, report })
    }

    /// Audits the versions that the registries list for a target.
    pub(super) fn audit_versions(
        &mut self,
        target: &Target,
        tags: &[ReleaseTag],
    ) -> Result<AuditResult, CliError> {
        let (global, request) = (self.global, self.request);
        let registries = self.find_registries(target)?;
        let mut reporter = ProgressReporter::new(global);
        let report = ops::audit_versions(&request, registries, (target, tags), &mut |it| {
            reporter.report(&ReleaseEvent::Http(it));
        });
        Ok(AuditResult { subject: target.id.clone(), report })
    }

    /// Returns the selected registries of a target.
    fn find_registries(&mut self, target: &Target) -> Result<&PackageRegistries, CliError> {
        if self.registries.as_ref().is_none_or(|(id, _)| *id != target.id) {
            let wanted = selected_registries(&self.args.channel);
            let recorded = self.recording.as_ref();
            let found = registries::find_registries(
                self.request.catalog,
                (target, self.request.slug),
                &wanted,
                recorded,
            )?;
            if let Some(recording) = &mut self.recording {
                recording.add_registries(&found)?;
            }
            let recording = self.recording.as_ref();
            let (folder, policy) = (std::env::temp_dir(), http::retry_policy()?);
            let registries = PackageRegistries::new(found, folder, policy, recording)?;
            self.registries = Some((target.id.clone(), registries));
        }
        let (_, registries) = self.registries.as_ref().expect("it was just set");
        Ok(registries)
    }

    /// Marks the recording as complete, unless an answer is missing: then another run can go on with it.
    pub(super) fn finish<'r>(
        &mut self,
        reports: impl IntoIterator<Item = &'r AuditReport>,
    ) -> Result<(), CliError> {
        Ok(self.recording.as_mut().map_or(Ok(()), |it| it.finish(reports))?)
    }

    /// Returns the note about the recording for the report.
    pub(super) fn recording_note(&self) -> Option<String> {
        self.recording.as_ref().and_then(RecordingFolder::note)
    }
}

/// Audits a release, and repeats the audit while a finding may resolve later and `wait` has not passed. A refuted
/// finding ends the wait, because it stays refuted.
fn audit_with_retries(
    global: &GlobalArgs,
    audit: AuditRequest<'_>,
    expectation: &ReleaseExpectation,
    wait: Duration,
) -> Result<AuditReport, CliError> {
    let started = Instant::now();
    let mut reporter = ProgressReporter::new(global);
    loop {
        let audit = AuditRequest { now: clock::now(), ..audit };
        let report = ops::audit(audit, expectation, &mut |it| reporter.report(&ReleaseEvent::Http(it)))?;
        let remaining = wait.saturating_sub(started.elapsed());
        let pending = report.findings.iter().filter(|it| it.may_resolve_later());
        let pending: Vec<String> =
            pending.map(|it| format!("{} {} ({})", it.check, it.subject, it.reason())).collect();
        if pending.is_empty() || remaining.is_zero() || overall(&report.findings) == Verdict::Refuted {
            return Ok(report);
        }
        let pause = AUDIT_RETRY_INTERVAL.min(remaining);
        let line = format!("waiting, {} s left, for {}", remaining.as_secs(), pending.join(", "));
        report::print_progress(global, &line);
        std::thread::sleep(pause);
    }
}
