//! Tests of the credentials.
