//! Signals: after SIGINT, SIGTERM, SIGHUP or SIGQUIT no further program is started, and the sandbox is removed.
//!
//! The default action of these signals would end the process at once and leave the temporary directory behind.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use tokio::signal::unix::{SignalKind, signal};

use crate::error::RehearsalError;

/// Set by the first signal, and never reset.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// The signal thread is started at most once per process.
static WATCH_ONCE: Once = Once::new();

/// Starts a thread that waits for SIGINT, SIGTERM, SIGHUP and SIGQUIT.
///
/// If a handler cannot be installed, that signal keeps its default action and ends the process.
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

/// Returns whether a signal has arrived since [`watch`].
pub(crate) fn requested() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Returns `Interrupted` if a signal has arrived, otherwise the given error.
///
/// Ctrl-C also ends the child processes of the terminal, so their errors are only a consequence of the signal.
pub(crate) fn map_interrupted(error: RehearsalError) -> RehearsalError {
    if requested() { RehearsalError::Interrupted } else { error }
}
