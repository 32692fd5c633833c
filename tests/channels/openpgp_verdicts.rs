//! The verdicts on OpenPGP signatures of Maven artifacts beside those of gpg and sqv, for many kinds of keys and signatures.

use std::collections::BTreeMap;
use std::path::Path;

use crate::channels::maven_package::{GpgKey, LIBRARY, MavenPackage, PLATFORM, VERSION};
use crate::channels::published_packages::PLAIN_WORKFLOW;
use crate::support::repository::{hermetic_command, print_note, run};

/// The kinds of keys, as `gpg --quick-gen-key` names them.
const KEYS: [&str; 8] =
    ["ed25519", "rsa2048", "rsa3072", "nistp256", "nistp384", "dsa2048", "rsa1024", "brainpoolP256r1"];
/// The kinds of signatures: a name, and options of gpg. Options in braces are handled by the test.
const SIGNATURES: [(&str, &[&str]); 14] = [
    ("SHA-256", &["--digest-algo", "SHA256"]),
    ("SHA-384", &["--digest-algo", "SHA384"]),
    ("SHA-512", &["--digest-algo", "SHA512"]),
    ("with a comment", &["--comment", "a comment"]),
    ("with a notation", &["--sig-notation", "note@example.com=x"]),
    ("SHA-1", &["--digest-algo", "SHA1", "--allow-weak-digest-algos"]),
    ("over a text", &["--textmode"]),
    ("expired", &["--faked-system-time", "20260101T000000!", "--default-sig-expire", "1d"]),
    ("of another file", &["{other}"]),
    ("changed", &["{flip}"]),
    ("twice", &["{twice}"]),
    ("clearsigned", &["{clear}"]),
    ("binary", &["{binary}"]),
    ("by an expired key", &["{expired-key}"]),
];

/// Where ours refuses and one of the others accepts, each with the reason; `docs/verifying.md` lists them.
const STRICTER: [&str; 6] = ["SHA-1", "over a text", "twice", "clearsigned", "binary", "by an expired key"];

/// A signature of one file of a version.
struct SignedFile {
    kind: &'static str,
    name: String,
    gpg: bool,
    sqv: bool,
}

/// Returns a signature of this kind. `bytes` are the content of the file. `None` if gpg does not make such signatures with
/// the key, as SHA-1 with a long DSA key.
fn signature(key: &GpgKey, bytes: &[u8], options: &[&str]) -> Option<Vec<u8>> {
    let sign = |bytes: &[u8]| key.sign(bytes, &[]);
    Some(match options {
        ["{other}"] => sign(b"other"),
        ["{expired-key}"] => sign(bytes),
        ["{flip}"] => {
            let mut changed = sign(bytes);
            let middle = changed.len() / 2;
            changed[middle] = if changed[middle] == b'A' { b'B' } else { b'A' };
            changed
        }
        ["{twice}"] => [sign(bytes), sign(bytes)].concat(),
        ["{clear}" | "{binary}"] => {
            let (file, output) = (key.home().join("data"), key.home().join("data.out"));
            std::fs::write(&file, bytes).unwrap();
            let (file, path) = (file.to_str().unwrap(), output.to_str().unwrap());
            let action = if options == ["{clear}"] { "--clearsign" } else { "--detach-sign" };
            key.gpg(&["--output", path, action, file]);
            std::fs::read(output).unwrap()
        }
        _ => return key.try_sign(bytes, options),
    })
}

/// Returns whether gpg accepts a signature: exactly one good one, by a key that is neither expired nor revoked. Its exit
/// code alone does not say so.
fn gpg_accepts(key: &GpgKey, signature: &Path, file: &Path) -> bool {
    let mut command = hermetic_command("gpg", key.home());
    command.env("GNUPGHOME", key.home()).args(["--batch", "--status-fd", "1", "--verify"]);
    let output = run(command.arg(signature).arg(file));
    let count = |word: &str| output.stdout.matches(&format!("[GNUPG:] {word}")).count();
    output.code == 0 && count("NEWSIG") == 1 && count("GOODSIG ") == 1 && count("VALIDSIG ") == 1
}

fn sqv_accepts(key: &GpgKey, signature: &Path, file: &Path) -> bool {
    let keyring = key.home().join("public.asc");
    std::fs::write(&keyring, &key.public).unwrap();
    let mut command = hermetic_command("sqv", key.home());
    run(command.arg("--keyring").arg(keyring).arg(signature).arg(file)).code == 0
}

/// Signs the files of a version, each with another kind of signature, and returns the verdicts of gpg and sqv.
fn sign_files(package: &MavenPackage, key: &GpgKey, kinds: &[(&'static str, &[&str])]) -> Vec<SignedFile> {
    let files = [(LIBRARY, &package.library), (PLATFORM, &package.platform)];
    let slots = files.iter().flat_map(|(artifact, files)| files.iter().map(move |file| (artifact, file)));
    let mut signed = Vec::new();
    for ((artifact, (ending, bytes)), (kind, options)) in slots.zip(kinds) {
        let Some(signature) = signature(key, bytes, options) else { continue };
        let (file, path) = (key.home().join("file"), key.home().join("file.asc"));
        std::fs::write(&file, bytes).unwrap();
        std::fs::write(&path, &signature).unwrap();
        signed.push(SignedFile {
            kind,
            name: format!("{artifact}-{VERSION}{ending}"),
            gpg: gpg_accepts(key, &path, &file),
            sqv: sqv_accepts(key, &path, &file),
        });
        let path =
            format!("/maven/com/alibaba/opensandbox/{artifact}/{VERSION}/{artifact}-{VERSION}{ending}.asc");
        package.published.registries.set_document(&path, "text/plain", signature);
    }
    signed
}

/// Returns whether the audit proves the signature of each file.
fn audited(package: &MavenPackage) -> BTreeMap<String, bool> {
    let document = package.published.audit("maven", &[]).json();
    let findings = document["findings"].as_array().unwrap().iter().filter(|it| it["check"] == "signature");
    let verdict =
        |it: &serde_json::Value| (it["subject"].as_str().unwrap().to_owned(), it["verdict"] == "proven");
    findings.map(verdict).collect()
}

/// Whatever ours accepts, gpg and sqv accept, and the reverse with the listed exceptions.
#[test]
fn verdicts_agree_with_gpg_and_sqv() {
    let package = MavenPackage::publish(PLAIN_WORKFLOW);
    let mut table = vec!["key              signature           ours   gpg    sqv".to_owned()];
    let (mut wrong, mut total) = (Vec::new(), 0);
    for kind in KEYS {
        let mut key = GpgKey::of_kind(kind);
        for expired in [false, true] {
            let kinds: Vec<_> =
                SIGNATURES.into_iter().filter(|it| (it.1 == ["{expired-key}"]) == expired).collect();
            for part in kinds.chunks(package.library.len() + package.platform.len()) {
                let signed = sign_files(&package, &key, part);
                let signed = if expired {
                    key.gpg(&[
                        "--faked-system-time",
                        "20260101T000000!",
                        "--quick-set-expire",
                        &key.fingerprint.clone(),
                        "1d",
                    ]);
                    key.read_public();
                    let signed_again = signed.iter().map(|it| (it.kind, &[][..])).collect::<Vec<_>>();
                    recheck(&package, &key, &signed_again)
                } else {
                    signed
                };
                package.pin(&[&key.fingerprint]);
                package.published.registries.upload_key(&key.fingerprints, &key.public);
                let ours = audited(&package);
                for file in signed {
                    let ours = ours[&file.name];
                    let row =
                        format!("{kind:<16} {:<19} {ours:<6} {:<6} {:<6}", file.kind, file.gpg, file.sqv);
                    let is_exception = STRICTER.contains(&file.kind)
                        || kind == "rsa1024"
                        || (kind == "brainpoolP256r1" && !file.sqv);
                    if (ours != file.gpg || ours != file.sqv) && !is_exception {
                        wrong.push(row.clone());
                    }
                    if ours && !(file.gpg && (file.sqv || kind == "brainpoolP256r1")) {
                        wrong.push(row.clone());
                    }
                    total += 1;
                    table.push(row);
                }
            }
        }
    }
    table.push(format!("{total} signatures"));
    print_note(&table.join("\n"));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Returns the verdicts on the signature of the first file after the key has changed.
fn recheck(package: &MavenPackage, key: &GpgKey, kinds: &[(&'static str, &[&str])]) -> Vec<SignedFile> {
    let (ending, bytes) = &package.library[0];
    let (file, path) = (key.home().join("file"), key.home().join("file.asc"));
    std::fs::write(&file, bytes).unwrap();
    kinds
        .iter()
        .map(|(kind, _)| SignedFile {
            kind,
            name: format!("{LIBRARY}-{VERSION}{ending}"),
            gpg: gpg_accepts(key, &path, &file),
            sqv: sqv_accepts(key, &path, &file),
        })
        .collect()
}
