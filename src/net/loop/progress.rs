//! Minimum rates: how long a peer may take for what is being collected from it.

/// Milliseconds before a rate counts.
pub const GRACE: u64 = 5000;

/// When the time is up for what began at `since` and of which `received` bytes have come, at so many
/// bytes per second.
pub fn due(since: u64, received: u64, rate: u64) -> u64 {
    since.saturating_add(GRACE).saturating_add(received.saturating_mul(1000) / rate.max(1))
}
