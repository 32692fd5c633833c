//! Packages as registries serve them, and the tree that their files are compared with.

pub mod file_digest;
pub mod pyproject;
pub mod python_file_name;
pub mod registry;
pub mod version_catalog;

use std::collections::BTreeMap;

use crate::{CommitId, Digest};

/// A package file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageFormat {
    /// A Python wheel, `.whl` (binary distribution format of the Python Packaging User Guide).
    Wheel,
    /// A Python source distribution, `.tar.gz`.
    Sdist,
    /// An npm package, `.tgz`.
    NpmTarball,
    /// The zip file of a Go module (<https://go.dev/ref/mod#zip-files>).
    GoModule,
    /// A NuGet package, `.nupkg`.
    Nupkg,
    /// A jar of a Java or Kotlin library: classes, sources or documentation.
    Jar,
    /// The description of a Maven artifact, `.pom` (Maven documentation, "POM Reference").
    Pom,
    /// The metadata of a Gradle module, `.module` (Gradle documentation, "Gradle Module Metadata specification").
    GradleModule,
    /// A Helm chart, `.tgz`.
    HelmChart,
}

/// How a package file contains its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageContainer {
    /// A zip file.
    Zip,
    /// A gzip-compressed tar file.
    Tar,
    /// It does not: it is one document.
    None,
}

impl PackageFormat {
    /// The name of the format, for messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Wheel => "wheel",
            Self::Sdist => "source distribution",
            Self::NpmTarball => "npm package",
            Self::GoModule => "Go module",
            Self::Nupkg => "NuGet package",
            Self::Jar => "jar",
            Self::Pom => "POM",
            Self::GradleModule => "Gradle module metadata",
            Self::HelmChart => "Helm chart",
        }
    }

    /// How the format contains files.
    #[must_use]
    pub fn container(self) -> PackageContainer {
        match self {
            Self::Wheel | Self::GoModule | Self::Nupkg | Self::Jar => PackageContainer::Zip,
            Self::Sdist | Self::NpmTarball | Self::HelmChart => PackageContainer::Tar,
            Self::Pom | Self::GradleModule => PackageContainer::None,
        }
    }
}

/// The content of a package that was read to its end and is well-formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageContents {
    /// The format.
    pub format: PackageFormat,
    /// The files, in the order of the package. No two have the same path, also if case is ignored.
    pub files: Vec<PackagedFile>,
}

/// A file in a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackagedFile {
    /// The path in the package: relative, normalized, with `/` between its parts.
    pub path: String,
    /// The size in bytes.
    pub size: u64,
    /// The SHA-256 of the content.
    pub digest: Digest,
    /// The Unix mode that the container states for the file, with its file type if the container states that.
    pub mode: u32,
    /// The content, if the rules read it (see `rules::reads_content`).
    pub content: Option<Vec<u8>>,
}

/// Why a package was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// The container violates its format, or programs could read it in different ways.
    #[error("{0}")]
    Malformed(String),
    /// The container exceeds a limit, so it was not read to its end.
    #[error("{0}")]
    LimitExceeded(String),
    /// The file could not be read.
    #[error("{0}")]
    Unreadable(String),
}

impl From<std::io::Error> for PackageError {
    fn from(error: std::io::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl PackageContents {
    /// Returns the file with this path. `None` if there is none.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&PackagedFile> {
        self.files.iter().find(|it| it.path == path)
    }
}

/// The files of a tag's tree that a package is compared with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageTree {
    /// The commit of the tree. `None` if it is not of a commit.
    pub commit: Option<CommitId>,
    /// The folder of the package, relative to the repository's root, without a `/` at its end.
    pub folder: String,
    /// The regular files by their path, relative to the repository's root: all files of the folder, and those outside
    /// it that the format's rules name.
    pub files: BTreeMap<String, TreeFile>,
    /// The paths of symbolic links, submodules and paths that are not UTF-8. They are not compared.
    pub other_entries: Vec<String>,
}

/// A regular file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// The SHA-256 of the content as committed, without any conversion.
    pub digest: Digest,
    /// The SHA-256 of the content without the byte order mark of UTF-8 at its start. `None` if it has none.
    pub digest_without_mark: Option<Digest>,
    /// Whether the file is executable.
    pub executable: bool,
    /// The content, if the rules read it.
    pub content: Option<Vec<u8>>,
}

impl PackageTree {
    /// Returns the file at a path relative to the package's folder. `None` if the tree has no such file.
    #[must_use]
    pub fn in_folder(&self, path: &str) -> Option<&TreeFile> {
        self.files.get(&self.path_of(path))
    }

    /// Returns the path, relative to the repository's root, of a path relative to the package's folder.
    #[must_use]
    pub fn path_of(&self, path: &str) -> String {
        if self.folder.is_empty() { path.to_owned() } else { format!("{}/{path}", self.folder) }
    }

    /// Returns the content of a file in the package's folder as text. `None` if there is no such file, or if it is
    /// not UTF-8.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        std::str::from_utf8(self.in_folder(path)?.content.as_deref()?).ok()
    }

    /// Returns the files below a folder of the package's folder, by their path relative to the latter.
    pub fn below<'a>(&'a self, folder: &str) -> impl Iterator<Item = (&'a str, &'a TreeFile)> {
        let prefix = if folder.is_empty() { self.path_of("") } else { self.path_of(&format!("{folder}/")) };
        let skip = self.path_of("").len();
        self.files
            .range(prefix.clone()..)
            .take_while(move |(path, _)| path.starts_with(&prefix))
            .map(move |(path, file)| (&path[skip..], file))
    }
}

/// The files that a package will be built from, as far as they predict what the build leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageListing {
    /// The name of the manifest, which decides how the package is built.
    pub manifest_name: &'static str,
    /// The folder of the package, relative to the repository's root.
    pub folder: String,
    /// The paths of its regular files, relative to the folder.
    pub paths: Vec<String>,
    /// The manifest.
    pub manifest: Vec<u8>,
    /// The nearest `.gitignore`, in the folder or above it. `None` if there is none.
    pub ignore_file: Option<Vec<u8>>,
    /// The file that pins the versions of dependencies (Helm). `None` if there is none.
    pub lock_file: Option<Vec<u8>>,
}

/// The name and version that a package must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageId {
    /// The name, as the registry's users write it.
    pub name: String,
    /// The version, as the registry writes it.
    pub version: String,
}

/// The result of comparing a package with a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageComparison {
    /// The findings, which decide the verdict.
    pub findings: Vec<crate::evidence::verdict::Finding>,
    /// Warnings: worth showing, without effect on the verdict.
    pub warnings: Vec<String>,
}
