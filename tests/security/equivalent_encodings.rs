//! Bundles in another encoding of the same content, which changing a byte does not produce. `docs/verifying.md` lists
//! each.

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use emulators::{BundleSpec, RekorVersion};
use serde_json::Value;

use crate::support::attested_file::{AttestedFile, RELEASE_POLICY_FLAGS, release_workflow_run};

/// JSON pointer of the first timestamp of a bundle.
const TIMESTAMP_POINTER: &str =
    "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp";
/// Order of the curve P-256 in hexadecimal (SEC 2, 2.4.2).
const P256_ORDER_HEX: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

/// Returns an ECDSA signature with the negative of `s`, which is valid for the same bytes and key (SEC 1, 4.1).
fn negate_signature(signature: &[u8]) -> Vec<u8> {
    let r_length = usize::from(signature[3]);
    let s = signature[6 + r_length..].iter().copied().skip_while(|it| *it == 0).collect::<Vec<_>>();
    let mut order = (0..32)
        .map(|index| u8::from_str_radix(&P256_ORDER_HEX[2 * index..2 * index + 2], 16).unwrap())
        .collect::<Vec<_>>();
    let mut borrow = 0;
    for (index, byte) in order.iter_mut().rev().enumerate() {
        let less = i16::from(s.len().checked_sub(index + 1).map_or(0, |it| s[it])) + borrow;
        let left = i16::from(*byte) - less;
        borrow = i16::from(left < 0);
        *byte = u8::try_from(left.rem_euclid(256)).unwrap();
    }
    let mut value: Vec<u8> = order.into_iter().skip_while(|it| *it == 0).collect();
    if value[0] >= 0x80 {
        value.insert(0, 0);
    }
    let r = &signature[2..4 + r_length];
    der_element(0x30, &[r, &der_element(0x02, &value)].concat())
}

/// Encodes a DER element (X.690, 8.1) of at most 65,535 bytes.
fn der_element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let length = match length {
        [0, short] if short < 0x80 => vec![short],
        [0, byte] => vec![0x81, byte],
        [high, low] => vec![0x82, high, low],
    };
    [&[tag][..], &length, content].concat()
}

/// Splits DER content into its elements, each with its tag.
fn parse_der_elements(mut content: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    while !content.is_empty() {
        let (head, length) = match content[1] {
            0x81 => (3, usize::from(content[2])),
            0x82 => (4, usize::from(u16::from_be_bytes([content[2], content[3]]))),
            short => (2, usize::from(short)),
        };
        found.push((content[0], &content[head..head + length]));
        content = &content[head + length..];
    }
    found
}

/// Returns a timestamp response with its signed data changed: each element is replaced by the result of `change`.
fn edit_timestamp(response: &[u8], change: impl Fn(usize, u8, &[u8]) -> Vec<u8>) -> Vec<u8> {
    let [(_, status), (_, token)] = parse_der_elements(parse_der_elements(response)[0].1)[..] else {
        panic!("not a timestamp response")
    };
    let [(_, kind), (_, wrapped)] = parse_der_elements(token)[..] else { panic!("not a timestamp token") };
    let data = parse_der_elements(parse_der_elements(wrapped)[0].1);
    let data: Vec<u8> = data
        .into_iter()
        .enumerate()
        .flat_map(|(index, (tag, content))| change(index, tag, content))
        .collect();
    let token = [der_element(0x06, kind), der_element(0xa0, &der_element(0x30, &data))].concat();
    der_element(0x30, &[der_element(0x30, status), der_element(0x30, &token)].concat())
}

/// Returns the element with the content of its last child changed.
fn edit_last_element(tag: u8, content: &[u8], change: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let all = parse_der_elements(content);
    let last = all.len() - 1;
    let all = all.iter().enumerate().flat_map(|(index, (tag, content))| {
        der_element(*tag, &if index == last { change(content) } else { content.to_vec() })
    });
    der_element(tag, &all.collect::<Vec<u8>>())
}

/// Returns the bundle with the base64 value at a JSON pointer changed.
fn edit_base64(bundle: &Value, pointer: &str, change: impl Fn(&[u8]) -> Vec<u8>) -> Value {
    let mut bundle = bundle.clone();
    let leaf = bundle.pointer_mut(pointer).unwrap();
    let bytes = change(&BASE64.decode(leaf.as_str().unwrap()).unwrap());
    assert_ne!(BASE64.encode(&bytes), *leaf, "nothing was changed");
    *leaf = BASE64.encode(bytes).into();
    bundle
}

/// Returns the bundle with the last line of its checkpoint changed.
fn edit_checkpoint(bundle: &Value, change: impl Fn(&str) -> String) -> Value {
    let mut bundle = bundle.clone();
    let pointer = "/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint/envelope";
    let note = bundle.pointer_mut(pointer).unwrap();
    let text = note.as_str().unwrap();
    let (head, line) = text.trim_end().rsplit_once('\n').unwrap();
    *note = format!("{head}\n{}\n", change(line)).into();
    bundle
}

#[test]
fn equivalent_encodings_are_proven_only_as_documented() {
    let mut attested_file = AttestedFile::new();
    let (claims, statement) = (release_workflow_run().claims(), attested_file.statement());
    for (log, stamped) in [(RekorVersion::V1, None), (RekorVersion::V1, Some(1)), (RekorVersion::V2, Some(1))]
    {
        let bundle = attested_file.attest_with(&claims, &statement, |it| BundleSpec {
            rekor_version: Some(log),
            timestamped_after_seconds: stamped,
            ..it
        });
        let verdict = |bundle: &Value| {
            crate::support::attested_file::verify_verdict(
                &attested_file.verify(bundle, &RELEASE_POLICY_FLAGS),
            )
        };
        let proven = ("proven".to_owned(), "ok".to_owned());
        assert_eq!(verdict(&bundle), proven);
        // The log's copies of signature and certificate are compared byte by byte, and so are the bytes that a
        // timestamp covers.
        let signature = verdict(&edit_base64(&bundle, "/dsseEnvelope/signatures/0/sig", negate_signature));
        let reason = if stamped.is_some() { "tsa" } else { "entry-mismatch" };
        assert_eq!(signature, ("refuted".to_owned(), reason.to_owned()), "{log:?}");
        let certificate =
            verdict(&edit_base64(&bundle, "/verificationMaterial/certificate/rawBytes", |der| {
                let (tag, content) = parse_der_elements(der)[0];
                edit_last_element(tag, content, |bits| [&[0][..], &negate_signature(&bits[1..])].concat())
            }));
        assert_eq!(certificate, ("refuted".to_owned(), "entry-mismatch".to_owned()), "{log:?}");
        // A checkpoint with another signature line, by a witness that is not in the trusted root.
        let witness = |line: &str| format!("{line}\n\u{2014} witness.example {}", BASE64.encode([7; 68]));
        assert_eq!(verdict(&edit_checkpoint(&bundle, witness)), proven, "{log:?}");
        // The log's signatures with the negative of `s`.
        let negate_log_signature = |line: &str| {
            let (name, note) = line.rsplit_once(' ').unwrap();
            let note = BASE64.decode(note).unwrap();
            format!("{name} {}", BASE64.encode([&note[..4], &negate_signature(&note[4..])].concat()))
        };
        assert_eq!(verdict(&edit_checkpoint(&bundle, negate_log_signature)), proven, "{log:?}");
        let promise = "/verificationMaterial/tlogEntries/0/inclusionPromise/signedEntryTimestamp";
        if bundle.pointer(promise).is_some() {
            assert_eq!(verdict(&edit_base64(&bundle, promise, negate_signature)), proven);
        }
        if stamped.is_none() {
            continue;
        }
        for (what, timestamp) in equivalent_timestamps(&bundle) {
            assert_eq!(verdict(&timestamp), proven, "{log:?}: {what}");
        }
    }
}

/// Returns copies of a bundle with its timestamp in other encodings.
fn equivalent_timestamps(bundle: &Value) -> [(&'static str, Value); 3] {
    let negative = edit_base64(bundle, TIMESTAMP_POINTER, |response| {
        edit_timestamp(response, |at, tag, content| match at {
            SIGNER_INFOS_INDEX => edit_last_element(tag, content, negate_signer_info),
            _ => der_element(tag, content),
        })
    });
    let bare = edit_base64(bundle, TIMESTAMP_POINTER, |response| {
        edit_timestamp(
            response,
            |_, tag, content| if tag == 0xa0 { Vec::new() } else { der_element(tag, content) },
        )
    });
    // The parameters of the digest algorithm may be absent or null (RFC 5754, section 2).
    let null = |algorithm: &[u8]| [algorithm, &[0x05, 0x00]].concat();
    let spoken = edit_base64(bundle, TIMESTAMP_POINTER, |response| {
        edit_timestamp(response, |at, tag, content| match at {
            1 => edit_last_element(tag, content, null),
            SIGNER_INFOS_INDEX => edit_last_element(tag, content, |signer| {
                let parts = parse_der_elements(signer).into_iter().enumerate();
                let part = |(at, (tag, content)): (usize, (u8, &[u8]))| {
                    der_element(tag, &if at == 2 { null(content) } else { content.to_vec() })
                };
                parts.flat_map(part).collect()
            }),
            _ => der_element(tag, content),
        })
    });
    [("the negative of s", negative), ("no certificate", bare), ("null parameters", spoken)]
}

/// Index of `signerInfos` in signed data with certificates (RFC 5652, 5.1).
const SIGNER_INFOS_INDEX: usize = 4;

/// Returns the content of a signer info with the negative of `s` in its signature.
fn negate_signer_info(content: &[u8]) -> Vec<u8> {
    let signer = edit_last_element(0x30, content, negate_signature);
    parse_der_elements(&signer)[0].1.to_vec()
}
