//! Which files `npm pack` puts into a package: the comparison agrees with npm, or says that it does not decide.

use crate::channels::package_bed::PackageBed;
use crate::support::repository::print_note;

/// Further keys of `package.json`, and the verdict.
const MANIFESTS: &[(&str, &str)] = &[
    (r#""files": ["src"]"#, "proven"),
    (r#""files": ["./src/", "/lib"]"#, "proven"),
    (r#""files": ["src/index.js"]"#, "proven"),
    (r#""files": ["src/**"]"#, "proven"),
    (r#""files": ["src"], "main": "lib/a.js""#, "proven"),
    (r#""files": ["src"], "bin": { "x": "./bin/x.js" }"#, "proven"),
    (r#""files": ["src"], "bin": "bin/x.js""#, "proven"),
    (r#""files": []"#, "proven"),
    (r#""files": ["src"], "packageManager": "pnpm@9.15.0""#, "proven"),
    (r#""files": ["src/*.js"]"#, "unproven"),
    (r#""files": ["**"]"#, "unproven"),
    (r#""files": ["src", "!src/b.js"]"#, "unproven"),
    (r#""files": ["nested"]"#, "unproven"),
    (r#""license": "MIT""#, "unproven"),
];

#[test]
fn file_lists_are_read_as_npm_reads_them() {
    let mut table = Vec::new();
    for (keys, expected) in MANIFESTS {
        let folder = "sdks/sandbox/javascript";
        let path = |name: &str| format!("{folder}/{name}");
        let manifest = format!(r#"{{"name": "@alibaba-group/opensandbox", "version": "1.2.3", {keys}}}"#);
        let names = [
            "README.md",
            "readme.zh.md",
            "README_zh.md",
            "Copying",
            "license.txt",
            "LICENSE~",
            "src/index.js",
            "src/b.js",
            "src/old.orig",
            "src/.npmrc",
            "src/.swp",
            "src/._x",
            "lib/a.js",
            "bin/x.js",
            "nested/.npmignore",
            "nested/a.js",
            "nested/left.js",
            "package-lock.json",
            ".npmignore",
        ];
        let paths: Vec<String> = names.iter().map(|it| path(it)).collect();
        let mut files: Vec<(&str, &str)> = paths.iter().map(|it| (it.as_str(), "left.js\n")).collect();
        let manifest_path = path("package.json");
        files.push((&manifest_path, &manifest));
        let mut bed = PackageBed::commit(&files, "js/sandbox/v1.2.3");
        bed.build_with_npm(folder);
        let package = bed.packages[0].clone();
        let (verdict, findings) = bed.compare(&package);
        assert_eq!(verdict, *expected, "{keys}: {findings:#?}");
        // A changed or added file is refuted in any case.
        for edit in [["set", "package/README.md", "evil"], ["set", "package/evil.js", "evil"]] {
            let (verdict, findings) = bed.compare(&bed.edited(&package, &edit));
            assert_eq!(verdict, "refuted", "{keys}, {edit:?}: {findings:#?}");
        }
        table.push(format!("{expected:<9} {keys}  {}", findings.join(" | ")));
    }
    print_note(&table.join("\n"));
}
