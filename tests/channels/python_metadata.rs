//! Metadata that hatchling renders in a special way: it follows from the tree, or is reported as not comparable.

use crate::channels::package_bed::PackageBed;
use crate::support::repository::print_note;

const TAG: &str = "server/v1.2.3";

/// Lines of `[project]`, the readme, and the verdict on both packages.
const PROJECTS: &[(&str, &str, &str)] = &[
    (r#"authors = [{ name = "J. R. Example", email = "jr@example.com" }]"#, "# A\n", "proven"),
    (r#"authors = [{ name = 'Ada "Al" Example (x)', email = "ada@example.com" }]"#, "# A\n", "proven"),
    (r#"maintainers = [{ name = 'Back\slash, Inc.', email = "b@example.com" }]"#, "# A\n", "proven"),
    (r#"authors = [{ email = "ada@example.com" }, { name = "Grace. Example" }]"#, "# A\n", "proven"),
    ("readme = 'README.md'", "# A\r\nserver\r\n", "proven"),
    ("readme = 'README.md'", "# A\rserver", "proven"),
    ("readme = 'README.md'", "", "proven"),
    (r#"readme = { text = "A\ntext", content-type = "text/plain" }"#, "", "proven"),
    (r#"readme = { file = "README.md", content-type = "text/x-rst" }"#, "A\n=\n", "proven"),
    ("description = \"\"\"Two\nlines\"\"\"", "", "proven"),
    ("description = ''", "", "proven"),
    ("license = 'apache-2.0 OR (mit and bsd-3-Clause)'", "", "proven"),
    ("dependencies = ['httpx>=1', 'HTTPX >= 1', 'httpx>=1']", "", "proven"),
    ("optional-dependencies = { a = ['x'], b = ['x', 'opensandbox_server[a]'] }", "", "unproven"),
    ("license-files = ['LICEN[CS]E']", "", "unproven"),
];

#[test]
fn special_metadata_follow_from_the_tree() {
    let mut table = Vec::new();
    for (project, readme, expected) in PROJECTS {
        let pyproject = format!(
            "[build-system]\nrequires = ['hatchling']\nbuild-backend = 'hatchling.build'\n\n[project]\n\
             name = 'opensandbox-server'\nversion = '1.2.3'\n{project}\n\n\
             [tool.hatch.build.targets.wheel]\npackages = ['opensandbox_server']\n"
        );
        let mut bed = PackageBed::commit(
            &[
                ("server/pyproject.toml", &pyproject),
                ("server/README.md", readme),
                ("server/LICENSE", "license\n"),
                ("server/opensandbox_server/__init__.py", "a = 1\n"),
            ],
            TAG,
        );
        if !bed.build_with_hatchling("server", "special_metadata_follow_from_the_tree") {
            return;
        }
        for package in &bed.packages {
            let (verdict, findings) = bed.compare(package);
            assert_eq!(verdict, *expected, "{project}: {findings:#?}");
        }
        // The same package with another summary is not proven.
        let wheel = bed.packages.iter().find(|it| it.extension().is_some_and(|it| it == "whl")).unwrap();
        let metadata = "opensandbox_server-1.2.3.dist-info/METADATA";
        let edit = ["sub", metadata, "Version: 1.2.3 => Version: 1.2.3\nKeywords: evil"];
        let (verdict, findings) = bed.compare(&bed.edited(wheel, &edit));
        let twin = if *expected == "proven" { "refuted" } else { "unproven" };
        assert_eq!(verdict, twin, "{project}: {findings:#?}");
        table.push(format!("{expected:<9} {project}"));
    }
    print_note(&table.join("\n"));
}
