//! SNTP packets.

use mongoose::codec::sntp::{Answer, PACKET_LEN, milliseconds, origin, timestamp};

/// Whatever the packet and the clock say, there is a time; a time stamp comes back as it was, but
/// for what its fraction cuts.
pub fn packet(data: &[u8]) {
    assert_eq!(origin(data).is_some(), data.len() >= PACKET_LEN);
    let Some(answer) = Answer::parse(data) else { return };
    assert!(answer.leap <= 3 && answer.stratum > 0);
    let asked = milliseconds(origin(data).expect("long enough"));
    answer.time(asked, answer.received);
    for ms in [asked, answer.received, answer.sent] {
        let back = milliseconds(timestamp(ms.unsigned_abs()));
        // 0 means "none", and the second before it is cut to it.
        assert!((0..=1).contains(&(ms - back)) || back < 1000, "{ms} {back}");
    }
}
