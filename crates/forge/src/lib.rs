//! GitHub REST client for one repository: releases, assets, tags, commits and attestations. It uses octocrab.
//!
//! This crate will not decide what a release needs, delete anything that is published, repeat a request that creates
//! something, or send a token to another host. Calls block; the async runtime is private to the crate `transport`.
//!
//! ```
//! use std::time::Duration;
//!
//! use model::base::http::{RetryPolicy, Token};
//! use model::release::host::CredentialSource;
//!
//! let second = Duration::from_secs(1);
//! let settings = forge::ForgeSettings {
//!     api_url: "http://github.example/api/v3".to_owned(),
//!     slug: model::RepoSlug::parse("github.example/acme/widgets").expect("a valid name"),
//!     token: Token::new("invented-token", CredentialSource::User("an example")),
//!     retry_policy: RetryPolicy { idle_timeout: second, max_attempts: 1, max_wait: second },
//! };
//! assert!(forge::Forge::connect(settings).is_err(), "a token never travels unencrypted");
//! ```

mod attestations;
mod client;
mod download;
mod error;
mod queries;
mod releases;
mod response;
mod upload;

pub use client::{Forge, ForgeSettings};
pub use error::ForgeError;
pub use releases::LatestLabel;
pub use upload::AssetUpload;
