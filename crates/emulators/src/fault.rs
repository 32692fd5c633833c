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
    pub after: u32,
    /// How many break then.
    pub times: u32,
    /// What goes wrong.
    pub what: What,
}

/// The kinds of trouble.
#[derive(Debug, Clone)]
pub enum What {
    /// An answer of this status, headers and body, before or after the request took effect.
    Answer {
        /// The status.
        status: u16,
        /// Further headers.
        headers: Vec<(&'static str, String)>,
        /// The body.
        body: String,
        /// Whether the request took effect.
        when: When,
    },
    /// The connection ends without an answer.
    Cut(When),
    /// The connection ends in the middle of the request's body: an upload leaves a `starter` behind.
    CutRequest,
    /// The connection ends in the middle of the answer.
    CutAnswer,
    /// The answer comes late.
    Delay(Duration),
    /// The request takes effect only after this time, even if whoever sent it is gone by then.
    Late(Duration),
    /// The answer comes in small pieces with a pause before each.
    Slow(Duration),
    /// The answer is no JSON.
    Garbled,
    /// The hook is called, and the connection ends without an answer.
    Call(When, Hook),
    /// The hook is called before the request takes effect, and nothing else is wrong: somebody else does something
    /// meanwhile.
    Meanwhile(Hook),
}

/// Before or after a request took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
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
    pub fn new(what: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(what))
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
    pub fn once(method: &str, path: &str, what: What) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), after: 0, times: 1, what }
    }

    /// Whether it strikes this request. Counts those that it lets pass, and those that it broke.
    pub(crate) fn strikes(&mut self, method: &str, path: &str) -> bool {
        let meant = (self.method.is_empty() || self.method == method) && path.contains(&self.path);
        if !meant || self.times == 0 {
            return false;
        }
        if self.after > 0 {
            self.after -= 1;
            return false;
        }
        self.times -= 1;
        true
    }
}
