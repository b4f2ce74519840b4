//! The texts of status codes.
#![forbid(unsafe_code)]

/// The reason phrase of a status code; empty for codes that have none.
pub fn text(code: i32) -> &'static str {
    match code {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        208 => "Already Reported",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Payload Too Large",
        414 => "Request-URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Requested Range Not Satisfiable",
        417 => "Expectation Failed",
        418 => "I'm a teapot",
        421 => "Misdirected Request",
        422 => "Unprocessable Entity",
        423 => "Locked",
        424 => "Failed Dependency",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        444 => "Connection Closed Without Response",
        451 => "Unavailable For Legal Reasons",
        499 => "Client Closed Request",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        506 => "Variant Also Negotiates",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        510 => "Not Extended",
        511 => "Network Authentication Required",
        599 => "Network Connect Timeout Error",
        _ => "",
    }
}

/// A status line with its line end.
pub struct Line {
    bytes: [u8; 64],
    len: usize,
}

impl Line {
    /// The line for a status code.
    #[inline]
    pub fn new(code: i32) -> Self {
        const OK: &[u8; 17] = b"HTTP/1.1 200 OK\r\n";
        let mut line = Self { bytes: [0; 64], len: 0 };
        if code == 200 {
            line.bytes[..OK.len()].copy_from_slice(OK);
            line.len = OK.len();
        } else {
            line.write(code);
        }
        line
    }

    fn write(&mut self, code: i32) {
        self.push(b"HTTP/1.1 ");
        self.push(itoa::Buffer::new().format(code).as_bytes());
        self.push(b" ");
        self.push(text(code).as_bytes());
        self.push(b"\r\n");
    }

    fn push(&mut self, bytes: &[u8]) {
        // The longest text has 34 bytes, so all fits.
        if let Some(place) = self.bytes.get_mut(self.len..self.len + bytes.len()) {
            place.copy_from_slice(bytes);
            self.len += bytes.len();
        }
    }

    /// The line.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Whether a response with this status has a body (RFC 9110, section 6.4.1).
pub fn has_body(code: i32) -> bool {
    !matches!(code, 100..=199 | 204 | 304)
}

/// Whether a response with this status may say how long its body is, or would be (RFC 9110,
/// section 8.6).
pub fn has_length(code: i32) -> bool {
    !matches!(code, 100..=199 | 204)
}

/// The number at the start of the second word of a response; 0 when there is none.
pub fn number(word: &[u8]) -> i32 {
    let digits = word.iter().take_while(|b| b.is_ascii_digit());
    digits.fold(0, |n: i32, b| n.saturating_mul(10).saturating_add(i32::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_without_a_text() {
        for code in [i32::MIN, -1, 0, 99, 103, 306, 425, 509, 600, 999] {
            assert_eq!(text(code), "", "{code}");
        }
        assert_eq!((100..600).filter(|code| !text(*code).is_empty()).count(), 63);
    }

    #[test]
    fn lines() {
        assert_eq!(Line::new(200).bytes(), b"HTTP/1.1 200 OK\r\n");
        assert_eq!(Line::new(999).bytes(), b"HTTP/1.1 999 \r\n");
        assert_eq!(Line::new(i32::MIN).bytes(), b"HTTP/1.1 -2147483648 \r\n");
        for code in 100..600 {
            assert_eq!(Line::new(code).bytes(), format!("HTTP/1.1 {code} {}\r\n", text(code)).as_bytes());
        }
    }

    #[test]
    fn bodies() {
        assert!((100..600).all(|code| has_length(code) || !has_body(code)));
        assert!(has_body(200) && has_body(205) && has_body(404));
        assert!(!has_body(101) && !has_body(204) && !has_body(304));
        assert!(has_length(304) && !has_length(204) && !has_length(100));
    }
}
