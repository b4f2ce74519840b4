//! What a session of rustls has agreed on with its peer.

use super::info::Info;
use crate::codec::tls::x509::Certificate;
use rustls::{Connection, HandshakeKind, ProtocolVersion};

/// Asks a session of rustls.
pub fn inspect(tls: &Connection) -> Info {
    let suite = tls.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
    let cert = tls.peer_certificates().and_then(<[_]>::first);
    let parsed = cert.and_then(|cert| Certificate::parse(cert));
    Info {
        version: match tls.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            _ => "",
        },
        cipher: suite.map_or_else(String::new, |name| name.replace("TLS13_", "TLS_")),
        group: tls.negotiated_key_exchange_group().map_or_else(String::new, |g| format!("{:?}", g.name())),
        alpn: tls.alpn_protocol().unwrap_or_default().to_vec(),
        name: match tls {
            Connection::Server(server) => server.server_name().unwrap_or_default().to_owned(),
            Connection::Client(_) => String::new(),
        },
        peer_subject: parsed.and_then(|cert| cert.subject_text()).unwrap_or_default(),
        peer_names: parsed.map_or_else(String::new, |cert| cert.name_texts().join("\n")),
        peer_cert: cert.map_or_else(Vec::new, |cert| cert.to_vec()),
        resumed: tls.handshake_kind() == Some(HandshakeKind::Resumed),
    }
}
