//! The event loop on the C structs themselves, and the protocols that run on it.

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
