//! Writes an attested file into a directory, for benchmarks and fuzzing: `artifact`, `bundle.json` and `root.json`.

use std::error::Error;
use std::path::Path;

use emulators::{ActionsRun, Sigstore};
use model::Digest;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: attested_file FOLDER")?;
    let folder = Path::new(&folder);
    let artifact = b"invented bytes\n";
    // 2026-05-28. A fixed time keeps the output comparable, and every verifier accepts it.
    let mut sigstore = Sigstore::new(1_780_000_000)?;
    let run = ActionsRun::example();
    let statement = run.provenance(&[("artifact", &Digest::of(artifact).hex())]);
    let bundle = sigstore.attest(&run.claims(), &statement)?;
    std::fs::write(folder.join("artifact"), artifact)?;
    std::fs::write(folder.join("bundle.json"), bundle.to_string())?;
    std::fs::write(folder.join("root.json"), format!("{}\n", sigstore.trusted_root()?))?;
    Ok(())
}
