//! Any allowed signers file is parsed or refused. No generated signature is valid: the fuzzer cannot sign the payload.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::catalog::TagSignerPolicy;
use model::evidence::signature::{ArmoredSignature, SignatureCheck, SignatureFormat};
use signing::SignaturePolicy;

fuzz_target!(|input: (&str, &[u8], &[u8])| {
    let (allowed, revoked, signature) = input;
    let signers = TagSignerPolicy {
        allowed_signers: Some("allowed".to_owned()),
        revoked_keys: Some("revoked".to_owned()),
        ..TagSignerPolicy::default()
    };
    let read = |file: &str| Ok(if file == "allowed" { allowed.as_bytes().to_vec() } else { revoked.to_vec() });
    let Ok(policy) = SignaturePolicy::read(&signers, &read) else { return };
    let armored = ArmoredSignature { format: SignatureFormat::Ssh, text: signature.to_vec() };
    assert!(!matches!(signing::check(b"invented payload", &armored, &policy), SignatureCheck::ByKey(_)));
});
