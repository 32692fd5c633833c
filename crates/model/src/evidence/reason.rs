//! The reasons of findings, pre-flight checks and rejections. Each is declared once, with its code, meaning and hint.
//!
//! Codes are public: scripts match on them. A code changes only together with the version of the JSON schema, because
//! scripts that know the old one would miss it. The reason tables in `docs/verifying.md` are written from these
//! declarations, and a test compares them.

use std::fmt;

use serde::{Serialize, Serializer};

use super::declare_reasons::reasons;

/// The command that configures trusted signers.
pub const CONFIGURE_SIGNERS: &str = "cargo xtask config init --signer";

/// The declaration of one reason, for documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReasonEntry {
    /// The group of the reason, as a heading.
    pub group: &'static str,
    /// The stable code, as in `tree-mismatch`.
    pub code: &'static str,
    /// The meaning, as a sentence.
    pub meaning: &'static str,
    /// The hint, with `{name}` in place of each value. Empty if there is nothing to do.
    pub hint: &'static str,
    /// Whether the same check may succeed later without any action.
    pub may_resolve_later: bool,
}

reasons! {
    "All checks" {
        Ok = "ok": "The check passed." => "";
        RateLimited = "rate-limited" later: "The host allows no further request for now." => "wait, then run again";
        Forbidden = "forbidden": "The host refuses the request." => "check that the repository or package is public";
        Unreachable = "unreachable" later: "The host could not be reached, or gave no usable answer." => "check the network, then run again";
        InvalidAnswer = "invalid-answer": "The host gave an answer that cannot be used." => "check the address; an index of Python packages must serve JSON (PEP 691)";
        NotRecorded = "not-recorded": "The recording has no usable answer to a request." => "audit again with --save and a new folder";
        Limit = "limit": "The input is larger or more deeply nested than the suite reads." => "inspect it by hand: no genuine release is this large";
    }
    "Pre-flight checks of the clone" {
        DirtyTree = "dirty-tree": "A tracked file differs from the last commit." => "git stash, or commit the changes";
        UnknownBranch { remote: String } = "unknown-branch": "The clone does not know the remote's default branch."
            => "git fetch {remote} && git remote set-head {remote} -a";
        Behind { remote: String } = "behind": "The default branch has commits that the released commit lacks."
            => "git pull {remote}, if these commits belong to the release";
        NotOnBranch { remote: String } = "not-on-branch": "The released commit is not on the default branch."
            => "git fetch {remote}, or choose a merged commit with --commit";
        Shallow = "shallow": "The clone is shallow: it lacks commits and tags." => "git fetch --unshallow --tags";
        NoTagger = "no-tagger": "user.name and user.email are not set."
            => "git config user.name 'Your Name' && git config user.email you@example.com";
        LocalAttributes = "local-attributes": "Attributes that only this clone has change the archive."
            => "move these rules to .gitattributes and commit them, or remove the file";
    }
    "Pre-flight checks of the release" {
        TagAtOtherCommit { tag: String } = "tag-at-other-commit": "The clone has the tag at another commit; a tag is never moved."
            => "use --commit {tag} to continue that release, or choose a new version; if the tag was never pushed: git tag -d {tag}";
        TagFormDiffers { tag: String } = "tag-form-differs": "The tag has a `v` before the version and the target's other tags do not, or the reverse."
            => "cargo xtask release {tag}";
        SamePrecedence = "same-precedence": "Another tag has the same version precedence." => "choose a higher version";
        NotAbove = "not-above": "The version is not above the highest one of its release line." => "choose a higher version";
        NoPrevious = "no-previous": "No earlier release of the target is an ancestor of the released commit."
            => "git fetch --tags; if this is the target's first release, use --initial-release, else --from-tag TAG";
        NotAnAncestor = "not-an-ancestor": "The tag given with --from-tag is not an ancestor of the released commit."
            => "choose another tag for --from-tag";
        UnknownPath = "unknown-path": "A path filter matches no file or folder, neither in the released commit nor at the start of the range."
            => "check the spelling of --path, and of paths in release.toml";
        VersionFileMissing = "version-file-missing": "The file that states the version is not in the released commit."
            => "check version_source in release.toml";
        VersionDiffers { file: String } = "version-differs": "A version file states another version than the tag."
            => "set the version in {file}, and merge that change first";
        FilesIgnored { file: String } = "files-ignored": "The build of a package would leave out a tracked file, because of `.gitignore`."
            => "add {file} to artifacts under [tool.hatch.build] in pyproject.toml, or change the pattern";
        LicenseMissing { folder: String } = "license-missing": "The npm package will have no license file." => "copy the license to {folder}";
        NoCommits = "no-commits": "No commit since the previous release touches the target's paths."
            => "check the target's paths in release.toml, or use --no-path-filter";
        OutputDenied = "denied": "The output folder cannot be written to." => "choose a writable folder with --out";
        OutputNotPlain = "not-plain": "The output folder, or a file in it, is a symbolic link or a special file."
            => "remove it (git rm, if it is tracked), or choose another folder with --out";
    }
    "Pre-flight checks of the signature" {
        Unsigned = "unsigned": "The tag is not signed, or would not be, although `[signers]` requires it."
            => "use --sign-tag; if this tag is published, choose a new version, because a published tag is never replaced";
        NoSigners = "no-signers": "The tag is not signed, and no trusted signers are configured." => "cargo xtask config init --signer";
        TagNotSigned { tag: String } = "tag-not-signed": "The tag exists without a signature, and --sign-tag was given."
            => "release {tag} without --sign-tag, or choose a new version and sign that one";
        TagUnproven { tag: String } = "tag-unproven": "The existing tag's signature could not be verified."
            => "cargo xtask verify-tag {tag}";
        TagRefuted { tag: String } = "tag-refuted": "The existing tag's signature is not valid, or not by a trusted signer."
            => "cargo xtask verify-tag {tag}";
        NoPolicy = "no-policy": "No trusted signers are configured for this kind of signature." => "cargo xtask config init --signer";
        ProgramNotRun { key: String, program: String } = "program-not-run": "The signing program is set in the repository's configuration, which only `release` trusts to run programs."
            => "git config --global {key} '{program}', so that every command may run it";
        KeyNotAllowed = "not-allowed": "The signing key is not among the keys that `[signers]` allows."
            => "sign with an allowed key, or add this key to the file that [signers] names";
        NoSigningKey { advice: &'static str } = "no-signing-key": "No signing key is configured, or it cannot be used." => "{advice}";
    }
    "Pre-flight checks of the remote and of GitHub" {
        PushUrlDiffers { remote: String } = "push-url-differs": "The remote's push URL is another repository than its fetch URL."
            => "git config --unset remote.{remote}.pushurl, or choose another remote with --remote";
        TagsNotFetched { remote: String } = "tags-not-fetched": "The remote has release tags that the clone lacks."
            => "git fetch {remote} --tags";
        RemoteTagAtOtherCommit { remote: String, tag: String } = "remote-tag-at-other-commit": "The remote has the tag at another commit; a tag is never moved."
            => "git fetch {remote} tag {tag}, then use --commit {tag} to continue that release; or choose a new version";
        TagObjectDiffers { remote: String, tag: String } = "tag-object-differs": "The remote has another tag object under the same name; a tag is never replaced."
            => "git tag -d {tag} && git fetch {remote} tag {tag}, if the tag on {remote} is the right one";
        TagOnlyOnRemote { remote: String, tag: String } = "tag-only-on-remote": "The remote has the tag, and the clone lacks it."
            => "git fetch {remote} tag {tag}";
        NoToken = "no-token": "No GitHub token was found for the host."
            => "gh auth login, or set GH_TOKEN; for hosts other than github.com, see the README";
        Archived = "archived": "The repository is archived, which makes it read-only." => "check the repository given with -R";
        Renamed { name: String } = "renamed": "The repository now has another name on GitHub." => "use -R {name}";
        CannotPush = "cannot-push": "The token has no permission to write to the repository."
            => "gh auth refresh -s repo, or use a token with the permission 'contents: write'";
        TriggersNoWorkflow = "triggers-no-workflow": "A push with the token of a workflow run does not start other workflows."
            => "start the target's publish workflow by hand (gh workflow run), or let git push with another token";
        PermissionsUnknown = "permissions-unknown": "GitHub does not report what the token may do." => "check that the token has the permission 'contents: write'";
        PrereleaseLatest = "prerelease-latest": "A pre-release cannot be the latest release." => "run again without --latest";
        MultipleReleases { commands: String } = "multiple-releases": "GitHub has several releases of the tag, and none is clearly the right one."
            => "delete the ones that you do not need: {commands}";
        OtherDrafts { commands: String } = "other-drafts": "GitHub has other drafts of the tag." => "if you do not need them, delete them: {commands}";
        UnplannedAsset = "unplanned-asset": "The draft has an asset that this release does not make."
            => "find out who added it, then delete it from the draft on GitHub, or delete the draft";
        PublishedDiffers = "published-differs": "The published release has other assets than this commit's release; it is never changed."
            => "choose a new version";
    }
    "Tags and their signatures" {
        Lightweight = "lightweight": "The tag is a reference to a commit, which cannot be signed."
            => "use --sign-tag; if this tag is published, choose a new version, because a published tag is never replaced";
        MalformedTag = "malformed-tag": "The tag object does not have git's format." => "do not use this tag, and tell the maintainers";
        TagTooLong = "tag-too-long": "The tag object is longer than 1 MiB." => "do not use this tag, and tell the maintainers";
        TagName = "tag-name": "The tag object has another name than the reference." => "do not use this tag, and tell the maintainers";
        NestedTag = "nested": "The tag points to another tag, a tree or a file." => "do not use this tag, and tell the maintainers";
        Backdated = "backdated": "The tag's date is earlier than that of its commit." => "do not use this tag, and tell the maintainers";
        Future = "future": "The tag's date is in the future." => "check this machine's clock; if it is right, tell the maintainers";
        BadSignature = "signature": "The signature is not a valid signature of this tag." => "do not use this tag, and tell the maintainers";
        TwoSignatures = "two-signatures": "The tag has more than one signature." => "do not use this tag, and tell the maintainers";
        SignatureExpired = "signature-expired": "The signature itself has expired." => "do not use this tag, and tell the maintainers";
        WeakHash = "weak-hash": "The signature uses MD5, SHA-1 or RIPEMD-160." => "do not use this tag, and tell the maintainers";
        WeakKey = "weak-key": "The RSA or DSA key is shorter than 2048 bits." => "do not use this tag, and tell the maintainers";
        KeyUsage = "key-usage": "The key may not be used for signing." => "do not use this tag, and tell the maintainers";
        KeyNewer = "key-newer": "The key was created after the signature." => "do not use this tag, and tell the maintainers";
        SshCertificate = "certificate": "The SSH certificate is not valid." => "do not use this tag, and tell the maintainers";
        Cms = "cms": "The CMS signature is not valid." => "do not use this tag, and tell the maintainers";
        TagDigests = "tag-digests": "A digest in the tag's message does not fit the tag's commit." => "do not use this tag, and tell the maintainers";
        ArchiveNotInTag = "archive-not-in-tag": "The signed tag states another digest than that of the published archive." => "do not use this release, and tell the maintainers";
        Payload = "payload": "The signature was made for other bytes." => "do not use this tag, and tell the maintainers";
        NoLogEntry = "no-log-entry": "The signature carries no transparency log entry, so its time is unknown offline."
            => "git config gitsign.rekorMode offline, before you sign the next tag";
        GpgFailed = "gpg-failed": "gpg or gpgsm could not check the signature." => "check that gpg works: git verify-tag shows its error";
        UnknownKey = "unknown-key": "The key is not among the trusted signers." => "compare the key with [signers] in release.toml";
        Revoked = "revoked": "The key is revoked." => "do not use this tag, and tell the maintainers";
        RevocationUnknown = "revocation": "The revocation file could not be read." => "fix the file that revoked in [signers] names";
        WrongNamespace = "namespace": "The key or the signature is for another purpose than git tags." => "compare the key with [signers] in release.toml";
        WrongPrincipal = "principal": "The key belongs to another e-mail address than the tagger's." => "compare the key with [signers] in release.toml";
        NotYetValid = "not-yet-valid": "The key was not valid yet when the tag was made." => "compare the key with [signers] in release.toml";
        Expired = "expired": "The key had expired when the tag was made." => "compare the key with [signers] in release.toml";
        ExpiredNoTrustedTime = "expired-no-trusted-time": "The key has expired by now, and no independent source confirms the tag's date."
            => "compare the key with [signers] in release.toml";
    }
    "Published releases" {
        NotACommit = "not-a-commit": "The tag on GitHub does not point to a commit." => "do not use this release, and tell the maintainers";
        TagMissing { tag: String } = "tag-missing": "GitHub has no such tag." => "check the spelling of {tag}; if it was just pushed, run again";
        TagUnavailable = "tag-unavailable" later: "Skipped, because the tag could not be read." => "run again";
        Moved = "moved": "The tag was moved." => "do not use this release, and tell the maintainers";
        PrivateRepository = "private": "The repository is private, so nothing is visible without credentials." => "check the release on GitHub";
        NotPublic = "not-public" later: "No public release exists for the tag." => "wait a moment, then run again; cargo xtask audit does that with --wait 10m";
        ReleaseMismatch = "release-mismatch": "The release is of another tag, is a draft, or has the wrong pre-release mark."
            => "check the release on GitHub: it was changed after it was published";
        HostDigestMismatch = "host-digest-mismatch": "GitHub reports another digest than that of the file that the run made." => "do not use this release, and tell the maintainers";
        AssetMissing = "asset-missing" later: "The release has no such asset." => "run again; if the asset is still missing, tell the maintainers";
        DownloadFailed = "download-failed" later: "The asset could not be downloaded." => "run again";
        DigestMismatch = "digest-mismatch": "The downloaded bytes are not those that the run made." => "do not use this release, and tell the maintainers";
        DownloadMismatch = "transport": "The downloaded bytes do not have the digest that GitHub reports." => "do not use this release, and tell the maintainers";
        SumsFormat = "sums-format": "SHA256SUMS does not have the strict format." => "do not use this release, and tell the maintainers";
        SumsContent = "sums-content": "SHA256SUMS does not list exactly what was downloaded." => "do not use this release, and tell the maintainers";
        MalformedArchive = "archive": "The archive or package is not well-formed, or programs could read it in different ways." => "download it again; if it is the same, do not use it, and tell the maintainers";
        TreeMismatch = "tree-mismatch": "The archive does not match the tag's tree." => "do not use this release, and tell the maintainers";
        TreeUnavailable { tag: String } = "tree-unavailable": "The clone lacks the tag's tree."
            => "git fetch origin tag {tag}, then run again";
        TagObjectUnavailable { tag: String } = "tag-object-unavailable": "The clone lacks the tag's object, so its signature was not checked."
            => "git fetch origin tag {tag}, then run again";
        UnreachableFromMain = "unreachable-from-main": "The commit is not on the default branch."
            => "do not use it until its maintainers explain why it was released from another branch";
    }
    "Packages" {
        PackageContent = "content": "A file of the package is missing, was added, or differs from the tag's tree." => "do not use this package, and tell the maintainers";
        PackageMetadata = "metadata": "The package's own metadata contradicts the tag's tree." => "do not use this package, and tell the maintainers";
        OtherPackage = "other-package": "The package is of another name or version than the tag." => "check that the package and the tag belong together";
        NothingCompared = "nothing-compared": "The package has no file that could be compared." => "check that the package and the tag belong together";
        CommitMissing = "commit-missing": "The package does not state the commit that it was built from." => "use a version that states it, or compare the package by hand";
        NotComparable = "not-comparable": "The rules do not cover how this package is built." => "compare it by hand: build the package from the tag, and compare the files";
    }
    "Published packages" {
        NotPublished = "not-published" later: "The registry has no such version." => "wait until it is published, then run again; a mirror may lack it: check [registries]";
        StaleIndex = "stale-index" later: "The registry knows the version, but does not list its files yet." => "wait some minutes, then run again";
        Quarantined = "quarantined": "The index considers the project unsafe." => "do not use this package, and tell the maintainers";
        StatedDigest = "stated-digest": "The downloaded bytes do not have the digest that the registry states." => "do not use this package, and tell the maintainers";
        NoStatedDigest = "no-stated-digest": "The registry states no digest for the file." => "ask the registry itself instead of a mirror: check [registries]";
        UnlistedFile = "unlisted": "No signed document of the version lists the digest of the file, so it could be of another version." => "ask the registry itself instead of a mirror: check [registries]";
        UnexpectedFile = "unexpected-file": "The version has a file of a format that the publish workflow does not build." => "do not use this package, and tell the maintainers";
        NoClone = "no-clone": "There is no clone to compare the package with." => "run it in a clone of the repository, or select one with -C DIR";
        NotOwed = "not-owed": "The publish workflow in the tag's tree attests nothing, and nothing else proves the origin." => "use a later release: nothing proves who built this one";
        RegistryUnsigned = "registry-unsigned": "The registry did not sign the version." => "ask the registry itself instead of a mirror: check [registries]";
        RegistryKey = "registry-key": "The registry's signature is by a key that is not trusted." => "compare the key with npm_keys in release.toml, or ask the registry itself instead of a mirror";
        UnpinnedKey { fingerprint: String } = "unpinned-key": "The signature is by a key that the release configuration does not trust." => "if {fingerprint} is the publisher's key, add it to openpgp_keys under [registries] in release.toml";
        SeveralKeys = "several-keys": "The files of the version are signed by different keys." => "do not use this package, and tell the maintainers";
        KeyUnavailable = "key-unavailable": "The public key of the signature could not be read." => "export the key with gpg, commit the file, and name it with openpgp_keyring under [registries]";
        SignatureMissing = "signature-missing": "The registry serves no signature of the file." => "do not use this package, and tell the maintainers";
        StaleLock = "stale-lock": "Chart.lock does not fit the dependencies in Chart.yaml, so the chart cannot be built." => "do not use this chart; maintainers run helm dependency update in its folder, and merge that change";
        RegistrySignature = "registry-signature": "The registry's signature is not valid." => "do not use this package, and tell the maintainers";
        ChecksumDatabase = "checksum-database": "The checksum database has another hash than the tag's tree: the tag was moved." => "do not use this version: it can never be repaired, only replaced by a higher one";
        ChecksumProof = "checksum-proof": "The answer of the checksum database is not proven by its signed tree." => "do not use this version, and report the database";
        Untagged = "untagged": "The registry has a version that no tag explains." => "do not use this version until its maintainers explain it";
    }
    "Attestations" {
        AttestationMissing = "missing" later: "No attestation exists for the artifact." => "if the workflow that attests has not finished, run again later";
        FileMissing = "file-missing": "A file that SHA256SUMS lists does not exist." => "download it into the folder of SHA256SUMS";
        SubjectDigest = "subject-digest": "The attestation is for other bytes." => "do not use the artifact: its bytes were not attested";
        SubjectName = "subject-name": "The attestation gives these bytes another name."
            => "if you renamed the file, restore its name; if not, it belongs to another release";
        TrustRoot = "trust-root" later: "No trusted root covers the bundle, or the root is not valid."
            => "check --trusted-root, or run cargo xtask trusted-root refresh";
        Unreadable = "unreadable": "The artifact could not be read." => "check that the file exists and that you may read it";
        Unsupported = "unsupported": "The format or algorithm is not supported." => "pass the file itself, or verify it with another tool";
        ParseError = "parse": "The bundle is not well-formed." => "download the bundle again";
        WrongRepository = "repo": "The bundle was made for another repository." => "do not use the artifact; if you expected a match, check -R and the other options";
        WrongRepositoryId = "repo-id": "The repository's id is not the expected one." => "do not use the artifact; if you expected a match, check -R and the other options";
        WrongWorkflow = "workflow": "Another workflow signed." => "do not use the artifact; if you expected a match, check -R and the other options";
        WrongSigner = "signer": "The signer is not the expected one." => "do not use the artifact; if you expected a match, check -R and the other options";
        WrongRef = "ref": "The workflow ran on another branch or tag." => "do not use the artifact; if you expected a match, check -R and the other options";
        WrongCommit = "commit": "The artifact, tag or workflow run is of another commit." => "do not use the artifact; if you expected a match, check -R and the other options";
        WrongTrigger = "trigger": "Another event started the workflow." => "do not use the artifact; if you expected a match, check -R and the other options";
        WrongIssuer = "issuer": "The identity token has another issuer." => "do not use the artifact; if you expected a match, check -R and the other options";
        WrongIdentity = "identity": "Another identity signed." => "do not use the artifact; if you expected a match, check -R and the other options";
        WrongTag = "tag": "The attestation is for another tag." => "do not use the artifact; if you expected a match, check -R and the other options";
        TrustDomain = "trust-domain": "The signer belongs to another Sigstore instance, or the repository was not public."
            => "do not use the artifact; if you expected a match, check -R and the other options";
        SelfHostedRunner = "runner": "The workflow ran on a self-hosted runner." => "do not use the artifact, and tell the maintainers";
        LogProof = "tlog": "The transparency log does not prove the entry." => "do not use the artifact, and tell the maintainers";
        EntryMismatch = "entry-mismatch": "The log entry is for another signature." => "do not use the artifact, and tell the maintainers";
        SigningTime = "time": "The signing time contradicts the certificate, the commit or the clock." => "do not use the artifact, and tell the maintainers";
        NoTrustedTime = "no-trusted-time": "No trusted timestamp proves the signing time." => "do not use the artifact, and tell the maintainers";
        Timestamp = "tsa": "A signed timestamp is not valid." => "do not use the artifact, and tell the maintainers";
        CertificateProfile = "cert-profile": "The certificate does not have the form that Fulcio issues." => "do not use the artifact, and tell the maintainers";
        CertificateChain = "chain": "The certificate chain is not valid." => "do not use the artifact, and tell the maintainers";
        CertificateLog = "sct": "The certificate's entry in a certificate transparency log is not proven." => "do not use the artifact, and tell the maintainers";
        Statement = "statement": "The signed content is not a well-formed in-toto statement." => "do not use the artifact, and tell the maintainers";
        PredicateType = "predicate-type": "The attestation is of another type." => "check --predicate-type; this attestation does not prove what you asked for";
        PredicateMismatch = "predicate-mismatch": "The statement contradicts the certificate." => "do not use the artifact, and tell the maintainers";
        InvalidBundle = "bundle": "The bundle is not valid." => "do not use the artifact, and tell the maintainers";
    }
    "Rehearsals" {
        ReleaseRefused { advice: String } = "refused": "A pre-flight check refuses the release." => "{advice}";
        AuditNotProven { advice: String } = "audit": "The audit of the rehearsed release does not prove everything." => "{advice}";
        CommandsFailed { commands: String } = "command-failed": "A command of the release notes failed." => "{commands}";
        NothingRan = "nothing-ran": "No command of the release notes could run." => "run scripts/setup.sh to install the programs";
        FilesChanged = "changed": "A file of the operator changed during the rehearsal."
            => "report this as a bug of the rehearsal, unless another program wrote to these files";
        NothingObserved = "nothing-seen": "None of the operator's files could be checked." => "set HOME, or select a repository with -C";
        LeftOver = "left": "The rehearsal left its folder behind." => "remove the folder";
    }
}

/// The tables of all reasons in Markdown, one for each group, as `docs/verifying.md` contains them.
#[must_use]
pub fn reason_tables() -> String {
    let mut out = String::new();
    let mut group = "";
    let cell = |text: &str| text.replace('|', "\\|");
    for entry in Reason::ENTRIES {
        let ReasonEntry { code, meaning, hint, .. } = entry;
        if entry.group != group {
            group = entry.group;
            let heading =
                format!("\n### {group}\n\n| code | meaning | hint | waiting helps |\n|---|---|---|---|\n");
            out.push_str(&heading);
        }
        let waiting = if entry.may_resolve_later { "yes" } else { "" };
        let row = format!("| `{code}` | {} | {} | {waiting} |\n", cell(meaning), cell(hint));
        out.push_str(&row);
    }
    out + "\n"
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// A reason with what was observed. Serialized as the fields `reason`, `evidence` and `hint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The reason.
    pub reason: Reason,
    /// What was observed, as text.
    pub evidence: String,
}

impl Explanation {
    /// Returns an explanation with this reason and evidence.
    #[must_use]
    pub fn new(reason: Reason, evidence: impl Into<String>) -> Self {
        Self { reason, evidence: evidence.into() }
    }

    /// Returns what to do. Empty if there is nothing to do.
    #[must_use]
    pub fn hint(&self) -> String {
        self.reason.hint()
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.evidence, self.reason)
    }
}

impl Serialize for Explanation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut fields = serializer.serialize_struct("Explanation", 3)?;
        fields.serialize_field("reason", &self.reason)?;
        fields.serialize_field("evidence", &self.evidence)?;
        fields.serialize_field("hint", &self.hint())?;
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_kebab_case() {
        let codes: BTreeSet<&str> = Reason::ENTRIES.iter().map(|it| it.code).collect();
        assert_eq!(codes.len(), Reason::ENTRIES.len());
        let is_code = |it: &str| !it.is_empty() && it.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        assert!(codes.into_iter().all(is_code));
    }

    #[test]
    fn verifying_md_contains_the_reason_tables() {
        let document = include_str!("../../../../docs/verifying.md");
        let (_, rest) = document.split_once("<!-- reasons: begin -->\n").expect("a marker");
        let (tables, _) = rest.split_once("<!-- reasons: end -->").expect("a marker");
        assert!(tables == reason_tables(), "run scripts/docs.sh: docs/verifying.md differs from the reasons");
    }

    #[test]
    fn hints_fill_in_their_values() {
        let reason = Reason::TagOnlyOnRemote { remote: "upstream".to_owned(), tag: "cli/v1.0.0".to_owned() };
        assert_eq!(reason.hint(), "git fetch upstream tag cli/v1.0.0");
        assert_eq!((reason.code(), reason.may_resolve_later()), ("tag-only-on-remote", false));
        assert_eq!(Reason::Ok.hint(), "");
    }
}
