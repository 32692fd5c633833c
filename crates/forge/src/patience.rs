//! How long to wait, and how often to try.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use crate::error::Trouble;

/// The limits of patience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How long nothing may happen on a connection.
    pub timeout: Duration,
    /// How often a request is sent, the first time included.
    pub tries: u32,
    /// The longest wait before another try. A limit that asks for more ends the run, and says when to go on.
    pub longest: Duration,
}

/// The wait before the first retry; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(250);

/// The slowest rate at which a transfer as a whole may go on, in bytes per second. A server that sends a byte now and then
/// would otherwise hold a run up for ever.
const MIN_RATE: u64 = 16 << 10;

impl Patience {
    /// Ends a request that takes too long in all, however often something moves: after four times the time in which nothing may
    /// happen, and what `bytes` take at the slowest rate.
    pub(crate) async fn in_all<T>(
        &self,
        bytes: u64,
        request: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        let total = self.timeout * 4 + Duration::from_secs(bytes / MIN_RATE);
        let ended = |_| Trouble::Lost(format!("it was not complete after {} s", total.as_secs_f32()));
        tokio::time::timeout(total, request).await.unwrap_or_else(|elapsed| Err(ended(elapsed)))
    }

    /// How long to wait after the failure of this number, counted from 0; none where patience is at its end.
    ///
    /// `Retry-After` counts, then the time at which the rate limit is reset; a secondary limit that names neither asks
    /// for at least a minute (github/docs, `best-practices-for-using-the-rest-api`).
    pub(crate) fn wait(&self, failure: u32, trouble: &Trouble) -> Option<Duration> {
        let again = self.again(failure)?;
        let wait = match trouble {
            Trouble::Limited { after: Some(after), .. } => *after,
            Trouble::Limited { after: None, .. } => Duration::from_secs(60) * 2_u32.saturating_pow(failure),
            Trouble::Lost(_) | Trouble::NotSent(_) | Trouble::Broken(_) => return Some(again),
            Trouble::Answered(_) => return None,
        };
        (wait <= self.longest).then(|| wait + jittered(FIRST))
    }

    /// How long to wait before something that may look otherwise in a moment is looked at again.
    pub(crate) fn again(&self, failure: u32) -> Option<Duration> {
        let steps = FIRST.saturating_mul(2_u32.saturating_pow(failure)).min(self.longest);
        (failure + 1 < self.tries).then(|| jittered(steps))
    }
}

/// Between half of it and all of it, so that many who failed together do not come back together.
fn jittered(wait: Duration) -> Duration {
    let part = u32::try_from(RandomState::new().hash_one(0) % 512).unwrap_or(0);
    wait.mul_f64(0.5 + f64::from(part) / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(after: Option<u64>) -> Trouble {
        Trouble::Limited { after: after.map(Duration::from_secs), said: model::UntrustedText::default() }
    }

    #[test]
    fn waits_grow_are_bounded_and_end() {
        let patience = Patience { timeout: FIRST, tries: 4, longest: Duration::from_secs(1) };
        let lost = Trouble::Lost("cut".to_owned());
        let at = |failure: u32| patience.wait(failure, &lost).unwrap();
        assert!(at(0) >= FIRST / 2 && at(0) <= FIRST);
        assert!(at(1) >= FIRST && at(1) <= FIRST * 2);
        assert!(at(2) >= FIRST * 2 && at(2) <= FIRST * 4);
        assert_eq!(patience.wait(3, &lost), None, "it goes on for ever");
    }

    #[test]
    fn limits_are_obeyed_or_end_the_run() {
        let patience = Patience { timeout: FIRST, tries: 4, longest: Duration::from_secs(120) };
        let second = Duration::from_secs(1);
        assert!(patience.wait(0, &limited(Some(7))).unwrap() >= second * 7);
        assert!(patience.wait(0, &limited(None)).unwrap() >= second * 60);
        assert_eq!(patience.wait(0, &limited(Some(121))), None);
    }
}
