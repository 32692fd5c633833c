//! A NuGet package as `dotnet pack` lays it out, and its publication.

use std::path::PathBuf;

use crate::channels::package_bed::PackageBed;
use crate::channels::published_packages::PublishedPackages;
use crate::support::published_release::sha256_hex;

pub(crate) const TAG: &str = "csharp/sandbox/v1.2.3";
pub(crate) const NAME: &str = "Alibaba.OpenSandbox";
pub(crate) const VERSION: &str = "1.2.3";
pub(crate) const FILE: &str = "Alibaba.OpenSandbox.1.2.3.nupkg";
pub(crate) const SERVED: &str = "/nuget/flat/alibaba.opensandbox/1.2.3/alibaba.opensandbox.1.2.3.nupkg";
pub(crate) const WORKFLOW: &str = "publish-csharp-sdks.yml";
const FOLDER: &str = "sdks/sandbox/csharp";
const PROPERTIES: &str = "package/services/metadata/core-properties/0123456789abcdef0123456789abcdef.psmdcp";

const PROJECT: &str = r#"<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <TargetFrameworks>netstandard2.0;net8.0</TargetFrameworks>
    <AssemblyName>OpenSandbox</AssemblyName>
    <PackageId>Alibaba.OpenSandbox</PackageId>
    <Version>$(OpenSandboxPackageVersion)</Version>
    <Authors>Acme Group</Authors>
    <Description>Sandboxes
      for everybody.</Description>
    <PackageLicenseExpression>Apache-2.0</PackageLicenseExpression>
    <RepositoryUrl>https://github.com/acme/widgets.git</RepositoryUrl>
    <PackageTags>sandbox;widgets</PackageTags>
    <PackageReadmeFile>README.md</PackageReadmeFile>
    <GenerateDocumentationFile>true</GenerateDocumentationFile>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="System.Text.Json" Version="8.0.5" />
    <PackageReference Include="PolySharp" Version="1.14.1"><PrivateAssets>all</PrivateAssets></PackageReference>
    <None Include="..\..\README.md" Pack="true" PackagePath="\" />
  </ItemGroup>
</Project>
"#;

/// Returns the manifest that `dotnet pack` writes for a commit.
fn manifest(commit: &str) -> String {
    format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <package xmlns=\"http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd\">\n  <metadata>\n    \
         <id>{NAME}</id>\n    <version>{VERSION}</version>\n    <authors>Acme Group</authors>\n    \
         <license type=\"expression\">Apache-2.0</license>\n    \
         <licenseUrl>https://licenses.nuget.org/Apache-2.0</licenseUrl>\n    <readme>README.md</readme>\n    \
         <description>Sandboxes for everybody.</description>\n    <tags>sandbox widgets</tags>\n    \
         <repository type=\"git\" url=\"https://github.com/acme/widgets.git\" commit=\"{commit}\" />\n    \
         <dependencies>\n      <group targetFramework=\"net8.0\" />\n      <group targetFramework=\".NETStandard2.0\">\n        \
         <dependency id=\"System.Text.Json\" version=\"8.0.5\" exclude=\"Build,Analyzers\" />\n      </group>\n    \
         </dependencies>\n  </metadata>\n</package>\n"
    )
}

/// Commits a project and lays out its package, which is not signed.
pub(crate) fn packed_project(workflow: &str) -> (PackageBed, PathBuf) {
    let path = |name: &str| format!("{FOLDER}/{name}");
    let bed = PackageBed::commit(
        &[
            (&path("README.md"), "# SDK\n"),
            (&path("src/OpenSandbox/OpenSandbox.csproj"), PROJECT),
            (&path("src/OpenSandbox/Sandbox.cs"), "class Sandbox {}\n"),
            (&path("tests/T/T.csproj"), "<Project><PropertyGroup /></Project>\n"),
            (&format!(".github/workflows/{WORKFLOW}"), workflow),
        ],
        TAG,
    );
    let commit = bed.repository.git(["rev-parse", "HEAD"]);
    let relationships = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Relationships \
         xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
         <Relationship Type=\"manifest\" Target=\"/{NAME}.nuspec\" Id=\"R1\" />\
         <Relationship Type=\"metadata\" Target=\"/{PROPERTIES}\" Id=\"R2\" /></Relationships>"
    );
    let properties = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><coreProperties \
         xmlns=\"http://schemas.openxmlformats.org/package/2006/metadata/core-properties\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><dc:identifier>{NAME}</dc:identifier>\
         <version>{VERSION}</version></coreProperties>"
    );
    let types = "<?xml version=\"1.0\"?><Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\" />";
    let mut operations: Vec<(String, String)> = vec![
        ("_rels/.rels".to_owned(), relationships),
        (format!("{NAME}.nuspec"), manifest(&commit)),
        ("README.md".to_owned(), "# SDK\n".to_owned()),
    ];
    for framework in ["netstandard2.0", "net8.0"] {
        for ending in ["dll", "xml"] {
            operations
                .push((format!("lib/{framework}/OpenSandbox.{ending}"), format!("{framework} {ending}\n")));
        }
    }
    operations.push(("[Content_Types].xml".to_owned(), types.to_owned()));
    operations.push((PROPERTIES.to_owned(), properties));
    let package = bed.built(FILE, &operations);
    (bed, package)
}

/// A published NuGet package.
pub(crate) struct NugetPackage {
    pub(crate) published: PublishedPackages,
    /// The package as the workflow built it.
    pub(crate) path: PathBuf,
    pub(crate) package: Vec<u8>,
    /// The package as the registry serves it.
    pub(crate) signed: Vec<u8>,
}

impl NugetPackage {
    /// Publishes the package, without attestations.
    pub(crate) fn publish(workflow: &str) -> Self {
        let (bed, path) = packed_project(workflow);
        let package = std::fs::read(&path).unwrap();
        let published = PublishedPackages::new(bed);
        let signed = published.registries.publish_nuget(NAME, VERSION, &package).unwrap();
        Self { published, path, package, signed }
    }

    /// Stores an attestation of a package by the publish workflow on GitHub.
    pub(crate) fn attest(&mut self, package: &[u8]) {
        let run = self.published.publish_run(WORKFLOW);
        self.published.attest(FILE, package, &run);
    }

    /// Publishes and attests another package.
    pub(crate) fn replace(&mut self, package: &[u8]) {
        self.published.registries.publish_nuget(NAME, VERSION, package).unwrap();
        self.published.bed.github.clear_attestations();
        self.attest(package);
    }

    /// Serves these bytes, and states their digest.
    pub(crate) fn serve(&self, signed: &[u8]) {
        self.published.registries.publish_nupkg(NAME, VERSION, signed);
    }
}

/// Returns the digest in the content of a CMS message, as `openssl cms` verifies and prints it.
pub(crate) fn digest_of_cms(signature: &[u8], folder: &std::path::Path) -> String {
    use base64::prelude::{BASE64_STANDARD, Engine as _};

    use crate::support::repository::{hermetic_command, run};
    let file = folder.join("signature.p7s");
    std::fs::write(&file, signature).unwrap();
    let mut command = hermetic_command("openssl", folder);
    let arguments = ["cms", "-verify", "-noverify", "-binary", "-inform", "DER", "-in"];
    let content = run(command.args(arguments).arg(&file)).ok().stdout;
    let base64 = content.split_once("-Hash:").unwrap().1.trim();
    let digest = BASE64_STANDARD.decode(base64).unwrap();
    digest.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// Returns the SHA-256 of bytes as `sha256sum` prints it.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    sha256_hex(bytes)
}
