//! Attacks, each with its twin that differs only in the fault: how they are told, played and printed.

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use emulators::{ActionsRun, CertificateClaims};
use serde_json::Value;

use crate::support::attested_file::{
    AttestedFile, FILE_NAME, RELEASE_POLICY_FLAGS, release_workflow_run, verify_verdict,
};
use crate::support::repository::{print_note, run};

/// An attack.
pub(crate) struct AttackCase {
    pub(crate) number: u32,
    pub(crate) description: &'static str,
    /// What is handed over, and under which name.
    pub(crate) bundles: String,
    pub(crate) bundle_file_name: &'static str,
    pub(crate) arguments: Vec<String>,
    pub(crate) expected: (&'static str, &'static str),
    /// The same without the fault.
    pub(crate) twin: (String, Vec<String>),
}

/// A world of one attested file, and the attacks on it.
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

    /// A bundle that differs from the right one, which is refuted for this reason.
    pub(crate) fn add_refuted(
        &mut self,
        number: u32,
        what: &'static str,
        bundle: &Value,
        reason: &'static str,
    ) {
        self.add_case(number, what, bundle.to_string(), ("refuted", reason));
    }

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

    /// Changes how the last attack and its twin are verified.
    pub(crate) fn set_arguments(&mut self, arguments: &[&str], twin: &[&str]) {
        let last = self.cases.last_mut().unwrap();
        last.arguments = to_strings(arguments);
        last.twin.1 = to_strings(twin);
    }

    /// Another run of a workflow, with statement and certificate to it.
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

    /// The release's own run with other claims, and a statement that agrees with none of them.
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

    /// The release's own run with another statement.
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

    /// The right bundle, edited after it was signed.
    pub(crate) fn add_edited_bundle(
        &mut self,
        number: u32,
        what: &'static str,
        edit: impl Fn(&mut Value),
        reason: &'static str,
    ) {
        let mut bundle: Value = serde_json::from_str(&self.valid_bundle).unwrap();
        edit(&mut bundle);
        assert_ne!(bundle.to_string(), self.valid_bundle, "nothing was edited");
        self.add_refuted(number, what, &bundle, reason);
    }

    /// Runs every attack and every twin, and prints the table.
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

/// Flips a bit of a text in base64.
pub(crate) fn flip_bit(bundle: &mut Value, pointer: &str, index: usize) {
    let text = bundle.pointer_mut(pointer).unwrap();
    let mut bytes = BASE64.decode(text.as_str().unwrap()).unwrap();
    bytes[index] ^= 1;
    *text = Value::from(BASE64.encode(bytes));
}
