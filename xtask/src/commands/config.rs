//! `config show|init`: shows the release configuration in use, or creates one.

use anyhow::anyhow;
use clap::{Args, Subcommand};
use model::Catalog;
use model::release::request::ProgramPolicy;
use serde::Serialize;

use crate::args::GlobalArgs;
use crate::error::CliError;
use crate::escape;
use crate::outcome::RunOutcome;
use crate::report::{self, TextPage};
use crate::session::{self, Session};

/// The arguments of `config`.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    action: ConfigAction,
}

/// The subcommands of `config`.
#[derive(Debug, Subcommand)]
enum ConfigAction {
    /// Print the release configuration in use, and its source
    Show,
    /// Write release.toml to the repository's root: a copy of the built-in one, to edit
    Init {
        /// Trust this signer: KEY, or the key that git is configured for
        #[arg(long, value_name = "KEY", num_args = 0..=1, require_equals = true)]
        #[expect(clippy::option_option, reason = "clap's own type for a flag with an optional value")]
        signer: Option<Option<String>>,
    },
}

/// The JSON document of `config show`.
#[derive(Serialize)]
struct ConfigShowJson<'a> {
    schema: &'static str,
    source: &'a str,
    text: &'a str,
}

/// The JSON document of `config init`.
#[derive(Serialize)]
struct ConfigInitJson<'a> {
    schema: &'static str,
    signer: Option<&'a str>,
    files: Vec<String>,
}

pub(crate) fn run(global: &GlobalArgs, args: &ConfigArgs) -> Result<RunOutcome, CliError> {
    match &args.action {
        ConfigAction::Show => show_config(global),
        ConfigAction::Init { signer } => init_config(global, signer.as_ref()),
    }
}

fn show_config(global: &GlobalArgs) -> Result<RunOutcome, CliError> {
    let session = Session::discover(global)?;
    let root = session.as_ref().map(|it| it.repo.root());
    let catalog = session::read_catalog_text(global, root.as_deref())?;
    Catalog::parse(&catalog.name, &catalog.text)?;
    if report::is_json(global) {
        let schema = "opensandbox-release/config-show/1";
        report::print_json(&ConfigShowJson { schema, source: &catalog.name, text: &catalog.text })?;
    } else {
        let mut page = TextPage::new();
        page.line(format!("# {}", escape::sanitize(&catalog.name)));
        page.lines(catalog.text.trim_end());
        page.print()?;
    }
    Ok(RunOutcome::Success)
}

fn init_config(global: &GlobalArgs, signer: Option<&Option<String>>) -> Result<RunOutcome, CliError> {
    let session = Session::open(global, ProgramPolicy::ProtectedConfig)?;
    if session.repo.is_bare() {
        let error = anyhow!("{} has no working tree to write release.toml to", session.repo.root().display());
        return Err(CliError::usage(error).with_hint("select a clone with a working tree: -C DIR"));
    }
    if global.config.is_some() {
        let error = anyhow!(
            "config init writes release.toml to the repository's root, so it does not accept --config"
        );
        return Err(CliError::usage(error).with_hint("leave out --config"));
    }
    let root = session.repo.root();
    let catalog = session::read_catalog_text(global, Some(&root))?;
    let exists = root.join(session::CATALOG_FILE).symlink_metadata().is_ok();
    if exists && (signer.is_none() || session.catalog.signer_policy.is_some()) {
        let with_table = if signer.is_some() { " with [signers]" } else { "" };
        let error = anyhow!("{} already exists{with_table}; nothing was written", catalog.name);
        return Err(CliError::usage(error).with_hint(match signer {
            Some(_) => "to trust another signer, add the key to the file that [signers] names",
            None => "edit this file",
        }));
    }
    let signer_config = signer
        .map(|requested_key| ops::signer_config(session.context(), requested_key.as_deref()))
        .transpose()?;
    let text = match &signer_config {
        Some(signer_config) => format!("{}\n\n{}", catalog.text.trim_end(), signer_config.toml_table),
        None => catalog.text,
    };
    // The new text is parsed before it is written, so that the suite never writes a file that it cannot read.
    Catalog::parse(session::CATALOG_FILE, &text)?;
    let files = ops::write_configuration(&root, &text, signer_config.as_ref()).map_err(CliError::from)?;
    let name = signer_config.as_ref().map(|it| it.name.as_str());
    let files: Vec<String> = files.iter().map(|it| it.display().to_string()).collect();
    if report::is_json(global) {
        let schema = "opensandbox-release/config-init/1";
        report::print_json(&ConfigInitJson { schema, signer: name, files })?;
        return Ok(RunOutcome::Success);
    }
    let mut page = TextPage::new();
    for file in &files {
        page.line(format!("wrote {}", escape::sanitize(file)));
    }
    if let Some(signer_config) = &signer_config {
        let (name, email) = (escape::sanitize(&signer_config.name), escape::sanitize(&signer_config.email));
        page.line(format!("trusted signer: {name}, for tags of {email}"));
        page.line(
            "Key and address come from this clone's git configuration. Compare them with your own before you",
        );
        page.line("commit these files: the signers that they name can sign releases.");
    }
    page.print()?;
    Ok(RunOutcome::Success)
}
