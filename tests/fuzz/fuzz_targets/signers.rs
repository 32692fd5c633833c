//! Any policy of signers is read or refused, and no signature holds against a policy that was not written for its key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::evidence::signature::{Armored, Format, Looked};
use signing::{AllowedSigners, SshTrust, Trust};

fuzz_target!(|input: (&str, &[u8], &[u8])| {
    let (policy, revoked, signature) = input;
    let Ok(allowed) = AllowedSigners::parse("allowed", policy) else { return };
    let Ok(ssh) = SshTrust::new(allowed, Some(("revoked", Ok(revoked.to_vec())))) else { return };
    let trust = Trust { ssh: Some(ssh), ..Trust::default() };
    let armored = Armored { format: Format::Ssh, text: signature.to_vec() };
    assert!(!matches!(signing::check(b"invented payload", &armored, &trust), Looked::Signed(_)));
});
