//! Retries and time-outs: when a request is sent again, after which wait, and how long it may take.

use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use model::base::http::RetryPolicy;

use crate::error::RequestError;

/// The wait before the first retry. It doubles with each further retry, up to [`RetryPolicy::max_wait`].
const INITIAL_BACKOFF: Duration = Duration::from_millis(250);

/// The slowest accepted rate of a whole transfer, in bytes per second. Without it, a server that sends single bytes
/// could block a run forever, because each byte restarts the idle time-out.
const MIN_BYTES_PER_SECOND: u64 = 16 << 10;

/// Returns the value of a request that transfers at most `bytes`. Its total time-out is four idle time-outs, plus the
/// time for the bytes at the slowest accepted rate.
///
/// # Errors
/// [`RequestError::NoResponse`] if the request is not complete by then, else the error of the request.
pub(crate) async fn with_total_timeout<T>(
    policy: &RetryPolicy,
    bytes: u64,
    request: impl Future<Output = Result<T, RequestError>>,
) -> Result<T, RequestError> {
    let total = policy.idle_timeout * 4 + Duration::from_secs(bytes / MIN_BYTES_PER_SECOND);
    let timed_out = |_| RequestError::NoResponse(format!("not complete after {} s", total.as_secs_f32()));
    tokio::time::timeout(total, request).await.unwrap_or_else(|elapsed| Err(timed_out(elapsed)))
}

/// Returns the wait before a failed request is sent again. `None` if it must not be, or after the last attempt.
pub(crate) fn wait_after(
    policy: &RetryPolicy,
    attempt: u32,
    mode: RetryMode,
    error: &RequestError,
) -> Option<Duration> {
    match mode {
        RetryMode::Never if error.is_ambiguous() => None,
        RetryMode::UntilVisible if error.has_status(404) => backoff(policy, attempt),
        _ => delay_after(policy, attempt, error),
    }
}

/// Returns the wait after a failed attempt, counted from 0. `None` after the last attempt, if the failure is final, or
/// if a rate limit asks for a longer wait than [`RetryPolicy::max_wait`].
///
/// A rate limit sets the wait by `Retry-After`, else by the time of its reset. A secondary limit that names neither
/// requires at least a minute (github/docs, `best-practices-for-using-the-rest-api`).
pub(crate) fn delay_after(policy: &RetryPolicy, attempt: u32, error: &RequestError) -> Option<Duration> {
    let backoff = backoff(policy, attempt)?;
    let wait = match error {
        RequestError::RateLimited { retry_after: Some(retry_after), .. } => *retry_after,
        RequestError::RateLimited { retry_after: None, .. } => {
            Duration::from_secs(60) * 2_u32.saturating_pow(attempt)
        }
        RequestError::NoResponse(_) | RequestError::NotSent(_) | RequestError::Server(_) => {
            return Some(backoff);
        }
        RequestError::Client(_) | RequestError::NotRecorded(_) => return None,
    };
    (wait <= policy.max_wait).then(|| wait + with_jitter(INITIAL_BACKOFF))
}

/// Returns the wait before a state that may change soon is read again. `None` after the last attempt.
pub(crate) fn backoff(policy: &RetryPolicy, attempt: u32) -> Option<Duration> {
    let backoff = INITIAL_BACKOFF.saturating_mul(2_u32.saturating_pow(attempt)).min(policy.max_wait);
    (attempt + 1 < policy.max_attempts).then(|| with_jitter(backoff))
}

/// When a request may be sent again although its effect is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryMode {
    /// Always: the request only reads, or repeating it has the same result.
    Idempotent,
    /// As `Idempotent`, and also after a 404: what must exist may not be visible yet (github.md F29).
    UntilVisible,
    /// Only if the request certainly had no effect: it creates something, and a repetition could create it twice.
    Never,
}

/// Returns the value of one step of a request, which may take as long as the idle time-out.
///
/// # Errors
/// [`RequestError::NoResponse`] if the step is not complete by then, else its error, converted by `failure`.
pub async fn with_timeout<T, E>(
    timeout: Duration,
    step: impl Future<Output = Result<T, E>>,
    failure: &dyn Fn(&E) -> RequestError,
) -> Result<T, RequestError> {
    match tokio::time::timeout(timeout, step).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(failure(&error)),
        Err(_) => Err(RequestError::NoResponse(format!("timed out after {} s", timeout.as_secs_f32()))),
    }
}

/// Returns a random wait from half of `wait` to all of it, so that clients that failed together do not retry together.
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
        let delay = |failure: u32| delay_after(&retry_policy, failure, &no_response).unwrap();
        assert!(delay(0) >= INITIAL_BACKOFF / 2 && delay(0) <= INITIAL_BACKOFF);
        assert!(delay(1) >= INITIAL_BACKOFF && delay(1) <= INITIAL_BACKOFF * 2);
        assert!(delay(2) >= INITIAL_BACKOFF * 2 && delay(2) <= INITIAL_BACKOFF * 4);
        assert_eq!(delay_after(&retry_policy, 3, &no_response), None, "the last attempt is retried");
    }

    #[test]
    fn retry_after_beyond_max_wait_is_an_error() {
        let retry_policy = RetryPolicy {
            idle_timeout: INITIAL_BACKOFF,
            max_attempts: 4,
            max_wait: Duration::from_secs(120),
        };
        let second = Duration::from_secs(1);
        assert!(delay_after(&retry_policy, 0, &rate_limited(Some(7))).unwrap() >= second * 7);
        assert!(delay_after(&retry_policy, 0, &rate_limited(None)).unwrap() >= second * 60);
        assert_eq!(delay_after(&retry_policy, 0, &rate_limited(Some(121))), None);
    }
}
