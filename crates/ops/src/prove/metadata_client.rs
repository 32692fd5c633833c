//! The client that reads tags, branches, releases and lists of attestations when many releases are audited. GitHub allows 60
//! requests an hour without a token (REST, "Rate limits for the REST API").

use forge::Forge;
use model::base::http::HttpEvent;
use model::release::host::CredentialSource;

use crate::context::ForgeClients;
use crate::error::OpsError;

/// The client for metadata, and what the report says about it.
#[derive(Debug, Clone, Copy)]
pub struct MetadataClient<'a> {
    /// The client with the token. `None` if metadata are read without one.
    pub forge: Option<&'a Forge>,
    /// Which requests use the token, or why none does.
    pub note: &'static str,
}

/// Returns the client for metadata: with the operator's token if there is one and the repository is public. Whether it
/// is public is asked without the token: everything in a public repository is public, except drafts, which are not found
/// by their tag. Files are always downloaded without it. If answers are read from a recording, all of them are used.
///
/// # Errors
/// [`OpsError::Forge`] if the client with the token cannot be set up.
pub fn metadata_client<'a>(
    clients: ForgeClients<'a>,
    on_event: &mut dyn FnMut(HttpEvent),
) -> Result<MetadataClient<'a>, OpsError> {
    if clients.authenticated.is_replay() {
        let note = "if the recording has answers to requests with a token, they are used";
        return Ok(MetadataClient { forge: Some(clients.authenticated.forge()?), note });
    }
    if !clients.anonymous.repository(on_event).is_ok_and(|it| !it.private) {
        let note = "no request used a token: GitHub does not show the repository to everybody";
        return Ok(MetadataClient { forge: None, note });
    }
    if clients.authenticated.credentials()? == CredentialSource::None {
        let note = "no request used a token, because none was found: GitHub then allows 60 requests an hour";
        return Ok(MetadataClient { forge: None, note });
    }
    let note = "a token was used to read tags, branches, releases and lists of attestations; visibility and files were \
                requested without it";
    Ok(MetadataClient { forge: Some(clients.authenticated.forge()?), note })
}
