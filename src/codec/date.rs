//! Dates of the Gregorian calendar, in UTC.
#![forbid(unsafe_code)]

use core::fmt::{self, Display, Formatter};

/// A second in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    year: i64,
    /// From 1.
    month: u8,
    day: u8,
    /// 0 is Sunday.
    weekday: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

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
            weekday: (days + 4).rem_euclid(7) as u8,
            hour: (of_day / 3600) as u8,
            minute: (of_day / 60 % 60) as u8,
            second: (of_day % 60) as u8,
        }
    }

    /// As in HTTP headers: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
    pub fn http(&self) -> impl Display + '_ {
        Shown(|f| {
            let Date { year, month, day, weekday, hour, minute, second } = *self;
            let (weekday, month) = (DAYS[usize::from(weekday)], MONTHS[usize::from(month) - 1]);
            write!(f, "{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
        })
    }

    /// To the minute, for people: `1994-11-06 08:49`.
    pub fn short(&self) -> impl Display + '_ {
        Shown(|f| {
            let Date { year, month, day, hour, minute, .. } = self;
            write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}")
        })
    }
}

struct Shown<F: Fn(&mut Formatter<'_>) -> fmt::Result>(F);

impl<F: Fn(&mut Formatter<'_>) -> fmt::Result> Display for Shown<F> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (seconds, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
            (1_078_012_800, "Sun, 29 Feb 2004 00:00:00 GMT"),
            (1_700_000_000, "Tue, 14 Nov 2023 22:13:20 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (-2_203_891_200, "Thu, 01 Mar 1900 00:00:00 GMT"),
            (LAST, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (i64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (i64::MIN, "Sat, 01 Jan 0000 00:00:00 GMT"),
        ] {
            assert_eq!(Date::from_unix(seconds).http().to_string(), expected);
        }
        assert_eq!(Date::from_unix(1_700_000_000).short().to_string(), "2023-11-14 22:13");
    }

    #[test]
    fn days_follow_each_other() {
        let mut before = Date::from_unix(-86400);
        for day in 0..200_000 {
            let date = Date::from_unix(day * 86400);
            assert_eq!(date.weekday, (before.weekday + 1) % 7);
            let next = (date.year, date.month, date.day);
            let last = (before.year, before.month, before.day);
            assert!(next > last && (date.day == before.day + 1 || date.day == 1), "{date:?}");
            before = date;
        }
    }
}
