//! The reasons that findings, checks and refusals give: each is declared once, with its code, its meaning and its hint.
//!
//! A code is public: scripts match on it, and it changes only together with the number of a JSON schema. The tables in
//! `docs/verifying.md` are written from these declarations, and a test compares them.

use std::fmt;

use serde::{Serialize, Serializer};

/// The command that configures trusted signers.
pub const CONFIGURE_SIGNERS: &str = "cargo xtask config init --signer";

/// The declaration of a reason, for documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReasonEntry {
    /// The part of the suite that gives it, as a heading.
    pub group: &'static str,
    /// The code.
    pub code: &'static str,
    /// What it means, as a sentence.
    pub meaning: &'static str,
    /// The hint, with `{name}` for each value; empty if there is nothing to do.
    pub hint: &'static str,
    /// Whether the same check may succeed later without anybody's doing.
    pub may_resolve_later: bool,
}

/// Declares the reasons. `later` marks those that may resolve by waiting.
macro_rules! reasons {
    ($(
        $group:literal {
            $(
                $variant:ident $({ $($field:ident: $type:ty),+ })? = $code:literal $($later:ident)?:
                $meaning:literal => $hint:literal;
            )+
        }
    )+) => {
        /// Why a check ended as it did.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Reason {
            $($(
                #[doc = $meaning]
                $variant $({ $(
                    #[doc = concat!("The ", stringify!($field), " that the hint names.")]
                    $field: $type
                ),+ })?,
            )+)+
        }

        impl Reason {
            /// Every reason, in the order of the documentation.
            pub const ENTRIES: &'static [ReasonEntry] = &[$($(
                ReasonEntry {
                    group: $group,
                    code: $code,
                    meaning: $meaning,
                    hint: $hint,
                    may_resolve_later: reasons!(@later $($later)?),
                },
            )+)+];

            /// The stable code, as in `tree-mismatch`.
            #[must_use]
            pub fn code(&self) -> &'static str {
                match self {
                    $($( Self::$variant $({ $($field: _),+ })? => $code, )+)+
                }
            }

            /// What to do about it; empty if there is nothing to do.
            #[must_use]
            pub fn hint(&self) -> String {
                match self {
                    $($( Self::$variant $({ $($field),+ })? => format!($hint), )+)+
                }
            }

            /// Whether the same check may succeed later without anybody's doing.
            #[must_use]
            pub fn may_resolve_later(&self) -> bool {
                match self {
                    $($( Self::$variant $({ $($field: _),+ })? => reasons!(@later $($later)?), )+)+
                }
            }
        }
    };
    (@later later) => { true };
    (@later) => { false };
}

reasons! {
    "All checks" {
        Ok = "ok": "The check passed." => "";
        Unreachable = "unreachable" later: "The host could not be reached, or did not answer." => "run again";
        Limit = "limit": "The input is larger or deeper than the suite reads." => "inspect it by hand: no release needs this much";
    }
    "Pre-flight checks of the clone" {
        DirtyTree = "dirty-tree": "A tracked file differs from the last commit." => "git stash, or commit the changes";
        UnknownBranch { remote: String } = "unknown-branch": "The clone does not know the remote's default branch."
            => "git fetch {remote} && git remote set-head {remote} -a";
        Behind { remote: String } = "behind": "The default branch has commits that the released commit lacks."
            => "git pull {remote}, if they belong to the release";
        NotOnBranch { remote: String } = "not-on-branch": "The released commit is not on the default branch."
            => "git fetch {remote}, or release a commit that was merged";
        Shallow = "shallow": "The clone is shallow: it lacks commits and tags." => "git fetch --unshallow --tags";
        NoTagger = "no-tagger": "user.name and user.email are not set, or the tag object names no tagger."
            => "git config user.name 'Your Name' && git config user.email you@example.com";
        LocalAttributes = "local-attributes": "Attributes that only this clone has change the archive."
            => "commit these rules to .gitattributes, or remove the file";
    }
    "Pre-flight checks of the release" {
        TagAtOtherCommit { tag: String } = "tag-at-other-commit": "The clone has the tag at another commit; a tag is never moved."
            => "--commit {tag} to continue that release, or choose a new version; if the tag was never pushed: git tag -d {tag}";
        TagFormDiffers { tag: String } = "tag-form-differs": "The target's other tags are written with or without `v`, unlike this one."
            => "cargo xtask release {tag}";
        SamePrecedence = "same-precedence": "Another tag has the same version precedence." => "choose a higher version";
        NotAbove = "not-above": "The version is not above the newest one of its release line." => "choose a higher version";
        NoPrevious = "no-previous": "No earlier release of the target is an ancestor of the released commit."
            => "git fetch --tags; for the target's first release --initial-release, else --from-tag TAG";
        NotAnAncestor = "not-an-ancestor": "The tag given with --from-tag is not an ancestor of the released commit."
            => "choose another --from-tag";
        UnknownPath = "unknown-path": "A path names no file or folder, now or where the range starts."
            => "check the spelling of --path, and of paths in release.toml";
        VersionFileMissing = "version-file-missing": "The file that states the version is not in the released commit."
            => "check version_source in release.toml";
        VersionDiffers { file: String } = "version-differs": "A version file states another version than the tag."
            => "set the version in {file} and merge that first";
        NoCommits = "no-commits": "No commit since the previous release touches the target's paths."
            => "check the paths, or use --no-path-filter";
        OutputDenied = "denied": "The output folder cannot be written to." => "choose a folder that you can write to with --out";
        OutputNotPlain = "not-plain": "The output folder, or a file in it, is a link or another special file."
            => "remove it (git rm, if it is tracked), or choose another folder with --out";
    }
    "Pre-flight checks of the signature" {
        Unsigned = "unsigned": "The tag is not signed, or would not be, although [signers] requires it."
            => "use --sign-tag; a published tag is never replaced, so choose a new version if this tag is published";
        NoSigners = "no-signers": "The tag is not signed, and no trusted signers are configured." => "cargo xtask config init --signer";
        TagNotSigned { tag: String } = "tag-not-signed": "The tag exists without a signature, and --sign-tag was given."
            => "release {tag} without --sign-tag, or choose a new version";
        TagUnproven { tag: String } = "tag-unproven": "The existing tag's signature could not be verified."
            => "cargo xtask verify-tag {tag}";
        TagRefuted { tag: String } = "tag-refuted": "The existing tag's signature is not valid, or not by a trusted signer."
            => "cargo xtask verify-tag {tag}";
        NoPolicy = "no-policy": "No trusted signers are configured for this kind of signature." => "cargo xtask config init --signer";
        ProgramNotRun { key: String, program: String } = "program-not-run": "Only a release starts the program that the repository's configuration names."
            => "git config --global {key} '{program}', to use it in every command";
        KeyNotAllowed = "not-allowed": "The signing key is not one that [signers] allows."
            => "sign with an allowed key, or add this one to the file that [signers] names";
        NoSigningKey { advice: &'static str } = "no-signing-key": "No signing key is configured, or it cannot be used." => "{advice}";
    }
    "Pre-flight checks of the remote and of GitHub" {
        PushUrlDiffers { remote: String } = "push-url-differs": "The remote's push URL is another repository than its fetch URL."
            => "git config --unset remote.{remote}.pushurl, or name another remote with --remote";
        TagsNotFetched { remote: String } = "tags-not-fetched": "The remote has release tags that the clone lacks."
            => "git fetch {remote} --tags";
        RemoteTagAtOtherCommit { remote: String, tag: String } = "remote-tag-at-other-commit": "The remote has the tag at another commit; a tag is never moved."
            => "git fetch {remote} tag {tag}, and --commit {tag} to continue that release; or choose a new version";
        TagObjectDiffers { remote: String, tag: String } = "tag-object-differs": "The remote has another tag object under the same name; a tag is never replaced."
            => "git tag -d {tag} && git fetch {remote} tag {tag}, if the one on {remote} is right";
        TagOnlyOnRemote { remote: String, tag: String } = "tag-only-on-remote": "The remote has the tag, and the clone lacks it."
            => "git fetch {remote} tag {tag}";
        NoToken = "no-token": "No GitHub token was found for the host."
            => "gh auth login, or set GH_TOKEN; for other hosts than github.com see the README";
        Archived = "archived": "The repository is archived and read-only." => "check -R";
        Renamed { name: String } = "renamed": "The repository has another name on GitHub now." => "-R {name}";
        CannotPush = "cannot-push": "The token may not write to the repository."
            => "gh auth refresh -s repo, or use a token with 'contents: write'";
        TriggersNoWorkflow = "triggers-no-workflow": "A push with the token of a workflow run starts no other workflow."
            => "start the target's publish workflow by hand, or let git push with another token";
        PermissionsUnknown = "permissions-unknown": "GitHub does not report what the token may do." => "the token needs 'contents: write'";
        PrereleaseLatest = "prerelease-latest": "A pre-release cannot be the latest release." => "leave out --latest";
        MultipleReleases { commands: String } = "multiple-releases": "GitHub has several releases of the tag, and none is clearly the right one."
            => "delete those that you do not need, by id: {commands}";
        OtherDrafts { commands: String } = "other-drafts": "GitHub has further drafts of the tag." => "if you do not need them: {commands}";
        UnplannedAsset = "unplanned-asset": "The draft has an asset that this release does not make."
            => "find out who added it; then delete it from the draft on GitHub, or delete the draft";
        PublishedDiffers = "published-differs": "The published release differs from this commit's; it is never changed."
            => "choose a new version";
    }
    "Tags and their signatures" {
        Lightweight = "lightweight": "The tag is a reference to a commit, which cannot be signed."
            => "use --sign-tag; a published tag is never replaced, so choose a new version if this tag is published";
        MalformedTag = "malformed-tag": "The tag object does not have git's format." => "do not use it, and tell the maintainers";
        TagTooLong = "tag-too-long": "The tag object is longer than 1 MiB." => "do not use it, and tell the maintainers";
        TagName = "tag-name": "The name in the tag object is not that of the reference." => "do not use it, and tell the maintainers";
        NestedTag = "nested": "The tag points to another tag, a tree or a file." => "do not use it, and tell the maintainers";
        Backdated = "backdated": "The tag was made before its commit, by its own date." => "do not use it, and tell the maintainers";
        Future = "future": "The tag's date is in the future." => "check this machine's clock; if it is right, tell the maintainers";
        BadSignature = "signature": "The signature is not a valid signature of this tag." => "do not use it, and tell the maintainers";
        TwoSignatures = "two-signatures": "There is more than one signature." => "do not use it, and tell the maintainers";
        SignatureExpired = "signature-expired": "The signature itself has expired." => "do not use it, and tell the maintainers";
        WeakHash = "weak-hash": "The signature uses MD5, SHA-1 or RIPEMD-160." => "do not use it, and tell the maintainers";
        WeakKey = "weak-key": "The RSA or DSA key is shorter than 2048 bits." => "do not use it, and tell the maintainers";
        KeyUsage = "key-usage": "The key is not made for signing." => "do not use it, and tell the maintainers";
        KeyNewer = "key-newer": "The key was made after the signature." => "do not use it, and tell the maintainers";
        SshCertificate = "certificate": "The SSH certificate is not valid." => "do not use it, and tell the maintainers";
        Cms = "cms": "The CMS signature is not valid." => "do not use it, and tell the maintainers";
        Payload = "payload": "The signature is of other bytes." => "do not use it, and tell the maintainers";
        NoLogEntry = "no-log-entry": "The signature carries no transparency log entry, so its time is unknown offline."
            => "git config gitsign.rekorMode offline, for the tags that you make";
        GpgFailed = "gpg-failed": "gpg or gpgsm could not check the signature." => "run git verify-tag, and check that gpg works";
        UnknownKey = "unknown-key": "The key is not among the trusted signers." => "compare it with [signers] in release.toml";
        Revoked = "revoked": "The key is revoked." => "do not use it, and tell the maintainers";
        RevocationUnknown = "revocation": "The revocation file could not be read." => "fix the file that [signers] names under revoked";
        WrongNamespace = "namespace": "The key or signature is for another purpose than git." => "compare it with [signers] in release.toml";
        WrongPrincipal = "principal": "The key belongs to another address than the tagger's." => "compare it with [signers] in release.toml";
        NotYetValid = "not-yet-valid": "The key was not valid yet when the tag was made." => "compare it with [signers] in release.toml";
        Expired = "expired": "The key had expired when the tag was made." => "compare it with [signers] in release.toml";
        ExpiredNoTrustedTime = "expired-no-trusted-time": "The key has expired since, and only the signer states the tag's date."
            => "compare it with [signers] in release.toml";
    }
    "Published releases" {
        NotACommit = "not-a-commit": "GitHub's tag does not name a commit." => "do not use it, and tell the maintainers";
        TagMissing { tag: String } = "tag-missing": "GitHub has no such tag." => "check the spelling of {tag}; if it was just pushed, run again";
        TagUnavailable = "tag-unavailable" later: "Skipped, because the tag could not be read." => "run again";
        Moved = "moved": "The tag was moved." => "do not use this release, and tell its maintainers";
        PrivateRepository = "private": "The repository is private, so nothing is public." => "check the release on GitHub";
        NotPublic = "not-public" later: "No public release exists for the tag." => "wait a moment, then run again";
        ReleaseMismatch = "release-mismatch": "The release is of another tag, a draft, or wrongly marked as a pre-release."
            => "check it on GitHub: it was changed after it was published";
        HostDigestMismatch = "host-digest-mismatch": "GitHub reports another digest than the run's." => "do not use it, and tell the maintainers";
        AssetMissing = "asset-missing" later: "The release has no such asset." => "run again; if it stays away, tell the maintainers";
        DownloadFailed = "download-failed" later: "The asset could not be downloaded." => "run again";
        DigestMismatch = "digest-mismatch": "The downloaded bytes are not those that the run made." => "do not use it, and tell the maintainers";
        DownloadMismatch = "transport": "The downloaded bytes do not have the digest that GitHub reports." => "do not use it, and tell the maintainers";
        SumsFormat = "sums-format": "SHA256SUMS does not have the strict format." => "do not use it, and tell the maintainers";
        SumsContent = "sums-content": "SHA256SUMS does not list exactly what was downloaded." => "do not use it, and tell the maintainers";
        MalformedArchive = "archive": "The archive is not a well-formed source archive." => "do not use it, and tell the maintainers";
        TreeMismatch = "tree-mismatch": "The archive is not the tag's tree." => "do not use it, and tell the maintainers";
        TreeUnavailable { tag: String } = "tree-unavailable": "The clone lacks the tag's tree."
            => "git fetch origin tag {tag}, then run again";
        TagObjectUnavailable { tag: String } = "tag-object-unavailable": "The clone lacks the tag's object, so its signature was not checked."
            => "git fetch origin tag {tag}, then run again";
        UnreachableFromMain = "unreachable-from-main": "The commit is not on the default branch."
            => "it was released from another branch: do not use it before its maintainers explain why";
        Predates = "predates": "The release is older than the first attested one." => "no signature covers this release: use a later one";
    }
    "Attestations" {
        AttestationMissing = "missing" later: "No attestation exists for the artifact." => "the release workflow makes it, and may still be running";
        FileMissing = "file-missing": "A file that SHA256SUMS lists does not exist." => "download it into the same folder";
        SubjectDigest = "subject-digest": "The attestation is of other bytes." => "do not use the artifact: its bytes were not attested";
        SubjectName = "subject-name": "The attestation gives these bytes another name."
            => "if the file was renamed, restore its name; else it belongs to another release";
        TrustRoot = "trust-root" later: "No trusted root covers the bundle, or the root is not valid."
            => "check --trusted-root, or go online to refresh the trusted roots";
        Unreadable = "unreadable": "The artifact could not be read." => "check the file, and its permissions";
        Unsupported = "unsupported": "The format or algorithm is not supported." => "pass the file itself, or verify it with another tool";
        ParseError = "parse": "The bundle is not well-formed." => "download the bundle again";
        WrongRepository = "repo": "The bundle was signed for another repository." => "it was made by or for others: do not use the artifact";
        WrongRepositoryId = "repo-id": "The repository's id is not the expected one." => "it was made by or for others: do not use the artifact";
        WrongWorkflow = "workflow": "Another workflow signed." => "it was made by or for others: do not use the artifact";
        WrongSigner = "signer": "The signer is not the expected one." => "it was made by or for others: do not use the artifact";
        WrongRef = "ref": "The workflow ran on another branch or tag." => "it was made by or for others: do not use the artifact";
        WrongCommit = "commit": "It is of another commit." => "it was made by or for others: do not use the artifact";
        WrongTrigger = "trigger": "Another event started the workflow." => "it was made by or for others: do not use the artifact";
        WrongIssuer = "issuer": "Another issuer issued the identity token." => "it was made by or for others: do not use the artifact";
        WrongIdentity = "identity": "Another identity signed." => "it was made by or for others: do not use the artifact";
        WrongTag = "tag": "The attestation is of another tag." => "it was made by or for others: do not use the artifact";
        TrustDomain = "trust-domain": "The signer is of another instance of GitHub, or the repository was not public."
            => "it was made by or for others: do not use the artifact";
        SelfHostedRunner = "runner": "The workflow ran on a self-hosted runner." => "do not use the artifact, and tell the maintainers";
        LogProof = "tlog": "The transparency log entry does not prove what it should." => "do not use the artifact, and tell the maintainers";
        EntryMismatch = "entry-mismatch": "The log entry is of another signature." => "do not use the artifact, and tell the maintainers";
        SigningTime = "time": "The signing time does not fit the certificate, the commit or the clock." => "do not use the artifact, and tell the maintainers";
        NoTrustedTime = "no-trusted-time": "No trusted timestamp proves when it was signed." => "do not use the artifact, and tell the maintainers";
        Timestamp = "tsa": "A signed timestamp is not valid." => "do not use the artifact, and tell the maintainers";
        CertificateProfile = "cert-profile": "The certificate does not have the form that Fulcio issues." => "do not use the artifact, and tell the maintainers";
        CertificateChain = "chain": "The certificate chain is not valid." => "do not use the artifact, and tell the maintainers";
        CertificateLog = "sct": "The certificate's entry in a certificate transparency log is not proven." => "do not use the artifact, and tell the maintainers";
        Statement = "statement": "The signed content is not a well-formed in-toto statement." => "do not use the artifact, and tell the maintainers";
        PredicateType = "predicate-type": "The attestation is of another type." => "do not use the artifact, and tell the maintainers";
        PredicateMismatch = "predicate-mismatch": "The statement contradicts the certificate." => "do not use the artifact, and tell the maintainers";
        InvalidBundle = "bundle": "The bundle is not valid." => "do not use the artifact, and tell the maintainers";
    }
    "Rehearsals" {
        ReleaseRefused { advice: String } = "refused": "A pre-flight check refuses the release." => "{advice}";
        AuditNotProven { advice: String } = "audit": "The audit of the rehearsed release does not prove everything." => "{advice}";
        CommandsFailed { commands: String } = "command-failed": "A command of the release notes failed." => "{commands}";
        NothingRan = "nothing-ran": "No command of the release notes could run." => "scripts/setup.sh installs the programs";
        FilesChanged = "changed": "A file of the operator changed during the rehearsal."
            => "if no other program wrote to these files, report this as a bug of the rehearsal";
        NothingObserved = "nothing-seen": "None of the operator's files could be observed." => "set HOME, or select a repository with -C";
        LeftOver = "left": "The rehearsal left its folder behind." => "remove it";
    }
}

/// The tables of all reasons in Markdown, one for each group, as `docs/verifying.md` contains them.
#[must_use]
pub fn reason_tables() -> String {
    let mut out = String::new();
    let mut group = "";
    let cell = |text: &str| text.replace('|', "\\|");
    for entry in Reason::ENTRIES {
        if entry.group != group {
            group = entry.group;
            out += &format!("\n### {group}\n\n| code | meaning | hint | waiting helps |\n|---|---|---|---|\n");
        }
        let waiting = if entry.may_resolve_later { "yes" } else { "" };
        let ReasonEntry { code, meaning, hint, .. } = entry;
        out += &format!("| `{code}` | {} | {} | {waiting} |\n", cell(meaning), cell(hint));
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

/// A reason and what was observed. Serialises as `reason`, `evidence` and `hint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The reason.
    pub reason: Reason,
    /// What was observed, in words.
    pub evidence: String,
}

impl Explanation {
    /// An explanation.
    #[must_use]
    pub fn new(reason: Reason, evidence: impl Into<String>) -> Self {
        Self { reason, evidence: evidence.into() }
    }

    /// What to do about it; empty if there is nothing to do.
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
