//! Comparison of wheels and source distributions, built by the real hatchling, with the tag's tree.

use std::path::{Path, PathBuf};

use crate::channels::package_bed::PackageBed;
use crate::support::repository::{hermetic_command, run};

const TAG: &str = "server/v1.2.3";

/// A project that uses every option that the rules interpret.
const PYPROJECT: &str = r#"
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "opensandbox-server"
version = "1.2.3"
description = "A server for tests"
readme = "README.md"
requires-python = ">=3.10, <4"
license = { file = "LICENSE" }
authors = [{ name = "Ada Example", email = "ada@example.com" }, { name = "Grace Example" }]
keywords = ["sandbox", "api", "sandbox"]
classifiers = ["Development Status :: 3 - Alpha"]
dependencies = [
  "httpx[socks] >= 0.27, < 1",
  "tomli>=2; python_version < \"3.11\"",
  "tool @ https://example.com/tool.whl ; python_version < '3.11'",
  'colorama; sys_platform == "win32" and python_version >= "3.10"',
]

[project.optional-dependencies]
pool-redis = ["redis>=5,<6", "hiredis; python_version < '3.12'"]

[project.urls]
Homepage = "https://example.com"
Source = "https://example.com/source"

[project.scripts]
opensandbox-server = "opensandbox_server.cli:main"
osb = "opensandbox_server.cli:main"

[tool.hatch.metadata]
allow-direct-references = true

[tool.hatch.build]
include = ["LICENSE", "opensandbox_server", "!**/drafts/**"]
exclude = ["*.tmp"]
artifacts = ["opensandbox_server/kept.tmp"]

[tool.hatch.build.targets.wheel]
packages = ["opensandbox_server"]

[tool.hatch.build.targets.wheel.force-include]
"examples/config.toml" = "opensandbox_server/examples/config.toml"
"#;

fn python_project() -> PackageBed {
    PackageBed::commit(
        &[
            (".gitignore", "*.log\n!important.log\n/dist\n"),
            ("README.md", "# root\n"),
            ("server/pyproject.toml", PYPROJECT),
            ("server/README.md", "# A server\n\nText\n"),
            ("server/LICENSE", "License text\n\n  of two parts\n"),
            ("server/opensandbox_server/__init__.py", "\"\"\"A server.\"\"\"\n"),
            ("server/opensandbox_server/cli.py", "def main():\n    pass\n"),
            ("server/opensandbox_server/données/é.txt", "text\n"),
            ("server/opensandbox_server/py.typed", ""),
            ("server/opensandbox_server/left.tmp", "excluded\n"),
            ("server/opensandbox_server/kept.tmp", "an artifact\n"),
            ("server/examples/config.toml", "key = 1\n"),
            ("server/tests/test_cli.py", "pass\n"),
        ],
        TAG,
    )
}

/// Returns the wheel and the source distribution of the project. `None` if hatchling is missing.
fn built_project(test: &str) -> Option<(PackageBed, PathBuf, PathBuf)> {
    let mut bed = python_project();
    if !bed.build_with_hatchling("server", test) {
        return None;
    }
    let find =
        |ending: &str| bed.packages.iter().find(|it| it.to_str().unwrap().ends_with(ending)).unwrap().clone();
    let (wheel, sdist) = (find(".whl"), find(".tar.gz"));
    Some((bed, wheel, sdist))
}

/// Edits of the wheel's metadata.
const METADATA_EDITS: &str = r#"
50 | another version | sub INFO/METADATA Version: 1.2.3 => Version: 1.2.4 | the version is '1.2.4'
50 | another name | sub INFO/METADATA Name: opensandbox-server => Name: opensandbox-servor | the name is
75 | a requirement more | sub INFO/METADATA Requires-Python => Requires-Dist: evil\nRequires-Python | Requires-Dist: evil
75 | a requirement less | sub INFO/METADATA \nRequires-Dist: httpx[socks]<1,>=0.27\n => \n | httpx[socks]<1,>=0.27 of pyproject
75 | a later version of a requirement | sub INFO/METADATA <1,>=0.27 => <2,>=0.27 | httpx[socks]<2,>=0.27
75 | another marker | sub INFO/METADATA python_version < '3.11' => python_version < '3.12' | tomli>=2
75 | another Python | sub INFO/METADATA >=3.10 => >=3.1 | Requires-Python
75 | another description | sub INFO/METADATA # A server => # Another server | README.md
75 | another license | sub INFO/METADATA License text => Another text | License
75 | a repeated field | sub INFO/METADATA Summary: => Summary: x\nSummary: | Summary
75 | a field behind a carriage return | sub INFO/METADATA Summary: => Name: z\rRequires-Dist: evil\nSummary: | is not a list of header fields
75 | a carriage return in a value | sub INFO/METADATA >=3.10 => >=3\r.10 | is not a list of header fields
75 | a second name | sub INFO/METADATA Summary: => Name: evil\nSummary: | is not a list of header fields
75 | a second version | sub INFO/METADATA Summary: => Version: 9.9\nSummary: | is not a list of header fields
75 | a space in a version | sub INFO/METADATA >=3.10 => >=3.1 0 | ambiguous spelling
75 | other quotes in a marker | sub INFO/METADATA 'win32' and python_version >= '3.10' => "win32' and python_version >= '3.10" | ambiguous
75 | a marker that becomes part of a URL | sub INFO/METADATA tool.whl ; => tool.whl; | ambiguous
75 | other quotes in the marker of a URL | sub INFO/METADATA tool.whl ; python_version < '3.11' => tool.whl ; python_version < "3.11' | ambiguous
75 | another URL | sub INFO/METADATA tool.whl => evil.whl | evil.whl
75 | another command | set INFO/entry_points.txt [console_scripts]\nosb = evil:main\n | entry_points.txt
75 | another builder | sub INFO/WHEEL hatchling => evil | WHEEL
75 | no metadata | remove INFO/METADATA | has no opensandbox_server-1.2.3.dist-info/METADATA
75 | no RECORD | remove INFO/RECORD | has no RECORD
"#;

/// Edits of the wheel's modules.
const MODULE_EDITS: &str = r"
73 | a file is missing | remove opensandbox_server/cli.py | opensandbox_server/cli.py: missing
73 | an empty file is missing | remove opensandbox_server/py.typed | py.typed: missing
73 | an artifact is missing | remove opensandbox_server/kept.tmp | kept.tmp: missing
73 | a forced file is missing | remove opensandbox_server/examples/config.toml | config.toml: missing
74 | a module more | set opensandbox_server/evil.py x | evil.py: not in the tag's tree
74 | a top-level module more | set sitecustomize.py x | sitecustomize.py: not in
74 | a .pth file | set evil.pth import os | evil.pth: not in
74 | a file of the data folder | set opensandbox_server-1.2.3.data/scripts/ls x | scripts/ls: not in
74 | a file more in the metadata folder | set INFO/evil x | evil: not in
74 | a changed file | set opensandbox_server/cli.py import evil | cli.py: differs
74 | a name in another case | remove opensandbox_server/cli.py && set opensandbox_server/CLI.py x | CLI.py: not in
74 | an executable file | mode opensandbox_server/cli.py 100755 | cli.py: has mode 100755
74 | a symbolic link | mode opensandbox_server/cli.py 120777 | the entry is not a plain file
";

#[test]
fn cases_50_and_73_to_75_edited_wheels_are_refuted() {
    let Some((bed, wheel, _)) = built_project("edited_wheels_are_refuted") else { return };
    let edits = format!("{}\n{}", METADATA_EDITS.trim(), MODULE_EDITS.trim());
    bed.check_edits(&wheel, &edits.replace("INFO/", "opensandbox_server-1.2.3.dist-info/"));
}

const SDIST_EDITS: &str = r"
76 | another .gitignore | set ROOT/.gitignore *.py\n | .gitignore: differs from .gitignore
76 | another PKG-INFO | sub ROOT/PKG-INFO Requires-Dist: httpx => Requires-Dist: evil\nRequires-Dist: httpx | Requires-Dist: evil
76 | no PKG-INFO | remove ROOT/PKG-INFO | has no opensandbox_server-1.2.3/PKG-INFO
76 | a file is missing | remove ROOT/opensandbox_server/cli.py | cli.py: missing
76 | a file more | set ROOT/setup.py import evil | setup.py: not in
76 | a changed file | set ROOT/opensandbox_server/cli.py import evil | cli.py: differs
76 | a changed pyproject.toml | sub ROOT/pyproject.toml hatchling => evil | pyproject.toml: differs
76 | a file outside the folder | set evil/x.py x | evil/x.py: not in
76 | an executable file | mode ROOT/opensandbox_server/cli.py 755 | has mode 755
";

#[test]
fn case_76_edited_source_distributions_are_refuted() {
    let Some((bed, _, sdist)) = built_project("edited_source_distributions_are_refuted") else { return };
    bed.check_edits(&sdist, &SDIST_EDITS.replace("ROOT/", "opensandbox_server-1.2.3/"));
}

/// The fault of a real release: `.gitignore` excludes files that are tracked, and hatchling does not find the exception.
#[test]
fn case_73_ignored_files_are_predicted_by_doctor() {
    let mut bed = python_project();
    let ignore = "**/generated/**\n!server/opensandbox_server/generated/**\n";
    bed.repository.write_file("server/opensandbox_server/generated/__init__.py", b"x = 1\n");
    bed.repository.git(["add", "-f", "."]);
    bed.repository.commit("feat: generate", &[(".gitignore", ignore)]);
    bed.repository.git(["tag", "-f", TAG]);
    let check = package_files_check(&bed);
    assert_eq!(
        (&check["outcome"], &check["reason"]),
        (&"refused".into(), &"files-ignored".into()),
        "{check}"
    );
    assert!(check["evidence"].as_str().unwrap().contains("server/opensandbox_server/generated/__init__.py"));
    if !bed.build_with_hatchling("server", "ignored_files_are_predicted_by_doctor") {
        return;
    }
    for package in &bed.packages {
        let (verdict, findings) = bed.compare(package);
        assert_eq!((verdict.as_str(), findings.len()), ("refuted", 1), "{findings:?}");
        assert!(findings[0].contains("generated/__init__.py: missing"), "{findings:?}");
    }
}

/// Files of the project that patterns may select.
const MODULES: [&str; 4] = [
    "opensandbox_server/__init__.py",
    "opensandbox_server/cli.py",
    "opensandbox_server/données/é.txt",
    "opensandbox_server/py.typed",
];

const IGNORE_PATTERNS: [&str; 20] = [
    "*.py",
    "cli.*",
    "/opensandbox_server/cli.py",
    "opensandbox_server/",
    "*/cli.py",
    "**/cli.py",
    "c?i.py",
    "[a-d]li.py",
    "[!a-d]li.py",
    "opensandbox_server/**/é.txt",
    "**/données/**",
    "donn*es/",
    "/cli.py",
    "data/**",
    "*\n!cli.py",
    "*.py\n!opensandbox_server/",
    "opensandbox_server/\n!cli.py",
    "opensandbox_server/**\n!**/cli.py",
    "cli.py\\ ",
    "\\#x\n# cli.py",
];

#[test]
fn doctor_agrees_with_hatchling_about_ignore_patterns() {
    for pattern in IGNORE_PATTERNS {
        let mut bed = python_project();
        bed.repository.commit("chore: ignore", &[(".gitignore", pattern)]);
        let evidence = package_files_check(&bed)["evidence"].as_str().unwrap().to_owned();
        if !bed.build_with_hatchling("server", "doctor_agrees_with_hatchling_about_ignore_patterns") {
            return;
        }
        let wheel = bed.packages.iter().find(|it| it.extension().is_some_and(|it| it == "whl")).unwrap();
        let names = member_names(wheel);
        let predicted = MODULES.map(|file| evidence.contains(file));
        let missing = MODULES.map(|file| !names.iter().any(|it| it == file));
        assert_eq!(predicted, missing, "{pattern:?}: {names:?}");
    }
}

/// Returns the check `package-files` of `doctor` for the next version.
fn package_files_check(bed: &PackageBed) -> serde_json::Value {
    let document = bed.repository.xtask(["doctor", "server/v1.2.4", "--format", "json"]).json();
    let checks = document["checks"].as_array().unwrap();
    checks.iter().find(|it| it["check"] == "package-files").unwrap().clone()
}

/// Returns the paths of a wheel's files, as Python reads them.
fn member_names(package: &Path) -> Vec<String> {
    let script = "import sys, zipfile\nprint('\\n'.join(zipfile.ZipFile(sys.argv[1]).namelist()))";
    let mut command = hermetic_command("python3", Path::new("/"));
    run(command.args(["-c", script]).arg(package)).ok().stdout.lines().map(str::to_owned).collect()
}
