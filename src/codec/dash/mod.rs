//! Dashboards: what is asked of one, and variables as JSON.

#![forbid(unsafe_code)]

pub mod assign;
pub mod origin;
pub mod route;
pub mod token;
pub mod value;
