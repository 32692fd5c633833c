//! Table of attacks on an attested file. Each attack has a twin that differs only in the fault and must be proven.

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use emulators::{ActionsRun, CertificateClaims};
use serde_json::Value;

use crate::support::attested_file::{
    AttestedFile, FILE_NAME, RELEASE_POLICY_FLAGS, release_workflow_run, verify_verdict,
};
use crate::support::repository::{print_note, run};

/// One row of the table: a `verify` run that must end in `expected`, and its twin.
pub(crate) struct AttackCase {
    pub(crate) number: u32,
    pub(crate) description: &'static str,
    /// Content of the bundle file. If its name ends in `.jsonl`, each line is one bundle.
    pub(crate) bundles: String,
    pub(crate) bundle_file_name: &'static str,
    pub(crate) arguments: Vec<String>,
    pub(crate) expected: (&'static str, &'static str),
    /// Bundle file content and arguments of the twin, which has no fault.
    pub(crate) twin: (String, Vec<String>),
}

/// An attested file, a valid bundle for it, and the attacks on them.
pub(crate) struct AttackTable {
    pub(crate) attested_file: AttestedFile,
    pub(crate) valid_bundle: String,
    pub(crate) cases: Vec<AttackCase>,
}

fn to_strings(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|it| (*it).to_owned()).collect()
}

impl AttackTable {
    pub(crate) fn new() -> Self {
        let mut attested_file = AttestedFile::new();
        let good = attested_file.bundle().to_string();
        Self { attested_file, valid_bundle: good, cases: Vec::new() }
    }

    /// Adds an attack whose bundle must be refuted for `reason`. Twin: the valid bundle.
    pub(crate) fn add_refuted(
        &mut self,
        number: u32,
        what: &'static str,
        bundle: &Value,
        reason: &'static str,
    ) {
        self.add_case(number, what, bundle.to_string(), ("refuted", reason));
    }

    /// Adds an attack with any content of the bundle file and any expected verdict and reason.
    pub(crate) fn add_case(
        &mut self,
        number: u32,
        what: &'static str,
        bundles: String,
        expected: (&'static str, &'static str),
    ) {
        let (arguments, twin) = (
            to_strings(&RELEASE_POLICY_FLAGS),
            (self.valid_bundle.clone(), to_strings(&RELEASE_POLICY_FLAGS)),
        );
        self.cases.push(AttackCase {
            number,
            description: what,
            bundles,
            bundle_file_name: "bundle.json",
            arguments,
            expected,
            twin,
        });
    }

    /// Replaces the arguments of the last attack and of its twin. The default is [`RELEASE_POLICY_FLAGS`].
    pub(crate) fn set_arguments(&mut self, arguments: &[&str], twin: &[&str]) {
        let last = self.cases.last_mut().unwrap();
        last.arguments = to_strings(arguments);
        last.twin.1 = to_strings(twin);
    }

    /// Adds a bundle of another workflow run. Its statement and its certificate agree with each other.
    pub(crate) fn add_workflow_run(
        &mut self,
        number: u32,
        what: &'static str,
        change: impl Fn(&mut ActionsRun),
        reason: &'static str,
    ) {
        let mut run = release_workflow_run();
        change(&mut run);
        let statement = run.provenance(&[(FILE_NAME, &self.attested_file.sha256_hex)]);
        let bundle = self.attested_file.attest(&run.claims(), &statement);
        self.add_refuted(number, what, &bundle, reason);
    }

    /// Adds a bundle of the release workflow run with changed certificate claims. The statement stays as it was, so the
    /// two disagree.
    pub(crate) fn add_claims(
        &mut self,
        number: u32,
        what: &'static str,
        change: impl Fn(CertificateClaims) -> CertificateClaims,
        reason: &'static str,
    ) {
        let statement = self.attested_file.statement();
        let bundle = self.attested_file.attest(&change(release_workflow_run().claims()), &statement);
        self.add_refuted(number, what, &bundle, reason);
    }

    /// Adds a bundle of the release workflow run with one changed value in its statement.
    pub(crate) fn add_statement(
        &mut self,
        number: u32,
        what: &'static str,
        (pointer, value): (&str, Value),
        reason: &'static str,
    ) {
        let mut statement = self.attested_file.statement();
        *statement.pointer_mut(pointer).unwrap() = value;
        let bundle = self.attested_file.attest(&release_workflow_run().claims(), &statement);
        self.add_refuted(number, what, &bundle, reason);
    }

    /// Adds the valid bundle, edited after it was signed.
    pub(crate) fn add_edited_bundle(
        &mut self,
        number: u32,
        what: &'static str,
        edit: impl Fn(&mut Value),
        reason: &'static str,
    ) {
        let mut bundle: Value = serde_json::from_str(&self.valid_bundle).unwrap();
        edit(&mut bundle);
        assert_ne!(bundle.to_string(), self.valid_bundle, "the edit did not change the bundle");
        self.add_refuted(number, what, &bundle, reason);
    }

    /// Runs every attack and its twin, and prints the table. Panics with all rows that failed, not only the first.
    pub(crate) fn check_all(self) {
        let verify = |bundles: &str, name: &str, arguments: &[String]| {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            verify_verdict(&run(&mut self.attested_file.command(bundles, name, &arguments)))
        };
        let mut wrong = Vec::new();
        let mut table = vec![
            "case  expected                     got                          twin     attack".to_owned(),
        ];
        for case in &self.cases {
            let (got, reason) = verify(&case.bundles, case.bundle_file_name, &case.arguments);
            let (twin, why) = verify(&case.twin.0, case.bundle_file_name, &case.twin.1);
            let expected = format!("{} ({})", case.expected.0, case.expected.1);
            let found = format!("{got} ({reason})");
            table.push(format!(
                "{:>4}  {expected:<28} {found:<28} {twin:<8} {}",
                case.number, case.description
            ));
            if expected != found || twin != "proven" {
                wrong.push(format!("{} {}: {found}, twin {twin} ({why})", case.number, case.description));
            }
        }
        print_note(&table.join("\n"));
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

/// Flips the lowest bit of one byte of a base64 value. `pointer` is a JSON pointer (RFC 6901), `index` a byte offset.
pub(crate) fn flip_bit(bundle: &mut Value, pointer: &str, index: usize) {
    let text = bundle.pointer_mut(pointer).unwrap();
    let mut bytes = BASE64.decode(text.as_str().unwrap()).unwrap();
    bytes[index] ^= 1;
    *text = Value::from(BASE64.encode(bytes));
}
