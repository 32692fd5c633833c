//! Converts a transparency log entry from protobuf's wire format (protobuf encoding; `sigstore_rekor.proto`,
//! `TransparencyLogEntry`) to the JSON form of a bundle.

use serde_json::{Value, json};
use sigstore_verify::types::SignatureBytes;

/// The value of a field, by wire type. Log entries use only these two types.
enum WireField<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
}

/// Returns the number and value of each field, in the order of the message; `None` if the message is malformed.
fn parse_fields(mut bytes: &[u8]) -> Option<Vec<(u64, WireField<'_>)>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let key = read_varint(&mut bytes)?;
        let field = match key & 7 {
            0 => WireField::Varint(read_varint(&mut bytes)?),
            2 => {
                let length = usize::try_from(read_varint(&mut bytes)?).ok()?;
                let (taken, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                WireField::Bytes(taken)
            }
            _ => return None,
        };
        all.push((key >> 3, field));
    }
    Some(all)
}

/// Reads a varint of a 64-bit number, in its only canonical form (protobuf.dev, "Encoding"). Returns `None` for one that is
/// truncated, has superfluous zeros or more than 64 bits: another reader could take a second form for another message.
fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(first & 0x7f);
        if bits << shift >> shift != bits {
            return None;
        }
        value |= bits << shift;
        if first & 0x80 == 0 {
            return (*first != 0 || shift == 0).then_some(value);
        }
    }
    None
}

/// A message whose fields are taken one by one. `expect_end` rejects unknown and repeated fields, which are left over.
struct WireMessage<'a>(Vec<(u64, WireField<'a>)>);

impl<'a> WireMessage<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        parse_fields(bytes).map(Self)
    }

    fn take_field(&mut self, number: u64) -> Option<WireField<'a>> {
        let index = self.0.iter().position(|(it, _)| *it == number)?;
        Some(self.0.remove(index).1)
    }

    fn bytes(&mut self, number: u64) -> Option<&'a [u8]> {
        match self.take_field(number)? {
            WireField::Bytes(bytes) => Some(bytes),
            WireField::Varint(_) => None,
        }
    }

    /// Takes a number and returns its decimal digits; 0 if the field is absent, because protobuf omits 0.
    fn number(&mut self, number: u64) -> Option<String> {
        match self.take_field(number) {
            None => Some("0".to_owned()),
            Some(WireField::Varint(it)) => Some(it.to_string()),
            Some(WireField::Bytes(_)) => None,
        }
    }

    fn text(&mut self, number: u64) -> Option<String> {
        String::from_utf8(self.bytes(number)?.to_vec()).ok()
    }

    fn base64(&mut self, number: u64) -> Option<String> {
        self.bytes(number).map(base64)
    }

    fn expect_end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

fn base64(bytes: &[u8]) -> String {
    SignatureBytes::from_bytes(bytes).to_base64()
}

/// Returns the entry as JSON, without `canonicalizedBody`; `None` if it is malformed.
pub(crate) fn log_entry_json(bytes: &[u8]) -> Option<Value> {
    let mut entry = WireMessage::read(bytes)?;
    let mut log = WireMessage::read(entry.bytes(2)?)?;
    let mut kind = WireMessage::read(entry.bytes(3)?)?;
    let mut json = json!({
        "logIndex": entry.number(1)?,
        "logId": { "keyId": log.base64(1)? },
        "kindVersion": { "kind": kind.text(1)?, "version": kind.text(2)? },
        "integratedTime": entry.number(4)?,
    });
    log.expect_end()?;
    kind.expect_end()?;
    if let Some(bytes) = entry.bytes(5) {
        let mut promise = WireMessage::read(bytes)?;
        json["inclusionPromise"] = json!({ "signedEntryTimestamp": promise.base64(1)? });
        promise.expect_end()?;
    }
    if let Some(bytes) = entry.bytes(6) {
        let mut proof = WireMessage::read(bytes)?;
        let mut hashes = Vec::new();
        let (index, root, size) = (proof.number(1)?, proof.base64(2)?, proof.number(3)?);
        // The inclusion path in a tree of at most 2^64 leaves has at most 64 hashes.
        while let Some(hash) = proof.base64(4).filter(|_| hashes.len() < 64) {
            hashes.push(hash);
        }
        let mut checkpoint = WireMessage::read(proof.bytes(5)?)?;
        json["inclusionProof"] = json!({
            "logIndex": index,
            "rootHash": root,
            "treeSize": size,
            "hashes": hashes,
            "checkpoint": { "envelope": checkpoint.text(1)? },
        });
        checkpoint.expect_end()?;
        proof.expect_end()?;
    }
    entry.expect_end()?;
    Some(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_have_one_form() {
        let read = |bytes: &[u8]| read_varint(&mut &bytes[..]);
        assert_eq!(read(&[0]), Some(0));
        assert_eq!(read(&[0xac, 0x02]), Some(300));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), Some(u64::MAX));
        assert_eq!(read(&[0xac, 0x82, 0x00]), None, "superfluous zeros");
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x03]), None, "65 bits");
        assert_eq!(read(&[0x80]), None, "truncated");
    }
}
