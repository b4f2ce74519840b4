//! DNS packets.

use mongoose::codec::dns::{HEADER_LEN, Header, Message, NAME_MAX, Name, Record, query};

/// Records lie in the packet, names within their limit; what can be asked for is read back.
pub fn packet(data: &[u8]) {
    let mut message = Message::default();
    let valid = message.parse(data);
    assert!(message.name.len() <= NAME_MAX - 2);
    // An address comes from a valid response only.
    let response = Header::parse(data).is_some_and(|header| header.is_response());
    assert!(message.address.is_none() || (valid && response));
    let mut name = Name::default();
    for at in 0..data.len().min(64) {
        for is_question in [true, false] {
            let Some(record) = Record::parse(data, at, is_question, &mut name) else { continue };
            assert!(at < record.data.start && record.data.end == record.end && record.end <= data.len());
            assert!(record.name_len > 0 && at + record.name_len < record.end);
        }
    }
    let mut out = [0; 512];
    if let Some(len) = query(1, 0x100, data, 1, &mut out) {
        assert!(message.parse(&out[..len]));
        assert_eq!(&message.name[..], data.strip_suffix(b".").unwrap_or(data));
        assert!(len <= HEADER_LEN + NAME_MAX + 4);
    }
}
