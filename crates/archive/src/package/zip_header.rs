//! The header of an entry of a zip file, in the forms that the writers of packages use (PKWARE APPNOTE 6.3.10).

use model::package::PackageFormat;
use rawzip::ZipFileHeaderRecord;

/// The size of a central directory record without its variable fields, in bytes (APPNOTE 4.3.12).
pub(super) const CENTRAL_RECORD_BYTES: usize = 46;
/// The size of a local header without its variable fields, in bytes (APPNOTE 4.3.7).
pub(super) const LOCAL_HEADER_BYTES: usize = 30;
/// Bits 1 and 2 of the flags: how hard the writer compressed (APPNOTE 4.4.4).
const LEVEL_FLAGS: u16 = 0b11 << 1;
/// Bit 3 of the flags: the sizes follow the data (APPNOTE 4.4.4).
const DATA_DESCRIPTOR_FLAG: u16 = 1 << 3;
/// Bit 11 of the flags: the name is UTF-8 (APPNOTE 4.4.4).
const UTF8_FLAG: u16 = 1 << 11;
/// The compression method of a file that is not compressed (APPNOTE 4.4.5).
pub(super) const STORE: u16 = 0;
/// The compression method deflate (APPNOTE 4.4.5).
const DEFLATE: u16 = 8;
/// The extra field that marks a file as a jar, without a value (Apache Commons Compress, `JarMarker`).
const JAR_MARKER: u16 = 0xcafe;
/// The extra field of Unix times ("extended timestamp" of Info-ZIP, APPNOTE 4.6.1).
const UNIX_TIMES: u16 = 0x5455;
/// The MS-DOS attribute of a folder, in the external attributes (APPNOTE 4.4.15).
const DOS_FOLDER: u32 = 1 << 4;

/// Returns the number of 16 bits at an offset.
pub(super) fn short_at(bytes: &[u8], offset: usize) -> u16 {
    u16::from_le_bytes([bytes[offset], bytes[offset + 1]])
}

/// Returns the number of 32 bits at an offset.
pub(super) fn long_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes([bytes[offset], bytes[offset + 1], bytes[offset + 2], bytes[offset + 3]])
}

/// What the writers of a format put into the fields of a header.
struct WriterForm {
    /// The "version made by": the host system and the version of the format.
    made_by: &'static [u16],
    versions_needed: &'static [u16],
    /// The flags that every entry has.
    flags: u16,
    /// The flags that an entry may have. [`UTF8_FLAG`] is required for a name that is not ASCII.
    optional_flags: u16,
    /// The kinds of extra fields that an entry may have. None of them has an effect on the name or the content.
    extra_fields: &'static [u16],
    /// Whether folders are entries, and MS-DOS attributes are set.
    has_folders: bool,
    /// The Unix modes that an entry may have. `None` if the rules compare them, or if the writer copies those of files.
    modes: Option<&'static [u32]>,
}

impl WriterForm {
    /// Python's `zipfile` writes "version 2.0, Unix"; Go's `archive/zip` "version 2.0, MS-DOS" and data descriptors;
    /// .NET's `ZipArchive` either host, depending on where it runs; Gradle and Maven (Apache Commons Compress) folders,
    /// a marker and the UTF-8 flag for every name.
    fn of(format: PackageFormat) -> Self {
        let strict = Self {
            made_by: &[0x0314],
            versions_needed: &[20],
            flags: 0,
            optional_flags: UTF8_FLAG,
            extra_fields: &[],
            has_folders: false,
            modes: None,
        };
        match format {
            PackageFormat::GoModule => Self { made_by: &[0x0014], flags: DATA_DESCRIPTOR_FLAG, ..strict },
            PackageFormat::Nupkg => Self {
                made_by: &[0x0014, 0x0314],
                versions_needed: &[10, 20],
                optional_flags: UTF8_FLAG | LEVEL_FLAGS | DATA_DESCRIPTOR_FLAG,
                modes: Some(&[0, 0o100_644]),
                ..strict
            },
            PackageFormat::Jar => Self {
                made_by: &[0x000a, 0x0014, 0x030a, 0x0314],
                versions_needed: &[10, 20],
                optional_flags: UTF8_FLAG | LEVEL_FLAGS | DATA_DESCRIPTOR_FLAG,
                extra_fields: &[JAR_MARKER, UNIX_TIMES],
                has_folders: true,
                modes: Some(&[0, 0o100_644, 0o100_664, 0o40_755, 0o40_775]),
                ..strict
            },
            _ => strict,
        }
    }
}

/// The fields of an entry that may vary. All others have one value.
pub(super) struct EntryHeader {
    made_by: u16,
    version_needed: u16,
    flags: u16,
    pub(super) method: u16,
    /// The MS-DOS time and date, as stored.
    modified: [u8; 4],
    pub(super) crc32: u32,
    pub(super) compressed_size: u32,
    pub(super) size: u32,
    /// The internal attributes: whether the writer took the file for a text.
    internal_attributes: u16,
    external_attributes: u32,
    has_zip64_sizes: bool,
    central_extra: Vec<u8>,
    local_extra: Vec<u8>,
}

impl EntryHeader {
    /// Takes the parsed values, and from the raw record those that the parser does not return. The extra fields are
    /// those of the record and of the local header.
    pub(super) fn of(
        entry: &ZipFileHeaderRecord<'_>,
        raw: &[u8; CENTRAL_RECORD_BYTES],
        [central_extra, local_extra]: [Vec<u8>; 2],
    ) -> Self {
        let short = |offset| short_at(raw, offset);
        let size = |it: u64| u32::try_from(it).unwrap_or(u32::MAX);
        Self {
            made_by: short(4),
            version_needed: short(6),
            flags: short(8),
            method: short(10),
            modified: [raw[12], raw[13], raw[14], raw[15]],
            crc32: entry.crc32(),
            compressed_size: size(entry.compressed_size_hint()),
            size: size(entry.uncompressed_size_hint()),
            internal_attributes: short(36),
            external_attributes: entry.external_attributes(),
            has_zip64_sizes: entry.compressed_size_hint().max(entry.uncompressed_size_hint())
                >= u64::from(u32::MAX),
            central_extra,
            local_extra,
        }
    }

    /// Checks the values that depend on the writer.
    pub(super) fn check(&self, format: PackageFormat, name: &[u8]) -> Result<(), &'static str> {
        let form = WriterForm::of(format);
        if !form.made_by.contains(&self.made_by) || !form.versions_needed.contains(&self.version_needed) {
            return Err("the entry was written by another program than those of this kind of package");
        }
        let is_strict = form.optional_flags == UTF8_FLAG;
        let name_flag = if name.is_ascii() { 0 } else { UTF8_FLAG };
        let required = form.flags | name_flag;
        let allowed = if is_strict { required } else { required | form.optional_flags };
        if self.flags & required != required || self.flags & !allowed != 0 {
            return Err("the entry is encrypted, or has other flags that are not supported");
        }
        if !matches!(self.method, STORE | DEFLATE) {
            return Err("the compression method is neither deflate nor store");
        }
        if self.method == STORE && self.compressed_size != self.size {
            return Err("the two sizes of a stored file differ");
        }
        if self.has_zip64_sizes {
            return Err("zip64 is not supported");
        }
        if ![&self.central_extra, &self.local_extra].iter().all(|it| has_only(it, form.extra_fields)) {
            return Err("the entry has extra fields that are not supported");
        }
        self.check_attributes(&form, name)
    }

    /// Links and devices have another type than a file or a folder; 0 means that the writer gave none.
    fn check_attributes(&self, form: &WriterForm, name: &[u8]) -> Result<(), &'static str> {
        if is_folder(name) && !form.has_folders {
            return Err("the entry is a folder");
        }
        let (unix_type, dos) = (self.external_attributes >> 28, self.external_attributes & 0xffff);
        let is_plain = if is_folder(name) && form.has_folders {
            matches!(unix_type, 0 | 0o4) && dos & !DOS_FOLDER == 0 && self.size == 0
        } else {
            matches!(unix_type, 0 | 0o10) && dos == 0
        };
        let mode = self.external_attributes >> 16;
        let is_usual = form.modes.is_none_or(|it| it.contains(&mode));
        let is_allowed_text =
            self.internal_attributes == 0 || (form.has_folders && self.internal_attributes == 1);
        if is_plain && is_usual && is_allowed_text { Ok(()) } else { Err("the entry is not a plain file") }
    }

    pub(super) fn has_descriptor(&self) -> bool {
        self.flags & DATA_DESCRIPTOR_FLAG != 0
    }

    /// Returns the CRC-32 and the two sizes.
    fn sizes(&self) -> Vec<u8> {
        [self.crc32, self.compressed_size, self.size].iter().flat_map(|it| it.to_le_bytes()).collect()
    }

    /// Returns the fields that the local header and the central record share, up to the lengths.
    fn common(&self, sizes: &[u8], name: &[u8], extra: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for value in [self.version_needed, self.flags, self.method] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        out.extend_from_slice(&self.modified);
        out.extend_from_slice(sizes);
        out.extend_from_slice(&length(name));
        out.extend_from_slice(&length(extra));
        out
    }

    /// Returns the local header (APPNOTE 4.3.7). With a data descriptor, its sizes are 0.
    pub(super) fn local_header(&self, name: &[u8]) -> Vec<u8> {
        let sizes = if self.has_descriptor() { vec![0; 12] } else { self.sizes() };
        let extra = &self.local_extra;
        [b"PK\x03\x04", &self.common(&sizes, name, extra)[..], name, extra].concat()
    }

    /// Returns the central directory record (APPNOTE 4.3.12) of an entry whose local header is at `offset`.
    pub(super) fn central_record(&self, name: &[u8], offset: u64) -> Vec<u8> {
        let offset = u32::try_from(offset).unwrap_or(u32::MAX).to_le_bytes();
        let parts: [&[u8]; 9] = [
            b"PK\x01\x02",
            &self.made_by.to_le_bytes(),
            &self.common(&self.sizes(), name, &self.central_extra),
            // No comment, first disk.
            &[0; 4],
            &self.internal_attributes.to_le_bytes(),
            &self.external_attributes.to_le_bytes(),
            &offset,
            name,
            &self.central_extra,
        ];
        parts.concat()
    }

    /// Returns the data descriptor with its signature (APPNOTE 4.3.9), as Go and Java write it.
    pub(super) fn data_descriptor(&self) -> Vec<u8> {
        [&b"PK\x07\x08"[..], &self.sizes()].concat()
    }
}

/// Returns whether the name of an entry is that of a folder.
pub(super) fn is_folder(name: &[u8]) -> bool {
    name.ends_with(b"/")
}

fn length(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_le_bytes()
}

/// Returns whether extra data consists of fields of these kinds, each at most once (APPNOTE 4.5).
fn has_only(mut extra: &[u8], kinds: &[u16]) -> bool {
    let mut seen = Vec::new();
    while let Some(([kind @ .., low, high], rest)) = extra.split_first_chunk::<4>() {
        let [first, second] = *kind;
        let (kind, size) =
            (u16::from_le_bytes([first, second]), usize::from(u16::from_le_bytes([*low, *high])));
        if !kinds.contains(&kind) || seen.contains(&kind) || rest.len() < size {
            return false;
        }
        seen.push(kind);
        extra = &rest[size..];
    }
    extra.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_fields_are_well_formed_and_known() {
        let times = [0x55, 0x54, 5, 0, 1, 2, 3, 4, 5];
        let marker = [0xfe, 0xca, 0, 0];
        let known = [JAR_MARKER, UNIX_TIMES];
        assert!(has_only(&[], &[]) && has_only(&[&marker[..], &times].concat(), &known));
        assert!(!has_only(&marker, &[UNIX_TIMES]), "an unknown field");
        assert!(!has_only(&[marker, marker].concat(), &known), "a field twice");
        assert!(!has_only(&times[..8], &known), "a truncated field");
        assert!(!has_only(&[&marker[..], &[0]].concat(), &known), "data after the last field");
    }
}
