//! Answers, and refusals as GitHub words them.

use axum::Json;
use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

const DOCUMENTATION_URL: &str = "https://docs.github.com/rest";

/// What a request gets.
pub(crate) type HandlerResult = Result<Response, ApiError>;

/// Why a request gets nothing.
#[derive(Debug)]
pub(crate) struct ApiError(StatusCode, Value);

impl ApiError {
    fn new(status: StatusCode, message: &str) -> Self {
        let code = status.as_u16().to_string();
        Self(status, json!({ "message": message, "documentation_url": DOCUMENTATION_URL, "status": code }))
    }

    /// There is no such thing, or it is not for this caller.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not Found")
    }

    pub(crate) fn bad_credentials() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Bad credentials")
    }

    pub(crate) fn forbidden(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub(crate) fn bad_request(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn internal_error(message: &str) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// 422, with what is wrong with which field.
    pub(crate) fn invalid(resource: &str, field: &str, code: &str) -> Self {
        let errors = json!([{ "resource": resource, "code": code, "field": field }]);
        Self(
            StatusCode::UNPROCESSABLE_ENTITY,
            json!({ "message": "Validation Failed", "errors": errors, "documentation_url": DOCUMENTATION_URL, "status": "422" }),
        )
    }

    /// 422, with a sentence about a field.
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

#[expect(clippy::unnecessary_wraps, reason = "handlers end with it")]
pub(crate) fn ok(body: Value) -> HandlerResult {
    Ok(Json(body).into_response())
}

#[expect(clippy::unnecessary_wraps, reason = "handlers end with it")]
pub(crate) fn created(body: Value) -> HandlerResult {
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

#[expect(clippy::unnecessary_wraps, reason = "handlers end with it")]
pub(crate) fn no_content() -> HandlerResult {
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A redirect to where the bytes are.
pub(crate) fn redirect(location: &str) -> HandlerResult {
    let response = Response::builder().status(StatusCode::FOUND).header(header::LOCATION, location);
    response.body(Body::empty()).map_err(|error| ApiError::internal_error(&error.to_string()))
}

/// A page of a list, with the `Link` header that leads to the others (RFC 8288).
#[expect(clippy::unnecessary_wraps, reason = "handlers end with it")]
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

/// Which page of a list is asked for.
#[derive(Debug, Default, serde::Deserialize)]
pub(crate) struct PageParams {
    per_page: Option<usize>,
    page: Option<usize>,
}
