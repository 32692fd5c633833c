//! What happens where somebody wants it to end: the next program is not started, and everything is tidied up.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use tokio::signal::unix::{SignalKind, signal};

use crate::error::RehearsalError;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static WATCH_ONCE: Once = Once::new();

/// Hears SIGINT, SIGTERM, SIGHUP and SIGQUIT from now on. Where they cannot be heard, they end the process as they always do.
pub(crate) fn watch() {
    WATCH_ONCE.call_once(|| {
        std::thread::spawn(|| {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else {
                return;
            };
            runtime.block_on(async {
                let kinds = [
                    SignalKind::interrupt(),
                    SignalKind::terminate(),
                    SignalKind::hangup(),
                    SignalKind::quit(),
                ];
                let mut signals: Vec<_> = kinds.into_iter().filter_map(|it| signal(it).ok()).collect();
                std::future::poll_fn(|context| {
                    let heard = signals.iter_mut().any(|it| it.poll_recv(context).is_ready());
                    if heard { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
                INTERRUPTED.store(true, Ordering::SeqCst);
            });
        });
    });
}

/// Whether somebody wants it to end.
pub(crate) fn requested() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// What an error is, where it came of an interruption.
pub(crate) fn map_interrupted(error: RehearsalError) -> RehearsalError {
    if requested() { RehearsalError::Interrupted } else { error }
}
