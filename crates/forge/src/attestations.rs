//! The attestations that GitHub keeps for an artifact (REST, "Repository attestations").

use model::UntrustedText;
use model::base::url;
use model::release::host::GitHubAttestation;
use reqwest::{Method, Url};

use crate::client::{Repeat, is_here};
use crate::download::{not_served, timely};
use crate::error::Trouble;
use crate::facts::{PAGES, there};
use crate::wire::{self, Attestation, Attestations};
use crate::{Forge, ForgeError, Tell};

/// How many attestations are read: as many as `gh` takes.
const MOST: usize = 1000;
/// The longest bundle that is taken, in bytes, compressed or not.
const LIMIT: usize = 1 << 20;
/// How long all bundles together may be.
const ALL: usize = 64 << 20;

impl Forge {
    /// Every attestation for `sha256:<hex>` (or `sha1:<object id>` of a tag), of a predicate type, as in `provenance`, or of any.
    /// An empty list is told apart from a repository that nobody sees.
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn attestations(
        &self,
        subject: &str,
        predicate: Option<&str>,
        tell: Tell<'_>,
    ) -> Result<Vec<GitHubAttestation>, ForgeError> {
        let kind =
            predicate.map_or(String::new(), |it| format!("&predicate_type={}", url::encode_segment(it)));
        let first = self.at(&format!("/attestations/{}?per_page=100{kind}", url::encode_segment(subject)));
        let no_list = |reason: String| Err(ForgeError::Unanswered { what: format!("GET {first}"), reason });
        let (mut all, mut length) = (Vec::new(), 0);
        let mut next = Some(first.clone());
        for page in 0.. {
            let Some(path) = next else { break };
            if page == PAGES {
                return no_list(format!("the list has more than {PAGES} pages"));
            }
            let found = self.ask::<Attestations>(&Method::GET, &path, None, (Repeat::Freely, &mut *tell));
            let (page, link) = match found {
                Ok((page, headers)) => {
                    let link = headers.get("link").and_then(|it| it.to_str().ok()).and_then(wire::next_page);
                    (page.attestations, link)
                }
                // A list that breaks off is none.
                Err(error) if page > 0 => return no_list(format!("the list breaks off: {error}")),
                Err(error) => {
                    there::<()>(Err(error))?;
                    // Not found is what GitHub says of an artifact without attestations, and of a repository that is not there.
                    self.repository(tell)?;
                    return Ok(all);
                }
            };
            for it in page {
                if all.len() == MOST {
                    return no_list(format!("there are more than {MOST} attestations"));
                }
                let it = self.attestation(it, tell);
                length += it.bundle.as_ref().map_or(0, String::len);
                if length > ALL {
                    return no_list(format!("the bundles are longer than {} MiB", ALL >> 20));
                }
                all.push(it);
            }
            next = link.map(|it| self.same_host(it)).transpose()?;
        }
        Ok(all)
    }

    fn attestation(&self, it: Attestation, tell: Tell<'_>) -> GitHubAttestation {
        let bundle = match (it.bundle_url.filter(|it| !it.is_empty()), it.bundle) {
            (Some(address), _) => self.bundle(&address, tell),
            (None, Some(text)) => Ok(text.get().to_owned()),
            (None, None) => Err("GitHub gives neither the bundle nor its address".to_owned()),
        };
        let by_github = it.initiator.as_deref() == Some("github");
        GitHubAttestation { repository_id: it.repository_id, is_release_attestation: by_github, bundle }
    }

    /// The bundle at an address: a raw snappy block, or JSON. No token goes there, and no redirect is followed.
    fn bundle(&self, address: &str, tell: Tell<'_>) -> Result<String, String> {
        let shown = UntrustedText::new(url::redact_userinfo(address)).escaped();
        let shown = shown.split('?').next().unwrap_or_default();
        self.may_ask(address).map_err(|reason| format!("{shown}: {reason}"))?;
        let what = format!("GET {shown}");
        let mut failure = 0;
        loop {
            let fetching = self.settings.patience.in_all(0, self.fetch_bundle(address));
            let trouble = match self.runtime.block_on(fetching) {
                Ok(bytes) => return unpacked(bytes).map_err(|reason| format!("{shown}: {reason}")),
                Err(trouble) => trouble,
            };
            let Some(wait) = self.settings.patience.wait(failure, &trouble) else {
                return Err(format!("{shown}: {}", trouble.reason()));
            };
            self.pause(&what, &trouble.reason(), wait, tell);
            failure += 1;
        }
    }

    /// Bundles come over https, but on this machine.
    fn may_ask(&self, address: &str) -> Result<(), String> {
        let url = Url::parse(address).map_err(|_| "it is no address".to_owned())?;
        let here = |it: &Url| it.scheme() == "http" && it.host_str().is_some_and(is_here);
        let api_is_here = Url::parse(&self.settings.api).is_ok_and(|it| here(&it));
        if url.scheme() == "https" || api_is_here && here(&url) {
            return Ok(());
        }
        Err("it is not to be had over https".to_owned())
    }

    async fn fetch_bundle(&self, address: &str) -> Result<Vec<u8>, Trouble> {
        let timeout = self.settings.patience.timeout;
        let mut response = timely(timeout, self.direct.get(address).send()).await?;
        let status = response.status();
        if !status.is_success() {
            return Err(not_served(status, response.headers()));
        }
        let mut bytes = Vec::new();
        while let Some(piece) = timely(timeout, response.chunk()).await? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > LIMIT {
                break;
            }
        }
        Ok(bytes)
    }
}

/// The text of a bundle: JSON, or a raw snappy block of it (google/snappy, `format_description.txt`), whose length stands
/// at its beginning and is looked at before anything is set aside for it.
fn unpacked(bytes: Vec<u8>) -> Result<String, String> {
    let too_long = || format!("the bundle is longer than {} MiB", LIMIT >> 20);
    if bytes.len() > LIMIT {
        return Err(too_long());
    }
    let plain = if bytes.first() == Some(&b'{') {
        bytes
    } else {
        let length = snap::raw::decompress_len(&bytes).map_err(|error| error.to_string())?;
        if length > LIMIT {
            return Err(too_long());
        }
        snap::raw::Decoder::new().decompress_vec(&bytes).map_err(|error| error.to_string())?
    };
    String::from_utf8(plain).map_err(|_| "the bundle is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bombs_are_refused_before_they_go_off() {
        let packed = snap::raw::Encoder::new().compress_vec(b"{\"a\": 1}").unwrap();
        assert_eq!(unpacked(packed.clone()).as_deref(), Ok("{\"a\": 1}"));
        assert_eq!(unpacked(b"{}".to_vec()).as_deref(), Ok("{}"));
        // A block that says that it is 4 GiB long, and one that is 64 MiB long.
        assert!(unpacked(vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0]).unwrap_err().contains("1 MiB"));
        let bomb = snap::raw::Encoder::new().compress_vec(&vec![b' '; 64 << 20]).unwrap();
        assert!(bomb.len() < 4 << 20);
        assert!(unpacked(bomb).unwrap_err().contains("1 MiB"));
        for at in 0..packed.len() {
            // Cut anywhere, it is refused, and nothing panics.
            assert!(unpacked(packed[..at].to_vec()).is_err(), "cut at {at}");
        }
    }
}
