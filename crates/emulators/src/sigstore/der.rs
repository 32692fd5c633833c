//! DER by hand (ITU-T X.690, 10): the few forms that a timestamp is made of.

/// A value of a tag.
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

pub(crate) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// A set, its members in DER's order.
pub(crate) fn set(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    tlv(0x31, &parts.concat())
}

pub(crate) fn octet_string(bytes: &[u8]) -> Vec<u8> {
    tlv(4, bytes)
}

/// A number that is not negative, from its bytes, the most significant first.
pub(crate) fn integer(bytes: &[u8]) -> Vec<u8> {
    let skip = bytes.iter().take_while(|it| **it == 0).count().min(bytes.len() - 1);
    let rest = &bytes[skip..];
    let sign: &[u8] = if rest[0] & 0x80 == 0 { &[] } else { &[0] };
    tlv(2, &[sign, rest].concat())
}

/// An object identifier, from its numbers.
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
