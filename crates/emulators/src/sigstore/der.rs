//! A small DER encoder (ITU-T X.690, 10) for the types that timestamps and CMS signatures need.

/// Encodes a tag, the length of `content` and `content`. A length from 128 on is encoded in the long form.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let skip = bytes.iter().take_while(|it| **it == 0).count();
            out.push(0x80 | u8::try_from(bytes.len() - skip).unwrap_or(8));
            out.extend_from_slice(&bytes[skip..]);
        }
    }
    out.extend_from_slice(content);
    out
}

/// Encodes a SEQUENCE of encoded values.
pub(crate) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// Encodes a SET OF, with its members sorted by their encoding (X.690, 11.6).
pub(crate) fn set(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    tlv(0x31, &parts.concat())
}

/// Encodes an OCTET STRING.
pub(crate) fn octet_string(bytes: &[u8]) -> Vec<u8> {
    tlv(4, bytes)
}

/// Encodes a non-negative INTEGER from its big-endian bytes, of which there must be at least one.
pub(crate) fn integer(bytes: &[u8]) -> Vec<u8> {
    let skip = bytes.iter().take_while(|it| **it == 0).count().min(bytes.len() - 1);
    let rest = &bytes[skip..];
    let sign: &[u8] = if rest[0] & 0x80 == 0 { &[] } else { &[0] };
    tlv(2, &[sign, rest].concat())
}

/// Encodes an OBJECT IDENTIFIER from its numbers, of which there must be at least two.
pub(crate) fn oid(numbers: &[u32]) -> Vec<u8> {
    let mut out = vec![u8::try_from(numbers[0] * 40 + numbers[1]).unwrap_or_default()];
    for number in &numbers[2..] {
        let mut groups = vec![(number & 0x7f) as u8];
        let mut rest = number >> 7;
        while rest > 0 {
            groups.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        out.extend(groups.iter().rev());
    }
    tlv(6, &out)
}
