//! The catalog: what a monorepo releases, under which tags, from which paths, to which channels.
//!
//! It is data (`release.toml`), so that a fork, a rename or a new component is an edit and not a patch. A catalog
//! that was read is consistent: every rule below is checked once, in [`Catalog::parse`], and told with its line.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::version::Scheme;
use crate::{RepoPath, RepoSlug};

/// Everything that `release.toml` says.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// The repository's names on GitHub, the present one first.
    pub eras: Vec<Era>,
    /// The branch that releases are cut from, where the clone does not say.
    pub default_branch: String,
    /// The first word of archive names and of the folder inside.
    pub archive_prefix: String,
    /// Where images live: `<registry>/<image>`.
    pub image_registries: Vec<String>,
    /// The workflow that publishes source archives.
    pub source_workflow: String,
    /// Patterns of names or e-mail addresses that are no people; `*` stands for any text.
    pub bots: Vec<String>,
    targets: Vec<Target>,
}

/// One identity of the repository, and since when it carries it.
#[derive(Debug, Clone)]
pub struct Era {
    /// The repository on GitHub.
    pub slug: RepoSlug,
    /// The first day, `YYYY-MM-DD`; none for the first era.
    pub since: Option<String>,
}

/// One thing that is released under tags of its own.
#[derive(Debug, Clone)]
pub struct Target {
    /// The tag prefix without its last slash.
    pub id: String,
    /// Other spellings that people type.
    pub aliases: Vec<String>,
    /// What people call it.
    pub display_name: String,
    /// How its tags spell a version.
    pub tag_form: TagForm,
    /// The rules of its versions.
    pub scheme: Scheme,
    /// The file under `.github/workflows/` that publishes it.
    pub workflow: String,
    /// What its release notes look at.
    pub paths: Vec<RepoPath>,
    /// The file that must agree with the tag; none where the tag itself is the source.
    pub version_source: Option<VersionSource>,
    /// Where the world gets it.
    pub channels: Vec<Channel>,
}

/// How a target's tags spell a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TagForm {
    /// `<target>/v<version>`, whether or not the `v` was typed.
    V,
    /// `<target>/<version>` as typed, in the way that the target's history has it.
    Plain,
}

/// The file that carries a target's version, and where in it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct VersionSource {
    /// The file, from the repository's root.
    pub file: String,
    /// How the file is read.
    pub format: SourceFormat,
    /// Where the version stands in it; each must agree.
    pub keys: Vec<String>,
    /// Whether a disagreement only warns, because the build overrides the file.
    #[serde(default)]
    pub advisory: bool,
}

/// The formats of version sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceFormat {
    /// JSON; keys are JSON pointers (RFC 6901).
    Json,
    /// Java properties; keys are property names.
    Properties,
    /// YAML; keys are names at the top level.
    Yaml,
    /// XML; keys are element names, the first of each counts.
    Xml,
    /// `go.mod`: the module path must end in the major version from 2 on.
    GoMod,
}

/// A place where users get a target from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// A package on npm.
    Npm(String),
    /// A package on PyPI.
    Pypi(String),
    /// A package on nuget.org.
    Nuget(String),
    /// Artifacts on Maven Central.
    Maven {
        /// The group id.
        group: String,
        /// The artifact ids.
        artifacts: Vec<String>,
    },
    /// A container image, in every registry of the catalog.
    Image(String),
    /// A chart, as an asset of the release.
    Helm(String),
    /// A module for the Go proxy.
    Go(String),
}

/// What is wrong with a catalog, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {message}", line.map(|it| format!(":{it}")).unwrap_or_default())]
pub struct CatalogError {
    /// The file that was read.
    pub file: String,
    /// The line, counted from 1, where one is known.
    pub line: Option<usize>,
    /// What is wrong and what was expected.
    pub message: String,
}

impl Catalog {
    /// The catalog that `text` spells. `file` only names it in errors.
    ///
    /// # Errors
    /// [`CatalogError`]: no TOML, an unknown key, two targets under one prefix, a path outside the repository, a
    /// repository or workflow name of another form.
    pub fn parse(file: &str, text: &str) -> Result<Self, CatalogError> {
        let raw: RawCatalog = toml::from_str(text).map_err(|error| CatalogError {
            file: file.to_owned(),
            line: error.span().map(|span| line_of(text, &span)),
            message: error.message().replace('\n', ", "),
        })?;
        Reader { file, text }.catalog(raw)
    }

    /// Every target, in the catalog's order.
    #[must_use]
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// The target of this id or alias.
    #[must_use]
    pub fn target(&self, name: &str) -> Option<&Target> {
        self.targets.iter().find(|it| it.names().any(|own| own == name))
    }

    /// The repository's present name.
    #[must_use]
    pub fn slug(&self) -> &RepoSlug {
        &self.eras[0].slug
    }
}

impl Target {
    /// The id, then the aliases.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.id.as_str()).chain(self.aliases.iter().map(String::as_str))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCatalog {
    repository: RawRepository,
    archive: RawArchive,
    images: RawImages,
    contributors: RawContributors,
    target: Vec<RawTarget>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRepository {
    default_branch: String,
    eras: Vec<RawEra>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEra {
    slug: Spanned<String>,
    since: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawArchive {
    prefix: Spanned<String>,
    workflow: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawImages {
    registries: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawContributors {
    bots: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTarget {
    id: Spanned<String>,
    #[serde(default)]
    aliases: Vec<Spanned<String>>,
    display_name: Spanned<String>,
    tag_form: TagForm,
    versions: Scheme,
    workflow: Spanned<String>,
    paths: Vec<Spanned<String>>,
    version_source: Option<Spanned<VersionSource>>,
    channels: Vec<Spanned<Channel>>,
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    text[..span.start.min(text.len())].matches('\n').count() + 1
}

/// Turns what was typed into what is meant, with the line of everything that does not fit.
struct Reader<'a> {
    file: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn error<T>(&self, at: &Spanned<T>, message: String) -> CatalogError {
        CatalogError { file: self.file.to_owned(), line: Some(line_of(self.text, &at.span())), message }
    }

    fn whole(&self, message: &str) -> CatalogError {
        CatalogError { file: self.file.to_owned(), line: None, message: message.to_owned() }
    }

    fn catalog(&self, raw: RawCatalog) -> Result<Catalog, CatalogError> {
        if raw.target.is_empty() || raw.repository.eras.is_empty() {
            return Err(self.whole("want at least one [[target]] and one era in [repository]"));
        }
        self.name("archive prefix", &raw.archive.prefix)?;
        self.workflow(&raw.archive.workflow)?;
        for registry in &raw.images.registries {
            self.plain("image registry", registry, "-._/:")?;
        }
        self.no_duplicates(&raw.target)?;
        Ok(Catalog {
            eras: raw.repository.eras.into_iter().map(|it| self.era(it)).collect::<Result<_, _>>()?,
            default_branch: raw.repository.default_branch,
            archive_prefix: raw.archive.prefix.into_inner(),
            image_registries: raw.images.registries.into_iter().map(Spanned::into_inner).collect(),
            source_workflow: raw.archive.workflow.into_inner(),
            bots: raw.contributors.bots,
            targets: raw.target.into_iter().map(|it| self.target(it)).collect::<Result<_, _>>()?,
        })
    }

    fn era(&self, raw: RawEra) -> Result<Era, CatalogError> {
        let slug = RepoSlug::parse(raw.slug.get_ref()).map_err(|e| self.error(&raw.slug, e.to_string()))?;
        if let Some(since) = &raw.since {
            let form: Vec<usize> = since.get_ref().split('-').map(str::len).collect();
            let digits = since.get_ref().chars().all(|c| c.is_ascii_digit() || c == '-');
            if form != [4, 2, 2] || !digits {
                return Err(self.error(since, format!("'{}' is no day: want YYYY-MM-DD", since.get_ref())));
            }
        }
        Ok(Era { slug, since: raw.since.map(Spanned::into_inner) })
    }

    fn target(&self, raw: RawTarget) -> Result<Target, CatalogError> {
        if raw.paths.is_empty() {
            return Err(
                self.error(&raw.id, format!("'{}' has no paths: want at least one", raw.id.get_ref()))
            );
        }
        if raw.display_name.get_ref().trim().is_empty()
            || raw.display_name.get_ref().contains(char::is_control)
        {
            return Err(self.error(&raw.display_name, "want a display name on one line".to_owned()));
        }
        self.workflow(&raw.workflow)?;
        for channel in &raw.channels {
            self.channel(channel)?;
        }
        if let Some(source) = &raw.version_source {
            RepoPath::parse(&source.get_ref().file).map_err(|e| self.error(source, e.to_string()))?;
            if source.get_ref().keys.is_empty() {
                return Err(self.error(source, "want at least one key".to_owned()));
            }
        }
        let path =
            |it: Spanned<String>| RepoPath::parse(it.get_ref()).map_err(|e| self.error(&it, e.to_string()));
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

    /// Everything here ends up in a command that readers paste into a shell: no name may need quoting.
    fn channel(&self, at: &Spanned<Channel>) -> Result<(), CatalogError> {
        let names: Vec<&String> = match at.get_ref() {
            Channel::Maven { group, artifacts } => std::iter::once(group).chain(artifacts).collect(),
            Channel::Npm(it)
            | Channel::Pypi(it)
            | Channel::Nuget(it)
            | Channel::Image(it)
            | Channel::Helm(it)
            | Channel::Go(it) => vec![it],
        };
        for name in names {
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "@-._/".contains(c)) {
                let expected = "want letters, digits, '@', '-', '.', '_' and '/'";
                return Err(self.error(at, format!("'{name}' is no package name: {expected}")));
            }
        }
        Ok(())
    }

    fn no_duplicates(&self, targets: &[RawTarget]) -> Result<(), CatalogError> {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for name in targets.iter().flat_map(|it| std::iter::once(&it.id).chain(&it.aliases)) {
            self.name("target", name)?;
            let line = line_of(self.text, &name.span());
            if let Some(first) = seen.insert(name.get_ref(), line) {
                let message = format!(
                    "'{}' is a prefix already, at line {first}: want one target each",
                    name.get_ref()
                );
                return Err(self.error(name, message));
            }
        }
        Ok(())
    }

    fn name(&self, what: &str, name: &Spanned<String>) -> Result<(), CatalogError> {
        let fits = |part: &str| {
            !part.is_empty()
                && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
                && !part.starts_with('-')
        };
        if name.get_ref().split('/').all(fits) {
            return Ok(());
        }
        let expected = "want lower-case letters, digits and '-', with '/' between parts";
        Err(self.error(name, format!("'{}' is no {what} name: {expected}", name.get_ref())))
    }

    fn workflow(&self, name: &Spanned<String>) -> Result<(), CatalogError> {
        self.plain("workflow", name, "-._")?;
        if [".yml", ".yaml"].iter().any(|end| name.get_ref().ends_with(end)) {
            return Ok(());
        }
        let message =
            format!("'{}' is no workflow: want a .yml or .yaml file of .github/workflows", name.get_ref());
        Err(self.error(name, message))
    }

    fn plain(&self, what: &str, text: &Spanned<String>, marks: &str) -> Result<(), CatalogError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || marks.contains(c);
        if !text.get_ref().is_empty() && text.get_ref().chars().all(plain) {
            return Ok(());
        }
        Err(self
            .error(text, format!("'{}' is no {what}: want letters, digits and '{marks}'", text.get_ref())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
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

    fn refusal(from: &str, to: &str) -> String {
        let text = GOOD.replace(from, to);
        assert_ne!(text, GOOD, "nothing was replaced");
        Catalog::parse("release.toml", &text).unwrap_err().to_string()
    }

    #[test]
    fn reads_a_catalog() {
        let catalog = Catalog::parse("release.toml", GOOD).unwrap();
        assert_eq!(catalog.target("srv").unwrap().id, "server");
        assert_eq!(catalog.slug().to_string(), "acme/widgets");
        assert!(catalog.target("client").is_none());
    }

    #[test]
    fn names_the_line_and_what_was_expected() {
        insta::assert_snapshot!(refusal("aliases", "alias"), @"release.toml:14: unknown field `alias`, expected one of `id`, `aliases`, `display_name`, `tag_form`, `versions`, `workflow`, `paths`, `version_source`, `channels`");
        insta::assert_snapshot!(refusal("[\"srv\"]", "[\"server\"]"), @"release.toml:14: 'server' is a prefix already, at line 13: want one target each");
        insta::assert_snapshot!(refusal("[\"server\"]", "[\"../server\"]"), @"release.toml:19: '../server' is not a plain path inside the repository: it has a '.' or '..' part");
        insta::assert_snapshot!(refusal("\"semver\"", "\"calver\""), @"release.toml:17: unknown variant `calver`, expected `semver` or `pep440`");
        insta::assert_snapshot!(refusal("publish.yml", "publish"), @"release.toml:18: 'publish' is no workflow: want a .yml or .yaml file of .github/workflows");
        insta::assert_snapshot!(refusal("@acme/server", "$(reboot)"), @"release.toml:21: '$(reboot)' is no package name: want letters, digits, '@', '-', '.', '_' and '/'");
        insta::assert_snapshot!(refusal("acme/widgets", "widgets"), @"release.toml:4: 'widgets' is not a repository: want [HOST/]OWNER/NAME");
        insta::assert_snapshot!(refusal("\"server\"", "\"Server\""), @"release.toml:13: 'Server' is no target name: want lower-case letters, digits and '-', with '/' between parts");
    }
}
