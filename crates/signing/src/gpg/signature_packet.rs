//! A strict reader for armored, detached OpenPGP signatures (RFC 9580, 4.2, 5.2 and 6). gpg accepts a signature with other
//! data beside it, and one that was made over a text without regard to line ends; this reader accepts neither.

/// The longest signature, in bytes. Those of RSA keys with 4,096 bits have some 900.
const MAX_SIGNATURE_BYTES: usize = 16 << 10;
const BEGIN: &str = "-----BEGIN PGP SIGNATURE-----";
const END: &str = "-----END PGP SIGNATURE-----";
/// The packet type of a signature (RFC 9580, 5).
const SIGNATURE_PACKET: u8 = 2;
/// The version of signature packets that gpg writes.
const VERSION: u8 = 4;
/// The type of a signature over a binary document (RFC 9580, 5.2.1).
const BINARY_DOCUMENT: u8 = 0;

/// Checks that a text is one armored signature packet over a binary document, and nothing else.
pub(super) fn check_detached_signature(armored: &[u8]) -> Result<(), &'static str> {
    if armored.len() > MAX_SIGNATURE_BYTES {
        return Err("the signature is longer than 16 KiB");
    }
    let text = std::str::from_utf8(armored).map_err(|_| "the signature is not armored")?;
    let packet = decode_armor(text).ok_or("it is not one armored, detached signature")?;
    let body = only_packet(&packet).ok_or("it is not exactly one signature packet")?;
    match body {
        [VERSION, BINARY_DOCUMENT, ..] => Ok(()),
        [VERSION, ..] => Err("it is a signature over a text or a key, not over a file"),
        _ => Err("its version is not supported"),
    }
}

/// Returns the bytes in an armor: headers, an empty line, base64, and an optional checksum, which nothing reads (RFC 9580,
/// 6.2).
fn decode_armor(text: &str) -> Option<Vec<u8>> {
    let text = text.trim().replace("\r\n", "\n");
    let inner = text.strip_prefix(BEGIN)?.strip_suffix(END)?;
    let (headers, body) = inner.split_once("\n\n")?;
    let is_header = |it: &str| it.is_empty() || it.contains(": ");
    if !headers.lines().all(is_header) || inner.contains("-----") {
        return None;
    }
    let lines = body.lines().filter(|it| !it.starts_with('='));
    let base64: String = lines.flat_map(str::chars).filter(|it| !it.is_whitespace()).collect();
    model::base::base64::decode(&base64)
}

/// Returns the body of the only packet, a signature, in either form of header (RFC 9580, 4.2).
fn only_packet(bytes: &[u8]) -> Option<&[u8]> {
    let (&head, rest) = bytes.split_first()?;
    let number = |bytes: &[u8]| bytes.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    let (kind, length, body) = if head & 0xc0 == 0xc0 {
        let (&first, rest) = rest.split_first()?;
        match first {
            0..=191 => (head & 0x3f, usize::from(first), rest),
            192..=223 => {
                let (&second, rest) = rest.split_first()?;
                (head & 0x3f, ((usize::from(first) - 192) << 8) + usize::from(second) + 192, rest)
            }
            255 => (head & 0x3f, number(rest.get(..4)?), &rest[4..]),
            _ => return None,
        }
    } else if head & 0xc0 == 0x80 {
        let size = match head & 3 {
            0 => 1,
            1 => 2,
            2 => 4,
            _ => return None,
        };
        (head >> 2 & 0xf, number(rest.get(..size)?), &rest[size..])
    } else {
        return None;
    };
    (kind == SIGNATURE_PACKET && body.len() == length).then_some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn armored(bytes: &[u8]) -> String {
        format!("{BEGIN}\nComment: x\n\n{}\n=abcd\n{END}\n", model::base::base64::encode(bytes))
    }

    #[test]
    fn both_forms_of_headers_are_read() {
        let body = [4, 0, 1, 8, 0, 0, 0, 0];
        for header in
            [&[0xc2, 8][..], &[0xc2, 255, 0, 0, 0, 8], &[0x88, 8], &[0x89, 0, 8], &[0x8a, 0, 0, 0, 8]]
        {
            let packet = [header, &body].concat();
            assert_eq!(check_detached_signature(armored(&packet).as_bytes()), Ok(()), "{header:x?}");
            assert!(check_detached_signature(armored(&[&packet[..], &[0]].concat()).as_bytes()).is_err());
            assert!(check_detached_signature(armored(&[&packet[..], &packet].concat()).as_bytes()).is_err());
            assert!(check_detached_signature(armored(&packet[..packet.len() - 1]).as_bytes()).is_err());
        }
    }

    #[test]
    fn other_packets_and_armors_are_refused() {
        let good = armored(&[0x88, 8, 4, 0, 1, 8, 0, 0, 0, 0]);
        for text in [
            armored(&[0x88, 8, 4, 1, 1, 8, 0, 0, 0, 0]),
            armored(&[0x88, 8, 3, 0, 1, 8, 0, 0, 0, 0]),
            armored(&[0x98, 8, 4, 0, 1, 8, 0, 0, 0, 0]),
            format!("{good}{good}"),
            format!("x\n{good}"),
            format!("{good}x"),
            good.replace("SIGNATURE", "MESSAGE"),
            good.replace("\n\n", "\n"),
            String::new(),
        ] {
            assert!(check_detached_signature(text.as_bytes()).is_err(), "{text}");
        }
        assert!(check_detached_signature(&[0x88, 8, 4, 0, 1, 8, 0, 0, 0, 0]).is_err());
    }
}
