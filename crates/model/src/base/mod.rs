//! Values that every other module uses: object ids, digests, paths, repository names, URLs, times and untrusted text.

pub mod base64;
mod causes;
pub mod http;
pub mod id;
pub mod path;
pub mod slug;
pub mod time;
pub mod untrusted_text;
pub mod url;
pub mod xml;

pub use causes::with_causes;
