//! Attacks on archives, by their numbers in `docs/attacks.md`. Each archive is published with matching checksums and
//! attestations, so that only the archive itself is wrong.

use crate::support::published_release::{ARCHIVE_FOLDER, PublishedRelease, run_filter, unproven_findings};
use crate::support::repository::print_note;
use crate::support::tar_builder::TarBuilder;
use crate::support::test_bed::TAG;

/// Number, description and archive of an attack, and the finding that must report it.
type ArchiveAttack = (u32, &'static str, Vec<u8>, &'static str);

/// Publishes each archive with matching checksums and attestations, and asserts the expected finding. Before and after,
/// the unchanged archive is proven.
fn check_attacks(published_release: &mut PublishedRelease, attacks: Vec<ArchiveAttack>) {
    let good = published_release.archive();
    let twin = |published_release: &mut PublishedRelease| {
        published_release.publish_attested(&good);
        assert_eq!(
            unproven_findings(&published_release.audit(&[])),
            ("proven".to_owned(), Vec::new()),
            "the twin is not proven"
        );
    };
    twin(published_release);
    let mut table =
        vec!["case  expected                  got                                  attack".to_owned()];
    let mut wrong = Vec::new();
    for (number, what, archive, expected) in attacks {
        assert_ne!(archive, published_release.archive(), "{what}: nothing was changed");
        published_release.publish_attested(&archive);
        let (verdict, found) = unproven_findings(&published_release.audit(&[]));
        let found = found.join(", ");
        table.push(format!("{number:>4}  {expected:<25} {found:<36} {what}"));
        if verdict != "refuted" || found != expected {
            wrong.push(format!("{number} {what}: {verdict}, {found}"));
        }
    }
    twin(published_release);
    print_note(&table.join("\n"));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Returns the edited tar stream, compressed.
fn edited_archive(tar: &[u8], edit: &dyn Fn(&mut TarBuilder)) -> Vec<u8> {
    let mut tar_builder = TarBuilder::parse(tar);
    edit(&mut tar_builder);
    gzip(&tar_builder.to_bytes())
}

/// Returns the path of a member below the archive's top-level directory.
fn member_path(name: &str) -> String {
    format!("{ARCHIVE_FOLDER}/{name}")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    run_filter("gzip", &["-n"], bytes)
}

#[test]
fn ambiguous_gzip_files_are_refuted() {
    let mut published_release = PublishedRelease::new();
    let (good, tar) = (published_release.archive(), published_release.tar());
    let changed = |index: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[index] = value;
        bytes
    };
    let end = good.len();
    let mut named = good[..3].to_vec();
    named.extend([8, 0, 0, 0, 0, 0, 3]);
    named.extend(b"x\0");
    named.extend(&good[10..]);
    let attacks = vec![
        (44, "a second gzip member", [good.clone(), gzip(b"more")].concat(), "archive: archive"),
        (44, "an empty second member", [good.clone(), gzip(b"")].concat(), "archive: archive"),
        (44, "a byte after the member", [good.clone(), b"x".to_vec()].concat(), "archive: archive"),
        (44, "zeroes after the member", [good.clone(), vec![0; 512]].concat(), "archive: archive"),
        (44, "a wrong CRC", changed(end - 8, good[end - 8] ^ 1), "archive: archive"),
        (44, "a wrong length", changed(end - 1, good[end - 1] ^ 1), "archive: archive"),
        (44, "a file name in the header", named, "archive: archive"),
        (44, "a flag in the header", changed(3, 1), "archive: archive"),
        (44, "truncated in the middle", good[..end / 2].to_vec(), "archive: archive"),
        (44, "truncated before the trailer", good[..end - 8].to_vec(), "archive: archive"),
        (44, "not compressed", tar, "archive: archive"),
        (44, "an invalid deflate stream", changed(20, good[20] ^ 0xff), "archive: archive"),
    ];
    check_attacks(&mut published_release, attacks);
}

#[test]
fn ambiguous_tar_members_are_refuted() {
    let mut published_release = PublishedRelease::new();
    let tar = published_release.tar();
    let edited = |edit: &dyn Fn(&mut TarBuilder)| edited_archive(&tar, edit);
    let renamed = |name: &str| edited(&|it: &mut TarBuilder| it.rename("README.md", name));
    let kind = |kind: u8, link: &str| {
        edited(&|it: &mut TarBuilder| it.add_member(&member_path("extra"), kind, b"", link))
    };
    let attacks = vec![
        (45, "a path with two dots", renamed(&member_path("../evil")), "archive: archive"),
        (45, "an absolute path", renamed("/etc/evil"), "archive: archive"),
        (45, "a path with a dot", renamed(&member_path("./README.md")), "archive: archive"),
        (45, "a path with a backslash", renamed(&member_path("a\\b")), "archive: archive"),
        (45, "a second top-level directory", renamed("elsewhere/README.md"), "archive: archive"),
        (45, "a duplicate path", edited(&|it| it.duplicate("README.md")), "archive: archive"),
        (
            45,
            "paths that differ in case",
            edited(&|it| it.add_member(&member_path("readme.MD"), b'0', b"x", "")),
            "archive: archive",
        ),
        (45, "a symbolic link", kind(b'2', "/etc/passwd"), "archive: archive"),
        (45, "a hard link", kind(b'1', &member_path("README.md")), "archive: archive"),
        (45, "a device", kind(b'3', ""), "archive: archive"),
        (45, "a named pipe", kind(b'6', ""), "archive: archive"),
        (45, "a sparse file", kind(b'S', ""), "archive: archive"),
        (
            45,
            "a GNU long name",
            edited(&|it| it.add_member("././@LongLink", b'L', b"evil\0", "")),
            "archive: archive",
        ),
    ];
    check_attacks(&mut published_release, attacks);
}

#[test]
fn ambiguous_tar_headers_are_refuted() {
    let mut published_release = PublishedRelease::new();
    let tar = published_release.tar();
    let edited = |edit: &dyn Fn(&mut TarBuilder)| edited_archive(&tar, edit);
    let mut behind = tar.clone();
    let last = behind.len() - 512;
    behind[last] = 1;
    let mut hidden = tar.clone();
    // The content of the README is padded to 512 bytes. This is the last byte of the padding.
    let offset = hidden.windows(12).position(|it| it == b"hello there\n").unwrap();
    hidden[offset + 511] = 1;
    let attacks = vec![
        (
            45,
            "a pax header with another path",
            edited(&|it| it.add_pax_header("README.md", "path", &member_path("evil"))),
            "archive: archive",
        ),
        (
            45,
            "a pax header with a size",
            edited(&|it| it.add_pax_header("README.md", "size", "3")),
            "archive: archive",
        ),
        (
            45,
            "a pax header with attributes",
            edited(&|it| it.add_pax_header("README.md", "SCHILY.xattr.user.x", "y")),
            "archive: archive",
        ),
        (
            45,
            "an owner",
            edited(&|it| it.set_header_bytes("README.md", 108, b"0000017\0")),
            "archive: archive",
        ),
        (
            45,
            "a set-uid mode",
            edited(&|it| it.set_header_bytes("README.md", 100, b"0004775\0")),
            "archive: archive",
        ),
        (
            45,
            "a number in base 256",
            edited(&|it| it.set_header_bytes("README.md", 136, b"\x80\0\0\0\0\0\0\0\0\0\0\x01")),
            "archive: archive",
        ),
        (45, "a byte after the end", gzip(&behind), "archive: archive"),
        (45, "a byte in the padding of a file", gzip(&hidden), "archive: archive"),
        (45, "no end of archive", gzip(&tar[..tar.len() - tar.len() % 10240 - 8192]), "archive: archive"),
    ];
    check_attacks(&mut published_release, attacks);
}

#[test]
fn archives_of_another_tree_are_refuted() {
    let mut published_release = PublishedRelease::new();
    let tar = published_release.tar();
    let edited = |edit: &dyn Fn(&mut TarBuilder)| edited_archive(&tar, edit);
    let of = |it: &PublishedRelease, folder: &str, revision: &str| gzip(&it.tar_of(folder, revision));
    let other_folder = of(&published_release, "opensandbox-server-v0.1.0", TAG);
    let (before, bare) = (
        of(&published_release, ARCHIVE_FOLDER, "HEAD^"),
        of(&published_release, ARCHIVE_FOLDER, "HEAD^{tree}"),
    );
    let attacks = vec![
        (
            46,
            "an added file",
            edited(&|it| it.add_member(&member_path("zzz"), b'0', b"evil\n", "")),
            "tree: tree-mismatch",
        ),
        (46, "a missing file", edited(&|it| it.remove("README.md")), "tree: tree-mismatch"),
        (
            46,
            "a changed byte",
            edited(&|it| it.set_content("README.md", b"hello where\n")),
            "tree: tree-mismatch",
        ),
        (
            46,
            "an executable file",
            edited(&|it| it.set_header_bytes("README.md", 100, b"0000775\0")),
            "tree: tree-mismatch",
        ),
        (
            46,
            "a directory in place of a file",
            edited(&|it| it.change_type("README.md", b'5')),
            "tree: tree-mismatch",
        ),
        (46, "another top-level directory", other_folder, "tree: tree-mismatch"),
        (47, "the archive of another commit", before.clone(), "tree: commit"),
        (47, "another commit in the header", edited(&|it| it.set_commit(&"f".repeat(40))), "tree: commit"),
        (47, "no commit in the header", bare, "tree: commit, run: time"),
    ];
    check_attacks(&mut published_release, attacks);
    // Without a clone only the commit in the archive's header can be compared, and the report says so.
    let good = published_release.archive();
    published_release.publish_attested(&good);
    let mut command =
        published_release.bed.command(&["audit", TAG, "--channel", "source", "--format", "json"]);
    command.current_dir(published_release.bed.home.path()).arg("--trusted-root").arg("root.json");
    let output = crate::support::repository::run(&mut command);
    assert_eq!(unproven_findings(&output).0, "proven");
    assert!(output.stdout.contains("without a clone"), "{}", output.stdout);
    published_release.publish_attested(&before);
    let mut command =
        published_release.bed.command(&["audit", TAG, "--channel", "source", "--format", "json"]);
    command.current_dir(published_release.bed.home.path()).arg("--trusted-root").arg("root.json");
    assert_eq!(unproven_findings(&crate::support::repository::run(&mut command)).1, ["tree: commit"]);
}
