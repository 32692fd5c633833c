//! Real Python clients read the emulated PyPI: pip with its hash check, and uv.

use crate::channels::published_packages::ATTESTING_WORKFLOW;
use crate::channels::pypi_audit::{INDEX, PROJECT, WHEEL, published};
use crate::support::external_tools::fetched_tool;
use crate::support::published_release::sha256_hex;
use crate::support::repository::{hermetic_command, run};

#[test]
fn pip_downloads_what_the_index_states() {
    let Some((published, wheel, _)) = published(ATTESTING_WORKFLOW, "pip_downloads") else { return };
    let home = tempfile::tempdir().unwrap();
    let requirements = home.path().join("requirements.txt");
    let download = |digest: &str| {
        std::fs::write(&requirements, format!("{PROJECT}==1.2.3 --hash=sha256:{digest}\n")).unwrap();
        let mut pip = hermetic_command("python3", home.path());
        pip.args(["-m", "pip", "--isolated", "--disable-pip-version-check", "download", "--no-deps"]);
        pip.args(["--no-cache-dir", "--only-binary", ":all:", "--require-hashes"]);
        pip.arg("--index-url").arg(published.registries.pypi_index());
        run(pip.arg("--dest").arg(home.path()).arg("--requirement").arg(&requirements))
    };
    download(&sha256_hex(&wheel)).ok();
    assert_eq!(std::fs::read(home.path().join(WHEEL)).unwrap(), wheel);
    std::fs::remove_file(home.path().join(WHEEL)).unwrap();
    let refused = download(&"0".repeat(64));
    assert!(refused.code != 0 && refused.stderr.contains("DO NOT MATCH"), "{}", refused.stderr);
}

#[test]
fn uv_installs_what_the_index_states() {
    let Some((published, wheel, _)) = published(ATTESTING_WORKFLOW, "uv_installs") else { return };
    let Some(uv) = fetched_tool("uv-0.13.9/bin/uv", "uv_installs_what_the_index_states") else { return };
    let home = tempfile::tempdir().unwrap();
    let target = home.path().join("target");
    let install = || {
        let mut command = hermetic_command(&uv, home.path());
        command.args(["pip", "install", "--no-config", "--no-cache", "--no-deps", "--target"]).arg(&target);
        command.arg("--default-index").arg(published.registries.pypi_index());
        run(command.arg(format!("{PROJECT}==1.2.3")))
    };
    install().ok();
    assert_eq!(std::fs::read_to_string(target.join("opensandbox_server/b.py")).unwrap(), "b = 2\n");
    std::fs::remove_dir_all(&target).unwrap();
    // The index states another digest than the file has.
    let index = String::from_utf8(published.registries.document(INDEX).unwrap()).unwrap();
    let changed = index.replace(&sha256_hex(&wheel), &"0".repeat(64));
    published.registries.set_document(INDEX, "application/vnd.pypi.simple.v1+json", changed.into_bytes());
    let refused = install();
    assert!(refused.code != 0 && refused.stderr.contains("Hash mismatch"), "{}", refused.stderr);
}
