//! What the two sides of a session have agreed on, for programs.

/// What the two sides of a session have agreed on; empty where there is nothing.
#[derive(Debug, Default)]
pub struct Info {
    /// `TLSv1.3`.
    pub version: &'static str,
    /// The suite, by its name in the registry of IANA.
    pub cipher: String,
    /// The group of the key exchange.
    pub group: String,
    /// The application's protocol.
    pub alpn: Vec<u8>,
    /// The host that the client asked for.
    pub name: String,
    /// Whose certificate the peer showed (RFC 4514).
    pub peer_subject: String,
    /// Its other names, one in a line.
    pub peer_names: String,
    /// All of it.
    pub peer_cert: Vec<u8>,
    /// It resumed an earlier session.
    pub resumed: bool,
}
