//! Case 96: a Rekor v2 entry whose proof says something else than its checkpoint and its leaf.

use emulators::{BundleSpec, RekorVersion};
use serde_json::Value;

use super::record;
use crate::support::attested_file::{Minted, POLICY, release_run, verdict};

const PROOF: &str = "/verificationMaterial/tlogEntries/0/inclusionProof";

#[test]
fn case_96_every_field_of_a_rekor_v2_proof_counts() {
    let mut minted = Minted::new();
    let (claims, statement) = (release_run().claims(), minted.statement());
    let v2 =
        |it| BundleSpec { rekor_version: Some(RekorVersion::V2), timestamped_after_seconds: Some(1), ..it };
    // A second entry: index and size are not the smallest that there are.
    minted.mint(&claims, &statement, v2);
    let good = minted.mint(&claims, &statement, v2);
    let root = "7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u4=";
    let entry = "/verificationMaterial/tlogEntries/0";
    let edits: &[(&str, &[(String, Value)])] = &[
        ("root", &[(format!("{PROOF}/rootHash"), root.into())]),
        ("size", &[(format!("{PROOF}/treeSize"), "1".into())]),
        ("index", &[(format!("{PROOF}/logIndex"), "999999999".into())]),
        ("the entry's index", &[(format!("{entry}/logIndex"), "0".into())]),
        ("log", &[(format!("{entry}/logId/keyId"), root.into())]),
        (
            "root, size and index",
            &[
                (format!("{PROOF}/rootHash"), root.into()),
                (format!("{PROOF}/treeSize"), "1".into()),
                (format!("{PROOF}/logIndex"), "999999999".into()),
            ],
        ),
    ];
    for (what, edits) in edits {
        let mut bundle = good.clone();
        for (pointer, value) in *edits {
            *bundle.pointer_mut(pointer).unwrap() = value.clone();
        }
        assert_ne!(bundle, good, "{what}");
        let found = verdict(&minted.verify(&bundle, &POLICY));
        assert_eq!(found, ("refuted".to_owned(), "tlog".to_owned()), "{what}");
    }
    assert_eq!(verdict(&minted.verify(&good, &POLICY)), ("proven".to_owned(), "ok".to_owned()));
    record(96, "a Rekor v2 proof with another root, size or index", "refuted (tlog)", "proven");
}
