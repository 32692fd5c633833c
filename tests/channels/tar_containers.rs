//! Gzip-compressed tar files that programs could read in different ways (attack 48). Each is made from a source
//! distribution of the real hatchling, which is the twin.

use crate::channels::zip_containers::{check_containers, small_project};
use crate::support::published_release::run_filter;

const SDIST: &str = "opensandbox_server-1.2.3.tar.gz";
/// A file of the source distribution.
const MEMBER: &str = "opensandbox_server-1.2.3/opensandbox_server/b.py";

fn gzip(tar: &[u8]) -> Vec<u8> {
    run_filter("gzip", &["-n"], tar)
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    run_filter("gzip", &["-dc"], bytes)
}

/// Returns the offset of the header of a member of a tar stream.
fn header_of(tar: &[u8], name: &str) -> usize {
    let is_header = |it: &usize| tar[*it..].starts_with(name.as_bytes()) && tar[*it + name.len()] == 0;
    (0..tar.len()).step_by(512).find(is_header).unwrap()
}

/// Changes a header and corrects its checksum.
fn edited_header(tar: &[u8], name: &str, edit: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut out = tar.to_vec();
    let start = header_of(tar, name);
    let header = &mut out[start..start + 512];
    edit(header);
    header[148..156].copy_from_slice(b"        ");
    let sum: u32 = header.iter().map(|it| u32::from(*it)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    out
}

#[test]
fn case_48_ambiguous_members_of_tar_files_are_refuted() {
    let Some((bed, _, good)) = small_project("ambiguous_members_of_tar_files_are_refuted") else { return };
    let tar = gunzip(&good);
    let edit = |edit: &dyn Fn(&mut [u8])| gzip(&edited_header(&tar, MEMBER, edit));
    let kind = |kind: u8| edit(&move |it| it[156] = kind);
    let rename = |to: &'static str| {
        edit(&move |it| {
            it[..100].fill(0);
            it[..to.len()].copy_from_slice(to.as_bytes());
        })
    };
    check_containers(
        &bed,
        SDIST,
        &gzip(&tar),
        vec![
            ("a hard link", kind(b'1')),
            ("a symbolic link", kind(b'2')),
            ("a device", kind(b'3')),
            ("a folder", kind(b'5')),
            ("a contiguous file", kind(b'7')),
            ("a GNU long name", kind(b'L')),
            ("a global pax header", kind(b'g')),
            ("a link target", edit(&|it| it[157] = b'x')),
            ("an absolute path", rename("/etc/passwd")),
            ("a path with ..", rename("opensandbox_server-1.2.3/../b.py")),
            ("a path with a backslash", rename("opensandbox_server-1.2.3\\b.py")),
            ("a name in another case", rename("opensandbox_server-1.2.3/opensandbox_server/C.py")),
            ("a time that is not a number", edit(&|it| it[136..143].fill(b'z'))),
            ("a user id that is not a number", edit(&|it| it[108..115].fill(b'z'))),
            ("a device that is not a number", edit(&|it| it[329..336].fill(b'z'))),
            ("a base-256 size", edit(&|it| it[124] = 0x80)),
            ("a size that hides a header", edit(&|it| it[124..136].copy_from_slice(b"00000002000\0"))),
        ],
    );
}

#[test]
fn case_48_hidden_data_in_tar_files_is_refuted() {
    let Some((bed, _, good)) = small_project("hidden_data_in_tar_files_is_refuted") else { return };
    let tar = gunzip(&good);
    let start = header_of(&tar, MEMBER);
    let member = &tar[start..start + 1024];
    let changed = |offset: usize, value: u8| {
        let mut bytes = tar.clone();
        bytes[offset] = value;
        gzip(&bytes)
    };
    let zeros = tar.iter().rev().take_while(|it| **it == 0).count() / 512 * 512;
    check_containers(
        &bed,
        SDIST,
        &gzip(&tar),
        vec![
            ("a duplicate member", gzip(&[&tar[..start], member, &tar[start..]].concat())),
            ("a wrong checksum", changed(start, b'x')),
            ("bytes in the padding", changed(start + 1000, 1)),
            ("bytes after the end", changed(tar.len() - 1, 1)),
            ("no end of archive", gzip(&tar[..tar.len() - zeros])),
            ("a file after the end", gzip(&[&tar[..], member].concat())),
            ("two gzip members", [gzip(&tar), gzip(b"x")].concat()),
            ("bytes after the gzip member", [gzip(&tar), b"x".to_vec()].concat()),
            ("a truncated gzip file", gzip(&tar)[..100].to_vec()),
        ],
    );
}

#[test]
fn huge_packages_are_unproven() {
    let Some((bed, ..)) = small_project("huge_packages_are_unproven") else { return };
    let bomb = gzip(&vec![0; 1 << 20]);
    let file = bed.folder.path().join("opensandbox_server-1.2.3.tar.gz");
    std::fs::write(&file, &bomb).unwrap();
    assert_eq!(bed.compare(&file).0, "refuted", "zeros are no tar stream");
    let mut header = vec![0; 512];
    header[..3].copy_from_slice(b"a/b");
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(b"00400000000");
    header[136..147].copy_from_slice(b"00000000000");
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[148..156].copy_from_slice(b"        ");
    let sum: u32 = header.iter().map(|it| u32::from(*it)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header.resize(512 + (64 << 20), 0);
    std::fs::write(&file, gzip(&header)).unwrap();
    let (verdict, findings) = bed.compare(&file);
    assert_eq!(verdict, "unproven", "{findings:?}");
    assert!(findings[0].starts_with("limit: "), "{findings:?}");
}
