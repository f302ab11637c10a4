//! What can be wrong with a SCIM request, and how RFC 7644 §3.12 names it.

use serde_json::{Value, json};

use super::urn;

/// A protocol error: a kind that fixes status and `scimType`, and a text for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Error {
    /// Fixes status and `scimType`.
    pub kind: Kind,
    /// For the caller: what is wrong, and what would be right.
    pub detail: String,
}

/// The kinds of RFC 7644 §3.12 (and RFC 9865 §2.1), with those a gateway needs beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 400 `invalidFilter`
    InvalidFilter,
    /// 400 `tooMany`
    TooMany,
    /// 408: the request did not come
    RequestTimeout,
    /// 409 `uniqueness`
    Uniqueness,
    /// 400 `mutability`
    Mutability,
    /// 400 `invalidSyntax`
    InvalidSyntax,
    /// 400 `invalidPath`
    InvalidPath,
    /// 400 `noTarget`
    NoTarget,
    /// 400 `invalidValue`
    InvalidValue,
    /// 400 `invalidCursor` (RFC 9865)
    InvalidCursor,
    /// 400 `expiredCursor` (RFC 9865)
    ExpiredCursor,
    /// 400 `invalidCount` (RFC 9865)
    InvalidCount,
    /// 401
    Unauthorized,
    /// 403
    Forbidden,
    /// 404
    NotFound,
    /// 405
    MethodNotAllowed,
    /// 409 without `scimType`: a concurrent change won
    Conflict,
    /// 412
    PreconditionFailed,
    /// 413
    TooLarge,
    /// 413 `tooMany`: a bulk request with more operations than are taken
    TooManyOperations,
    /// 415
    UnsupportedMediaType,
    /// 429
    TooManyRequests,
    /// 500
    Internal,
    /// 501
    NotImplemented,
    /// 502: Graph answered something that makes no sense
    BadGateway,
    /// 503
    Unavailable,
}

impl Kind {
    /// The HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidFilter
            | Self::TooMany
            | Self::Mutability
            | Self::InvalidSyntax
            | Self::InvalidPath
            | Self::NoTarget
            | Self::InvalidValue
            | Self::InvalidCursor
            | Self::ExpiredCursor
            | Self::InvalidCount => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::RequestTimeout => 408,
            Self::Uniqueness | Self::Conflict => 409,
            Self::PreconditionFailed => 412,
            Self::TooLarge | Self::TooManyOperations => 413,
            Self::UnsupportedMediaType => 415,
            Self::TooManyRequests => 429,
            Self::Internal => 500,
            Self::NotImplemented => 501,
            Self::BadGateway => 502,
            Self::Unavailable => 503,
        }
    }

    /// The `scimType`, where RFC 7644 table 9 has one.
    pub fn scim_type(self) -> Option<&'static str> {
        Some(match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany | Self::TooManyOperations => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
            Self::InvalidCursor => "invalidCursor",
            Self::ExpiredCursor => "expiredCursor",
            Self::InvalidCount => "invalidCount",
            _ => return None,
        })
    }
}

impl Error {
    /// An error of `kind` that tells the caller `detail`.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }

    /// The Error message body: `schemas`, `status` as a string, `scimType`, `detail`.
    pub fn body(&self) -> Value {
        let mut body = json!({
            "schemas": [urn::ERROR],
            "status": self.kind.status().to_string(),
        });
        if let Some(scim_type) = self.kind.scim_type() {
            body["scimType"] = scim_type.into();
        }
        body["detail"] = self.detail.clone().into();
        body
    }
}

macro_rules! constructors {
    ($($name:ident => $kind:ident),+ $(,)?) => {
        impl Error {
            $(
                #[doc = concat!("An error of kind [`Kind::", stringify!($kind), "`].")]
                pub fn $name(detail: impl Into<String>) -> Self {
                    Self::new(Kind::$kind, detail)
                }
            )+
        }
    };
}
constructors! {
    invalid_filter => InvalidFilter,
    invalid_syntax => InvalidSyntax,
    invalid_path => InvalidPath,
    invalid_value => InvalidValue,
    no_target => NoTarget,
    mutability => Mutability,
    not_found => NotFound,
    forbidden => Forbidden,
}
