//! Attacks on identities and statements, by their numbers in `docs/attacks.md`. Each has its expected verdict, and a
//! twin that differs only in the fault and is proven.

use emulators::{
    ActionsRun, BundleSpec, CertificateClaims, CertificateLog, Sigstore, SubjectAlternativeName,
};
use serde_json::json;

use crate::support::attack_table::AttackTable;
use crate::support::attested_file::{FILE_NAME, RELEASE_POLICY_FLAGS, SIGNING_TIME, release_workflow_run};

#[test]
fn identities_other_than_the_release_workflow_are_refuted() {
    let mut all = AttackTable::new();
    all.add_workflow_run(
        1,
        "a fork, the same commit",
        |it| it.repository = "mallory/widgets".to_owned(),
        "repo",
    );
    all.add_workflow_run(
        2,
        "another workflow of the repository",
        |it| it.workflow = "ci.yml".to_owned(),
        "workflow",
    );
    for name in ["release-generic.yml.evil.yml", "release-genericXyml", "Release-generic.yml"] {
        all.add_workflow_run(
            3,
            "a workflow with a similar name",
            |it| it.workflow = name.to_owned(),
            "workflow",
        );
    }
    for name in ["acme-x/widgets", "acme/widgets2", "acmex/widgets"] {
        all.add_workflow_run(
            4,
            "a repository with a similar name",
            |it| it.repository = name.to_owned(),
            "repo",
        );
    }
    all.add_claims(
        4,
        "a host with a similar name",
        |it| it.with_extension(12, "https://github.com.evil/acme/widgets"),
        "repo",
    );
    all.add_claims(
        4,
        "an owner with a similar name",
        |it| it.with_extension(16, "https://github.com/acme-x"),
        "repo",
    );
    all.add_workflow_run(5, "another branch", |it| it.reference = "refs/heads/side".to_owned(), "ref");
    all.add_workflow_run(
        7,
        "a branch that ends like the right one",
        |it| it.reference = "refs/heads/x@refs/heads/main".to_owned(),
        "ref",
    );
    all.add_workflow_run(
        7,
        "a branch that begins like the right one",
        |it| it.reference = "refs/heads/main@refs/heads/x".to_owned(),
        "ref",
    );
    all.check_all();
}

#[test]
fn certificates_of_other_issuers_and_workflows_are_refuted() {
    let mut all = AttackTable::new();
    let other = "https://token.actions.githubusercontent.com/slug";
    for issuer in ["https://accounts.google.com", "https://gitlab.com", other] {
        all.add_claims(
            8,
            "another issuer",
            |it| it.with_extension(1, issuer).with_extension(8, issuer),
            "issuer",
        );
    }
    all.add_claims(
        10,
        "a repository that was private",
        |it| it.with_extension(22, "private"),
        "trust-domain",
    );
    let reused = "https://github.com/acme/tools/.github/workflows/release-generic.yml@refs/heads/main";
    let reuse = |it: CertificateClaims| CertificateClaims {
        subject_alternative_names: vec![SubjectAlternativeName::Uri(reused.to_owned())],
        ..it.with_extension(9, reused)
    };
    all.add_claims(16, "a reusable workflow of another repository", reuse, "signer");
    all.add_claims(16, "a workflow of another commit", |it| it.with_extension(19, &"f".repeat(40)), "signer");
    all.check_all();
}

#[test]
fn source_refs_are_compared_exactly() {
    let mut all = AttackTable::new();
    let tagged = |tag: &str| ActionsRun {
        reference: format!("refs/tags/{tag}"),
        event: "push".to_owned(),
        ..release_workflow_run()
    };
    let right = tagged("server/v0.1.13");
    let statement = right.provenance(&[(FILE_NAME, &all.attested_file.sha256_hex)]);
    all.valid_bundle = all.attested_file.attest(&right.claims(), &statement).to_string();
    let policy =
        [RELEASE_POLICY_FLAGS[0], RELEASE_POLICY_FLAGS[1], "--source-ref", "refs/tags/server/v0.1.13"];
    for (number, tag) in [(5, "server/v0.1.12"), (5, "cli/v0.1.13"), (6, "server/V0.1.13")] {
        all.add_workflow_run(number, "the tag of another release", |it| *it = tagged(tag), "ref");
        all.set_arguments(&policy, &policy);
    }
    all.add_workflow_run(5, "a branch, expected a tag", |_| {}, "ref");
    all.set_arguments(&policy, &policy);
    let commit = "fedcba9876543210fedcba9876543210fedcba98";
    let pinned = [&policy[..], &["--source-digest", crate::support::attested_file::SOURCE_COMMIT]].concat();
    all.add_workflow_run(
        14,
        "a commit other than the tag's",
        |it| *it = ActionsRun { commit: commit.to_owned(), ..tagged("server/v0.1.13") },
        "commit",
    );
    all.set_arguments(&pinned, &pinned);
    all.check_all();
}

#[test]
fn runner_repository_id_or_trust_domain_mismatch_is_refuted() {
    let mut all = AttackTable::new();
    let hosted = [&RELEASE_POLICY_FLAGS[..], &["--deny-self-hosted-runners"]].concat();
    let self_hosted_claims = release_workflow_run().claims().with_extension(11, "self-hosted");
    let mut statement = all.attested_file.statement();
    statement["predicate"]["buildDefinition"]["internalParameters"]["github"]["runner_environment"] =
        "self-hosted".into();
    let bundle = all.attested_file.attest(&self_hosted_claims, &statement);
    all.add_refuted(9, "a self-hosted runner", &bundle, "runner");
    all.set_arguments(&hosted, &hosted);

    let mut internal = Sigstore::for_organization("GitHub, Inc.", SIGNING_TIME).unwrap();
    let claims =
        CertificateClaims { certificate_log: CertificateLog::None, ..release_workflow_run().claims() };
    let statement = all.attested_file.statement();
    let mint = BundleSpec::new(
        emulators::BundleSigner::Certificate(&claims),
        emulators::BundleContent::Statement(&statement),
    );
    let bundle = internal
        .create_bundle(&BundleSpec { rekor_version: None, timestamped_after_seconds: Some(1), ..mint })
        .unwrap();
    let roots = format!(
        "{}\n{}",
        all.attested_file.sigstore.trusted_root().unwrap(),
        internal.trusted_root().unwrap()
    );
    let both = all.attested_file.path("both.jsonl");
    std::fs::write(&both, roots).unwrap();
    let both = [&RELEASE_POLICY_FLAGS[..], &["--trusted-root", both.to_str().unwrap()]].concat();
    all.add_refuted(10, "a certificate of GitHub's own instance", &bundle, "trust-domain");
    all.set_arguments(&both, &both);

    let mut staging = Sigstore::new(SIGNING_TIME).unwrap();
    let bundle = staging.attest(&release_workflow_run().claims(), &statement).unwrap();
    all.add_refuted(11, "an authority of the same name", &bundle, "trust-root");
    let mut private = Sigstore::for_organization("Example", SIGNING_TIME).unwrap();
    let bundle = private.attest(&release_workflow_run().claims(), &statement).unwrap();
    all.add_refuted(11, "a private authority, with the built-in trusted root", &bundle, "trust-root");
    all.set_arguments(&[&RELEASE_POLICY_FLAGS[..], &["--offline"]].concat(), &RELEASE_POLICY_FLAGS);
    all.add_case(35, "a trusted root of another authority", bundle.to_string(), ("unproven", "trust-root"));

    let catalog = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../release.toml")).unwrap();
    let (head, tail) = (catalog.find("eras = [").unwrap(), catalog.find("[archive]").unwrap());
    let catalog_with_id = |id: u32, name: &str| {
        let era =
            format!("eras = [{{ slug = \"acme/widgets\", repository_id = {id}, owner_id = 4242 }}]\n\n");
        let path = all.attested_file.path(name);
        std::fs::write(&path, format!("{}{era}{}", &catalog[..head], &catalog[tail..])).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (other, right) = (catalog_with_id(7, "other.toml"), catalog_with_id(424_242, "right.toml"));
    let good = all.valid_bundle.clone();
    all.add_case(18, "a repository recreated under the same name", good, ("refuted", "repo-id"));
    all.set_arguments(
        &[&RELEASE_POLICY_FLAGS[..], &["--config", &other]].concat(),
        &[&RELEASE_POLICY_FLAGS[..], &["--config", &right]].concat(),
    );
    all.check_all();
}

#[test]
fn statement_must_match_its_certificate() {
    let mut all = AttackTable::new();
    let github = "/predicate/buildDefinition/internalParameters/github";
    let workflow = "/predicate/buildDefinition/externalParameters/workflow";
    let sources = "/predicate/buildDefinition/resolvedDependencies";
    let lies = [
        (format!("{workflow}/repository"), json!("https://github.com/mallory/widgets")),
        (format!("{workflow}/ref"), json!("refs/heads/other")),
        (format!("{workflow}/path"), json!(".github/workflows/other.yml")),
        (format!("{github}/event_name"), json!("push")),
        (format!("{github}/repository_id"), json!("7")),
        (format!("{github}/repository_owner_id"), json!("7")),
        (format!("{github}/runner_environment"), json!("self-hosted")),
        (format!("{sources}/0/digest/gitCommit"), json!("f".repeat(40))),
        (format!("{sources}/0/uri"), json!("git+https://github.com/acme/widgets@refs/heads/other")),
        (sources.to_owned(), json!([])),
        ("/predicate/runDetails/builder/id".to_owned(), json!("https://github.com/acme/widgets/x")),
        (
            "/predicate/runDetails/metadata/invocationId".to_owned(),
            json!("https://github.com/acme/widgets/actions/runs/7/attempts/1"),
        ),
        ("/predicate/buildDefinition/buildType".to_owned(), json!("https://example.com/build")),
    ];
    for (pointer, value) in lies {
        all.add_statement(
            12,
            "a statement that contradicts the certificate",
            (&pointer, value),
            "predicate-mismatch",
        );
    }
    all.add_statement(
        13,
        "another type of statement",
        ("/predicateType", json!("https://spdx.dev/Document")),
        "missing",
    );
    all.cases.last_mut().unwrap().expected.0 = "unproven";
    all.add_statement(
        21,
        "another name for the same bytes",
        ("/subject/0/name", json!("widgets-server-v0.1.0.tar.gz")),
        "subject-name",
    );
    all.add_statement(
        21,
        "a statement of another version",
        ("/_type", json!("https://in-toto.io/Statement/v0.1")),
        "statement",
    );
    all.add_statement(
        20,
        "other bytes",
        ("/subject/0/digest/sha256", json!("00".repeat(32))),
        "subject-digest",
    );
    all.check_all();
}
