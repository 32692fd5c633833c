//! Git over HTTP, served by `git http-backend` (a CGI program, RFC 3875).

use std::process::Stdio;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use http_body_util::BodyExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::caller::CallerRole;
use super::context::ServerContext;
use super::response::{ApiError, HandlerResult};
use super::{git, refs};

/// Serves fetch and push. A push needs a token with write access. Anonymous callers that need one get a 401 challenge,
/// because git sends credentials only after it.
pub(crate) async fn serve_git(
    State(shared): State<Arc<ServerContext>>,
    caller: CallerRole,
    request: Request,
) -> HandlerResult {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let service = parts.uri.path().rsplit('/').next().unwrap_or_default().to_owned();
    let push = service == "git-receive-pack" || query.contains("service=git-receive-pack");
    let private = shared.state().settings.private;
    if (push || private) && caller == CallerRole::Anonymous {
        let challenge = [(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"GitHub\""))];
        return Ok((StatusCode::UNAUTHORIZED, challenge, "authentication is required").into_response());
    }
    if push {
        caller.require_write()?;
    }
    let broken = |error: &dyn std::fmt::Display| ApiError::internal_error(&error.to_string());
    let body = body.collect().await.map_err(|error| broken(&error))?.to_bytes();
    let mut command = std::process::Command::new("git");
    git::isolate_git(&mut command);
    let text = |name: HeaderName| parts.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &shared.git_dir)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", if service == "refs" { "/info/refs".to_owned() } else { format!("/{service}") })
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", parts.method.as_str())
        .env("CONTENT_TYPE", text(header::CONTENT_TYPE))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", text(header::CONTENT_ENCODING))
        .env("GIT_PROTOCOL", text(HeaderName::from_static("git-protocol")))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if push {
        command.env("REMOTE_USER", "octo-operator");
    }
    let mut child = Command::from(command).spawn().map_err(|error| broken(&error))?;
    if let Some(mut stdin) = child.stdin.take() {
        tokio::spawn(async move { stdin.write_all(&body).await });
    }
    let output = child.wait_with_output().await.map_err(|error| broken(&error))?;
    // The push may have deleted tags.
    if push && service != "refs" {
        refs::redraft_untagged_releases(&shared).await?;
    }
    parse_cgi_response(&output.stdout)
        .ok_or_else(|| ApiError::internal_error("git http-backend sent no valid response"))
}

/// Parses the output of a CGI program: headers, an empty line, the body. `None` if it is malformed.
fn parse_cgi_response(output: &[u8]) -> Option<Response> {
    let end = output.windows(4).position(|it| it == b"\r\n\r\n")?;
    let mut response = Response::new(Body::from(output[end + 4..].to_vec()));
    for line in String::from_utf8_lossy(&output[..end]).lines() {
        let (name, value) = line.split_once(": ")?;
        if name.eq_ignore_ascii_case("status") {
            *response.status_mut() = value.get(..3)?.parse().ok()?;
        } else {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            response.headers_mut().insert(name, value.parse().ok()?);
        }
    }
    Some(response)
}

/// Returns the password of basic credentials (RFC 7617). `None` if they cannot be decoded.
pub(crate) fn basic_auth_password(encoded: &str) -> Option<String> {
    let text = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
    text.split_once(':').map(|(_, password)| password.to_owned())
}
