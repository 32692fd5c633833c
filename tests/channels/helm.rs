//! Helm charts compared with the tree of their tag.

use crate::channels::helm_package::{FILE, lock, packaged_chart, provenance_text, write_charts};
use crate::channels::maven_package::GpgKey;
use crate::channels::published_packages::PLAIN_WORKFLOW;
use crate::support::external_tools::large_tool;
use crate::support::published_release::sha256_hex;
use crate::support::repository::{hermetic_command, print_note, run, xtask};

/// Case 84, and cases 48 and 50 for charts.
#[test]
fn case_84_charts_are_compared_with_their_folders() {
    let (bed, package) = packaged_chart(PLAIN_WORKFLOW, &lock());
    bed.check_edits(
        &package,
        r"
 84 | changed values        | set opensandbox/values.yaml a: 2           | opensandbox/values.yaml: differs
 84 | extra template        | set opensandbox/templates/evil.yaml x      | evil.yaml: not in
 84 | removed template      | remove opensandbox/templates/service.yaml  | service.yaml: missing
 84 | ignored file          | set opensandbox/docs/internal.md internal  | internal.md: not in
 84 | hidden template       | set opensandbox/templates/.hidden hidden   | .hidden: not in
 84 | executable file       | mode opensandbox/values.yaml 0755          | has mode 755
 84 | changed subchart      | set opensandbox/charts/opensandbox-server/values.yaml b: 3 | values.yaml: differs
 84 | extra subchart        | set opensandbox/charts/evil/Chart.yaml name: evil | charts/evil/Chart.yaml: not in
 84 | subchart of another version | sub opensandbox/charts/opensandbox-server/Chart.yaml version: 0.1.0 => version: 0.1.1 | has another version
 84 | another dependency    | sub opensandbox/Chart.yaml file://../opensandbox-server => https://evil.example | dependencies[0].repository
 84 | another lock          | sub opensandbox/Chart.lock version: 0.1.0 => version: 0.1.1 | locks other dependencies
 84 | no lock               | remove opensandbox/Chart.lock              | Chart.lock: missing
 50 | another name          | sub opensandbox/Chart.yaml name: opensandbox\nversion => name: evil\nversion | states the name evil
 50 | another version       | sub opensandbox/Chart.yaml version: 1.2.3 => version: 1.2.4 | states the version 1.2.4
 50 | another appVersion    | sub opensandbox/Chart.yaml appVersion: 1.2.3 => appVersion: 9 | another appVersion
 50 | an annotation         | set opensandbox/Chart.yaml apiVersion: v2\nname: opensandbox\nversion: 1.2.3\nannotations: {a: b}\n | another annotations.a
 50 | an unknown key        | sub opensandbox/Chart.yaml name: opensandbox\nversion => x: y\nname: opensandbox\nversion | Helm writes no key x
 50 | a key in another case | sub opensandbox/Chart.yaml name: opensandbox\nversion => Home: y\nname: opensandbox\nversion | because it ignores case
 50 | another white space   | sub opensandbox/Chart.yaml 'All in one ' => All in one | another description
 50 | one more keyword      | sub opensandbox/Chart.yaml - sandbox\n => - sandbox\n- ''\n | another keywords[]
 50 | a second document     | sub opensandbox/Chart.yaml version: 1.2.3\n => version: 1.2.3\n---\nname: evil\n | more than one document
 50 | a key twice           | sub opensandbox/Chart.yaml version: 1.2.3\n => version: 1.2.3\nversion: 1.2.3\n | more than once
 48 | Chart.yaml is no YAML | set opensandbox/Chart.yaml a: [             | Chart.yaml
",
    );
}

/// The name of the chart in the package decides whether it is compared at all.
#[test]
fn other_charts_are_named() {
    let (bed, _) = packaged_chart(PLAIN_WORKFLOW, &lock());
    let chart = ("opensandbox-server/Chart.yaml".to_owned(), "name: opensandbox-server\n".to_owned());
    let (verdict, findings) = bed.compare(&bed.built("opensandbox-server-1.2.3.tgz", &[chart]));
    assert_eq!((verdict.as_str(), findings.len()), ("refuted", 1), "{findings:?}");
    assert!(
        findings[0].contains("the package is opensandbox-server, the tag is of opensandbox 1.2.3"),
        "{findings:?}"
    );
}

/// A stale lock is refused by `doctor` before the tag is made, and refuted in a chart.
#[test]
fn case_84_stale_locks_are_refused_by_doctor() {
    let stale = lock().replace("sha256:", "sha256:0");
    let (bed, package) = packaged_chart(PLAIN_WORKFLOW, &stale);
    let (verdict, findings) = bed.compare(&package);
    assert_eq!(verdict, "refuted", "{findings:?}");
    assert!(findings.iter().any(|it| it.starts_with("stale-lock")), "{findings:?}");
    let doctor = |repository: &std::path::Path| {
        let mut command = xtask(repository);
        run(command.args(["doctor", "helm/opensandbox/1.2.4"])).stdout
    };
    let refused = doctor(bed.repository.path());
    assert!(refused.contains("helm dependency update"), "{refused}");
    let (good, _) = packaged_chart(PLAIN_WORKFLOW, &lock());
    let accepted = doctor(good.repository.path());
    assert!(!accepted.contains("helm dependency update"), "{accepted}");
    let (none, _) = packaged_chart(PLAIN_WORKFLOW, "dependencies: []\ndigest: x\n");
    assert!(doctor(none.repository.path()).contains("helm dependency update"));
}

/// Helm's own library packages the same charts, and refuses the stale lock.
#[test]
fn charts_of_helms_own_library_are_proven() {
    let Some(tool) =
        large_tool("helm-0.2.2/helm_python/__init__.py", "charts_of_helms_own_library", "HELM_REQUIRED")
    else {
        return;
    };
    let libraries = tool.parent().unwrap().parent().unwrap().to_owned();
    let (bed, _) = packaged_chart(PLAIN_WORKFLOW, &lock());
    let script = "import sys, helm_python as H\nfrom helm_python import registry as R\n\
                  R.dependency_build(sys.argv[1], skip_refresh=True)\nH.package(sys.argv[1], destination=sys.argv[2])";
    let package = |lock: &str, name: &str| {
        let folder = bed.folder.path().join(name);
        write_charts(&folder, lock);
        let mut command = hermetic_command("python3", &folder);
        command.env("PYTHONPATH", &libraries).args(["-c", script]);
        run(command.arg(folder.join("kubernetes/charts/opensandbox")).arg(&folder))
    };
    let built = package(&lock(), "good");
    assert_eq!(built.code, 0, "{}", built.stderr);
    let chart = bed.folder.path().join("good").join(FILE);
    assert_eq!(bed.compare(&chart), ("proven".to_owned(), Vec::new()));
    let stale = package(&lock().replace("sha256:", "sha256:0"), "stale");
    assert_ne!(stale.code, 0);
    assert!(stale.stderr.contains("out of sync"), "{}", stale.stderr);
    let key = GpgKey::of_kind("rsa2048");
    let verify = |digest: &str| {
        let (text, keyring) = (key.home().join("text"), key.home().join("keyring.gpg"));
        std::fs::write(&text, provenance_text(digest)).unwrap();
        let provenance = chart.with_extension("tgz.prov");
        let (text, output) = (text.to_str().unwrap(), provenance.to_str().unwrap());
        key.gpg(&["--digest-algo", "SHA512", "--output", output, "--clearsign", text]);
        key.gpg(&["--output", keyring.to_str().unwrap(), "--export"]);
        let mut command = hermetic_command("python3", key.home());
        command.env("PYTHONPATH", &libraries);
        command.args(["-c", "import sys, helm_python as H; print(H.verify(sys.argv[1], sys.argv[2]))"]);
        run(command.arg(&chart).arg(keyring))
    };
    let digest = sha256_hex(&std::fs::read(&chart).unwrap());
    let accepted = verify(&digest);
    assert_eq!(accepted.code, 0, "{}", accepted.stderr);
    assert!(verify(&"0".repeat(64)).stderr.contains("sha256 sum does not match"));
    print_note(&format!("Helm's library: {}", stale.stderr.lines().last().unwrap_or_default()));
}
