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
    hour: u8,
    minute: u8,
    second: u8,
    /// 0 is Sunday.
    weekday: u8,
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
            second: (of_day % 60) as u8,
            weekday: (days + 4).rem_euclid(7) as u8,
        }
    }
}

/// To the minute, for people: `1994-11-06 08:49`.
impl Display for Date {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Date { year, month, day, hour, minute, .. } = self;
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}")
    }
}

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Seconds since the start of 1970, displayed as HTTP has it: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110,
/// section 5.6.7). Always 29 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpDate(pub i64);

impl Display for HttpDate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Date { year, month, day, hour, minute, second, weekday } = Date::from_unix(self.0);
        let (name, month) = (&DAYS[usize::from(weekday)][..3], MONTHS[usize::from(month) - 1]);
        write!(f, "{name}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
    }
}

/// Reads a date of HTTP in any of its three forms (RFC 9110, section 5.6.7): that of [`HttpDate`],
/// `Sunday, 06-Nov-94 08:49:37 GMT`, and `Sun Nov  6 08:49:37 1994`. Returns seconds since the start of
/// 1970; `None` for what is no date. `now` decides about the century of a year of two digits: not more
/// than 50 years ahead.
pub fn parse_http_date(text: &[u8], now: i64) -> Option<i64> {
    let text = core::str::from_utf8(text).ok()?;
    let (weekday, rest) = text.split_at_checked(text.find([',', ' '])?)?;
    let (day, month, year, clock);
    if let Some(rest) = rest.strip_prefix(", ") {
        let date;
        (date, clock) = rest.strip_suffix(" GMT")?.rsplit_once(' ')?;
        let is_long = date.contains('-');
        let mut parts = date.split(if is_long { '-' } else { ' ' });
        (day, month) = (digits(parts.next()?, 2)?, parts.next()?);
        let text = parts.next().filter(|_| parts.next().is_none())?;
        year = if is_long { with_century(digits(text, 2)?, now) } else { digits(text, 4)? };
        is_weekday(weekday, is_long)?;
    } else {
        is_weekday(weekday, false)?;
        let rest = rest.strip_prefix(' ')?;
        let (date, text) = rest.rsplit_once(' ')?;
        year = digits(text, 4)?;
        let (name, rest) = date.split_once(' ')?;
        month = name;
        let (text, time) = rest.split_at_checked(2)?;
        day = digits(text.trim_start(), if text.starts_with(' ') { 1 } else { 2 })?;
        clock = time.strip_prefix(' ')?;
    }
    let month = MONTHS.iter().position(|name| *name == month)? as i64 + 1;
    let mut parts = clock.split(':').map(|text| digits(text, 2));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days_before(year, month, day) * 86400 + hour * 3600 + minute * 60 + second.min(59);
    // The day that there is no such day of the month is another one.
    let date = Date::from_unix(seconds);
    ((date.year, i64::from(date.month), i64::from(date.day)) == (year, month, day)).then_some(seconds)
}

/// The number that a text of so many digits is.
fn digits(text: &str, len: usize) -> Option<i64> {
    (text.len() == len && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// The text is the name of a day. Whether it is the right one is not checked.
fn is_weekday(text: &str, is_long: bool) -> Option<()> {
    DAYS.iter().any(|name| text == if is_long { name } else { &name[..3] }).then_some(())
}

/// The year that two digits stand for.
fn with_century(digits: i64, now: i64) -> i64 {
    let this = Date::from_unix(now).year;
    let year = this - this % 100 + digits;
    if year > this + 50 { year - 100 } else { year }
}

/// Days from the start of 1970 to a date.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March, as above.
    let year = if month <= 2 { year - 1 } else { year };
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    #[test]
    fn dates_of_http() {
        for (seconds, text) in [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
            (NOW, "Tue, 14 Nov 2023 22:13:20 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (LAST, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(HttpDate(seconds).to_string(), text);
            assert_eq!(parse_http_date(text.as_bytes(), NOW), Some(seconds), "{text}");
        }
        for seconds in (-60_000_000_000i64..200_000_000_000).step_by(98_765_431) {
            assert_eq!(parse_http_date(HttpDate(seconds).to_string().as_bytes(), NOW), Some(seconds));
        }
    }

    #[test]
    fn obsolete_dates_are_read() {
        for text in
            ["Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Mon, 06 Nov 1994 08:49:37 GMT"]
        {
            assert_eq!(parse_http_date(text.as_bytes(), NOW), Some(784_111_777), "{text}");
        }
        for (year, expected) in [("73", 2073), ("74", 1974), ("00", 2000), ("99", 1999)] {
            let text = format!("Monday, 01-Jan-{year} 00:00:00 GMT");
            let seconds = parse_http_date(text.as_bytes(), NOW).unwrap();
            assert_eq!(Date::from_unix(seconds).year, expected);
        }
        assert_eq!(parse_http_date(b"Sat Nov 26 08:49:37 1994", NOW), Some(784_111_777 + 20 * 86400));
        // A second that was put in is the one before.
        assert_eq!(parse_http_date(b"Sat, 31 Dec 2016 23:59:60 GMT", NOW), Some(1_483_228_799));
    }

    #[test]
    fn no_dates_of_http() {
        for text in [
            "",
            "0",
            "yesterday",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 GMT ",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37:00 GMT",
            "Sun, 06-Nov-94 08:49:37 GMT",
            "Son, 06 Nov 1994 08:49:37 GMT",
            "Sun Nov 06 08:49:37 94",
            "Sun Nov 6 08:49:37 1994",
            "Sun, 06 Nov 1994 -8:49:37 GMT",
            "\u{e9}, 06 Nov 1994 08:49:37 GMT",
            "Sun,",
            "Sun ",
        ] {
            assert_eq!(parse_http_date(text.as_bytes(), NOW), None, "{text}");
        }
    }

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
