//! SNTP packets (RFC 4330).

#![forbid(unsafe_code)]

/// Bytes of a packet.
pub const PACKET_LEN: usize = 48;
/// Seconds between the epoch of NTP (1900) and that of Unix (1970).
const UNIX_EPOCH: u32 = 2_208_988_800;
/// Where the time stamps are: when the request left, came in, and the answer left.
const ORIGIN: usize = 24;
const RECEIVE: usize = 32;
const TRANSMIT: usize = 40;

/// A request of a client with version 4. `transmit` is what the answer has to repeat as its origin.
pub fn request(transmit: [u8; 8]) -> [u8; PACKET_LEN] {
    let mut packet = [0; PACKET_LEN];
    packet[0] = 0x23;
    packet[TRANSMIT..].copy_from_slice(&transmit);
    packet
}

/// A time in milliseconds since 1970 as time stamp.
pub fn timestamp(ms: u64) -> [u8; 8] {
    let seconds = (ms / 1000).wrapping_add(UNIX_EPOCH.into()) as u32;
    let fraction = (ms % 1000 * u64::from(u32::MAX) / 1000) as u32;
    (u64::from(seconds) << 32 | u64::from(fraction)).to_be_bytes()
}

/// The origin time stamp of a packet: what the request that it answers had sent.
pub fn origin(packet: &[u8]) -> Option<[u8; 8]> {
    let packet: &[u8; PACKET_LEN] = packet.first_chunk()?;
    packet[ORIGIN..].first_chunk().copied()
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Leap indicator: 3 means that the server's clock is not synchronised.
    pub leap: u8,
    /// Distance from a reference clock: 1 to 15.
    pub stratum: u8,
    /// The origin time stamp, as it came.
    pub origin: [u8; 8],
    /// When the request came in, by the server's clock, in milliseconds since 1970.
    pub received: i64,
    /// When the answer left, by the server's clock, in milliseconds since 1970; 0 if it is not set.
    pub sent: i64,
}

impl Answer {
    /// Reads an answer. `None`: too short, not from a server, a kiss of death, or another version.
    pub fn parse(packet: &[u8]) -> Option<Answer> {
        let packet: &[u8; PACKET_LEN] = packet.first_chunk()?;
        let (leap, version, mode) = (packet[0] >> 6, packet[0] >> 3 & 7, packet[0] & 7);
        let stratum = packet[1];
        if !(4..=5).contains(&mode) || stratum == 0 || !(3..=4).contains(&version) {
            return None;
        }
        let stamp = |at: usize| packet[at..].first_chunk::<8>().copied().unwrap_or_default();
        Some(Answer {
            leap,
            stratum,
            origin: stamp(ORIGIN),
            received: milliseconds(stamp(RECEIVE)),
            sent: milliseconds(stamp(TRANSMIT)),
        })
    }

    /// The time now, in milliseconds since 1970: the server's, and half of the way there and back.
    /// `asked` and `now` are the request's and this moment's time by one clock of ours.
    pub fn time(&self, asked: i64, now: i64) -> i64 {
        let round_trip = now.wrapping_sub(asked).wrapping_sub(self.sent.wrapping_sub(self.received));
        self.sent.wrapping_add(round_trip / 2)
    }
}

/// A time stamp in milliseconds since 1970. Seconds wrap in 2036, and are taken to be later than
/// 1970; 0 means that there is none.
pub fn milliseconds(stamp: [u8; 8]) -> i64 {
    let stamp = u64::from_be_bytes(stamp);
    let (seconds, fraction) = ((stamp >> 32) as u32, stamp & u64::from(u32::MAX));
    let seconds = if seconds == 0 { 0 } else { seconds.wrapping_sub(UNIX_EPOCH) };
    i64::from(seconds) * 1000 + (fraction * 1000 / u64::from(u32::MAX)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_carry_the_time_stamp() {
        let packet = request(timestamp(1_245_120));
        assert_eq!(packet[0], 0x23);
        assert!(packet[1..TRANSMIT].iter().all(|&b| b == 0));
        assert_eq!(packet[TRANSMIT..], [0x83, 0xaa, 0x83, 0x5d, 0x1e, 0xb8, 0x51, 0xeb]);
    }

    #[test]
    fn time_stamps_come_back() {
        for ms in [1, 999, 1000, 1_245_120, 1_700_000_000_500, 2_085_978_497_000, 4_294_967_295_999] {
            let back = milliseconds(timestamp(ms));
            // The fraction is cut once in each direction.
            assert!(back == ms as i64 || back + 1 == ms as i64, "{ms}: {back}");
        }
        assert_eq!(milliseconds([0; 8]), 0);
        assert_eq!(milliseconds([0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]), 1000);
    }

    fn packet(first: u8, stratum: u8, origin: u64, receive: u64, transmit: u64) -> [u8; PACKET_LEN] {
        let mut packet = [0; PACKET_LEN];
        (packet[0], packet[1]) = (first, stratum);
        packet[ORIGIN..RECEIVE].copy_from_slice(&timestamp(origin));
        packet[RECEIVE..TRANSMIT].copy_from_slice(&timestamp(receive));
        packet[TRANSMIT..].copy_from_slice(&timestamp(transmit));
        packet
    }

    #[test]
    fn half_of_the_way_counts() {
        let rows = [
            // (asked, received, sent, now), time
            ((5000, 1_700_000_000_000, 1_700_000_000_500, 5000), 1_700_000_000_250),
            ((4000, 1_700_000_000_000, 1_700_000_000_000, 5000), 1_700_000_000_500),
            ((5000, 1_700_000_000_000, 1_700_000_000_000, 5003), 1_700_000_000_001),
            ((5000, 1_700_000_000_000, 1_700_000_000_003, 5000), 1_700_000_000_002),
        ];
        for ((asked, received, sent, now), time) in rows {
            let answer = Answer { leap: 0, stratum: 1, origin: [0; 8], received, sent };
            assert_eq!(answer.time(asked, now), time);
        }
    }

    #[test]
    fn who_may_answer() {
        for first in [0x24, 0x1c, 0x25, 0xe4, 0x1d] {
            for stratum in [1, 2, 15, 16, 255] {
                let answer =
                    Answer::parse(&packet(first, stratum, 5000, 1_700_000_000_000, 1_700_000_000_500));
                let answer = answer.unwrap_or_else(|| panic!("{first:#x} {stratum}"));
                assert_eq!((answer.leap, answer.stratum), (first >> 6, stratum));
                assert_eq!((answer.received, answer.sent), (1_700_000_000_000, 1_700_000_000_500 - 1));
                assert_eq!(answer.origin, timestamp(5000));
            }
        }
        for (first, stratum) in [(0x23, 1), (0x26, 1), (0x2c, 1), (0x14, 1), (0x24, 0), (0x55, 2), (0, 1)] {
            assert_eq!(Answer::parse(&packet(first, stratum, 0, 1, 1)), None, "{first:#x} {stratum}");
        }
        assert_eq!(Answer::parse(&packet(0x24, 1, 0, 1, 1)[..47]), None);
        assert_eq!(Answer::parse(b""), None);
    }

    #[test]
    fn extremes_do_not_overflow() {
        let answer = Answer { leap: 0, stratum: 1, origin: [0; 8], received: i64::MAX, sent: i64::MIN };
        answer.time(i64::MIN, i64::MAX);
        answer.time(i64::MAX, i64::MIN);
    }
}
