//! How long to wait, and how often to try.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use crate::error::RequestError;

/// The limits of patience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How long nothing may happen on a connection.
    pub idle_timeout: Duration,
    /// How often a request is sent, the first time included.
    pub max_attempts: u32,
    /// The longest wait before another try. A limit that asks for more ends the run, and says when to go on.
    pub max_wait: Duration,
}

/// The wait before the first retry; each further one is twice as long.
const INITIAL_BACKOFF: Duration = Duration::from_millis(250);

/// The slowest rate at which a transfer as a whole may go on, in bytes per second. A server that sends a byte now and then
/// would otherwise hold a run up for ever.
const MIN_BYTES_PER_SECOND: u64 = 16 << 10;

impl RetryPolicy {
    /// Ends a request that takes too long in all, however often something moves: after four times the time in which nothing may
    /// happen, and what `bytes` take at the slowest rate.
    pub(crate) async fn with_total_timeout<T>(
        &self,
        bytes: u64,
        request: impl Future<Output = Result<T, RequestError>>,
    ) -> Result<T, RequestError> {
        let total = self.idle_timeout * 4 + Duration::from_secs(bytes / MIN_BYTES_PER_SECOND);
        let timed_out =
            |_| RequestError::NoResponse(format!("it was not complete after {} s", total.as_secs_f32()));
        tokio::time::timeout(total, request).await.unwrap_or_else(|elapsed| Err(timed_out(elapsed)))
    }

    /// How long to wait after the failure of this number, counted from 0; none where patience is at its end.
    ///
    /// `Retry-After` counts, then the time at which the rate limit is reset; a secondary limit that names neither asks
    /// for at least a minute (github/docs, `best-practices-for-using-the-rest-api`).
    pub(crate) fn delay_after(&self, attempt: u32, error: &RequestError) -> Option<Duration> {
        let backoff = self.backoff(attempt)?;
        let wait = match error {
            RequestError::RateLimited { retry_after: Some(retry_after), .. } => *retry_after,
            RequestError::RateLimited { retry_after: None, .. } => {
                Duration::from_secs(60) * 2_u32.saturating_pow(attempt)
            }
            RequestError::NoResponse(_) | RequestError::NotSent(_) | RequestError::Server(_) => {
                return Some(backoff);
            }
            RequestError::Client(_) => return None,
        };
        (wait <= self.max_wait).then(|| wait + with_jitter(INITIAL_BACKOFF))
    }

    /// How long to wait before something that may look otherwise in a moment is looked at again.
    pub(crate) fn backoff(&self, attempt: u32) -> Option<Duration> {
        let backoff = INITIAL_BACKOFF.saturating_mul(2_u32.saturating_pow(attempt)).min(self.max_wait);
        (attempt + 1 < self.max_attempts).then(|| with_jitter(backoff))
    }
}

/// Between half of it and all of it, so that many who failed together do not come back together.
fn with_jitter(wait: Duration) -> Duration {
    let random = u32::try_from(RandomState::new().hash_one(0) % 512).unwrap_or(0);
    wait.mul_f64(0.5 + f64::from(random) / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate_limited(after: Option<u64>) -> RequestError {
        RequestError::RateLimited {
            retry_after: after.map(Duration::from_secs),
            message: model::UntrustedText::default(),
        }
    }

    #[test]
    fn backoff_grows_up_to_max_attempts() {
        let retry_policy =
            RetryPolicy { idle_timeout: INITIAL_BACKOFF, max_attempts: 4, max_wait: Duration::from_secs(1) };
        let no_response = RequestError::NoResponse("cut".to_owned());
        let delay = |failure: u32| retry_policy.delay_after(failure, &no_response).unwrap();
        assert!(delay(0) >= INITIAL_BACKOFF / 2 && delay(0) <= INITIAL_BACKOFF);
        assert!(delay(1) >= INITIAL_BACKOFF && delay(1) <= INITIAL_BACKOFF * 2);
        assert!(delay(2) >= INITIAL_BACKOFF * 2 && delay(2) <= INITIAL_BACKOFF * 4);
        assert_eq!(retry_policy.delay_after(3, &no_response), None, "it goes on for ever");
    }

    #[test]
    fn retry_after_beyond_max_wait_is_an_error() {
        let retry_policy = RetryPolicy {
            idle_timeout: INITIAL_BACKOFF,
            max_attempts: 4,
            max_wait: Duration::from_secs(120),
        };
        let second = Duration::from_secs(1);
        assert!(retry_policy.delay_after(0, &rate_limited(Some(7))).unwrap() >= second * 7);
        assert!(retry_policy.delay_after(0, &rate_limited(None)).unwrap() >= second * 60);
        assert_eq!(retry_policy.delay_after(0, &rate_limited(Some(121))), None);
    }
}
