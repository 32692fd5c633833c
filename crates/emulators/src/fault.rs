//! What breaks, and when.

use std::sync::Arc;
use std::time::Duration;

/// Something that goes wrong with a request.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The method; any, where it is empty.
    pub method: String,
    /// What the path contains; any, where it is empty.
    pub path: String,
    /// How many of those requests pass before.
    pub skip_count: u32,
    /// How many break then.
    pub times: u32,
    /// What goes wrong.
    pub kind: FaultKind,
}

/// The kinds of trouble.
#[derive(Debug, Clone)]
pub enum FaultKind {
    /// An answer of this status, headers and body, before or after the request took effect.
    CannedResponse {
        /// The status.
        status: u16,
        /// Further headers.
        headers: Vec<(&'static str, String)>,
        /// The body.
        body: String,
        /// Whether the request took effect.
        timing: FaultTiming,
    },
    /// The connection ends without an answer.
    DropConnection(FaultTiming),
    /// The connection ends in the middle of the request's body: an upload leaves a `starter` behind.
    TruncateRequest,
    /// The connection ends in the middle of the answer.
    TruncateResponse,
    /// The answer comes late.
    DelayResponse(Duration),
    /// The request takes effect only after this time, even if whoever sent it is gone by then.
    DelayEffect(Duration),
    /// The answer comes in small pieces with a pause before each.
    SlowResponse(Duration),
    /// The answer is no JSON.
    MalformedJson,
    /// The hook is called, and the connection ends without an answer.
    HookThenDrop(FaultTiming, Hook),
    /// The hook is called before the request takes effect, and nothing else is wrong: somebody else does something
    /// meanwhile.
    Hook(Hook),
}

/// Before or after a request took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultTiming {
    /// Nothing has happened.
    Before,
    /// It has happened.
    After,
}

/// Something to do when a fault strikes.
#[derive(Clone)]
pub struct Hook(Arc<dyn Fn() + Send + Sync>);

impl Hook {
    /// A hook that does this.
    pub fn new(action: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(action))
    }

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
    /// A fault that strikes the first such request, once.
    #[must_use]
    pub fn once(method: &str, path: &str, kind: FaultKind) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), skip_count: 0, times: 1, kind }
    }

    /// Whether it strikes this request. Counts those that it lets pass, and those that it broke.
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
