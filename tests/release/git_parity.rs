//! The tar stream of trees that nobody would make on purpose is the one of `git archive`.

use std::fmt::Write as _;
use std::process::Command;

use proptest::prelude::*;

use crate::support::repository::{Fixture, Ran, run, xtask};

/// A commit for `git fast-import`, of files given as mode, quoted path and bytes.
struct Tree(Vec<u8>);

impl Tree {
    fn new() -> Self {
        let message = "feat: ünusual\n  second line \n\n\nbody 100% $\n\nCo-authored-by: B <b@example.com>\n";
        let mut text = String::from("commit refs/heads/main\n");
        text.push_str("author Ä Ö <ä.ö@example.com> 1772323445 +0530\n");
        text.push_str("committer C D <c@example.com> 1772523445 -0330\n");
        writeln!(text, "data {}\n{message}", message.len()).unwrap();
        Self(text.into_bytes())
    }

    fn add(mut self, mode: &str, path: &str, bytes: &[u8]) -> Self {
        self.0.extend(format!("M {mode} inline {path}\ndata {}\n", bytes.len()).bytes());
        self.0.extend_from_slice(bytes);
        self.0.push(b'\n');
        self
    }

    fn file(self, path: &str, text: &str) -> Self {
        self.add("100644", path, text.as_bytes())
    }

    fn import(self) -> Fixture {
        let fixture = Fixture::new();
        fixture.import(&self.0);
        fixture
    }
}

/// Compares the archive of `main` with git's, byte for byte, by `cmp` and `sha256sum`.
#[track_caller]
fn same_as_git(fixture: &Fixture) {
    let out = fixture.path().join("out");
    run(xtask(fixture.path()).args(["archive", "server/v1.0.0", "--commit", "main", "--out", "out"])).ok();
    let script = "gzip -t *.tar.gz && sha256sum --strict -c SHA256SUMS && gzip -dc *.tar.gz | cmp - \
                  <(git -C .. -c tar.umask=0002 archive --format=tar --prefix=opensandbox-server-v1.0.0/ main)";
    run(Command::new("bash").args(["-euo", "pipefail", "-c", script]).current_dir(out)).ok();
}

/// Tries to archive `main`, which must be refused, with nothing left behind.
#[track_caller]
fn refused(fixture: &Fixture) -> Ran {
    let ran =
        run(xtask(fixture.path()).args(["archive", "server/v1.0.0", "--commit", "main", "--out", "refused"]));
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert_eq!(
        std::fs::read_dir(fixture.path().join("refused")).unwrap().count(),
        0,
        "something was left behind"
    );
    ran
}

#[test]
fn names_links_modes_and_submodules() {
    let long = |length: usize| "n".repeat(length);
    let mut tree = Tree::new()
        .file("empty", "")
        .file("exactly-512", &"x".repeat(512))
        .file("\"\\303\\274nicode\"", "UTF-8 name")
        .file("\"\\377\\376raw\"", "not UTF-8")
        .file("\"new\\nline and \\\"quotes\\\"\"", "x")
        .add("100755", "bin/run", b"#!/bin/sh\n")
        .add("120000", "link", b"bin/run")
        .add("120000", "far", "t".repeat(100).as_bytes())
        .add("120000", "farther", "t".repeat(101).as_bytes())
        .add("120000", &format!("deep/{}", long(120)), "t".repeat(300).as_bytes());
    tree.0.extend(format!("M 160000 {} vendor/module\n", "12".repeat(20)).bytes());
    for length in [70, 71, 72, 73, 74, 99, 100, 101, 154, 155, 156, 200, 255] {
        tree = tree.file(&long(length), "flat").file(&format!("d{length}/{}", long(length)), "one down");
        tree = tree.file(&format!("{0}/{0}/{0}", long(length)), "three down");
    }
    same_as_git(&tree.import());
}

#[test]
fn attributes_that_leave_out_convert_and_substitute() {
    let lines = "one\ntwo\r\nthree\n";
    let subst = "$Format:%H|%T|%P|%an|%ae|%al|%ad|%aD|%ai|%aI|%as|%at|%cn|%ce|%cl|%cd|%cD|%ci|%cI|%cs|%ct$\n\
                 $Format:%s|%b|%B%n100%%$ $Format: no end\n";
    let tree = Tree::new()
        .file(".gitattributes", "[attr]crlf_text text eol=crlf\n*.ps1 crlf_text\n*.auto text=auto eol=crlf\n\
               *.old crlf eol=crlf\n*.bin binary eol=crlf\n*.id ident\nVERSION export-subst\ndocs/ export-ignore\n\
               secret* export-ignore\n/top-only export-ignore\n*.both ident eol=crlf export-subst\n")
        .file("docs/index", "left out")
        .file("deep/docs/index", "left out too")
        .file("docs2/index", "kept")
        .file("secret", "left out").file("secrets/a", "left out").file("a/secret.b/c", "left out")
        .file("top-only", "left out").file("deep/top-only", "kept")
        .file("only/ignored/secret1", "leaves an empty folder, as git has it")
        .file("back/.gitattributes", "secret* -export-ignore\n*.ps1 -text\n[attr]nope export-ignore\n* nope\n")
        .file("back/secret", "kept after all").file("back/x.ps1", "a\nb\n")
        .file("x.ps1", lines).file("x.auto", "one\ntwo\n").file("cr.auto", lines).file("bin.auto", "a\n\0b\n")
        .file("ctl.auto", "a\n\u{1}b\n").file("eof.auto", "a\nb\n\u{1a}").file("x.old", lines).file("x.bin", lines)
        .file("x.id", "$Id$ $Id: 0123 $ $Id: a b c $ $Id: x\n$ $Idx$ $Id:$ $Id: y$ $$Id$$ $Id: unfinished")
        .file("all.both", "$Id$\n$Format:%H$\n").file("VERSION", subst)
        .add("120000", "VERSION.link", b"$Format:%H$").file("plain", "$Format:%H$ $Id$\r\n");
    let fixture = tree.import();
    same_as_git(&fixture);
    fixture
        .write(".git/info/attributes", b"plain export-ignore\nback/* export-ignore\nVERSION -export-subst\n");
    same_as_git(&fixture);
}

#[test]
fn what_would_differ_between_machines_is_refused() {
    for placeholder in ["%h", "%d", "%ar", "%aN", "%(describe)", "%G?", "%+H", "%Q", "%"] {
        let fixture = Tree::new()
            .file(".gitattributes", "V export-subst\n")
            .file("sub/V", &format!("$Format:{placeholder}$\n"))
            .import();
        let ran = refused(&fixture);
        assert!(ran.stderr.contains("sub/V: the export-subst placeholder"), "{}", ran.stderr);
    }
    let fixture = Tree::new()
        .file(".gitattributes", "*.txt working-tree-encoding=UTF-16\n")
        .file("a.txt", "a\n")
        .import();
    assert!(refused(&fixture).stderr.contains("a.txt: working-tree-encoding=UTF-16"));
    let fixture = Tree::new().file(".gitattributes", "*.big filter=far\n").file("a.big", "a\n").import();
    same_as_git(&fixture);
    fixture.git(["config", "filter.far.smudge", "tr a b"]);
    assert!(refused(&fixture).stderr.contains("a.big: filter=far would run a program"));
}

#[test]
fn a_large_file_passes_in_one_piece() {
    let block: Vec<u8> = (0..=255u8).cycle().take(1 << 20).collect();
    let mut large = Vec::with_capacity(200 << 20);
    for index in 0..200u32 {
        large.extend_from_slice(&index.to_be_bytes());
        large.extend_from_slice(&block[4..]);
    }
    let fixture = Tree::new().add("100644", "large", &large).file("small", "x").import();
    same_as_git(&fixture);
}

fn pattern() -> impl Strategy<Value = String> {
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

fn attribute_line() -> impl Strategy<Value = String> {
    let what = prop_oneof![
        3 => Just("export-ignore"), 1 => Just("-export-ignore"), 1 => Just("!export-ignore"), 2 => Just("eol=crlf"),
        1 => Just("-text"), 1 => Just("text=auto eol=crlf"), 1 => Just("ident"), 1 => Just("binary"),
        1 => Just("export-ignore=no"), 1 => Just("mine"),
    ];
    (pattern(), what).prop_map(|(pattern, what)| format!("{pattern} {what}\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn generated_attributes_mean_what_git_means(
        root in proptest::collection::vec(attribute_line(), 0..5),
        inner in proptest::collection::vec(attribute_line(), 0..4),
        info in proptest::collection::vec(attribute_line(), 0..3),
    ) {
        let text = "x\n$Id$\n";
        let mut tree = Tree::new()
            .file(".gitattributes", &format!("[attr]mine text eol=crlf\n{}", root.concat()))
            .file("d/.gitattributes", &inner.concat());
        for path in ["a", "b.x", "ab", "c", "d/a", "d/b", "d/ab.x", "d/d/a", "d/d/b.x", "e/d/a", "e/b/a/a", "e/b/a.x"] {
            tree = tree.file(path, text);
        }
        let fixture = tree.import();
        fixture.write(".git/info/attributes", info.concat().as_bytes());
        same_as_git(&fixture);
    }
}
