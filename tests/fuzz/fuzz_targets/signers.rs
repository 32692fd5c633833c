//! Any allowed signers file is parsed or refused. No generated signature is valid: the fuzzer cannot sign the payload.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::evidence::signature::{ArmoredSignature, SignatureCheck, SignatureFormat};
use signing::{AllowedSigners, SignaturePolicy, SshPolicy};

fuzz_target!(|input: (&str, &[u8], &[u8])| {
    let (signers, revoked, signature) = input;
    let Ok(allowed) = AllowedSigners::parse("allowed", signers) else { return };
    let Ok(ssh) = SshPolicy::new(allowed, Some(("revoked", Ok(revoked.to_vec())))) else { return };
    let policy = SignaturePolicy { ssh: Some(ssh), ..SignaturePolicy::default() };
    let armored = ArmoredSignature { format: SignatureFormat::Ssh, text: signature.to_vec() };
    assert!(!matches!(signing::check(b"invented payload", &armored, &policy), SignatureCheck::ByKey(_)));
});
