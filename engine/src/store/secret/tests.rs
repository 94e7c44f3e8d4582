//! Tests: secrets from their source to where they are used.
