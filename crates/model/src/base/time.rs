//! Conversion between times in seconds since 1970 (UTC) and the formats of RFC 3339, HTTP and OpenSSH.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

/// Formats a time as RFC 3339 in UTC. A time outside the years that the calendar supports is returned as a number.
#[must_use]
pub fn format_rfc3339(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |it| it.to_string())
}

/// Formats a time in a zone with a `strftime` format. Returns `None` if the time or the offset is out of range.
#[must_use]
pub fn format_in_zone(seconds: i64, offset_minutes: i32, format: &str) -> Option<String> {
    let zone = Offset::from_seconds(offset_minutes.checked_mul(60)?).ok()?;
    let zoned = Timestamp::from_second(seconds).ok()?.to_zoned(TimeZone::fixed(zone));
    Some(zoned.strftime(format).to_string())
}

/// Parses the value of an HTTP `Date` header (RFC 9110, 5.6.7). Returns `None` if it is not a valid date.
#[must_use]
pub fn parse_http_date(text: &str) -> Option<i64> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok().map(Timestamp::as_second)
}

/// Parses `YYYYMMDDZ`, `YYYYMMDDHHMMZ` or `YYYYMMDDHHMMSSZ`, a time of OpenSSH in UTC.
///
/// Returns `None` for any other form, the one without `Z` included: OpenSSH reads that in the local zone, so the same
/// policy would have another meaning on another machine.
#[must_use]
pub fn parse_openssh_time(text: &str) -> Option<i64> {
    let digits = text.strip_suffix('Z')?;
    if !matches!(digits.len(), 8 | 12 | 14) || !digits.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| digits.get(from..to).map_or(Some(0), |it| it.parse().ok());
    let year: i16 = digits[..4].parse().ok()?;
    let date =
        DateTime::new(year, part(4, 6)?, part(6, 8)?, part(8, 10)?, part(10, 12)?, part(12, 14)?, 0).ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

/// Returns the first second of the day `YYYY-MM-DD` in UTC. Returns `None` if the text is not a valid date.
#[must_use]
pub fn parse_date(text: &str) -> Option<i64> {
    let part_lengths: Vec<usize> = text.split('-').map(str::len).collect();
    if part_lengths != [4, 2, 2] {
        return None;
    }
    parse_openssh_time(&format!("{}Z", text.replace('-', "")))
}

/// Parses a time in RFC 3339, in any zone. Returns `None` if it is not a valid time. Fractions of a second are dropped.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_dates_and_rfc3339_times() {
        assert_eq!(parse_date("2026-01-01"), Some(1_767_225_600));
        assert_eq!(parse_rfc3339("2026-01-01T12:30:15Z"), Some(1_767_270_615));
        for bad in ["2026-1-01", "20260101", "2026-13-01", "2026-02-30", "", "abcd-ef-gh"] {
            assert_eq!(parse_date(bad), None, "{bad}");
            assert_eq!(parse_rfc3339(bad), None, "{bad}");
        }
    }

    #[test]
    fn parses_openssh_times() {
        assert_eq!(parse_openssh_time("20260101Z"), Some(1_767_225_600));
        assert_eq!(parse_openssh_time("202601011230Z"), Some(1_767_270_600));
        assert_eq!(parse_openssh_time("20260101123015Z"), Some(1_767_270_615));
        for bad in ["20260101", "20261301Z", "2026010Z", "20260101Z ", "", "Z", "20260230Z", "+0260101Z"] {
            assert_eq!(parse_openssh_time(bad), None, "{bad}");
        }
        assert_eq!(format_rfc3339(1_767_270_615), "2026-01-01T12:30:15Z");
    }

    #[test]
    fn parses_http_dates() {
        assert_eq!(parse_http_date("Thu, 01 Jan 2026 12:30:15 GMT"), Some(1_767_270_615));
        for bad in ["", "tomorrow", "Thu, 32 Jan 2026 12:30:15 GMT"] {
            assert_eq!(parse_http_date(bad), None, "{bad}");
        }
    }
}
