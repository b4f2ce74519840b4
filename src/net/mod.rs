//! The event loop, on the C structs themselves.

pub mod addr;
pub mod conn;
pub mod connect;
pub mod fs;
pub mod handle;
pub mod http;
mod http_asked;
mod http_body;
pub mod http_end;
pub mod http_message;
pub mod http_policy;
mod http_stream;
pub mod iobuf;
pub mod listen;
pub mod log;
mod mailbox;
pub mod mdns;
pub mod mem;
pub mod modbus;
pub mod multicast;
pub mod ota;
pub mod poll;
pub mod queue;
pub mod resolver;
pub mod serve;
pub mod settings;
pub mod sntp;
pub mod state;
pub mod sys;
pub mod timer;
pub mod unix;
pub mod upload;
pub mod view;
pub mod wakeup;
pub mod ws;

mod io;
