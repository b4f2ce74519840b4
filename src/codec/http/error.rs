//! Why a head or its framing is refused.

#![forbid(unsafe_code)]

use core::fmt;

/// What is wrong with a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A control byte where text belongs.
    ControlByte,
    /// CR that no LF follows.
    BareCr,
    /// No method, or a start line that begins with a space.
    Method,
    /// No target.
    Target,
    /// The start line does not end in `HTTP/d.d`.
    Version,
    /// An empty header name, or a byte that a name cannot have.
    HeaderName,
    /// A header line without colon.
    NoColon,
    /// Space between header name and colon.
    SpaceBeforeColon,
    /// A header line that begins with a space or tab (obsolete folding).
    Folded,
    /// A header that may occur only once is repeated.
    Repeated,
    /// `Content-Length` is not a plain number that fits.
    ContentLength,
    /// `Content-Length` beside `Transfer-Encoding`.
    LengthAndCoding,
    /// More header lines than [`super::MAX_HEADER_LINES`].
    TooManyHeaders,
    /// A transfer coding that is not `chunked` alone.
    Coding,
    /// `Transfer-Encoding` in a request older than HTTP/1.1.
    CodingInOldRequest,
    /// Two parts of the start line with more than one space, or none, between them.
    OddSpace,
    /// Another version than 1.x.
    UnknownVersion,
    /// `Host` is missing, repeated, or names no host.
    Host,
    /// A status that is not three digits, the first of them 1 to 9.
    Status,
    /// LF that no CR precedes.
    BareLf,
    /// An unknown method.
    UnknownMethod,
    /// A response where a request belongs, or the other way round.
    WrongWay,
}

impl Fault {
    /// A short text for logs and `MG_EV_ERROR`.
    pub fn reason(self) -> &'static str {
        match self {
            Fault::ControlByte => "Control byte in HTTP head",
            Fault::BareCr => "CR without LF in HTTP head",
            Fault::BareLf => "LF without CR in HTTP head",
            Fault::Method => "Invalid HTTP method",
            Fault::UnknownMethod => "Unknown HTTP method",
            Fault::Target => "Invalid HTTP target",
            Fault::Version => "Invalid HTTP version",
            Fault::HeaderName => "Invalid HTTP header name",
            Fault::NoColon => "HTTP header without colon",
            Fault::SpaceBeforeColon => "Space before colon in HTTP header",
            Fault::Folded => "Folded HTTP header",
            Fault::Repeated => "Repeated HTTP header",
            Fault::ContentLength => "Invalid Content-Length",
            Fault::LengthAndCoding => "Content-Length with Transfer-Encoding",
            Fault::TooManyHeaders => "Too many HTTP headers",
            Fault::Coding | Fault::CodingInOldRequest => "Invalid Transfer-Encoding",
            Fault::OddSpace => "Wrong space in HTTP start line",
            Fault::UnknownVersion => "Unknown HTTP version",
            Fault::Host => "Invalid Host header",
            Fault::Status => "Invalid HTTP status",
            Fault::WrongWay => "HTTP message from the wrong side",
        }
    }

    /// The status of a reply to such a request.
    pub fn status(self) -> u16 {
        match self {
            Fault::TooManyHeaders => 431,
            Fault::Coding | Fault::UnknownMethod => 501,
            Fault::UnknownVersion => 505,
            _ => 400,
        }
    }
}

/// What is wrong with a head, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadError {
    /// What.
    pub fault: Fault,
    /// Offset of the offending byte, or of the line that contains it.
    pub at: usize,
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.fault.reason(), self.at)
    }
}

impl std::error::Error for HeadError {}
