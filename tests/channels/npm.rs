//! Comparison of npm packages, packed by the real npm, with the tag's tree.

use std::path::PathBuf;

use crate::channels::package_bed::PackageBed;

const TAG: &str = "js/sandbox/v1.2.3";
const FOLDER: &str = "sdks/sandbox/javascript";

const MANIFEST: &str = r#"{
  "name": "@alibaba-group/opensandbox",
  "version": "1.2.3",
  "license": "Apache-2.0",
  "type": "module",
  "main": "./dist/index.js",
  "types": "./dist/index.d.ts",
  "exports": { ".": { "types": "./dist/index.d.ts", "import": "./dist/index.js", "require": "./dist/cjs/index.cjs" } },
  "files": ["dist", "src"],
  "dependencies": { "undici": "^7.25.0" },
  "scripts": { "build": "tsup" }
}
"#;

/// Returns a source map of version 3.
fn source_map(sources: &[(&str, &str)]) -> String {
    let (names, texts): (Vec<&str>, Vec<&str>) = sources.iter().copied().unzip();
    serde_json::json!({ "version": 3, "sources": names, "sourcesContent": texts, "mappings": "AAAA", "names": [] })
        .to_string()
}

/// Commits a package without its bundle, then packs it with a bundle, as its publish workflow does.
fn npm_package() -> (PackageBed, PathBuf) {
    let path = |name: &str| format!("{FOLDER}/{name}");
    let files = [
        ("package.json", MANIFEST),
        ("README.md", "# SDK\n"),
        ("README_zh.md", "# SDK\n"),
        ("src/index.ts", "export const a = 1;\n"),
        ("src/core/b.ts", "export const b = 2;\n"),
        ("tests/a.test.mjs", "test\n"),
    ];
    let files: Vec<(String, &str)> = files.iter().map(|(name, text)| (path(name), *text)).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    let mut bed = PackageBed::commit(&files, TAG);
    let bundle = [
        (
            "dist/index.js",
            "import { b } from './chunk-ABCD1234.js';\n//# sourceMappingURL=index.js.map".to_owned(),
        ),
        ("dist/index.js.map", source_map(&[("../src/index.ts", "export const a = 1;\n")])),
        ("dist/chunk-ABCD1234.js", "export var b=2;\n//# sourceMappingURL=chunk-ABCD1234.js.map".to_owned()),
        ("dist/chunk-ABCD1234.js.map", source_map(&[("../src/core/b.ts", "export const b = 2;\n")])),
        ("dist/index.d.ts", "export { b } from './types-XyZ.js';\n".to_owned()),
        ("dist/types-XyZ.d.ts", "export declare const b = 2;\n".to_owned()),
        ("dist/cjs/index.cjs", "exports.b=2;\n//# sourceMappingURL=index.cjs.map".to_owned()),
        ("dist/cjs/index.cjs.map", source_map(&[("../../src/index.ts", "export const a = 1;\n")])),
    ];
    for (name, text) in &bundle {
        bed.repository.write_file(&path(name), text.as_bytes());
    }
    bed.build_with_npm(FOLDER);
    let package = bed.packages[0].clone();
    (bed, package)
}

const MANIFEST_EDITS: &str = r#"
50 | another version | sub package/package.json 1.2.3 => 1.2.4 | the version is '1.2.4'
50 | another name | sub package/package.json group/opensandbox => group/opensandbox-x | the name is
78 | an install script | sub package/package.json "build" => "postinstall": "evil", "build" | 'scripts', entry 'postinstall'
78 | a changed script | sub package/package.json "tsup" => "evil" | 'scripts', entry 'build'
78 | a changed dependency | sub package/package.json ^7.25.0 => ^7.25.0 or more | 'dependencies', entry 'undici'
78 | another entry point | sub package/package.json "main": "./dist/index.js" => "main": "./src/index.ts" | 'main'
78 | no package.json | remove package/package.json | no package.json
"#;

const FILE_EDITS: &str = r"
79 | a changed source in a map | sub package/dist/index.js.map a = 1 => a = evil() | contains another src/index.ts
79 | a source that the tree has not | sub package/dist/index.js.map ../src/index.ts => ../src/evil.ts | names src/evil.ts
79 | a source outside the package | sub package/dist/index.js.map ../src => ../../../src | a source outside the package
79 | no source map | set package/dist/index.js.map {} | is not a source map
74 | a changed source file | set package/src/index.ts evil(); | src/index.ts: differs
73 | a source file is missing | remove package/src/core/b.ts | src/core/b.ts: missing
73 | no readme | remove package/README.md | README.md: missing
74 | a file more | set package/evil.js evil(); | package/evil.js: not in
74 | a bundled file more | set package/dist/evil.js evil(); | package/dist/evil.js: not in
74 | another kind of bundled file | set package/dist/evil.node x | evil.node: not in
74 | a file outside the package | set evil/index.js x | evil/index.js: not in
74 | a nested dependency | set package/node_modules/undici/index.js x | undici/index.js: not in
";

#[test]
fn cases_50_and_78_and_79_edited_npm_packages_are_refuted() {
    let (bed, package) = npm_package();
    bed.check_edits(&package, &format!("{}\n{}", MANIFEST_EDITS.trim(), FILE_EDITS.trim()));
}

#[test]
fn bundled_files_are_counted_in_a_warning() {
    let (bed, package) = npm_package();
    let warnings = bed.compare_output(&package).json()["warnings"].to_string();
    assert!(warnings.contains("5 files made by the build cannot be compared"), "{warnings}");
    assert!(warnings.contains("no license file"), "{warnings}");
    // A map without sources proves nothing, so it is counted too.
    let empty = r#"{"version":3,"sources":[],"mappings":""}"#;
    let output = bed.compare_output(&bed.edited(&package, &["set", "package/dist/index.js.map", empty]));
    let (document, verdict) = output.verdict();
    assert_eq!(verdict, "proven");
    assert!(document["warnings"].to_string().contains("6 files made by the build"), "{document}");
}

/// pnpm replaces the protocol `workspace:` with the version of the other package, and drops `packageManager`.
#[test]
fn workspace_versions_are_those_of_the_tree() {
    let manifest = |range: &str| {
        format!(
            r#"{{"name":"@alibaba-group/opensandbox-code-interpreter","version":"0.3.0","files":["src"],{range}
               "dependencies":{{"@alibaba-group/opensandbox":"RANGE"}}}}"#
        )
    };
    let folder = "sdks/code-interpreter/javascript";
    let path = |name: &str| format!("{folder}/{name}");
    let in_tree = manifest(r#""packageManager":"pnpm@9.15.0","#).replace("RANGE", "workspace:^");
    let mut bed = PackageBed::commit(
        &[
            (&path("package.json"), &in_tree),
            (&path("src/a.ts"), "a\n"),
            ("sdks/sandbox/javascript/package.json", MANIFEST),
        ],
        "js/code-interpreter/v0.3.0",
    );
    for (range, verdict) in [("^1.2.3", "proven"), ("^1.2.4", "refuted"), ("workspace:^", "refuted")] {
        bed.repository.write_file(&path("package.json"), manifest("").replace("RANGE", range).as_bytes());
        bed.build_with_npm(folder);
        assert_eq!(bed.compare(&bed.packages[0].clone()).0, verdict, "{range}");
    }
}

/// Returns a repository with a package of two files, and the package.
pub(crate) fn small_package() -> (PackageBed, PathBuf) {
    let path = |name: &str| format!("{FOLDER}/{name}");
    let manifest = r#"{"name":"@alibaba-group/opensandbox","version":"1.2.3","files":["src"]}"#;
    let mut bed = PackageBed::commit(
        &[(&path("package.json"), manifest), (&path("src/index.ts"), "export {};\n")],
        TAG,
    );
    bed.build_with_npm(FOLDER);
    let package = bed.packages[0].clone();
    (bed, package)
}
