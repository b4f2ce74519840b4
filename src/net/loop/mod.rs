//! Manager, connections, poller, timers, wakeups, buffers.

pub mod addr;
pub mod admission;
pub mod clock;
pub mod conn;
pub mod connect;
pub mod guard;
pub mod handle;
pub mod io;
pub mod iobuf;
pub mod listen;
pub mod log;
mod mailbox;
pub mod mem;
pub mod multicast;
pub mod oversize;
pub mod poll;
pub mod process;
pub mod queue;
pub mod race;
pub mod settings;
pub mod state;
pub mod sys;
pub mod timer;
pub mod unix;
pub mod view;
pub mod wakeup;
