//! Responses, and errors with the wording of GitHub.

use axum::Json;
use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

const DOCUMENTATION_URL: &str = "https://docs.github.com/rest";

/// The result of a request handler.
pub(crate) type HandlerResult = Result<Response, ApiError>;

/// An error response: its status and its JSON body.
#[derive(Debug)]
pub(crate) struct ApiError(StatusCode, Value);

impl ApiError {
    fn new(status: StatusCode, message: &str) -> Self {
        let code = status.as_u16().to_string();
        Self(status, json!({ "message": message, "documentation_url": DOCUMENTATION_URL, "status": code }))
    }

    /// 404: the object does not exist, or the caller may not see it.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not Found")
    }

    /// 401: the credentials are unknown.
    pub(crate) fn bad_credentials() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Bad credentials")
    }

    /// 403: the caller lacks a right, or has used up the rate limit.
    pub(crate) fn forbidden(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 400: the request is malformed.
    pub(crate) fn bad_request(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 500: git or the file system failed.
    pub(crate) fn internal_error(message: &str) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// 422: a field is invalid. `code` is one of GitHub's validation codes, such as `missing_field`.
    pub(crate) fn invalid(resource: &str, field: &str, code: &str) -> Self {
        let errors = json!([{ "resource": resource, "code": code, "field": field }]);
        Self(
            StatusCode::UNPROCESSABLE_ENTITY,
            json!({ "message": "Validation Failed", "errors": errors, "documentation_url": DOCUMENTATION_URL, "status": "422" }),
        )
    }

    /// 422: a field is invalid, with a message (validation code `custom`).
    pub(crate) fn invalid_because(resource: &str, field: &str, message: &str) -> Self {
        let errors = json!([{ "resource": resource, "code": "custom", "field": field, "message": message }]);
        Self(
            StatusCode::UNPROCESSABLE_ENTITY,
            json!({ "message": "Validation Failed", "errors": errors, "documentation_url": DOCUMENTATION_URL, "status": "422" }),
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}

/// Returns a response with status 200.
#[expect(clippy::unnecessary_wraps, reason = "handlers return its result")]
pub(crate) fn ok(body: Value) -> HandlerResult {
    Ok(Json(body).into_response())
}

/// Returns a response with status 201.
#[expect(clippy::unnecessary_wraps, reason = "handlers return its result")]
pub(crate) fn created(body: Value) -> HandlerResult {
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// Returns an empty response with status 204.
#[expect(clippy::unnecessary_wraps, reason = "handlers return its result")]
pub(crate) fn no_content() -> HandlerResult {
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Returns a redirect (302) to a URL on another host.
pub(crate) fn redirect(location: &str) -> HandlerResult {
    let response = Response::builder().status(StatusCode::FOUND).header(header::LOCATION, location);
    response.body(Body::empty()).map_err(|error| ApiError::internal_error(&error.to_string()))
}

/// Returns one page of a list, with a `Link` header to the other pages (RFC 8288). `url` is that of the list.
#[expect(clippy::unnecessary_wraps, reason = "handlers return its result")]
pub(crate) fn paginate(all: Vec<Value>, params: &PageParams, url: &str) -> HandlerResult {
    let per_page = params.per_page.unwrap_or(30).clamp(1, 100);
    let page = params.page.unwrap_or(1).max(1);
    let last = all.len().div_ceil(per_page).max(1);
    let page_items: Vec<Value> = all.into_iter().skip((page - 1) * per_page).take(per_page).collect();
    let mut links = Vec::new();
    let mut link = |page: usize, rel: &str| {
        links.push(format!("<{url}?per_page={per_page}&page={page}>; rel=\"{rel}\""));
    };
    if page > 1 {
        link(page - 1, "prev");
    }
    if page < last {
        link(page + 1, "next");
        link(last, "last");
    }
    let mut response = Json(Value::Array(page_items)).into_response();
    if let Ok(value) = links.join(", ").parse()
        && !links.is_empty()
    {
        response.headers_mut().insert(header::LINK, value);
    }
    Ok(response)
}

/// The query parameters of a paginated list. A page has 30 items by default and at most 100.
#[derive(Debug, Default, serde::Deserialize)]
pub(crate) struct PageParams {
    per_page: Option<usize>,
    page: Option<usize>,
}
