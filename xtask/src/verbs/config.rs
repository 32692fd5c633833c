//! `config`: the configuration in use, and a first one.

use anyhow::anyhow;
use clap::{Args, Subcommand};
use model::Catalog;
use ops::ProgramPolicy;
use serde::Serialize;

use crate::Ending;
use crate::args::Global;
use crate::failure::Failure;
use crate::report::{self, Page};
use crate::session::{self, Session};

/// `config`.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    action: ConfigAction,
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
enum ConfigAction {
    /// Print the configuration in use, and where it comes from
    Show,
    /// Write release.toml at the root of the repository: the built-in one, to be changed
    Init {
        /// Trust this signer: KEY or the key that git is configured for
        #[arg(long, value_name = "KEY", num_args = 0..=1, require_equals = true)]
        #[expect(clippy::option_option, reason = "clap's own type for a flag with an optional value")]
        signer: Option<Option<String>>,
    },
}

/// What scripts get of the configuration in use.
#[derive(Serialize)]
struct Shown<'a> {
    schema: &'static str,
    source: &'a str,
    text: &'a str,
}

/// What scripts get of files that were written.
#[derive(Serialize)]
struct Written<'a> {
    schema: &'static str,
    signer: Option<&'a str>,
    files: Vec<String>,
}

pub(crate) fn run(global: &Global, args: &ConfigArgs) -> Result<Ending, Failure> {
    match &args.action {
        ConfigAction::Show => show(global),
        ConfigAction::Init { signer } => init(global, signer.as_ref()),
    }
}

fn show(global: &Global) -> Result<Ending, Failure> {
    let session = Session::near(global)?;
    let root = session.as_ref().map(|it| it.repo.root());
    let it = session::catalog_text(global, root.as_deref())?;
    Catalog::parse(&it.name, &it.text)?;
    if report::is_json(global) {
        let schema = "opensandbox-release/config-show/1";
        report::print_json(&Shown { schema, source: &it.name, text: &it.text })?;
    } else {
        let mut page = Page::new();
        page.line(format!("# {}", report::harmless(&it.name)));
        page.lines(it.text.trim_end());
        page.print()?;
    }
    Ok(Ending::Done)
}

fn init(global: &Global, signer: Option<&Option<String>>) -> Result<Ending, Failure> {
    let session = Session::open(global, ProgramPolicy::ProtectedConfig)?;
    if session.repo.is_bare() {
        let error = anyhow!("{} has no working tree to write release.toml to", session.repo.root().display());
        return Err(Failure::usage(error).hint("run it in a clone, with -C DIR"));
    }
    if global.config.is_some() {
        let error = anyhow!("config init writes the repository's own release.toml");
        return Err(Failure::usage(error).hint("leave out --config"));
    }
    let root = session.repo.root();
    let catalog = session::catalog_text(global, Some(&root))?;
    let is_there = root.join(session::CATALOG_FILE).symlink_metadata().is_ok();
    if is_there && (signer.is_none() || session.catalog.signer_policy.is_some()) {
        let what = if signer.is_some() { " with [signers]" } else { "" };
        let error = anyhow!("{} exists already{what}: nothing was written", catalog.name);
        return Err(Failure::usage(error).hint(match signer {
            Some(_) => "to trust one more signer, add the key to the file that [signers] names there",
            None => "edit that file",
        }));
    }
    let policy = signer.map(|asked| ops::signer_policy(session.work(), asked.as_deref())).transpose()?;
    let text = match &policy {
        Some(policy) => format!("{}\n\n{}", catalog.text.trim_end(), policy.table),
        None => catalog.text,
    };
    // What is written is read first: nobody gets a file that the suite refuses.
    Catalog::parse(session::CATALOG_FILE, &text)?;
    let files = ops::write_configuration(&root, &text, policy.as_ref()).map_err(Failure::from)?;
    let name = policy.as_ref().map(|it| it.name.as_str());
    let files: Vec<String> = files.iter().map(|it| it.display().to_string()).collect();
    if report::is_json(global) {
        let schema = "opensandbox-release/config-init/1";
        report::print_json(&Written { schema, signer: name, files })?;
        return Ok(Ending::Done);
    }
    let mut page = Page::new();
    for file in &files {
        page.line(format!("wrote {}", report::harmless(file)));
    }
    if let Some(policy) = &policy {
        let (name, email) = (report::harmless(&policy.name), report::harmless(&policy.email));
        page.line(format!("trusted signer: {name}, for tags of {email}"));
        page.line(
            "Key and address are those that git is configured for here. Compare them with yours before you",
        );
        page.line("commit these files: whoever they name can release.");
    }
    page.print()?;
    Ok(Ending::Done)
}
