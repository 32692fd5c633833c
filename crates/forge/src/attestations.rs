//! The attestations that GitHub stores for an artifact (REST, "List attestations").

use model::UntrustedText;
use model::base::url;
use model::release::host::GitHubAttestation;
use transport::{BodyBytes, DownloadPolicy, HttpObserver, HttpUrl, Redirects, RetryMode};

use crate::client::Forge;
use crate::error::ForgeError;
use crate::queries::{MAX_LIST_PAGES, optional};
use crate::response::{self, AttestationEntry, AttestationsResponse};

/// The most attestations that are read for one subject. `gh` has the same limit.
const MAX_ATTESTATIONS: usize = 1000;
/// The longest accepted bundle, in bytes. The limit applies to the compressed and to the decompressed form.
const MAX_BUNDLE_BYTES: usize = 1 << 20;
/// The most bytes that all bundles of one subject may have together, decompressed.
const MAX_TOTAL_BUNDLE_BYTES: usize = 64 << 20;

impl Forge {
    /// Returns all attestations of a subject: `sha256:<hex>` of an artifact, or `sha1:<object id>` of a tag. With
    /// `predicate`, as in `provenance`, only those of this predicate type. The list is empty only if the repository
    /// itself is visible to the caller: GitHub answers 404 for an artifact without attestations and for a repository
    /// that does not exist or is not visible.
    ///
    /// # Errors
    /// [`ForgeError::NoResponse`] if the list is incomplete or exceeds a limit, else the [`ForgeError`] of a request.
    /// An attestation whose bundle cannot be downloaded is no error: it has the message in its field `bundle`.
    pub fn attestations(
        &self,
        subject: &str,
        predicate: Option<&str>,
        observer: HttpObserver<'_>,
    ) -> Result<Vec<GitHubAttestation>, ForgeError> {
        let predicate_query =
            predicate.map_or(String::new(), |it| format!("&predicate_type={}", url::encode_segment(it)));
        let first_page = self.repo_path(&format!(
            "/attestations/{}?per_page=100{predicate_query}",
            url::encode_segment(subject)
        ));
        let no_list =
            |reason: String| Err(ForgeError::NoResponse { operation: format!("GET {first_page}"), reason });
        let (mut all, mut length) = (Vec::new(), 0);
        let mut next = Some(first_page.clone());
        for page in 0.. {
            let Some(path) = next else { break };
            if page == MAX_LIST_PAGES {
                return no_list(format!("the list exceeds the limit of {MAX_LIST_PAGES} pages"));
            }
            let response = self.get::<AttestationsResponse>(&path, RetryMode::Idempotent, &mut *observer);
            let (page, link) = match response {
                Ok((page, headers)) => {
                    let link = headers
                        .get("link")
                        .and_then(|it| it.to_str().ok())
                        .and_then(response::parse_next_link);
                    (page.attestations, link)
                }
                // An incomplete list is an error: it does not show which attestations exist.
                Err(error) if page > 0 => return no_list(format!("the list is incomplete: {error}")),
                Err(error) => {
                    optional::<()>(Err(error))?;
                    // 404 means an empty list only if the repository itself is visible (github.md F29).
                    self.repository(observer)?;
                    return Ok(all);
                }
            };
            for entry in page {
                if all.len() == MAX_ATTESTATIONS {
                    return no_list(format!("the list exceeds the limit of {MAX_ATTESTATIONS} attestations"));
                }
                let entry = self.load_attestation(entry, observer);
                length += entry.bundle.as_ref().map_or(0, String::len);
                if length > MAX_TOTAL_BUNDLE_BYTES {
                    return no_list(format!("the bundles exceed {} MiB", MAX_TOTAL_BUNDLE_BYTES >> 20));
                }
                all.push(entry);
            }
            next = link.map(|it| self.require_api_origin(it)).transpose()?;
        }
        Ok(all)
    }

    /// Returns the attestation of a list entry, with its bundle or the reason why there is none. `bundle_url` is
    /// preferred, because GitHub no longer embeds bundles in the list.
    fn load_attestation(&self, entry: AttestationEntry, observer: HttpObserver<'_>) -> GitHubAttestation {
        let bundle = match (entry.bundle_url.filter(|it| !it.is_empty()), entry.bundle) {
            (Some(address), _) => self.download_bundle(&address, observer),
            (None, Some(text)) => Ok(text.get().to_owned()),
            (None, None) => Err("the attestation has neither a bundle nor a bundle URL".to_owned()),
        };
        let is_release_attestation = entry.initiator.as_deref() == Some("github");
        GitHubAttestation { repository_id: entry.repository_id, is_release_attestation, bundle }
    }

    /// Downloads a bundle and returns it as JSON; it may be compressed as a raw snappy block. The request carries no
    /// token, because the storage host is not the API, and follows no redirect. The error names the URL without its
    /// query, which may hold a signature that grants access.
    fn download_bundle(&self, address: &str, observer: HttpObserver<'_>) -> Result<String, String> {
        let shown_url = UntrustedText::new(url::redact_userinfo(address)).escaped();
        let shown_url = shown_url.split('?').next().unwrap_or_default();
        self.check_bundle_url(address).map_err(|reason| format!("{shown_url}: {reason}"))?;
        let policy = DownloadPolicy {
            headers: &[],
            max_bytes: MAX_BUNDLE_BYTES as u64,
            redirects: Redirects::Refuse,
            retry_mode: RetryMode::Idempotent,
        };
        let mut bytes = BodyBytes::default();
        let download = self.http.download(address, policy, &mut bytes, observer);
        download.map_err(|error| format!("{shown_url}: {}", error.reason()))?;
        decompress_bundle(bytes.bytes).map_err(|reason| format!("{shown_url}: {reason}"))
    }

    /// Accepts an https URL. An http URL is accepted only if both it and the API are on this machine.
    fn check_bundle_url(&self, address: &str) -> Result<(), String> {
        let url = HttpUrl::parse(address).ok_or_else(|| "not a valid URL".to_owned())?;
        if url.is_https() || self.api.is_local_http() && url.is_local_http() {
            return Ok(());
        }
        Err("expected an https URL".to_owned())
    }
}

/// Returns the JSON text of a bundle. The input is that text or a raw snappy block of it (google/snappy,
/// `format_description.txt`). A block begins with its decompressed length, which is checked before memory is allocated.
fn decompress_bundle(bytes: Vec<u8>) -> Result<String, String> {
    let too_long = || format!("the bundle exceeds the limit of {} MiB", MAX_BUNDLE_BYTES >> 20);
    if bytes.len() > MAX_BUNDLE_BYTES {
        return Err(too_long());
    }
    let json = if bytes.first() == Some(&b'{') {
        bytes
    } else {
        let length = snap::raw::decompress_len(&bytes).map_err(|error| error.to_string())?;
        if length > MAX_BUNDLE_BYTES {
            return Err(too_long());
        }
        snap::raw::Decoder::new().decompress_vec(&bytes).map_err(|error| error.to_string())?
    };
    String::from_utf8(json).map_err(|_| "the bundle is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oversized_snappy_block_is_refused_before_allocation() {
        let packed = snap::raw::Encoder::new().compress_vec(b"{\"a\": 1}").unwrap();
        assert_eq!(decompress_bundle(packed.clone()).as_deref(), Ok("{\"a\": 1}"));
        assert_eq!(decompress_bundle(b"{}".to_vec()).as_deref(), Ok("{}"));
        // A block that declares a length of 4 GiB, and one that really has 64 MiB.
        assert!(decompress_bundle(vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0]).unwrap_err().contains("1 MiB"));
        let bomb = snap::raw::Encoder::new().compress_vec(&vec![b' '; 64 << 20]).unwrap();
        assert!(bomb.len() < 4 << 20);
        assert!(decompress_bundle(bomb).unwrap_err().contains("1 MiB"));
        for length in 0..packed.len() {
            // Each truncated block is an error and causes no panic.
            assert!(decompress_bundle(packed[..length].to_vec()).is_err(), "cut at {length}");
        }
    }
}
