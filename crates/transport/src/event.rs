//! The observer of requests, which receives the events of a client.

use model::base::http::HttpEvent;

/// Callback for retry and progress events.
pub type HttpObserver<'a> = &'a mut dyn FnMut(HttpEvent);
