//! The parser of `release.toml`, which reports every error with its line.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;

use super::config::{Catalog, CatalogError, Channel, RepositoryIdentity, TagSignerPolicy, Target};
use super::registry_reader::{is_fingerprint, registries};
use super::tables::{RawCatalog, RawRepositoryIdentity, RawSigners, RawSigstoreIdentity, RawTarget};
use crate::evidence::signature::SigstoreIdentity;
use crate::{RepoPath, RepoSlug};

impl Catalog {
    /// Parses the text of a `release.toml`. `file` is used only to name it in errors.
    ///
    /// # Errors
    /// [`CatalogError`] if the text is not TOML, a key is unknown, an id or alias is used twice, a path leaves the
    /// repository, or a name of a repository, workflow or package is invalid.
    pub fn parse(file: &str, text: &str) -> Result<Self, CatalogError> {
        let raw: RawCatalog = toml::from_str(text).map_err(|error| toml_error(file, text, &error))?;
        CatalogReader { file, text }.catalog(raw)
    }

    /// Returns the text of a `release.toml` with other `[signers]`, for a rehearsal with an ephemeral key. Comments are
    /// dropped.
    ///
    /// # Errors
    /// [`CatalogError`] if one of the texts is not TOML.
    pub fn replace_signers(file: &str, text: &str, signers: &str) -> Result<String, CatalogError> {
        let table = |it: &str| it.parse::<toml::Table>().map_err(|error| toml_error(file, it, &error));
        let mut document = table(text)?;
        document.insert("signers".to_owned(), table(signers)?.into());
        Ok(document.to_string())
    }
}

fn toml_error(file: &str, text: &str, error: &toml::de::Error) -> CatalogError {
    CatalogError {
        file: file.to_owned(),
        line: error.span().map(|span| line_of(text, &span)),
        message: error.message().replace('\n', ", "),
    }
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    text[..span.start.min(text.len())].matches('\n').count() + 1
}

/// The file's name and text, which errors and their line numbers are taken from.
struct CatalogReader<'a> {
    file: &'a str,
    text: &'a str,
}

impl CatalogReader<'_> {
    fn error_at<T>(&self, value: &Spanned<T>, message: String) -> CatalogError {
        CatalogError { file: self.file.to_owned(), line: Some(line_of(self.text, &value.span())), message }
    }

    fn file_error(&self, message: &str) -> CatalogError {
        CatalogError { file: self.file.to_owned(), line: None, message: message.to_owned() }
    }

    fn catalog(&self, raw: RawCatalog) -> Result<Catalog, CatalogError> {
        if raw.target.is_empty() || raw.repository.eras.is_empty() {
            return Err(
                self.file_error("expected at least one [[target]] and one entry in eras of [repository]")
            );
        }
        self.check_name("archive prefix", &raw.archive.prefix)?;
        self.check_workflow(&raw.archive.workflow)?;
        for registry in &raw.images.registries {
            self.check_characters("image registry", registry, "-._/:")?;
        }
        self.check_unique_names(&raw.target)?;
        if let Some(latest) = &raw.repository.latest
            && raw.target.iter().all(|it| it.id.get_ref() != latest.get_ref())
        {
            return Err(
                self.error_at(latest, format!("latest = \"{}\" is not the id of a target", latest.get_ref()))
            );
        }
        Ok(Catalog {
            identities: raw
                .repository
                .eras
                .into_iter()
                .map(|it| self.repository_identity(it))
                .collect::<Result<_, _>>()?,
            default_branch: raw.repository.default_branch,
            latest_target: raw.repository.latest.map(Spanned::into_inner),
            archive_prefix: raw.archive.prefix.into_inner(),
            image_registries: raw.images.registries.into_iter().map(Spanned::into_inner).collect(),
            source_workflow: raw.archive.workflow.into_inner(),
            registries: registries(raw.registries, &|value, message| self.error_at(value, message))?,
            bot_patterns: raw.contributors.bots,
            signer_policy: raw.signers.map(|it| self.signers(it)).transpose()?,
            targets: raw.target.into_iter().map(|it| self.target(it)).collect::<Result<_, _>>()?,
        })
    }

    fn repository_identity(&self, raw: RawRepositoryIdentity) -> Result<RepositoryIdentity, CatalogError> {
        let slug =
            RepoSlug::parse(raw.slug.get_ref()).map_err(|e| self.error_at(&raw.slug, e.to_string()))?;
        Ok(RepositoryIdentity {
            slug,
            since: raw.since.map(|it| self.date(it)).transpose()?,
            repository_id: raw.repository_id,
            owner_id: raw.owner_id,
        })
    }

    fn date(&self, date: Spanned<String>) -> Result<String, CatalogError> {
        if crate::base::time::parse_date(date.get_ref()).is_none() {
            return Err(
                self.error_at(&date, format!("invalid date '{}': expected YYYY-MM-DD", date.get_ref()))
            );
        }
        Ok(date.into_inner())
    }

    fn signers(&self, raw: RawSigners) -> Result<TagSignerPolicy, CatalogError> {
        let files = [&raw.allowed_signers, &raw.revoked, &raw.openpgp_keyring, &raw.x509_certificates];
        for file in files.into_iter().flatten() {
            RepoPath::parse(file.get_ref()).map_err(|e| self.error_at(file, e.to_string()))?;
        }
        for value in raw.openpgp_fingerprints.iter().chain(&raw.x509_fingerprints) {
            let text = value.get_ref();
            if !is_fingerprint(text) {
                let message = format!("invalid fingerprint '{text}': expected 40 or 64 hexadecimal digits");
                return Err(self.error_at(value, message));
            }
        }
        for (file, pins, key) in [
            (&raw.openpgp_keyring, &raw.openpgp_fingerprints, "openpgp_fingerprints"),
            (&raw.x509_certificates, &raw.x509_fingerprints, "x509_fingerprints"),
        ] {
            if let (Some(file), []) = (file, &pins[..]) {
                return Err(
                    self.error_at(file, format!("expected {key}: without it, no key in the file is trusted"))
                );
            }
        }
        for value in raw.sigstore.iter().flat_map(|it| [&it.identity, &it.issuer]) {
            if value.get_ref().is_empty() {
                return Err(self.error_at(
                    value,
                    "empty identity or issuer: expected the values of a certificate".to_owned(),
                ));
            }
        }
        let identity = |it: RawSigstoreIdentity| SigstoreIdentity {
            name: it.identity.into_inner(),
            issuer: it.issuer.into_inner(),
        };
        let texts = |it: Vec<Spanned<String>>| it.into_iter().map(Spanned::into_inner).collect();
        Ok(TagSignerPolicy {
            allowed_signers: raw.allowed_signers.map(Spanned::into_inner),
            revoked_keys: raw.revoked.map(Spanned::into_inner),
            openpgp_keyring: raw.openpgp_keyring.map(Spanned::into_inner),
            openpgp_fingerprints: texts(raw.openpgp_fingerprints),
            x509_certificates: raw.x509_certificates.map(Spanned::into_inner),
            x509_fingerprints: texts(raw.x509_fingerprints),
            sigstore: raw.sigstore.into_iter().map(identity).collect(),
        })
    }

    fn target(&self, raw: RawTarget) -> Result<Target, CatalogError> {
        if raw.paths.is_empty() {
            return Err(self.error_at(
                &raw.id,
                format!("target '{}' has no paths: expected at least one", raw.id.get_ref()),
            ));
        }
        if raw.display_name.get_ref().trim().is_empty()
            || raw.display_name.get_ref().contains(crate::base::untrusted_text::is_unprintable)
        {
            let expected = "invalid display name: expected one line without control characters";
            return Err(self.error_at(&raw.display_name, expected.to_owned()));
        }
        self.check_workflow(&raw.workflow)?;
        for channel in &raw.channels {
            self.check_channel(channel)?;
        }
        if let Some(source) = &raw.version_source {
            RepoPath::parse(&source.get_ref().file).map_err(|e| self.error_at(source, e.to_string()))?;
            if source.get_ref().keys.is_empty() {
                return Err(
                    self.error_at(source, "version_source has no keys: expected at least one".to_owned())
                );
            }
        }
        let path = |it: Spanned<String>| {
            RepoPath::parse(it.get_ref()).map_err(|e| self.error_at(&it, e.to_string()))
        };
        Ok(Target {
            id: raw.id.into_inner(),
            aliases: raw.aliases.into_iter().map(Spanned::into_inner).collect(),
            display_name: raw.display_name.into_inner(),
            tag_form: raw.tag_form,
            scheme: raw.versions,
            workflow: raw.workflow.into_inner(),
            paths: raw.paths.into_iter().map(path).collect::<Result<_, _>>()?,
            version_source: raw.version_source.map(Spanned::into_inner),
            channels: raw.channels.into_iter().map(Spanned::into_inner).collect(),
        })
    }

    /// Rejects package names with unusual characters. The release notes contain them in commands that readers paste
    /// into a shell, so no name may need quoting.
    fn check_channel(&self, channel: &Spanned<Channel>) -> Result<(), CatalogError> {
        let names: Vec<&String> = match channel.get_ref() {
            Channel::Maven { group, artifacts } => std::iter::once(group).chain(artifacts).collect(),
            Channel::Npm(name)
            | Channel::Pypi(name)
            | Channel::Nuget(name)
            | Channel::Image(name)
            | Channel::Helm(name)
            | Channel::Go(name) => vec![name],
        };
        for name in names {
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "@-._/".contains(c)) {
                let expected = "expected letters, digits, '@', '-', '.', '_' and '/'";
                return Err(self.error_at(channel, format!("invalid package name '{name}': {expected}")));
            }
        }
        Ok(())
    }

    fn check_unique_names(&self, targets: &[RawTarget]) -> Result<(), CatalogError> {
        let mut first_lines: BTreeMap<&str, usize> = BTreeMap::new();
        for name in targets.iter().flat_map(|it| std::iter::once(&it.id).chain(&it.aliases)) {
            self.check_name("target", name)?;
            let line = line_of(self.text, &name.span());
            if let Some(first) = first_lines.insert(name.get_ref(), line) {
                let message = format!(
                    "'{}' is already used at line {first}: expected a unique id or alias",
                    name.get_ref()
                );
                return Err(self.error_at(name, message));
            }
        }
        Ok(())
    }

    fn check_name(&self, what: &str, name: &Spanned<String>) -> Result<(), CatalogError> {
        let is_valid = |part: &str| {
            !part.is_empty()
                && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
                && !part.starts_with('-')
        };
        if name.get_ref().split('/').all(is_valid) {
            return Ok(());
        }
        let expected = "expected lower-case letters, digits and '-', with '/' between parts";
        Err(self.error_at(name, format!("invalid {what} name '{}': {expected}", name.get_ref())))
    }

    fn check_workflow(&self, name: &Spanned<String>) -> Result<(), CatalogError> {
        self.check_characters("workflow", name, "-._")?;
        if [".yml", ".yaml"].iter().any(|end| name.get_ref().ends_with(end)) {
            return Ok(());
        }
        let message = format!(
            "invalid workflow '{}': expected a .yml or .yaml file in .github/workflows",
            name.get_ref()
        );
        Err(self.error_at(name, message))
    }

    fn check_characters(
        &self,
        what: &str,
        text: &Spanned<String>,
        allowed: &str,
    ) -> Result<(), CatalogError> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || allowed.contains(c);
        if !text.get_ref().is_empty() && text.get_ref().chars().all(is_allowed) {
            return Ok(());
        }
        Err(self.error_at(
            text,
            format!("invalid {what} '{}': expected letters, digits and any of {allowed}", text.get_ref()),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID_CATALOG: &str = r#"
[repository]
default_branch = "main"
eras = [{ slug = "acme/widgets" }]
[archive]
prefix = "widgets"
workflow = "release.yml"
[images]
registries = ["registry.example.com/acme"]
[contributors]
bots = ["*[bot]"]
[[target]]
id = "server"
aliases = ["srv"]
display_name = "Widget Server"
tag_form = "v"
versions = "semver"
workflow = "publish.yml"
paths = ["server"]
version_source = { file = "server/package.json", format = "json", keys = ["/version"] }
channels = [{ npm = "@acme/server" }]
"#;

    fn parse_error(from: &str, to: &str) -> String {
        let text = VALID_CATALOG.replace(from, to);
        assert_ne!(text, VALID_CATALOG, "nothing was replaced");
        Catalog::parse("release.toml", &text).unwrap_err().to_string()
    }

    #[test]
    fn valid_catalog_is_parsed() {
        let catalog = Catalog::parse("release.toml", VALID_CATALOG).unwrap();
        assert_eq!(catalog.target("srv").unwrap().id, "server");
        assert_eq!(catalog.slug().to_string(), "acme/widgets");
        assert!(catalog.target("client").is_none());
    }

    #[test]
    fn replace_signers_replaces_the_signers_table() {
        let with_signers = format!("{VALID_CATALOG}\n[signers]\nallowed_signers = \"own\"\n");
        for text in [VALID_CATALOG, &with_signers] {
            let text = Catalog::replace_signers("release.toml", text, "allowed_signers = \"other\"").unwrap();
            let catalog = Catalog::parse("release.toml", &text).unwrap();
            assert_eq!(catalog.signer_policy.as_ref().unwrap().allowed_signers.as_deref(), Some("other"));
            assert_eq!(catalog.target("srv").unwrap().display_name, "Widget Server");
        }
        Catalog::replace_signers("release.toml", "[[", "").unwrap_err();
    }

    proptest::proptest! {
        #[test]
        fn parsing_never_panics(cut in 0usize..600, junk in "[\\[\\]{}\"=a-z\\n]{0,12}") {
            let offset = cut.min(VALID_CATALOG.len());
            let text = format!("{}{junk}{}", &VALID_CATALOG[..offset], &VALID_CATALOG[offset..]);
            if let Ok(catalog) = Catalog::parse("release.toml", &text) {
                proptest::prop_assert!(!catalog.targets().is_empty());
            }
        }
    }

    #[test]
    fn errors_name_the_line_and_the_expected_value() {
        insta::assert_snapshot!(parse_error("aliases", "alias"), @"release.toml:14: unknown field `alias`, expected one of `id`, `aliases`, `display_name`, `tag_form`, `versions`, `workflow`, `paths`, `version_source`, `channels`");
        insta::assert_snapshot!(parse_error("[\"srv\"]", "[\"server\"]"), @"release.toml:14: 'server' is already used at line 13: expected a unique id or alias");
        insta::assert_snapshot!(parse_error("[\"server\"]", "[\"../server\"]"), @"release.toml:19: '../server' is not a plain path inside the repository: it has a '.' or '..' part");
        insta::assert_snapshot!(parse_error("\"semver\"", "\"calver\""), @"release.toml:17: unknown variant `calver`, expected `semver` or `pep440`");
        insta::assert_snapshot!(parse_error("publish.yml", "publish"), @"release.toml:18: invalid workflow 'publish': expected a .yml or .yaml file in .github/workflows");
        insta::assert_snapshot!(parse_error("@acme/server", "$(reboot)"), @"release.toml:21: invalid package name '$(reboot)': expected letters, digits, '@', '-', '.', '_' and '/'");
        let signers = |text: &str| parse_error("[[target]]", &format!("[signers]\n{text}\n[[target]]"));
        insta::assert_snapshot!(signers("openpgp_keyring = \"keys.asc\""), @"release.toml:13: expected openpgp_fingerprints: without it, no key in the file is trusted");
        insta::assert_snapshot!(signers("openpgp_keyring = \"k\"\nopenpgp_fingerprints = [\"DEADBEEF\"]"), @"release.toml:14: invalid fingerprint 'DEADBEEF': expected 40 or 64 hexadecimal digits");
        insta::assert_snapshot!(signers("allowed_signers = \"../x\""), @"release.toml:13: '../x' is not a plain path inside the repository: it has a '.' or '..' part");
        insta::assert_snapshot!(parse_error("acme/widgets", "widgets"), @"release.toml:4: invalid repository 'widgets': expected [HOST/]OWNER/NAME");
        insta::assert_snapshot!(parse_error("\"server\"", "\"Server\""), @"release.toml:13: invalid target name 'Server': expected lower-case letters, digits and '-', with '/' between parts");
    }
}
