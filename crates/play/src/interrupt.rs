//! What happens where somebody wants it to end: the next program is not started, and everything is tidied up.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use tokio::signal::unix::{SignalKind, signal};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static WATCH: Once = Once::new();

/// Hears SIGINT and SIGTERM from now on. Where they cannot be heard, they end the process as they always do.
pub(crate) fn watch() {
    WATCH.call_once(|| {
        std::thread::spawn(|| {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else {
                return;
            };
            runtime.block_on(async {
                let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
                let [Ok(mut first), Ok(mut second)] = signals else { return };
                std::future::poll_fn(|context| {
                    let heard = first.poll_recv(context).is_ready() || second.poll_recv(context).is_ready();
                    if heard { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
                INTERRUPTED.store(true, Ordering::SeqCst);
            });
        });
    });
}

/// Whether somebody wants it to end.
pub(crate) fn is_wanted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}
