//! Faults to inject: which requests fail, how, and how often.

use std::sync::Arc;
use std::time::Duration;

/// A fault for the requests that match a method and a path.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The HTTP method in upper case. An empty string matches any method.
    pub method: String,
    /// A substring of the request path. An empty string matches any path.
    pub path: String,
    /// The number of matching requests that pass before the first one fails.
    pub skip_count: u32,
    /// The number of matching requests that fail after that.
    pub times: u32,
    /// What happens to a request that fails.
    pub kind: FaultKind,
}

/// The kinds of faults.
#[derive(Debug, Clone)]
pub enum FaultKind {
    /// A response with this status, headers and JSON body is sent, before or after the request took effect.
    CannedResponse {
        /// The HTTP status code.
        status: u16,
        /// Headers besides `Content-Type`, as names in lower case and values.
        headers: Vec<(&'static str, String)>,
        /// The body, sent as `application/json`.
        body: String,
        /// `After` if the request takes effect first.
        timing: FaultTiming,
    },
    /// The connection is closed without a response.
    DropConnection(FaultTiming),
    /// The connection is closed in the middle of the request body. An upload leaves an asset in state `starter`.
    TruncateRequest,
    /// The connection is closed in the middle of the response body. The request took effect.
    TruncateResponse,
    /// The request is handled only after this time, so the response is late.
    DelayResponse(Duration),
    /// The request takes effect only after this time, even if the client has closed the connection by then.
    DelayEffect(Duration),
    /// The response body is sent in frames with this pause before each.
    SlowResponse(Duration),
    /// The response body is incomplete JSON. The request took effect.
    MalformedJson,
    /// The hook is called, and the connection is closed without a response. The hook runs on the thread of the server,
    /// so it must not send requests to it.
    HookThenDrop(FaultTiming, Hook),
    /// The hook is called before the request takes effect, and the request then succeeds: this simulates a concurrent
    /// change by another client. The hook may send requests to the server.
    Hook(Hook),
}

/// Whether a fault happens before or after the request takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultTiming {
    /// The request has no effect.
    Before,
    /// The request has taken effect.
    After,
}

/// A function to call when a fault is injected.
#[derive(Clone)]
pub struct Hook(Arc<dyn Fn() + Send + Sync>);

impl Hook {
    /// Returns a hook that calls `action`.
    pub fn new(action: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(action))
    }

    /// Calls the function on the current thread.
    pub(crate) fn call(&self) {
        (self.0)();
    }
}

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hook")
    }
}

impl Fault {
    /// Returns a fault for the first matching request only.
    #[must_use]
    pub fn once(method: &str, path: &str, kind: FaultKind) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), skip_count: 0, times: 1, kind }
    }

    /// Returns whether this request fails. Each call for a matching request reduces `skip_count`, or `times` once
    /// `skip_count` is 0.
    pub(crate) fn matches(&mut self, method: &str, path: &str) -> bool {
        let is_match = (self.method.is_empty() || self.method == method) && path.contains(&self.path);
        if !is_match || self.times == 0 {
            return false;
        }
        if self.skip_count > 0 {
            self.skip_count -= 1;
            return false;
        }
        self.times -= 1;
        true
    }
}
