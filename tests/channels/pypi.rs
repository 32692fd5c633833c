//! Comparison of wheels and source distributions, built by the real hatchling, with the tag's tree.

use std::path::PathBuf;

use crate::channels::package_bed::{PackageBed, PackageEdit};

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

[tool.hatch.build]
include = ["LICENSE", "opensandbox_server", "!**/drafts/**"]
exclude = ["*.tmp"]

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

#[test]
fn cases_50_and_73_to_75_edited_wheels_are_refuted() {
    let Some((bed, wheel, _)) = built_project("edited_wheels_are_refuted") else { return };
    let info = "opensandbox_server-1.2.3.dist-info";
    let metadata = read_member(&wheel, &format!("{info}/METADATA"));
    let metadata_file = format!("{info}/METADATA");
    let edit_metadata = |from: &str, to: &str| {
        assert!(metadata.contains(from), "{from} is not in:\n{metadata}");
        metadata.replacen(from, to, 1)
    };
    let edits: Vec<(u32, &str, String, &str)> = vec![
        (50, "another version", edit_metadata("Version: 1.2.3", "Version: 1.2.4"), "the version is '1.2.4'"),
        (
            50,
            "another name",
            edit_metadata("Name: opensandbox-server", "Name: opensandbox-servor"),
            "the name is",
        ),
        (
            75,
            "a requirement more",
            edit_metadata("Requires-Python", "Requires-Dist: evil\nRequires-Python"),
            "Requires-Dist: evil",
        ),
        (
            75,
            "a requirement less",
            edit_metadata("Requires-Dist: httpx[socks]<1,>=0.27\n", ""),
            "httpx[socks]<1,>=0.27 of pyproject",
        ),
        (
            75,
            "another version of a requirement",
            edit_metadata("<1,>=0.27", "<2,>=0.27"),
            "httpx[socks]<2,>=0.27",
        ),
        (
            75,
            "another marker",
            edit_metadata("python_version < '3.11'", "python_version < '3.12'"),
            "tomli>=2",
        ),
        (75, "another Python", edit_metadata(">=3.10", ">=3.1"), "Requires-Python"),
        (75, "another description", format!("{metadata}more\n"), "README.md"),
        (75, "a repeated field", edit_metadata("Summary:", "Summary: x\nSummary:"), "Summary"),
    ];
    for (number, description, content, finding) in &edits {
        let operations = ["set", &metadata_file, content.as_str()];
        bed.check_edits(
            &wheel,
            &[PackageEdit { number: *number, description, operations: &operations, finding }],
        );
    }
    let (record, wheel_file, entry_points) =
        (format!("{info}/RECORD"), format!("{info}/WHEEL"), format!("{info}/entry_points.txt"));
    let edit =
        |number, description, operations, finding| PackageEdit { number, description, operations, finding };
    bed.check_edits(
        &wheel,
        &[
            edit(
                73,
                "a file is missing",
                &["remove", "opensandbox_server/cli.py"],
                "opensandbox_server/cli.py: missing",
            ),
            edit(
                73,
                "an empty file is missing",
                &["remove", "opensandbox_server/py.typed"],
                "py.typed: missing",
            ),
            edit(
                73,
                "a forced file is missing",
                &["remove", "opensandbox_server/examples/config.toml"],
                "config.toml: missing",
            ),
            edit(
                74,
                "a module more",
                &["set", "opensandbox_server/evil.py", "x"],
                "evil.py: not in the tag's tree",
            ),
            edit(
                74,
                "a top-level module more",
                &["set", "sitecustomize.py", "x"],
                "sitecustomize.py: not in",
            ),
            edit(74, "a .pth file", &["set", "evil.pth", "import os"], "evil.pth: not in"),
            edit(
                74,
                "a file of the data folder",
                &["set", "opensandbox_server-1.2.3.data/scripts/ls", "x"],
                "scripts/ls: not in",
            ),
            edit(
                74,
                "a changed file",
                &["set", "opensandbox_server/cli.py", "import evil"],
                "cli.py: differs",
            ),
            edit(
                74,
                "a changed file name's case",
                &[
                    "remove",
                    "opensandbox_server/cli.py",
                    "set",
                    "opensandbox_server/CLI.py",
                    "def main():\n    pass\n",
                ],
                "CLI.py: not in",
            ),
            edit(
                74,
                "an executable file",
                &["mode", "opensandbox_server/cli.py", "100755"],
                "cli.py: has mode 100755",
            ),
            edit(
                74,
                "a symbolic link",
                &["mode", "opensandbox_server/cli.py", "120777"],
                "the entry is not a plain file",
            ),
            edit(
                75,
                "another command",
                &["set", &entry_points, "[console_scripts]\nosb = evil:main\n"],
                "entry_points.txt",
            ),
            edit(
                75,
                "another builder",
                &[
                    "set",
                    &wheel_file,
                    "Wheel-Version: 1.0\nGenerator: evil 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
                ],
                "WHEEL",
            ),
            edit(
                75,
                "no metadata",
                &["remove", &metadata_file],
                "has no opensandbox_server-1.2.3.dist-info/METADATA",
            ),
            edit(75, "no RECORD", &["remove", &record], "has no RECORD"),
        ],
    );
}

#[test]
fn case_76_edited_source_distributions_are_refuted() {
    let Some((bed, _, sdist)) = built_project("edited_source_distributions_are_refuted") else { return };
    let info = read_member(&sdist, "opensandbox_server-1.2.3/PKG-INFO");
    let other_info = info.replacen("Requires-Dist: httpx", "Requires-Dist: evil\nRequires-Dist: httpx", 1);
    let edit =
        |description, operations, finding| PackageEdit { number: 76, description, operations, finding };
    let root = "opensandbox_server-1.2.3";
    let path = |name: &str| format!("{root}/{name}");
    let (ignore, metadata, module, setup) =
        (path(".gitignore"), path("PKG-INFO"), path("opensandbox_server/cli.py"), path("setup.py"));
    bed.check_edits(
        &sdist,
        &[
            edit("another .gitignore", &["set", &ignore, "*.py\n"], ".gitignore: differs from .gitignore"),
            edit("another PKG-INFO", &["set", &metadata, &other_info], "Requires-Dist: evil"),
            edit("a file is missing", &["remove", &module], "cli.py: missing"),
            edit("a file more", &["set", &setup, "import evil"], "setup.py: not in"),
            edit("a changed file", &["set", &module, "import evil"], "cli.py: differs"),
            edit("a file outside the folder", &["set", "evil/x.py", "x"], "evil/x.py: not in"),
            edit("an executable file", &["mode", &module, "755"], "has mode 755"),
        ],
    );
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
    let doctor = bed.repository.xtask(["doctor", "server/v1.2.4", "--format", "json"]);
    let checks = doctor.json()["checks"].clone();
    let check = checks.as_array().unwrap().iter().find(|it| it["check"] == "package-files").unwrap().clone();
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

#[test]
fn doctor_agrees_with_hatchling_about_ignore_patterns() {
    let patterns = [
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
        "cli.py\\ ",
        "\\#x\n# cli.py",
    ];
    for pattern in patterns {
        let mut bed = python_project();
        bed.repository.commit("chore: ignore", &[(".gitignore", pattern)]);
        let check = |bed: &PackageBed| {
            let checks =
                bed.repository.xtask(["doctor", "server/v1.2.4", "--format", "json"]).json()["checks"]
                    .clone();
            let found =
                checks.as_array().unwrap().iter().find(|it| it["check"] == "package-files").unwrap().clone();
            let named = |file: &str| found["evidence"].as_str().unwrap().contains(file);
            [
                "opensandbox_server/__init__.py",
                "opensandbox_server/cli.py",
                "opensandbox_server/données/é.txt",
                "opensandbox_server/py.typed",
            ]
            .map(named)
        };
        let predicted = check(&bed);
        if !bed.build_with_hatchling("server", "doctor_agrees_with_hatchling_about_ignore_patterns") {
            return;
        }
        let wheel = bed.packages.iter().find(|it| it.to_str().unwrap().ends_with(".whl")).unwrap();
        let names = member_names(wheel);
        let missing = [
            "opensandbox_server/__init__.py",
            "opensandbox_server/cli.py",
            "opensandbox_server/données/é.txt",
            "opensandbox_server/py.typed",
        ]
        .map(|file| !names.iter().any(|it| it == file));
        assert_eq!(predicted, missing, "{pattern:?}: {names:?}");
    }
}

/// Returns the text of a file in a package, read by Python.
fn read_member(package: &std::path::Path, name: &str) -> String {
    let script = "import sys, tarfile, zipfile\n\
                  p, n = sys.argv[1:]\n\
                  b = zipfile.ZipFile(p).read(n) if zipfile.is_zipfile(p) else tarfile.open(p).extractfile(n).read()\n\
                  sys.stdout.write(b.decode())";
    python(script, &[package.to_str().unwrap(), name])
}

fn member_names(package: &std::path::Path) -> Vec<String> {
    let script = "import sys, zipfile\nprint('\\n'.join(zipfile.ZipFile(sys.argv[1]).namelist()))";
    python(script, &[package.to_str().unwrap()]).lines().map(str::to_owned).collect()
}

fn python(script: &str, arguments: &[&str]) -> String {
    let mut command = crate::support::repository::hermetic_command("python3", std::path::Path::new("/"));
    crate::support::repository::run(command.args(["-c", script]).args(arguments)).ok().stdout
}
