//! Uploads: the body of a request becomes a file.

pub mod piece;
pub mod stream;
