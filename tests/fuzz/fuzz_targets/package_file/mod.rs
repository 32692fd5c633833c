//! Reads packages of the fuzzer from a file in memory.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::Path;

use model::package::PackageFormat;

thread_local! {
    /// One file for all runs: creating one takes longer than reading a small package.
    static FILE: File = archive::create_nameless(Path::new("/dev/shm")).expect("a file in memory");
}

/// Reads bytes as a package twice, and checks the names of its files.
pub fn check(bytes: &[u8], format: PackageFormat) {
    FILE.with(|mut file| {
        file.set_len(0).expect("the file can be emptied");
        file.rewind().expect("the file can be rewound");
        file.write_all(bytes).expect("the file can be written");
        let first = archive::read_package(file, format, &|_| true);
        let second = archive::read_package(file, format, &|_| true);
        assert_eq!(first, second, "the result differs between two runs");
        let Ok(package) = first else { return };
        let mut names = HashSet::new();
        for packaged in &package.files {
            assert!(names.insert(packaged.path.to_lowercase()), "{} is not unique", packaged.path);
            for part in packaged.path.split('/') {
                assert!(!matches!(part, "" | "." | ".."), "{}", packaged.path);
            }
            if let Some(content) = &packaged.content {
                assert_eq!(content.len() as u64, packaged.size);
                assert_eq!(model::Digest::of(content), packaged.digest);
            }
        }
    });
}

/// Returns a gzip member with stored blocks (RFC 1951, 3.2.4; RFC 1952).
#[allow(dead_code, reason = "only one of the targets uses it")]
pub fn stored_gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let blocks: Vec<&[u8]> = bytes.chunks(65_535).collect();
    for (index, block) in blocks.iter().enumerate() {
        let length = u16::try_from(block.len()).expect("a block has at most 65,535 bytes");
        out.push(u8::from(index + 1 == blocks.len()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    if blocks.is_empty() {
        out.extend([1, 0, 0, 255, 255]);
    }
    out.extend(crc32(bytes).to_le_bytes());
    out.extend((bytes.len() as u32).to_le_bytes());
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    };
    !bytes.iter().fold(u32::MAX, step)
}
