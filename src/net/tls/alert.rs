//! Which alert goes to the peer. rustls chooses; but for what is wrong in the first messages it sends
//! `decode_error` or `handshake_failure` where the specification has a name, or none at all.

use rustls::{AlertDescription, Error, InvalidMessage, PeerMisbehaved};

/// The alert that the specification demands, if that is not the one that rustls sends.
/// `lacks_extension`: the peer's hello lacks one that TLS 1.3 demands. `is_tls12`: that was agreed on.
pub fn demanded(error: &Error, lacks_extension: bool, is_tls12: bool) -> Option<AlertDescription> {
    use AlertDescription as A;
    match error {
        // RFC 8446, 5.1.
        Error::InvalidMessage(InvalidMessage::MessageTooLarge) => Some(A::RecordOverflow),
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::InvalidEmptyPayload
            | InvalidMessage::InvalidCcs,
        )
        | Error::PeerMisbehaved(PeerMisbehaved::MessageInterleavedWithHandshakeMessage) => {
            Some(A::UnexpectedMessage)
        }
        Error::InvalidMessage(InvalidMessage::HandshakePayloadTooLarge) => Some(A::DecodeError),
        // RFC 8446, 4.1.2.
        Error::PeerMisbehaved(PeerMisbehaved::ServerNameDifferedOnRetry) => Some(A::IllegalParameter),
        // RFC 6066, section 3.
        Error::PeerMisbehaved(PeerMisbehaved::ServerNameMustContainOneHostName) => Some(A::UnrecognisedName),
        // RFC 5246, 7.4.6.
        Error::NoCertificatesPresented if is_tls12 => Some(A::HandshakeFailure),
        // RFC 8446, 9.2.
        Error::PeerIncompatible(_) if lacks_extension => Some(A::MissingExtension),
        _ => None,
    }
}

/// Puts an alert in place of the one at the end of what a session has for its peer. If there is none
/// and nothing is encrypted yet (`is_plain`), adds it.
pub fn put(output: &mut Vec<u8>, alert: AlertDescription, is_plain: bool) {
    const FATAL: [u8; 6] = [21, 3, 3, 0, 2, 2];
    let last = last_record(output).map(|at| &mut output[at..]);
    if let Some([21, 3, _, 0, 2, 2, description]) = last {
        *description = alert.into();
    } else if is_plain {
        output.extend(FATAL);
        output.push(alert.into());
    }
}

/// Where the last of some records begins.
fn last_record(records: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let [_, _, _, high, low, ..] = records.get(at..)? else { return None };
        let next = at + 5 + usize::from(u16::from_be_bytes([*high, *low]));
        if next >= records.len() {
            return (next == records.len()).then_some(at);
        }
        at = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put() {
        const HELLO: &[u8] = &[22, 3, 3, 0, 1, 9];
        const SEALED: &[u8] = &[23, 3, 3, 0, 9, 1, 1, 21, 3, 3, 0, 2, 2, 50];
        const WRONG: &[u8] = &[21, 3, 3, 0, 2, 2, 50];
        const RIGHT: &[u8] = &[21, 3, 3, 0, 2, 2, 22];
        for (output, is_plain, expected) in [
            (vec![], true, vec![RIGHT]),
            (vec![], false, vec![]),
            (vec![WRONG], true, vec![RIGHT]),
            (vec![WRONG], false, vec![RIGHT]),
            (vec![HELLO, WRONG], true, vec![HELLO, RIGHT]),
            (vec![HELLO], true, vec![HELLO, RIGHT]),
            (vec![SEALED], false, vec![SEALED]),
        ] {
            let mut output = output.concat();
            put(&mut output, AlertDescription::RecordOverflow, is_plain);
            assert_eq!(output, expected.concat());
        }
    }
}
