//! Prints the tables of all reasons in Markdown, for `docs/verifying.md`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(model::evidence::reason::reason_tables().as_bytes())
}
