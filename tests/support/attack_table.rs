//! Attacks, each with its twin that differs only in the fault: how they are told, played and printed.

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use emulators::{ActionsRun, CertificateClaims};
use serde_json::Value;

use crate::support::attested_file::{FILE, Minted, POLICY, release_run, verdict};
use crate::support::repository::{run, say};

/// An attack.
pub(crate) struct Case {
    pub(crate) number: u32,
    pub(crate) what: &'static str,
    /// What is handed over, and under which name.
    pub(crate) bundles: String,
    pub(crate) name: &'static str,
    pub(crate) arguments: Vec<String>,
    pub(crate) expected: (&'static str, &'static str),
    /// The same without the fault.
    pub(crate) twin: (String, Vec<String>),
}

/// A world of one attested file, and the attacks on it.
pub(crate) struct Attacks {
    pub(crate) minted: Minted,
    pub(crate) good: String,
    pub(crate) all: Vec<Case>,
}

fn owned(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|it| (*it).to_owned()).collect()
}

impl Attacks {
    pub(crate) fn new() -> Self {
        let mut minted = Minted::new();
        let good = minted.bundle().to_string();
        Self { minted, good, all: Vec::new() }
    }

    /// A bundle that differs from the right one, which is refuted for this reason.
    pub(crate) fn refuted(&mut self, number: u32, what: &'static str, bundle: &Value, reason: &'static str) {
        self.add(number, what, bundle.to_string(), ("refuted", reason));
    }

    pub(crate) fn add(
        &mut self,
        number: u32,
        what: &'static str,
        bundles: String,
        expected: (&'static str, &'static str),
    ) {
        let (arguments, twin) = (owned(&POLICY), (self.good.clone(), owned(&POLICY)));
        self.all.push(Case { number, what, bundles, name: "bundle.json", arguments, expected, twin });
    }

    /// Changes how the last attack and its twin are verified.
    pub(crate) fn with(&mut self, arguments: &[&str], twin: &[&str]) {
        let last = self.all.last_mut().unwrap();
        last.arguments = owned(arguments);
        last.twin.1 = owned(twin);
    }

    /// Another run of a workflow, with statement and certificate to it.
    pub(crate) fn run(
        &mut self,
        number: u32,
        what: &'static str,
        change: impl Fn(&mut ActionsRun),
        reason: &'static str,
    ) {
        let mut run = release_run();
        change(&mut run);
        let statement = run.provenance(&[(FILE, &self.minted.hex)]);
        let bundle = self.minted.attest(&run.claims(), &statement);
        self.refuted(number, what, &bundle, reason);
    }

    /// The release's own run with other claims, and a statement that agrees with none of them.
    pub(crate) fn claims(
        &mut self,
        number: u32,
        what: &'static str,
        change: impl Fn(CertificateClaims) -> CertificateClaims,
        reason: &'static str,
    ) {
        let statement = self.minted.statement();
        let bundle = self.minted.attest(&change(release_run().claims()), &statement);
        self.refuted(number, what, &bundle, reason);
    }

    /// The release's own run with another statement.
    pub(crate) fn statement(
        &mut self,
        number: u32,
        what: &'static str,
        (pointer, value): (&str, Value),
        reason: &'static str,
    ) {
        let mut statement = self.minted.statement();
        *statement.pointer_mut(pointer).unwrap() = value;
        let bundle = self.minted.attest(&release_run().claims(), &statement);
        self.refuted(number, what, &bundle, reason);
    }

    /// The right bundle, edited after it was signed.
    pub(crate) fn edited(
        &mut self,
        number: u32,
        what: &'static str,
        edit: impl Fn(&mut Value),
        reason: &'static str,
    ) {
        let mut bundle: Value = serde_json::from_str(&self.good).unwrap();
        edit(&mut bundle);
        assert_ne!(bundle.to_string(), self.good, "nothing was edited");
        self.refuted(number, what, &bundle, reason);
    }

    /// Runs every attack and every twin, and prints the table.
    pub(crate) fn play(self) {
        let verify = |bundles: &str, name: &str, arguments: &[String]| {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            verdict(&run(&mut self.minted.command(bundles, name, &arguments)))
        };
        let mut wrong = Vec::new();
        let mut table = vec![
            "case  expected                     got                          twin     attack".to_owned(),
        ];
        for it in &self.all {
            let (got, reason) = verify(&it.bundles, it.name, &it.arguments);
            let (twin, why) = verify(&it.twin.0, it.name, &it.twin.1);
            let expected = format!("{} ({})", it.expected.0, it.expected.1);
            let found = format!("{got} ({reason})");
            table.push(format!("{:>4}  {expected:<28} {found:<28} {twin:<8} {}", it.number, it.what));
            if expected != found || twin != "proven" {
                wrong.push(format!("{} {}: {found}, twin {twin} ({why})", it.number, it.what));
            }
        }
        say(&table.join("\n"));
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

/// Flips a bit of a text in base64.
pub(crate) fn flip(bundle: &mut Value, pointer: &str, at: usize) {
    let text = bundle.pointer_mut(pointer).unwrap();
    let mut bytes = BASE64.decode(text.as_str().unwrap()).unwrap();
    bytes[at] ^= 1;
    *text = Value::from(BASE64.encode(bytes));
}
