//! The output folder of a release.

use archive::{FolderError, FolderHandle};
use model::evidence::reason::{Explanation, Reason};
use model::release::facts::ExistingOutputs;
use model::release::request::OutputPath;

/// The name of the file with the release notes.
pub const NOTES_FILE: &str = "NOTES.md";
/// The name of the file with the SHA-256 digests.
pub const SUMS_FILE: &str = model::evidence::sums::FILE_NAME;

/// Opens the output folder, and creates it if it is missing. No link is followed below its root.
pub(crate) fn create(out: &OutputPath) -> Result<FolderHandle, FolderError> {
    let mut folder = FolderHandle::create_named(&out.root)?;
    for name in &out.subdirectories {
        folder = folder.create_child(name)?;
    }
    Ok(folder)
}

/// Returns which files of a release already exist, and what prevents writing them. Creates nothing, so that a dry run
/// can report it.
pub(crate) fn inspect(out: &OutputPath, archive: &str) -> ExistingOutputs {
    let mut outputs = ExistingOutputs::default();
    let read_folder = || -> Result<ExistingOutputs, FolderError> {
        let mut folder = FolderHandle::open_named(&out.root)?;
        for name in &out.subdirectories {
            let Some(parent) = folder else { return Ok(ExistingOutputs::default()) };
            folder = parent.open_child(name)?;
            if folder.is_none() {
                parent.check_writable()?;
            }
        }
        let Some(folder) = folder else { return Ok(ExistingOutputs::default()) };
        folder.check_writable()?;
        let [archive, sums, notes] = [archive, SUMS_FILE, NOTES_FILE].map(|name| folder.can_create(name));
        Ok(ExistingOutputs { archive: archive?, sums: sums?, notes: notes?, obstacle: None })
    };
    match read_folder() {
        Ok(files) => outputs = files,
        Err(error) => {
            let is_denied = matches!(error, FolderError::Io { .. });
            let reason = if is_denied { Reason::OutputDenied } else { Reason::OutputNotPlain };
            outputs.obstacle = Some(Explanation::new(reason, model::with_causes(&error)));
        }
    }
    outputs
}
