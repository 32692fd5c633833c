//! Parses a tar stream into members, edits them and writes it back: for archives that were tampered with.

/// Size of a tar record, in bytes.
const RECORD_BYTES: usize = 512;

/// A tar stream as pairs of header and content, the global pax header of `git archive` first.
pub(crate) struct TarBuilder(Vec<(Vec<u8>, Vec<u8>)>);

fn pad_to_record(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out.resize(bytes.len().next_multiple_of(RECORD_BYTES), 0);
    out
}

/// Recomputes the header checksum, so that only the intended fault is in the archive.
fn update_checksum(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|it| u32::from(*it)).sum();
    header[148..156].copy_from_slice(format!("{sum:07o}\0").as_bytes());
}

fn write_header_field(header: &mut [u8], offset: usize, length: usize, text: &[u8]) {
    header[offset..offset + length].fill(0);
    header[offset..offset + text.len()].copy_from_slice(text);
}

impl TarBuilder {
    /// Parses a stream up to its end, a record of zeros.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let mut members = Vec::new();
        let mut offset = 0;
        while bytes[offset..offset + RECORD_BYTES].iter().any(|it| *it != 0) {
            let header = bytes[offset..offset + RECORD_BYTES].to_vec();
            let size = std::str::from_utf8(&header[124..135]).unwrap();
            let size = usize::from_str_radix(size, 8).unwrap();
            offset += RECORD_BYTES;
            members.push((header, bytes[offset..offset + size].to_vec()));
            offset += size.next_multiple_of(RECORD_BYTES);
        }
        Self(members)
    }

    /// Returns the stream, padded to a multiple of 20 records as `git archive` does.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (header, content) in &self.0 {
            out.extend(header);
            out.extend(pad_to_record(content));
        }
        out.extend([0; 2 * RECORD_BYTES]);
        out.resize(out.len().next_multiple_of(20 * RECORD_BYTES), 0);
        out
    }

    /// Returns the index of the member whose path ends in `/name`.
    fn member_index(&self, name: &str) -> usize {
        let end = format!("/{name}\0");
        let fits = |header: &[u8]| header[..101].windows(end.len()).any(|it| it == end.as_bytes());
        self.0.iter().position(|(header, _)| fits(header)).unwrap()
    }

    pub(crate) fn rename(&mut self, name: &str, path: &str) {
        self.set_header_bytes(name, 0, format!("{path:\0<100}").as_bytes());
    }

    /// Overwrites bytes in the header of a member. `offset` is in bytes.
    pub(crate) fn set_header_bytes(&mut self, name: &str, offset: usize, bytes: &[u8]) {
        let index = self.member_index(name);
        let header = &mut self.0[index].0;
        header[offset..offset + bytes.len()].copy_from_slice(bytes);
        update_checksum(header);
    }

    pub(crate) fn duplicate(&mut self, name: &str) {
        let index = self.member_index(name);
        let copy = self.0[index].clone();
        self.0.push(copy);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        let index = self.member_index(name);
        self.0.remove(index);
    }

    pub(crate) fn set_content(&mut self, name: &str, content: &[u8]) {
        let index = self.member_index(name);
        let (header, old) = &mut self.0[index];
        *old = content.to_vec();
        write_header_field(header, 124, 12, format!("{:011o}\0", content.len()).as_bytes());
        update_checksum(header);
    }

    /// Changes a file to another member type, without content. Appends `/` to its path, as directories have it.
    pub(crate) fn change_type(&mut self, name: &str, kind: u8) {
        self.set_content(name, b"");
        let index = self.member_index(name);
        let header = &mut self.0[index].0;
        let end = header[..100].iter().position(|it| *it == 0).unwrap();
        header[end] = b'/';
        header[156] = kind;
        write_header_field(header, 100, 8, b"0000775\0");
        update_checksum(header);
    }

    /// Appends a member. `kind` is the typeflag, `link` the target of a link.
    pub(crate) fn add_member(&mut self, path: &str, kind: u8, content: &[u8], link: &str) {
        let mut header = self.0.last().unwrap().0.clone();
        write_header_field(&mut header, 0, 100, path.as_bytes());
        write_header_field(&mut header, 345, 155, b"");
        write_header_field(&mut header, 100, 8, b"0000664\0");
        write_header_field(&mut header, 124, 12, format!("{:011o}\0", content.len()).as_bytes());
        write_header_field(&mut header, 157, 100, link.as_bytes());
        header[156] = kind;
        update_checksum(&mut header);
        self.0.push((header, content.to_vec()));
    }

    /// Inserts a pax extended header with one record before a member.
    pub(crate) fn add_pax_header(&mut self, name: &str, key: &str, value: &str) {
        // A record is `LENGTH KEY=VALUE\n`, and LENGTH counts its own digits (pax, POSIX.1-2001).
        let mut length = key.len() + value.len() + 3;
        while length != key.len() + value.len() + 3 + length.to_string().len() {
            length = key.len() + value.len() + 3 + length.to_string().len();
        }
        let record = format!("{length} {key}={value}\n");
        let index = self.member_index(name);
        self.add_member("pax", b'x', record.as_bytes(), "");
        let pax = self.0.pop().unwrap();
        self.0.insert(index, pax);
    }

    /// Replaces the commit id in the global pax header.
    pub(crate) fn set_commit(&mut self, hex: &str) {
        let old = String::from_utf8(self.0[0].1.clone()).unwrap();
        let value_start = old.find('=').unwrap() + 1;
        self.0[0].1 = format!("{}{hex}\n", &old[..value_start]).into_bytes();
    }
}
