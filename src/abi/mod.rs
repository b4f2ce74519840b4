//! The structs and constants that C programs share with the library.
//!
//! Everything here is plain data with the exact layout of the C ABI; `tests/abi.rs` checks it with
//! C compilers against a table of facts. C names come from `cbindgen.toml` by rename rules.
//!
//! Where C and Rust see a field differently (bit fields, enums that a program may fill with any
//! number), `#[cfg(cbindgen)]` marks what goes into the header and `#[cfg(not(cbindgen))]` what
//! Rust uses.

/// Gives the enumerators of a C enum to Rust as plain numbers.
///
/// C may put any number into a variable of an enum type, a Rust enum may not hold one. So the
/// enums here only define the values, and the library works with these constants.
macro_rules! enum_constants {
    ($name:ident as $int:ty: $($value:ident),+ $(,)?) => {
        $(
            #[doc = concat!("See [`", stringify!($name), "::", stringify!($value), "`].")]
            pub const $value: $int = $name::$value as $int;
        )+
    };
}

mod config;
mod core;
mod dash;
mod device;
mod digest;
mod dns;
mod event;
mod fmt;
mod fs;
mod http;
mod json;
mod jwt;
pub mod layout;
mod modbus;
mod mqtt;
mod options;
mod setting;
mod tls;
mod uecc;
mod web;
mod ws;

pub use config::*;
pub use core::*;
pub use dash::*;
pub use device::*;
pub use digest::*;
pub use dns::*;
pub use event::*;
pub use fmt::*;
pub use fs::*;
pub use http::*;
pub use json::*;
pub use jwt::*;
pub use layout::HttpMessageSpace;
pub use modbus::*;
pub use mqtt::*;
pub use options::*;
pub use setting::*;
pub use tls::*;
pub use uecc::*;
pub use web::*;
pub use ws::*;
