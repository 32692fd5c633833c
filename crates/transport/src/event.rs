//! The observer of requests.

use model::base::http::HttpEvent;

/// Callback for retry and progress events.
pub type HttpObserver<'a> = &'a mut dyn FnMut(HttpEvent);
