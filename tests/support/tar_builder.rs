//! A tar stream in parts, to be tampered with.

/// A record, in bytes.
const RECORD: usize = 512;

/// A tar stream.
pub(crate) struct Tarball(Vec<(Vec<u8>, Vec<u8>)>);

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out.resize(bytes.len().next_multiple_of(RECORD), 0);
    out
}

fn checked(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|it| u32::from(*it)).sum();
    header[148..156].copy_from_slice(format!("{sum:07o}\0").as_bytes());
}

fn put(header: &mut [u8], at: usize, length: usize, text: &[u8]) {
    header[at..at + length].fill(0);
    header[at..at + text.len()].copy_from_slice(text);
}

impl Tarball {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let mut members = Vec::new();
        let mut at = 0;
        while bytes[at..at + RECORD].iter().any(|it| *it != 0) {
            let header = bytes[at..at + RECORD].to_vec();
            let size = std::str::from_utf8(&header[124..135]).unwrap();
            let size = usize::from_str_radix(size, 8).unwrap();
            at += RECORD;
            members.push((header, bytes[at..at + size].to_vec()));
            at += size.next_multiple_of(RECORD);
        }
        Self(members)
    }

    /// The stream, with its end filled up as git does it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (header, content) in &self.0 {
            out.extend(header);
            out.extend(padded(content));
        }
        out.extend([0; 2 * RECORD]);
        out.resize(out.len().next_multiple_of(20 * RECORD), 0);
        out
    }

    /// The place of the file whose path ends so.
    fn find(&self, name: &str) -> usize {
        let end = format!("/{name}\0");
        let fits = |header: &[u8]| header[..101].windows(end.len()).any(|it| it == end.as_bytes());
        self.0.iter().position(|(header, _)| fits(header)).unwrap()
    }

    pub(crate) fn rename(&mut self, name: &str, path: &str) {
        self.field(name, 0, format!("{path:\0<100}").as_bytes());
    }

    /// Puts bytes into a file's header.
    pub(crate) fn field(&mut self, name: &str, at: usize, bytes: &[u8]) {
        let index = self.find(name);
        let header = &mut self.0[index].0;
        header[at..at + bytes.len()].copy_from_slice(bytes);
        checked(header);
    }

    pub(crate) fn double(&mut self, name: &str) {
        let index = self.find(name);
        let copy = self.0[index].clone();
        self.0.push(copy);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        let index = self.find(name);
        self.0.remove(index);
    }

    pub(crate) fn content(&mut self, name: &str, content: &[u8]) {
        let index = self.find(name);
        let (header, old) = &mut self.0[index];
        *old = content.to_vec();
        put(header, 124, 12, format!("{:011o}\0", content.len()).as_bytes());
        checked(header);
    }

    /// Makes a folder of a file.
    pub(crate) fn replace(&mut self, name: &str, kind: u8) {
        self.content(name, b"");
        let index = self.find(name);
        let header = &mut self.0[index].0;
        let end = header[..100].iter().position(|it| *it == 0).unwrap();
        header[end] = b'/';
        header[156] = kind;
        put(header, 100, 8, b"0000775\0");
        checked(header);
    }

    /// Adds a member at the end.
    pub(crate) fn add(&mut self, path: &str, kind: u8, content: &[u8], link: &str) {
        let mut header = self.0.last().unwrap().0.clone();
        put(&mut header, 0, 100, path.as_bytes());
        put(&mut header, 345, 155, b"");
        put(&mut header, 100, 8, b"0000664\0");
        put(&mut header, 124, 12, format!("{:011o}\0", content.len()).as_bytes());
        put(&mut header, 157, 100, link.as_bytes());
        header[156] = kind;
        checked(&mut header);
        self.0.push((header, content.to_vec()));
    }

    /// Puts a pax header before a file.
    pub(crate) fn pax(&mut self, name: &str, key: &str, value: &str) {
        let mut length = key.len() + value.len() + 3;
        while length != key.len() + value.len() + 3 + length.to_string().len() {
            length = key.len() + value.len() + 3 + length.to_string().len();
        }
        let record = format!("{length} {key}={value}\n");
        let index = self.find(name);
        self.add("pax", b'x', record.as_bytes(), "");
        let pax = self.0.pop().unwrap();
        self.0.insert(index, pax);
    }

    /// Another commit in the global header.
    pub(crate) fn commit(&mut self, hex: &str) {
        let old = String::from_utf8(self.0[0].1.clone()).unwrap();
        let at = old.find('=').unwrap() + 1;
        self.0[0].1 = format!("{}{hex}\n", &old[..at]).into_bytes();
    }
}
