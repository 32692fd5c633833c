//! Downloads, as anybody makes them: no credentials, wherever the redirects lead.

use std::time::Duration;

use reqwest::StatusCode;

use crate::error::{Refused, Trouble};
use crate::{Forge, ForgeError, Tell};

impl Forge {
    /// How long a download is, after every piece of it was handed over. `start` is called before the first piece of every
    /// try, with the length that is announced.
    ///
    /// # Errors
    /// [`ForgeError`]; [`ForgeError::Unanswered`] where more bytes come than `limit`.
    pub fn download(
        &self,
        address: &str,
        limit: u64,
        sink: &mut dyn Sink,
        tell: Tell<'_>,
    ) -> Result<u64, ForgeError> {
        let what = format!("GET {address}");
        let mut failure = 0;
        loop {
            let trouble = match self.runtime.block_on(self.fetch(address, limit, sink)) {
                Ok(length) => return Ok(length),
                Err(trouble) => trouble,
            };
            let lagging = matches!(&trouble, Trouble::Answered(it) if it.status == 404);
            let lost = Trouble::Lost(String::new());
            let wait = self.settings.patience.wait(failure, if lagging { &lost } else { &trouble });
            let Some(wait) = wait else { return Err(trouble.end(&what)) };
            self.pause(&what, &trouble.reason(), wait, tell);
            failure += 1;
        }
    }

    async fn fetch(&self, address: &str, limit: u64, sink: &mut dyn Sink) -> Result<u64, Trouble> {
        let timeout = self.settings.patience.timeout;
        let mut response = timely(timeout, self.plain.get(address).send()).await?;
        let status = response.status();
        if !status.is_success() {
            let said = status.canonical_reason().unwrap_or("no reason").to_owned();
            let refused = Refused { status: status.as_u16(), said, request_id: None, location: None };
            let later = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
            return Err(if later { Trouble::Broken(refused) } else { Trouble::Answered(refused) });
        }
        let announced = response.content_length();
        sink.start();
        let mut length = 0;
        while let Some(piece) = timely(timeout, response.chunk()).await? {
            length += piece.len() as u64;
            if length > limit {
                return Err(Trouble::Lost(format!("more than {limit} bytes came")));
            }
            sink.take(&piece);
        }
        match announced {
            Some(announced) if announced != length => {
                Err(Trouble::Lost(format!("{length} of {announced} bytes came")))
            }
            _ => Ok(length),
        }
    }
}

/// Where the bytes of a download go.
pub trait Sink {
    /// A try begins: what came before does not count.
    fn start(&mut self);
    /// The next piece.
    fn take(&mut self, piece: &[u8]);
}

async fn timely<T>(
    timeout: Duration,
    future: impl Future<Output = Result<T, reqwest::Error>>,
) -> Result<T, Trouble> {
    match tokio::time::timeout(timeout, future).await {
        Ok(Ok(it)) => Ok(it),
        Ok(Err(error)) => Err(Trouble::Lost(root_cause(&error))),
        Err(_) => Err(Trouble::Lost(format!("nothing came for {} s", timeout.as_secs_f32()))),
    }
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
