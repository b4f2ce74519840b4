//! The event loop on the C structs themselves, and the protocols that run on it.

/// A struct for an event: its fields, and zeros in all else, padding too. Handlers in other languages
/// copy and compare whole structs.
macro_rules! zeroed {
    ($type:ident { $($field:ident: $value:expr),* $(,)? }) => {{
        let mut event = core::mem::MaybeUninit::<$type>::zeroed();
        let at = event.as_mut_ptr();
        // SAFETY: the memory is this function's own, and large enough for the struct.
        unsafe { $((&raw mut (*at).$field).write($value);)* }
        event
    }};
}

pub mod dash;
#[path = "loop/mod.rs"]
pub mod event_loop;
pub mod fs;
pub mod http;
pub mod mdns;
pub mod modbus;
pub mod mqtt;
pub mod ota;
pub mod resolver;
pub mod sntp;
pub mod tls;
pub mod ws;

/// What the loop is given with each manager.
pub static SERVICES: event_loop::services::Services =
    event_loop::services::Services { transport: &tls::Tls, names: &resolver::Lookups };
