//! Dates of the Gregorian calendar, in UTC.
#![forbid(unsafe_code)]

use core::fmt::{self, Display, Formatter};

/// A minute in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    year: i64,
    /// From 1.
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
}

/// Beyond years of four digits no format of ours has room: the last second of 9999.
const LAST: i64 = 253_402_300_799;

impl Date {
    /// The date that is `seconds` after the start of 1970. Years before 0 and after 9999 are cut.
    pub fn from_unix(seconds: i64) -> Date {
        const FIRST: i64 = -62_167_219_200;
        let seconds = seconds.clamp(FIRST, LAST);
        let (days, of_day) = (seconds.div_euclid(86400), seconds.rem_euclid(86400));
        // Years that begin in March, so that leap days come last; 400 years repeat exactly.
        let since = days + 719_468;
        let era = since.div_euclid(146_097);
        let of_era = since.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Date {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: month as u8,
            day: (of_year - (153 * from_march + 2) / 5 + 1) as u8,
            hour: (of_day / 3600) as u8,
            minute: (of_day / 60 % 60) as u8,
        }
    }
}

/// To the minute, for people: `1994-11-06 08:49`.
impl Display for Date {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Date { year, month, day, hour, minute } = self;
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00"),
            (-1, "1969-12-31 23:59"),
            (784_111_777, "1994-11-06 08:49"),
            (951_782_400, "2000-02-29 00:00"),
            (951_868_800, "2000-03-01 00:00"),
            (1_078_012_800, "2004-02-29 00:00"),
            (1_700_000_000, "2023-11-14 22:13"),
            (4_107_542_400, "2100-03-01 00:00"),
            (4_107_542_399, "2100-02-28 23:59"),
            (-2_203_891_200, "1900-03-01 00:00"),
            (LAST, "9999-12-31 23:59"),
            (i64::MAX, "9999-12-31 23:59"),
            (i64::MIN, "0000-01-01 00:00"),
        ] {
            assert_eq!(Date::from_unix(seconds).to_string(), expected);
        }
    }

    #[test]
    fn days_follow_each_other() {
        let mut before = Date::from_unix(-86400);
        for day in 0..200_000 {
            let date = Date::from_unix(day * 86400);
            let next = (date.year, date.month, date.day);
            let last = (before.year, before.month, before.day);
            assert!(next > last && (date.day == before.day + 1 || date.day == 1), "{date:?}");
            before = date;
        }
    }
}
