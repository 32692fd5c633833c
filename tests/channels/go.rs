//! Comparison of Go modules, downloaded by the real `go`, with the tag's tree.

use std::path::PathBuf;

use crate::channels::package_bed::PackageBed;

pub(crate) const TAG: &str = "sdks/sandbox/go/v1.2.3";
pub(crate) const HOST: &str = "https://github.com/alibaba/OpenSandbox";
pub(crate) const MODULE: &str = "github.com/alibaba/OpenSandbox/sdks/sandbox/go";

fn module_tree() -> PackageBed {
    let path = |name: &str| format!("sdks/sandbox/go/{name}");
    let go_mod = format!("module {MODULE}\n\ngo 1.20\n");
    PackageBed::commit(
        &[
            ("LICENSE", "license\n"),
            (&path("go.mod"), &go_mod),
            (&path("a.go"), "package sandbox\n"),
            (&path("internal/b.go"), "package internal\n"),
            (&path("redis/go.mod"), "module example.com/redis\n"),
            (&path("redis/c.go"), "package redis\n"),
            (&path("vendor/x/d.go"), "package x\n"),
            (&path("testdata/e.txt"), "text\r\n"),
        ],
        TAG,
    )
}

const MODULE_EDITS: &str = r"
83 | the license is missing | remove ROOT/LICENSE | LICENSE: missing
83 | a nested module | set ROOT/redis/c.go package redis | redis/c.go: not in
83 | a vendored package | set ROOT/vendor/x/d.go package x | vendor/x/d.go: not in
74 | a changed file | set ROOT/a.go package evil | a.go: differs
74 | a file more | set ROOT/evil.go package evil | evil.go: not in
74 | a file of another version | set github.com/alibaba/OpenSandbox/sdks/sandbox/go@v1.2.4/a.go x | @v1.2.4/a.go: not in
73 | a file is missing | remove ROOT/a.go | a.go: missing
";

#[test]
fn case_83_edited_go_modules_are_refuted() {
    let mut bed = module_tree();
    let Some(hashes) = bed.build_with_go(MODULE, HOST, "v1.2.3", "edited_go_modules_are_refuted") else {
        return;
    };
    let package = bed.packages[0].clone();
    let metadata =
        bed.compare_output(&package).json()["findings"][1]["evidence"].as_str().unwrap().to_owned();
    assert!(metadata.ends_with(&hashes.module_hash), "go says {hashes:?}, the suite {metadata}");
    bed.check_edits(&package, &MODULE_EDITS.replace("ROOT/", &format!("{MODULE}@v1.2.3/")));
}

#[test]
fn another_module_path_in_the_tree_is_unproven() {
    let mut bed = module_tree();
    let Some(_) = bed.build_with_go(MODULE, HOST, "v1.2.3", "another_module_path_in_the_tree_is_unproven")
    else {
        return;
    };
    bed.repository.commit("feat: move", &[("sdks/sandbox/go/go.mod", "module example.com/moved\n")]);
    bed.repository.git(["tag", "-f", TAG]);
    let (verdict, findings) = bed.compare(&bed.packages[0].clone());
    assert_eq!(verdict, "unproven");
    assert!(findings[0].contains("names example.com/moved"), "{findings:?}");
}

/// Returns a repository with a module of three files, and the module's zip file.
pub(crate) fn small_module(test: &str) -> Option<(PackageBed, PathBuf)> {
    let path = |name: &str| format!("sdks/sandbox/go/{name}");
    let go_mod = format!("module {MODULE}\n");
    let files = [("LICENSE", "license\n"), (&path("go.mod"), &go_mod), (&path("a.go"), "package sandbox\n")];
    let mut bed = PackageBed::commit(&files, TAG);
    bed.build_with_go(MODULE, HOST, "v1.2.3", test)?;
    let package = bed.packages[0].clone();
    Some((bed, package))
}
