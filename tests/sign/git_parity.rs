//! Malformed and unusual tag objects: the verdict of the suite compared with the verdict of git.

use crate::sign::ssh_signer::SshTagSigner;
use crate::support::repository::print_note;

/// Generated tag objects: the suite never proves one that git rejects.
#[test]
fn tags_rejected_by_git_are_never_proven() {
    let signer = SshTagSigner::new(&["-t", "ed25519"]);
    let good = signer.sign_payload(&signer.tag_payload("t", 1_700_000_500), "git");
    let text = String::from_utf8(good.clone()).unwrap();
    let start = text.find("-----BEGIN").unwrap();
    let (payload, armor) = text.split_at(start);
    let pgp = "-----BEGIN PGP SIGNATURE-----\n\niHUEABYKAB0WIQ==\n=abcd\n-----END PGP SIGNATURE-----\n";
    let cms = "-----BEGIN SIGNED MESSAGE-----\nMIAGCSqGSIb3DQEHAqCAMIACAQEx\n-----END SIGNED MESSAGE-----\n";
    let mut objects: Vec<Vec<u8>> = vec![
        good.clone(),
        format!("{payload}{armor}{armor}").into_bytes(),
        format!("{payload}{pgp}{armor}").into_bytes(),
        format!("{payload}{armor}{pgp}").into_bytes(),
        format!("{payload}{pgp}").into_bytes(),
        format!("{payload}{cms}").into_bytes(),
        format!("{payload}{armor}trailing\n").into_bytes(),
        format!("{payload}{}", armor.trim_end()).into_bytes(),
        payload.as_bytes().to_vec(),
        format!("{payload}\n{armor}").into_bytes(),
        text.replace("\n-----END", "\n\n-----END").into_bytes(),
        text.replace("tagger", "tagger  ").into_bytes(),
        text.replace("type commit", "type tree").into_bytes(),
        text.replace("\n\nmessage", "\ngpgsig x\n\nmessage").into_bytes(),
        text.replace('\n', "\r\n").into_bytes(),
    ];
    // A flipped bit in every second byte, and the object cut short at every 40th.
    for place in (0..good.len()).step_by(2) {
        let mut flipped = good.clone();
        flipped[place] ^= 1 << (place / 2 % 8);
        objects.push(flipped);
    }
    for length in (0..good.len()).step_by(40) {
        objects.push(good[..length].to_vec());
    }
    let (mut rejected, mut proven, mut stricter) = (0, 0, 0);
    for object in &objects {
        signer.fixture.write_tag_object("t", object);
        let output = signer.xtask(&["verify-tag", "t"]);
        let git = signer.git_accepts("t");
        assert!(
            git || output.code != 0,
            "git rejects what the suite proves: {}",
            String::from_utf8_lossy(object)
        );
        rejected += usize::from(!git);
        proven += usize::from(output.code == 0);
        stricter += usize::from(git && output.code != 0);
    }
    print_note(&format!(
        "{} tag objects: git rejects {rejected}, the suite proves {proven}, stricter than git on {stricter}",
        objects.len()
    ));
    assert!(rejected > 100 && proven >= 1);
}
