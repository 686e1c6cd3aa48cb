//! What a store's refusals mean. Servers differ in their texts, some send none: the code and the status decide.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::client::Inner;
use crate::storage::error::{Action, StorageError, StorageErrorKind};

/// The status of an answer, if there was one.
pub(super) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// Whether there is no such object, as far as the answer tells: one to HEAD has no code.
pub(super) fn is_absent<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    status(error) == Some(404) && code != Some("NoSuchBucket")
}

/// The failure of a request about `target`.
pub(super) fn failure<E>(
    inner: &Inner,
    action: Action,
    target: &str,
    error: &SdkError<E, HttpResponse>,
) -> StorageError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(service) => {
            let (code, message) = (service.err().code(), service.err().message());
            refusal(inner, action, target, service.raw().status().as_u16(), code, message)
        }
        SdkError::ResponseError(response) => {
            let status = response.raw().status().as_u16();
            let kind = if status >= 500 { StorageErrorKind::Unreachable } else { StorageErrorKind::Other };
            let cause = format!(
                "{} gave an answer that is not S3's (HTTP {status}): {}",
                inner.endpoint,
                chain(error)
            );
            StorageError::new(kind, action, target, cause)
                .with_remedy("check that the endpoint is an S3 store")
        }
        SdkError::DispatchFailure(failure)
            if (failure.is_other() || failure.is_user()) && !is_broken_connection(error) =>
        {
            StorageError::new(StorageErrorKind::Other, action, target, chain(error))
        }
        SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) => {
            let cause = format!("{} does not answer ({})", inner.endpoint, chain(error));
            StorageError::new(StorageErrorKind::Unreachable, action, target, cause)
        }
        SdkError::ConstructionFailure(_) | _ => {
            StorageError::new(StorageErrorKind::Other, action, target, chain(error))
        }
    }
}

fn refusal(
    inner: &Inner,
    action: Action,
    target: &str,
    status: u16,
    code: Option<&str>,
    message: Option<&str>,
) -> StorageError {
    let kind = classify(status, code);
    let mut cause = format!("the store answered {} (HTTP {status})", code.unwrap_or("with an error"));
    if let Some(message) = message.filter(|message| !message.is_empty()) {
        cause = format!("{cause}: {}", message.trim_end_matches('.'));
    }
    let error = StorageError::new(kind, action, target, cause);
    let region = "set the region that the bucket is in (AWS_REGION)";
    match (code, kind) {
        (Some("RequestTimeTooSkewed"), _) => error.with_remedy("set this machine's clock"),
        (
            Some("AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException"),
            _,
        ) => error.with_remedy(region),
        (Some("NotImplemented"), _) if action == Action::Write => error.with_remedy(
            "this store lacks conditional writes, so two workers could overwrite each other; use another",
        ),
        (Some("BadDigest"), _) => error.with_remedy("the body was damaged on its way; run again"),
        (_, StorageErrorKind::Denied) => error.with_remedy(permission(action)),
        (_, StorageErrorKind::BucketMissing) => error.with_remedy(format!(
            "create bucket {} at {}, or correct its name",
            inner.bucket, inner.endpoint
        )),
        (None, _) if status == 301 => error.with_remedy(region),
        // No S3 store answers a listing so.
        (None, StorageErrorKind::NotFound) if matches!(action, Action::Open | Action::List) => {
            error.with_remedy(format!("check that the endpoint {} is an S3 store", inner.endpoint))
        }
        _ => error,
    }
}

fn permission(action: Action) -> &'static str {
    match action {
        Action::Open | Action::List => "grant these credentials s3:ListBucket on the bucket",
        Action::Inspect | Action::Read | Action::Download => {
            "grant these credentials s3:GetObject, or check that they are right, and this machine's clock too"
        }
        Action::Write | Action::CreateFolder => "grant these credentials s3:PutObject below this prefix",
        Action::Delete => "grant these credentials s3:DeleteObject below this prefix",
    }
}

fn classify(status: u16, code: Option<&str>) -> StorageErrorKind {
    match code.unwrap_or_default() {
        "NoSuchBucket" => StorageErrorKind::BucketMissing,
        "NoSuchKey" | "NoSuchVersion" => StorageErrorKind::NotFound,
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "InvalidToken"
        | "TokenRefreshRequired"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        // Signatures are made with the clock.
        | "RequestTimeTooSkewed" => StorageErrorKind::Credentials,
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" | "InvalidObjectState" => {
            StorageErrorKind::Denied
        }
        "QuotaExceeded" | "XMinioStorageFull" | "InsufficientStorage" => StorageErrorKind::NoSpace,
        "EntityTooLarge" => StorageErrorKind::TooLarge,
        "KeyTooLongError"
        | "KeyTooLong"
        | "InvalidObjectName"
        | "ObjectParentIsFile"
        | "InvalidURI"
        | "ExistingObjectIsDirectory"
        | "DirectoryObjectContainsData" => StorageErrorKind::InvalidKey,
        "InvalidBucketName" => StorageErrorKind::BucketMissing,
        "SlowDown" | "RequestTimeout" | "ServiceUnavailable" | "InternalError" | "BadDigest" => {
            StorageErrorKind::Unreachable
        }
        _ => match status {
            401 => StorageErrorKind::Credentials,
            403 => StorageErrorKind::Denied,
            404 => StorageErrorKind::NotFound,
            412 => StorageErrorKind::Changed,
            507 => StorageErrorKind::NoSpace,
            408 | 429 => StorageErrorKind::Unreachable,
            // "Not implemented" stays so.
            501 => StorageErrorKind::Other,
            500.. => StorageErrorKind::Unreachable,
            _ => StorageErrorKind::Other,
        },
    }
}

/// Whether the connection broke before the answer was there, as it does when a server is started again.
fn is_broken_connection(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source()).any(|cause| {
        cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(|error| error.is_incomplete_message() || error.is_closed() || error.is_canceled())
    })
}

/// An error with what caused it, each said once.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_decides_and_else_the_status() {
        use StorageErrorKind as K;
        for (status, code, kind) in [
            (404, Some("NoSuchBucket"), K::BucketMissing),
            (404, Some("NoSuchKey"), K::NotFound),
            (404, None, K::NotFound),
            (403, Some("InvalidAccessKeyId"), K::Credentials),
            (403, Some("SignatureDoesNotMatch"), K::Credentials),
            (400, Some("ExpiredToken"), K::Credentials),
            (403, Some("RequestTimeTooSkewed"), K::Credentials),
            (403, Some("AccessDenied"), K::Denied),
            (403, None, K::Denied),
            (412, Some("PreconditionFailed"), K::Changed),
            (412, None, K::Changed),
            (403, Some("QuotaExceeded"), K::NoSpace),
            (409, Some("ObjectParentIsFile"), K::InvalidKey),
            (400, Some("KeyTooLongError"), K::InvalidKey),
            (503, Some("SlowDown"), K::Unreachable),
            (502, None, K::Unreachable),
            (501, Some("NotImplemented"), K::Other),
            (400, Some("InvalidArgument"), K::Other),
        ] {
            assert_eq!(classify(status, code), kind, "{status} {code:?}");
        }
    }
}
