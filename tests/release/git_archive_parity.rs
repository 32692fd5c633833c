//! The tar stream is identical to that of `git archive`, also for unusual names, modes and attributes.

use std::fmt::Write as _;
use std::process::Command;

use proptest::prelude::*;

use crate::support::repository::{CapturedOutput, TestRepository, run, xtask};

/// A stream for `git fast-import` with one commit. Files are added with mode, quoted path and bytes.
struct FastImportCommit(Vec<u8>);

impl FastImportCommit {
    fn new() -> Self {
        let message = "feat: ünusual\n  second line \n\n\nbody 100% $\n\nCo-authored-by: B <b@example.com>\n";
        let mut text = String::from("commit refs/heads/main\n");
        text.push_str("author Ä Ö <ä.ö@example.com> 1772323445 +0530\n");
        text.push_str("committer C D <c@example.com> 1772523445 -0330\n");
        writeln!(text, "data {}\n{message}", message.len()).unwrap();
        Self(text.into_bytes())
    }

    fn add_file(mut self, mode: &str, path: &str, bytes: &[u8]) -> Self {
        self.0.extend(format!("M {mode} inline {path}\ndata {}\n", bytes.len()).bytes());
        self.0.extend_from_slice(bytes);
        self.0.push(b'\n');
        self
    }

    fn add_text(self, path: &str, text: &str) -> Self {
        self.add_file("100644", path, text.as_bytes())
    }

    fn import(self) -> TestRepository {
        let fixture = TestRepository::new();
        fixture.fast_import(&self.0);
        fixture
    }
}

/// Asserts that the tar stream of `main` is byte for byte that of `git archive`, with `cmp` and `sha256sum`.
#[track_caller]
fn expect_git_archive_parity(fixture: &TestRepository) {
    let out = fixture.path().join("out");
    run(xtask(fixture.path()).args(["archive", "server/v1.0.0", "--commit", "main", "--out", "out"])).ok();
    let script = "gzip -t *.tar.gz && sha256sum --strict -c SHA256SUMS && gzip -dc *.tar.gz | cmp - \
                  <(git -C .. -c tar.umask=0002 archive --format=tar --prefix=opensandbox-server-v1.0.0/ main)";
    run(Command::new("bash").args(["-euo", "pipefail", "-c", script]).current_dir(out)).ok();
}

/// Archives `main`, which must be refused without leaving a file, and returns the output.
#[track_caller]
fn expect_archive_refused(fixture: &TestRepository) -> CapturedOutput {
    let output =
        run(xtask(fixture.path()).args(["archive", "server/v1.0.0", "--commit", "main", "--out", "refused"]));
    assert_eq!(output.code, 1, "{}", output.stdout);
    assert_eq!(
        std::fs::read_dir(fixture.path().join("refused")).unwrap().count(),
        0,
        "the refused run left a file"
    );
    output
}

#[test]
fn every_entry_type_matches_git_archive() {
    let long = |length: usize| "n".repeat(length);
    let mut tree = FastImportCommit::new()
        .add_text("empty", "")
        .add_text("exactly-512", &"x".repeat(512))
        .add_text("\"\\303\\274nicode\"", "UTF-8 name")
        .add_text("\"\\377\\376raw\"", "not UTF-8")
        .add_text("\"new\\nline and \\\"quotes\\\"\"", "x")
        .add_file("100755", "bin/run", b"#!/bin/sh\n")
        .add_file("120000", "link", b"bin/run")
        .add_file("120000", "far", "t".repeat(100).as_bytes())
        .add_file("120000", "farther", "t".repeat(101).as_bytes())
        .add_file("120000", &format!("deep/{}", long(120)), "t".repeat(300).as_bytes());
    tree.0.extend(format!("M 160000 {} vendor/module\n", "12".repeat(20)).bytes());
    for length in [70, 71, 72, 73, 74, 99, 100, 101, 154, 155, 156, 200, 255] {
        tree =
            tree.add_text(&long(length), "flat").add_text(&format!("d{length}/{}", long(length)), "one down");
        tree = tree.add_text(&format!("{0}/{0}/{0}", long(length)), "three down");
    }
    expect_git_archive_parity(&tree.import());
}

#[test]
fn gitattributes_match_git_archive() {
    let lines = "one\ntwo\r\nthree\n";
    let subst = "$Format:%H|%T|%P|%an|%ae|%al|%ad|%aD|%ai|%aI|%as|%at|%cn|%ce|%cl|%cd|%cD|%ci|%cI|%cs|%ct$\n\
                 $Format:%s|%b|%B%n100%%$ $Format: no end\n";
    let tree = FastImportCommit::new()
        .add_text(".gitattributes", "[attr]crlf_text text eol=crlf\n*.ps1 crlf_text\n*.auto text=auto eol=crlf\n\
               *.old crlf eol=crlf\n*.bin binary eol=crlf\n*.id ident\nVERSION export-subst\ndocs/ export-ignore\n\
               secret* export-ignore\n/top-only export-ignore\n*.both ident eol=crlf export-subst\n")
        .add_text("docs/index", "left out")
        .add_text("deep/docs/index", "left out too")
        .add_text("docs2/index", "kept")
        .add_text("stars/.gitattributes", "a**/b export-ignore\nc** export-ignore\n/d** export-ignore\n")
        .add_text("stars/ab", "left out, as **/b after an a").add_text("stars/ax/y/b", "left out")
        .add_text("stars/a/c", "kept").add_text("stars/da/x/y", "left out").add_text("stars/e/da", "kept")
        .add_text("bom/.gitattributes", "\u{feff}a/b export-ignore\n\"q**/b\" export-ignore\n")
        .add_text("bom/a/b", "kept: git reads the byte order mark as text").add_text("bom/qb", "left out")
        .add_text("secret", "left out").add_text("secrets/a", "left out").add_text("a/secret.b/c", "left out")
        .add_text("top-only", "left out").add_text("deep/top-only", "kept")
        .add_text("only/ignored/secret1", "leaves an empty folder, as git has it")
        .add_text("back/.gitattributes", "secret* -export-ignore\n*.ps1 -text\n[attr]nope export-ignore\n* nope\n")
        .add_text("back/secret", "kept after all").add_text("back/x.ps1", "a\nb\n")
        .add_text("x.ps1", lines).add_text("x.auto", "one\ntwo\n").add_text("cr.auto", lines).add_text("bin.auto", "a\n\0b\n")
        .add_text("ctl.auto", "a\n\u{1}b\n").add_text("eof.auto", "a\nb\n\u{1a}").add_text("x.old", lines).add_text("x.bin", lines)
        .add_text("x.id", "$Id$ $Id: 0123 $ $Id: a b c $ $Id: x\n$ $Idx$ $Id:$ $Id: y$ $$Id$$ $Id: unfinished")
        .add_text("all.both", "$Id$\n$Format:%H$\n").add_text("VERSION", subst)
        .add_file("120000", "VERSION.link", b"$Format:%H$").add_text("plain", "$Format:%H$ $Id$\r\n");
    let fixture = tree.import();
    expect_git_archive_parity(&fixture);
    fixture.write_file(
        ".git/info/attributes",
        b"plain export-ignore\nback/* export-ignore\nVERSION -export-subst\n",
    );
    expect_git_archive_parity(&fixture);
}

#[test]
fn machine_dependent_attributes_are_refused() {
    for placeholder in ["%h", "%d", "%ar", "%aN", "%(describe)", "%G?", "%+H", "%Q", "%"] {
        let fixture = FastImportCommit::new()
            .add_text(".gitattributes", "V export-subst\n")
            .add_text("sub/V", &format!("$Format:{placeholder}$\n"))
            .import();
        let output = expect_archive_refused(&fixture);
        assert!(output.stderr.contains("sub/V: the export-subst placeholder"), "{}", output.stderr);
    }
    let fixture = FastImportCommit::new()
        .add_text(".gitattributes", "*.txt working-tree-encoding=UTF-16\n")
        .add_text("a.txt", "a\n")
        .import();
    assert!(expect_archive_refused(&fixture).stderr.contains("a.txt: working-tree-encoding=UTF-16"));
    let fixture = FastImportCommit::new()
        .add_text(".gitattributes", "*.big filter=far\n")
        .add_text("a.big", "a\n")
        .import();
    expect_git_archive_parity(&fixture);
    fixture.git(["config", "filter.far.smudge", "tr a b"]);
    assert!(expect_archive_refused(&fixture).stderr.contains("a.big: filter=far would run a program"));
}

#[test]
fn attribute_files_above_the_limit_are_refused() {
    let half = "# comment\n".repeat((2 << 20) / 10);
    let fixture = FastImportCommit::new()
        .add_text(".gitattributes", &half)
        .add_text("a/.gitattributes", &half)
        .add_text("b/.gitattributes", &half)
        .import();
    expect_git_archive_parity(&fixture);
    fixture.write_file(".git/info/attributes", half.repeat(3).as_bytes());
    assert!(expect_archive_refused(&fixture).stderr.contains("larger than 4 MiB"));
    let fixture = FastImportCommit::new()
        .add_text(".gitattributes", &half)
        .add_text("a/.gitattributes", &half)
        .add_text("a/b/.gitattributes", &half)
        .import();
    assert!(expect_archive_refused(&fixture).stderr.contains("a/b/.gitattributes"));
}

#[test]
fn large_file_matches_git_archive() {
    let block: Vec<u8> = (0..=255u8).cycle().take(1 << 20).collect();
    let mut large = Vec::with_capacity(200 << 20);
    for index in 0..200u32 {
        large.extend_from_slice(&index.to_be_bytes());
        large.extend_from_slice(&block[4..]);
    }
    let fixture = FastImportCommit::new().add_file("100644", "large", &large).add_text("small", "x").import();
    expect_git_archive_parity(&fixture);
}

/// Patterns of one to five pieces, valid or not: git ignores some of them.
fn attribute_pattern() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("a"),
        Just("b"),
        Just("*"),
        Just("?"),
        Just("[ab]"),
        Just("[!a]"),
        Just("**"),
        Just("/"),
        Just("/"),
        Just(".x"),
        Just("\\*"),
        Just("d"),
    ];
    proptest::collection::vec(piece, 1..6).prop_map(|it| it.concat())
}

/// A line of a `.gitattributes` file.
fn attribute_line() -> impl Strategy<Value = String> {
    let what = prop_oneof![
        3 => Just("export-ignore"), 1 => Just("-export-ignore"), 1 => Just("!export-ignore"), 2 => Just("eol=crlf"),
        1 => Just("-text"), 1 => Just("text=auto eol=crlf"), 1 => Just("ident"), 1 => Just("binary"),
        1 => Just("export-ignore=no"), 1 => Just("mine"),
    ];
    (attribute_pattern(), what).prop_map(|(pattern, what)| format!("{pattern} {what}\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn generated_attributes_match_git_archive(
        root in proptest::collection::vec(attribute_line(), 0..5),
        inner in proptest::collection::vec(attribute_line(), 0..4),
        info in proptest::collection::vec(attribute_line(), 0..3),
    ) {
        let text = "x\n$Id$\n";
        let mut tree = FastImportCommit::new()
            .add_text(".gitattributes", &format!("[attr]mine text eol=crlf\n{}", root.concat()))
            .add_text("d/.gitattributes", &inner.concat());
        for path in ["a", "b.x", "ab", "c", "d/a", "d/b", "d/ab.x", "d/d/a", "d/d/b.x", "e/d/a", "e/b/a/a", "e/b/a.x"] {
            tree = tree.add_text(path, text);
        }
        let fixture = tree.import();
        fixture.write_file(".git/info/attributes", info.concat().as_bytes());
        expect_git_archive_parity(&fixture);
    }
}
