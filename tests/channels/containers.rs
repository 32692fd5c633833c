//! Packages whose container programs could read in different ways (attack 48). Each is made from a valid package of a
//! real build tool, which is the twin.

use crate::channels::package_bed::PackageBed;
use crate::support::repository::print_note;

/// Number of bytes of a record before its name: local header and central directory record (APPNOTE 4.3.7 and 4.3.12).
const LOCAL_BYTES: usize = 30;
const CENTRAL_BYTES: usize = 46;
const END_BYTES: usize = 22;

const PYPROJECT: &str = "[build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n\
    [project]\nname = \"opensandbox-server\"\nversion = \"1.2.3\"\n\
    [tool.hatch.build.targets.wheel]\npackages = [\"opensandbox_server\"]\n";

/// Returns a repository with a small project, and the bytes of its wheel and source distribution.
pub(crate) fn small_project(test: &str) -> Option<(PackageBed, Vec<u8>, Vec<u8>)> {
    let mut bed = PackageBed::commit(
        &[
            ("server/pyproject.toml", PYPROJECT),
            ("server/opensandbox_server/__init__.py", "a = 1\n"),
            ("server/opensandbox_server/b.py", "b = 2\n"),
            ("server/opensandbox_server/c.py", "c = 3\n"),
        ],
        "server/v1.2.3",
    );
    if !bed.build_with_hatchling("server", test) {
        return None;
    }
    let read = |ending: &str| {
        let file = bed.packages.iter().find(|it| it.to_str().unwrap().ends_with(ending)).unwrap();
        std::fs::read(file).unwrap()
    };
    let (wheel, sdist) = (read(".whl"), read(".tar.gz"));
    Some((bed, wheel, sdist))
}

/// A zip file as its parts: the local entries, the central directory records and the end record.
#[derive(Clone)]
struct ZipParts {
    entries: Vec<Vec<u8>>,
    records: Vec<Vec<u8>>,
}

fn number(bytes: &[u8], offset: usize, length: usize) -> usize {
    bytes[offset..offset + length].iter().rev().fold(0, |sum, it| sum << 8 | usize::from(*it))
}

fn set_number(bytes: &mut [u8], offset: usize, length: usize, value: usize) {
    for (index, byte) in bytes[offset..offset + length].iter_mut().enumerate() {
        *byte = (value >> (8 * index) & 0xff) as u8;
    }
}

impl ZipParts {
    fn parse(zip: &[u8]) -> Self {
        let end = zip.len() - END_BYTES;
        let (count, mut offset) = (number(zip, end + 10, 2), number(zip, end + 16, 4));
        let mut records = Vec::new();
        for _ in 0..count {
            let length = CENTRAL_BYTES + number(zip, offset + 28, 2);
            records.push(zip[offset..offset + length].to_vec());
            offset += length;
        }
        let starts: Vec<usize> = records.iter().map(|it| number(it, 42, 4)).collect();
        let ends = starts.iter().skip(1).copied().chain([number(zip, end + 16, 4)]);
        let entries = starts.iter().zip(ends).map(|(start, end)| zip[*start..end].to_vec()).collect();
        Self { entries, records }
    }

    /// Writes the file with the right offsets, sizes and counts.
    fn to_bytes(&self) -> Vec<u8> {
        let (mut out, mut records) = (Vec::new(), Vec::new());
        for (entry, record) in self.entries.iter().zip(&self.records) {
            let mut record = record.clone();
            set_number(&mut record, 42, 4, out.len());
            records.extend(record);
            out.extend_from_slice(entry);
        }
        let start = out.len();
        out.extend_from_slice(&records);
        let mut end = vec![0; END_BYTES];
        end[..4].copy_from_slice(b"PK\x05\x06");
        for offset in [8, 10] {
            set_number(&mut end, offset, 2, self.entries.len());
        }
        set_number(&mut end, 12, 4, records.len());
        set_number(&mut end, 16, 4, start);
        out.extend(end);
        out
    }
}

/// Renames an entry in its local header, its record, or both. The names must have the same length.
fn renamed(zip: &[u8], index: usize, name: &str, in_local: bool, in_central: bool) -> Vec<u8> {
    let mut parts = ZipParts::parse(zip);
    if in_local {
        parts.entries[index][LOCAL_BYTES..LOCAL_BYTES + name.len()].copy_from_slice(name.as_bytes());
    }
    if in_central {
        parts.records[index][CENTRAL_BYTES..CENTRAL_BYTES + name.len()].copy_from_slice(name.as_bytes());
    }
    parts.to_bytes()
}

fn edited(zip: &[u8], edit: impl Fn(&mut ZipParts)) -> Vec<u8> {
    let mut parts = ZipParts::parse(zip);
    edit(&mut parts);
    parts.to_bytes()
}

/// Compares each file under the name, prints the table, and asserts that each is refuted as malformed.
fn check_containers(bed: &PackageBed, name: &str, good: &[u8], attacks: Vec<(&str, Vec<u8>)>) {
    let file = bed.folder.path().join(name);
    let compare = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        bed.compare(&file)
    };
    assert_eq!(compare(good), ("proven".to_owned(), Vec::new()), "the twin is not proven");
    let mut table = vec!["case  attack                                    finding".to_owned()];
    let mut wrong = Vec::new();
    for (description, bytes) in attacks {
        assert_ne!(bytes, good, "{description}: nothing was changed");
        let (verdict, findings) = compare(&bytes);
        table.push(format!("  48  {description:<40}  {}", findings.join(" | ")));
        if verdict != "refuted" || !findings.iter().all(|it| it.starts_with("archive: ")) {
            wrong.push(format!("{description}: {verdict}, {findings:?}"));
        }
    }
    print_note(&table.join("\n"));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn case_48_ambiguous_zip_files_are_refuted() {
    let Some((bed, good, _)) = small_project("ambiguous_zip_files_are_refuted") else { return };
    let parts = ZipParts::parse(&good);
    assert_eq!(parts.to_bytes(), good, "the parts are the whole file");
    let end = good.len() - END_BYTES;
    let name = "opensandbox_server/b.py";
    let other = "opensandbox_server/d.py";
    let index = parts.records.iter().position(|it| it[CENTRAL_BYTES..] == *name.as_bytes()).unwrap();
    let changed = |offset: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[offset] = value;
        bytes
    };
    let hidden = edited(&good, |it| {
        let last = it.entries.last_mut().unwrap();
        last.extend_from_slice(b"hidden");
    });
    let with_field = |offset: usize, in_local: bool| {
        edited(&good, move |it| {
            let bytes = if in_local { &mut it.entries[0] } else { &mut it.records[0] };
            let length = number(bytes, offset, 2);
            set_number(bytes, offset, 2, length + 4);
            let at = if in_local { LOCAL_BYTES + number(bytes, 26, 2) } else { bytes.len() };
            bytes.splice(at..at, *b"\xfe\xca\0\0");
        })
    };
    check_containers(
        &bed,
        "opensandbox_server-1.2.3-py3-none-any.whl",
        &good,
        vec![
            (
                "a duplicate entry",
                edited(&good, |it| {
                    it.entries.push(it.entries[0].clone());
                    it.records.push(it.records[0].clone());
                }),
            ),
            (
                "two names that differ in case",
                renamed(&good, index + 1, "opensandbox_server/B.py", true, true),
            ),
            ("a local name that differs", renamed(&good, index, other, true, false)),
            ("a central name that differs", renamed(&good, index, other, false, true)),
            ("a path with ..", renamed(&good, index, "opensandbox_server/../b", true, true)),
            ("an absolute path", renamed(&good, index, "/pensandbox_server/b.py", true, true)),
            ("a backslash", renamed(&good, index, "opensandbox_server\\b.py", true, true)),
            ("a folder entry", renamed(&good, index, "opensandbox_server/b.p/", true, true)),
            ("data before the first entry", [b"#!/bin/sh\n".to_vec(), good.clone()].concat()),
            ("data between the entries and the directory", hidden),
            ("data after the end record", [good.clone(), b"x".to_vec()].concat()),
            ("a comment", [changed(end + 20, 1), b"x".to_vec()].concat()),
            ("an extra field in a local header", with_field(28, true)),
            ("an extra field in the directory", with_field(30, false)),
            ("an entry that the directory lacks", {
                let mut it = parts.clone();
                it.entries[0] = [parts.entries[0].clone(), parts.entries[1].clone()].concat();
                it.to_bytes()
            }),
            ("a record without an entry", changed(end + 10, good[end + 10] + 1)),
            ("another size in the local header", edited(&good, |it| it.entries[0][22] ^= 1)),
            ("another size in the directory", edited(&good, |it| it.records[0][24] ^= 1)),
            (
                "another CRC in both",
                edited(&good, |it| {
                    it.entries[0][14] ^= 1;
                    it.records[0][16] ^= 1;
                }),
            ),
            ("another time in the local header", edited(&good, |it| it.entries[0][10] ^= 1)),
            (
                "the flag for encryption",
                edited(&good, |it| {
                    it.entries[0][6] |= 1;
                    it.records[0][8] |= 1;
                }),
            ),
            (
                "another method",
                edited(&good, |it| {
                    it.entries[0][8] = 12;
                    it.records[0][10] = 12;
                }),
            ),
            ("a first disk", changed(end + 4, 1)),
            (
                "a second directory of another writer",
                [good.clone(), good[number(&good, end + 16, 4)..].to_vec()].concat(),
            ),
            ("two zip files", [good.clone(), good.clone()].concat()),
            ("a truncated file", good[..good.len() - 1].to_vec()),
            ("an empty file", Vec::new()),
        ],
    );
}

/// Compresses with Python, which writes any bytes.
fn gzip(tar: &[u8]) -> Vec<u8> {
    crate::support::published_release::run_filter("gzip", &["-n"], tar)
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    crate::support::published_release::run_filter("gzip", &["-dc"], bytes)
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
fn case_48_ambiguous_tar_files_are_refuted() {
    let Some((bed, _, good)) = small_project("ambiguous_tar_files_are_refuted") else { return };
    let tar = gunzip(&good);
    let name = "opensandbox_server-1.2.3/opensandbox_server/b.py";
    let start = header_of(&tar, name);
    let member = tar[start..start + 1024].to_vec();
    let edit = |edit: &dyn Fn(&mut [u8])| gzip(&edited_header(&tar, name, edit));
    let rename = |to: &'static [u8]| {
        edit(&move |it| {
            it[..100].fill(0);
            it[..to.len()].copy_from_slice(to);
        })
    };
    let insert = |bytes: &[u8]| gzip(&[&tar[..start], bytes, &tar[start..]].concat());
    let changed = |offset: usize, value: u8| {
        let mut bytes = tar.clone();
        bytes[offset] = value;
        gzip(&bytes)
    };
    check_containers(
        &bed,
        "opensandbox_server-1.2.3.tar.gz",
        &gzip(&tar),
        vec![
            ("a duplicate member", insert(&member)),
            (
                "a symbolic link",
                edit(&|it| {
                    it[156] = b'2';
                    it[157] = b'x';
                }),
            ),
            (
                "a hard link",
                edit(&|it| {
                    it[156] = b'1';
                    it[157] = b'x';
                }),
            ),
            ("a device", edit(&|it| it[156] = b'3')),
            ("a folder", edit(&|it| it[156] = b'5')),
            ("a contiguous file", edit(&|it| it[156] = b'7')),
            ("a GNU long name", edit(&|it| it[156] = b'L')),
            ("a global pax header", edit(&|it| it[156] = b'g')),
            ("an absolute path", rename(b"/etc/passwd")),
            ("a path with ..", rename(b"opensandbox_server-1.2.3/../b.py")),
            ("a path with a backslash", rename(b"opensandbox_server-1.2.3\\b.py")),
            ("a name that differs in case", rename(b"opensandbox_server-1.2.3/opensandbox_server/C.py")),
            ("a base-256 size", edit(&|it| it[124] = 0x80)),
            ("a size that hides a header", edit(&|it| it[124..136].copy_from_slice(b"00000002000\0"))),
            ("a wrong checksum", changed(start, b'x')),
            ("bytes in the padding", changed(start + 1000, 1)),
            ("bytes after the end", changed(tar.len() - 1, 1)),
            (
                "no end of archive",
                gzip(&tar[..tar.len() - tar.iter().rev().take_while(|it| **it == 0).count() / 512 * 512]),
            ),
            ("a file after the end", gzip(&[&tar[..], &member[..]].concat())),
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
