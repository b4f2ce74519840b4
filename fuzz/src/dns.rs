//! DNS packets.

use mongoose::codec::dns::{
    HEADER_LEN, Header, Message, NAME_MAX, Name, Record, Service, Subject, answer, query,
};

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

/// A host and a service, with a NUL between them and the text: what is said about them is a packet,
/// with names of the length that the host and the service have.
pub fn answers(data: &[u8]) {
    let mut parts = data.splitn(3, |b| *b == 0);
    let mut next = || parts.next().unwrap_or_default();
    let (host, kind, text) = (next(), next(), next());
    let service = Service { kind, text, port: 80 };
    let subjects =
        [Subject::Host, Subject::Instances(service), Subject::Location(service), Subject::Text(service)];
    for subject in subjects {
        let mut out = [0; 282];
        let Some(len) = answer(1, None, subject, host, [1, 2, 3, 4], &mut out) else { continue };
        let packet = &out[..len];
        let header = Header::parse(packet).expect("a header");
        let (mut at, mut name) = (HEADER_LEN, Name::default());
        for _ in 0..header.answers + u16::from_be_bytes([packet[10], packet[11]]) {
            let record = Record::parse(packet, at, false, &mut name).expect("a record");
            assert!(name.ends_with(b".local") && name.len() > 6);
            at = record.end;
        }
        assert_eq!(at, len);
    }
}
