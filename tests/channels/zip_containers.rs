//! Zip files that programs could read in different ways (attack 48). Each is made from a wheel of the real hatchling,
//! which is the twin.

use crate::channels::package_bed::PackageBed;
use crate::support::repository::print_note;

/// Number of bytes of a record before its name: local header and central directory record (APPNOTE 4.3.7 and 4.3.12).
const LOCAL_BYTES: usize = 30;
const CENTRAL_BYTES: usize = 46;
const END_BYTES: usize = 22;

const WHEEL: &str = "opensandbox_server-1.2.3-py3-none-any.whl";

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
        *byte = value.to_le_bytes()[index];
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
pub(crate) fn check_containers(bed: &PackageBed, name: &str, good: &[u8], attacks: Vec<(&str, Vec<u8>)>) {
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

fn changed(bytes: &[u8], offset: usize, value: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[offset] = value;
    bytes
}

#[test]
fn case_48_ambiguous_names_in_zip_files_are_refuted() {
    let Some((bed, good, _)) = small_project("ambiguous_names_in_zip_files_are_refuted") else { return };
    let (name, other) = ("opensandbox_server/b.py", "opensandbox_server/d.py");
    let parts = ZipParts::parse(&good);
    assert_eq!(parts.to_bytes(), good, "the parts are the whole file");
    let index = parts.records.iter().position(|it| it[CENTRAL_BYTES..] == *name.as_bytes()).unwrap();
    let duplicate = edited(&good, |it| {
        it.entries.push(it.entries[0].clone());
        it.records.push(it.records[0].clone());
    });
    let in_both = |index: usize, name: &str| renamed(&good, index, name, true, true);
    check_containers(
        &bed,
        WHEEL,
        &good,
        vec![
            ("a duplicate entry", duplicate),
            ("two names that differ in case", in_both(index + 1, "opensandbox_server/B.py")),
            ("a local name that differs", renamed(&good, index, other, true, false)),
            ("a central name that differs", renamed(&good, index, other, false, true)),
            ("a path with ..", in_both(index, "opensandbox_server/../b")),
            ("an absolute path", in_both(index, "/pensandbox_server/b.py")),
            ("a backslash", in_both(index, "opensandbox_server\\b.py")),
            ("a folder entry", in_both(index, "opensandbox_server/b.p/")),
        ],
    );
}

#[test]
fn case_48_hidden_data_in_zip_files_is_refuted() {
    let Some((bed, good, _)) = small_project("hidden_data_in_zip_files_is_refuted") else { return };
    let parts = ZipParts::parse(&good);
    let end = good.len() - END_BYTES;
    let directory = good[number(&good, end + 16, 4)..].to_vec();
    let hidden = edited(&good, |it| it.entries.last_mut().unwrap().extend_from_slice(b"hidden"));
    let unlisted = edited(&good, |it| it.entries[0].extend_from_slice(&parts.entries[1]));
    check_containers(
        &bed,
        WHEEL,
        &good,
        vec![
            ("data before the first entry", [b"#!/bin/sh\n".to_vec(), good.clone()].concat()),
            ("data between entries and directory", hidden),
            ("data after the end record", [good.clone(), b"x".to_vec()].concat()),
            ("a comment", [changed(&good, end + 20, 1), b"x".to_vec()].concat()),
            ("an entry that the directory lacks", unlisted),
            ("a record without an entry", changed(&good, end + 10, good[end + 10] + 1)),
            ("a second directory", [good.clone(), directory].concat()),
            ("two zip files", [good.clone(), good.clone()].concat()),
            ("another first disk", changed(&good, end + 4, 1)),
            ("a truncated file", good[..good.len() - 1].to_vec()),
            ("an empty file", Vec::new()),
        ],
    );
}

/// Adds an extra field of four bytes to the first local header or to the first record.
fn with_extra_field(zip: &[u8], in_local: bool) -> Vec<u8> {
    edited(zip, |it| {
        let (bytes, offset) = if in_local { (&mut it.entries[0], 28) } else { (&mut it.records[0], 30) };
        let length = number(bytes, offset, 2);
        set_number(bytes, offset, 2, length + 4);
        let position = if in_local { LOCAL_BYTES + number(bytes, 26, 2) } else { bytes.len() };
        bytes.splice(position..position, *b"\xfe\xca\0\0");
    })
}

#[test]
fn case_48_ambiguous_fields_of_zip_files_are_refuted() {
    let Some((bed, good, _)) = small_project("ambiguous_fields_of_zip_files_are_refuted") else { return };
    // Changes a byte at an offset in the first local header, and one in its record.
    let both = |local: usize, central: usize, mask: u8| {
        edited(&good, |it| {
            it.entries[0][local] ^= mask;
            it.records[0][central] ^= mask;
        })
    };
    check_containers(
        &bed,
        WHEEL,
        &good,
        vec![
            ("an extra field in a local header", with_extra_field(&good, true)),
            ("an extra field in the directory", with_extra_field(&good, false)),
            ("another size in the local header", edited(&good, |it| it.entries[0][22] ^= 1)),
            ("another size in the directory", edited(&good, |it| it.records[0][24] ^= 1)),
            ("another time in the local header", edited(&good, |it| it.entries[0][10] ^= 1)),
            ("another CRC in both", both(14, 16, 1)),
            ("another size in both", both(22, 24, 1)),
            ("the flag for encryption", both(6, 8, 1)),
            ("another method", both(8, 10, 4)),
            ("another system", edited(&good, |it| it.records[0][5] ^= 3)),
            ("internal attributes", edited(&good, |it| it.records[0][36] ^= 1)),
        ],
    );
}
