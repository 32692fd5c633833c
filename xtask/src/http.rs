//! Time-outs and retries, from the environment.

use std::str::FromStr;
use std::time::Duration;

use anyhow::anyhow;
use model::base::http::RetryPolicy;

use crate::environment::{self, non_empty};
use crate::error::CliError;

/// Returns the retry policy that the environment configures. Variables that are not set have defaults: an idle timeout
/// of 30 s, 5 attempts, and at most 120 s of waiting.
pub(crate) fn retry_policy() -> Result<RetryPolicy, CliError> {
    let seconds: f64 = parse_number(environment::RELEASE_HTTP_TIMEOUT)?.unwrap_or(30.0);
    let max_wait: u64 = parse_number(environment::RELEASE_HTTP_LONGEST_WAIT)?.unwrap_or(120);
    let idle_timeout = Duration::try_from_secs_f64(seconds).map_err(|error| {
        CliError::usage(anyhow!("invalid {}={seconds}: {error}", environment::RELEASE_HTTP_TIMEOUT))
    })?;
    let max_attempts = parse_number(environment::RELEASE_HTTP_TRIES)?.unwrap_or(5);
    Ok(RetryPolicy { idle_timeout, max_attempts, max_wait: Duration::from_secs(max_wait) })
}

fn parse_number<T: FromStr>(name: &str) -> Result<Option<T>, CliError> {
    let Some(text) = non_empty(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| CliError::usage(anyhow!("invalid {name}={text}: expected a number")))
}
