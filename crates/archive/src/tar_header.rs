//! Headers of an untrusted tar stream: ustar, and the pax records before them (POSIX.1-2001, `pax`).

use model::ObjectId;

use crate::stream_error::{StreamError, malformed};

/// A ustar header: a block of 512 bytes. Offsets and lengths of the fields are those of POSIX.1-1988.
pub(crate) struct UstarHeader<'r> {
    pub(crate) block: &'r [u8],
}

impl UstarHeader<'_> {
    pub(crate) fn type_flag(&self) -> u8 {
        self.block[156]
    }

    /// Checks the magic and the checksum, and that there is no link target.
    pub(crate) fn check_magic_and_checksum(&self) -> Result<(), StreamError> {
        if &self.block[257..265] != b"ustar\x0000" {
            return Err(malformed("a header is not in ustar format"));
        }
        let sum: u64 = self.block.iter().map(|it| u64::from(*it)).sum();
        let checksum_bytes: u64 = self.block[148..156].iter().map(|it| u64::from(*it)).sum();
        if self.octal_number(148, 8, "checksum")? != sum - checksum_bytes + 8 * u64::from(b' ') {
            return Err(malformed("a header has a wrong checksum"));
        }
        if self.block[157..257].iter().any(|it| *it != 0) {
            return Err(malformed("a member has a link target"));
        }
        if self.block[500..].iter().any(|it| *it != 0) {
            return Err(malformed("nonzero padding after a header"));
        }
        Ok(())
    }

    /// Checks that every number is one. At another text, Python's tarfile ends the archive without an error, and
    /// node-tar leaves the file out.
    pub(crate) fn check_numbers(&self) -> Result<(), StreamError> {
        let fields = [
            (100, 8, "mode"),
            (108, 8, "user id"),
            (116, 8, "group id"),
            (124, 12, "size"),
            (136, 12, "time"),
            (148, 8, "checksum"),
            (329, 8, "device"),
            (337, 8, "device"),
        ];
        for (offset, length, what) in fields {
            let is_empty = self.block[offset..offset + length].iter().all(|it| *it == 0);
            if !is_empty || matches!(what, "mode" | "size" | "time" | "checksum") {
                self.octal_number(offset, length, what)?;
            }
        }
        Ok(())
    }

    /// Checks the owner and the fields that `git archive` leaves empty, and what
    /// [`UstarHeader::check_magic_and_checksum`] checks.
    pub(crate) fn check_fields(&self) -> Result<(), StreamError> {
        self.check_magic_and_checksum()?;
        let owners = [(108, "user id"), (116, "group id"), (329, "device"), (337, "device")];
        for (offset, what) in owners {
            if self.octal_number(offset, 8, what)? != 0 {
                return Err(malformed(format!("a member has a nonzero {what}")));
            }
        }
        let root = |offset: usize| nul_terminated(&self.block[offset..offset + 32]) == b"root";
        if !root(265) || !root(297) {
            return Err(malformed("a member has an owner other than root"));
        }
        Ok(())
    }

    /// Returns the number in a field of octal digits, padded with NULs or spaces. Base-256 numbers (GNU tar) are
    /// refused.
    pub(crate) fn octal_number(&self, offset: usize, length: usize, what: &str) -> Result<u64, StreamError> {
        let wrong = || malformed(format!("the {what} of a member is not an octal number"));
        let bytes = &self.block[offset..offset + length];
        let digits = bytes.iter().take_while(|it| it.is_ascii_digit()).count();
        if digits == 0 || bytes[digits..].iter().any(|it| !matches!(it, 0 | b' ')) {
            return Err(wrong());
        }
        let text = std::str::from_utf8(&bytes[..digits]).map_err(|_| wrong())?;
        u64::from_str_radix(text, 8).map_err(|_| wrong())
    }

    /// Returns the path: the prefix, a slash and the name.
    pub(crate) fn path(&self) -> Vec<u8> {
        let (name, prefix) = (nul_terminated(&self.block[..100]), nul_terminated(&self.block[345..500]));
        if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
    }

    /// Returns the pax path if the ustar name is git's placeholder (`<oid>.data`) and the path is longer than 100
    /// bytes; otherwise an error, because a program that ignores pax headers would extract another path.
    pub(crate) fn resolve_pax_path(&self, path: Vec<u8>) -> Result<Vec<u8>, StreamError> {
        let ustar_path = self.path();
        let object_name = ustar_path.strip_suffix(b".data").and_then(|it| std::str::from_utf8(it).ok());
        if path.len() > 100 && object_name.and_then(ObjectId::from_hex).is_some() {
            return Ok(path);
        }
        let (ustar_path, path) = (String::from_utf8_lossy(&ustar_path), String::from_utf8_lossy(&path));
        Err(malformed(format!("a pax header renames {ustar_path} to {path}")))
    }
}

/// Returns a field up to its first NUL. If anything else follows the NUL, returns the whole field, so that checks
/// refuse it.
fn nul_terminated(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|it| *it == 0).unwrap_or(bytes.len());
    if bytes[end..].iter().all(|it| *it == 0) { &bytes[..end] } else { bytes }
}

/// Returns the path from the pax header of a member. Other records are refused: they would change the size or the
/// attributes of the file.
pub(crate) fn parse_pax_path(pax: &[u8]) -> Result<Vec<u8>, StreamError> {
    match &pax_records(pax)?[..] {
        [(b"path", path)] => Ok(path.to_vec()),
        _ => Err(malformed("a pax header has other records than a path")),
    }
}

/// The key and the value of a pax record.
pub(crate) type PaxRecord<'p> = (&'p [u8], &'p [u8]);

/// Parses the records of a pax header: `<length> <key>=<value>\n`. The length is that of the whole record.
pub(crate) fn pax_records(mut pax: &[u8]) -> Result<Vec<PaxRecord<'_>>, StreamError> {
    let wrong = || malformed("a pax header is malformed");
    let mut all = Vec::new();
    while !pax.is_empty() {
        let space = pax.iter().position(|it| *it == b' ').ok_or_else(wrong)?;
        let digits = std::str::from_utf8(&pax[..space]).ok().filter(|it| !it.starts_with(['0', '+']));
        let length: usize = digits.and_then(|it| it.parse().ok()).ok_or_else(wrong)?;
        let record = pax.get(..length).and_then(|it| it.get(space + 1..)).ok_or_else(wrong)?;
        let record = record.strip_suffix(b"\n").ok_or_else(wrong)?;
        let equals = record.iter().position(|it| *it == b'=').ok_or_else(wrong)?;
        all.push((&record[..equals], &record[equals + 1..]));
        pax = &pax[length..];
    }
    Ok(all)
}
