//! Case 96: a Rekor v2 entry whose inclusion proof contradicts its checkpoint or its leaf.

use emulators::{BundleSpec, RekorVersion};
use serde_json::Value;

use super::record_case;
use crate::support::attested_file::{
    AttestedFile, RELEASE_POLICY_FLAGS, release_workflow_run, verify_verdict,
};

const INCLUSION_PROOF_POINTER: &str = "/verificationMaterial/tlogEntries/0/inclusionProof";

#[test]
fn case_96_every_rekor_v2_proof_field_is_checked() {
    let mut attested_file = AttestedFile::new();
    let (claims, statement) = (release_workflow_run().claims(), attested_file.statement());
    let v2 =
        |it| BundleSpec { rekor_version: Some(RekorVersion::V2), timestamped_after_seconds: Some(1), ..it };
    // The second entry of the log: neither index nor tree size is the smallest possible value.
    attested_file.attest_with(&claims, &statement, v2);
    let good = attested_file.attest_with(&claims, &statement, v2);
    let root = "7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u4=";
    let entry = "/verificationMaterial/tlogEntries/0";
    let edits: &[(&str, &[(String, Value)])] = &[
        ("root", &[(format!("{INCLUSION_PROOF_POINTER}/rootHash"), root.into())]),
        ("size", &[(format!("{INCLUSION_PROOF_POINTER}/treeSize"), "1".into())]),
        ("index", &[(format!("{INCLUSION_PROOF_POINTER}/logIndex"), "999999999".into())]),
        ("the entry's index", &[(format!("{entry}/logIndex"), "0".into())]),
        ("log", &[(format!("{entry}/logId/keyId"), root.into())]),
        (
            "root, size and index",
            &[
                (format!("{INCLUSION_PROOF_POINTER}/rootHash"), root.into()),
                (format!("{INCLUSION_PROOF_POINTER}/treeSize"), "1".into()),
                (format!("{INCLUSION_PROOF_POINTER}/logIndex"), "999999999".into()),
            ],
        ),
    ];
    for (what, edits) in edits {
        let mut bundle = good.clone();
        for (pointer, value) in *edits {
            *bundle.pointer_mut(pointer).unwrap() = value.clone();
        }
        assert_ne!(bundle, good, "{what}");
        let found = verify_verdict(&attested_file.verify(&bundle, &RELEASE_POLICY_FLAGS));
        assert_eq!(found, ("refuted".to_owned(), "tlog".to_owned()), "{what}");
    }
    assert_eq!(
        verify_verdict(&attested_file.verify(&good, &RELEASE_POLICY_FLAGS)),
        ("proven".to_owned(), "ok".to_owned())
    );
    record_case(96, "a Rekor v2 proof with another root, size or index", "refuted (tlog)", "proven");
}
