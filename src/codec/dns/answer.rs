//! Packets to send: queries, and the answers of a multicast DNS responder (RFC 6762, RFC 6763).

#![forbid(unsafe_code)]

use super::name::encode_name;
use super::{CLASS_IN, NAME_MAX, TYPE_A, TYPE_PTR, TYPE_SRV, TYPE_TXT};

/// Shortest service and protocol: `_._tcp`.
const SERVICE_MIN: usize = 6;
/// Seconds that an answer may be kept.
const TIME_TO_LIVE: u32 = 120;
/// An authoritative answer.
const AUTHORITATIVE: u16 = 0x8400;

/// Writes a query for `name` to `out`; returns its length. `flags` is 0x0100 to ask for recursion,
/// 0 in multicast DNS. `None`: no valid name, or no room.
pub fn query(id: u16, flags: u16, name: &[u8], kind: u16, out: &mut [u8]) -> Option<usize> {
    let mut writer = Writer { out, len: 0 };
    writer.header(id, flags, [1, 0, 0])?;
    writer.name(name)?;
    writer.be16(kind)?;
    writer.be16(CLASS_IN)?;
    Some(writer.len)
}

/// A service of DNS-SD.
#[derive(Clone, Copy, Debug)]
pub struct Service<'a> {
    /// Service and protocol: `_http._tcp`.
    pub kind: &'a [u8],
    /// TXT data: strings with a length byte each. None at all is sent as one that is empty (RFC
    /// 6763, section 6.1).
    pub text: &'a [u8],
    /// Port.
    pub port: u16,
}

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// The address of the host.
    Host,
    /// The instances of a service (PTR).
    Instances(Service<'a>),
    /// Host and port of an instance (SRV).
    Location(Service<'a>),
    /// The text of an instance (TXT).
    Text(Service<'a>),
}

/// Writes the answer of `host` (without `.local`), whose address is `address`, to `out`; returns
/// its length.
///
/// `question` is repeated as it came: an asker that is no mDNS responder itself wants that (RFC
/// 6762, section 6.7). `None`: no valid name or service, or no room.
pub fn answer(
    id: u16,
    question: Option<&[u8]>,
    subject: Subject,
    host: &[u8],
    address: [u8; 4],
    out: &mut [u8],
) -> Option<usize> {
    if host.contains(&b'.') {
        return None;
    }
    let mut writer = Writer { out, len: 0 };
    let additional = match subject {
        Subject::Host | Subject::Text(_) => 0,
        Subject::Location(_) => 1,
        Subject::Instances(_) => 3,
    };
    writer.header(id, AUTHORITATIVE, [u16::from(question.is_some()), 1, additional])?;
    writer.put(question.unwrap_or_default())?;
    match subject {
        Subject::Host => {
            writer.labels(host)?;
            writer.name(b"local")?;
            writer.address(address)?;
        }
        Subject::Instances(service) => {
            let (kind, local) = writer.service_name(&service)?;
            if 1 + host.len() + writer.len - kind > NAME_MAX {
                return None;
            }
            let instance = writer.record(TYPE_PTR, |w| {
                let at = w.len;
                w.labels(host)?;
                w.pointer(kind)?;
                Some(at)
            })?;
            writer.pointer(instance)?;
            let target = writer.location(host, local, service.port)?;
            writer.pointer(instance)?;
            writer.text(&service)?;
            writer.pointer(target)?;
            writer.address(address)?;
        }
        Subject::Location(service) => {
            let (_, local) = writer.instance_name(host, &service)?;
            let target = writer.location(host, local, service.port)?;
            writer.pointer(target)?;
            writer.address(address)?;
        }
        Subject::Text(service) => {
            writer.instance_name(host, &service)?;
            writer.text(&service)?;
        }
    }
    Some(writer.len)
}

/// Writes to the front of a buffer; `None` from any step means that it did not fit.
struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        self.out.get_mut(self.len..self.len + bytes.len())?.copy_from_slice(bytes);
        self.len += bytes.len();
        Some(())
    }

    fn be16(&mut self, value: u16) -> Option<()> {
        self.put(&value.to_be_bytes())
    }

    /// `counts`: questions, answers, additional records.
    fn header(&mut self, id: u16, flags: u16, [questions, answers, additional]: [u16; 3]) -> Option<()> {
        [id, flags, questions, answers, 0, additional].into_iter().try_for_each(|field| self.be16(field))
    }

    fn name(&mut self, name: &[u8]) -> Option<()> {
        self.len += encode_name(name, true, &mut self.out[self.len..])?;
        Some(())
    }

    /// The front of a name.
    fn labels(&mut self, labels: &[u8]) -> Option<()> {
        self.len += encode_name(labels, false, &mut self.out[self.len..])?;
        Some(())
    }

    /// A pointer to an earlier name ends this one.
    fn pointer(&mut self, to: usize) -> Option<()> {
        self.be16(0xc000 | u16::try_from(to).ok().filter(|&to| to < 0x4000)?)
    }

    /// The name of an instance: `host._http._tcp.local`; returns what `service_name` does.
    fn instance_name(&mut self, host: &[u8], service: &Service) -> Option<(usize, usize)> {
        let start = self.len;
        self.labels(host)?;
        let places = self.service_name(service)?;
        (self.len - start <= NAME_MAX).then_some(places)
    }

    /// `_http._tcp.local`; returns where it starts and where its `local` does.
    fn service_name(&mut self, service: &Service) -> Option<(usize, usize)> {
        if service.kind.len() < SERVICE_MIN {
            return None;
        }
        let start = self.len;
        self.labels(service.kind)?;
        let local = self.len;
        self.name(b"local")?;
        Some((start, local))
    }

    /// What follows the name of a record; `data` writes its data.
    fn record<T>(&mut self, kind: u16, data: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.be16(kind)?;
        self.be16(CLASS_IN)?;
        self.put(&TIME_TO_LIVE.to_be_bytes())?;
        let length_at = self.len;
        self.be16(0)?;
        let result = data(self)?;
        let length = u16::try_from(self.len - length_at - 2).ok()?;
        self.out[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
        Some(result)
    }

    fn text(&mut self, service: &Service) -> Option<()> {
        self.record(TYPE_TXT, |w| w.put(if service.text.is_empty() { &[0] } else { service.text }))
    }

    fn address(&mut self, address: [u8; 4]) -> Option<()> {
        self.record(TYPE_A, |w| w.put(&address))
    }

    /// An SRV record without priority and weight; returns where its target's name is.
    fn location(&mut self, host: &[u8], local: usize, port: u16) -> Option<usize> {
        self.record(TYPE_SRV, |w| {
            w.put(&[0; 4])?;
            w.be16(port)?;
            let target = w.len;
            w.labels(host)?;
            w.pointer(local)?;
            Some(target)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::addr::Address;
    use crate::codec::dns::{Message, Name, Record, TYPE_AAAA};

    const WEB: Service = Service { kind: b"_http._tcp", text: b"\x05a=b c", port: 8080 };

    fn packet(write: impl FnOnce(&mut [u8]) -> Option<usize>) -> Vec<u8> {
        let mut out = [0xaa; 512];
        let len = write(&mut out).expect("a packet");
        assert!(out[len..].iter().all(|&b| b == 0xaa), "written past the end");
        out[..len].to_vec()
    }

    fn respond(subject: Subject) -> Vec<u8> {
        packet(|out| answer(0, None, subject, b"Mongoose", [1, 2, 3, 4], out))
    }

    #[test]
    fn queries() {
        let a = packet(|out| query(0x1234, 0x100, b"example.com", TYPE_A, out));
        assert_eq!(a, b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x01\0\x01");
        let aaaa = packet(|out| query(0, 0x100, b"example.com.", TYPE_AAAA, out));
        assert_eq!(&aaaa[2..], b"\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x1c\0\x01");
        let mdns = packet(|out| query(0, 0, b"Server.local", TYPE_A, out));
        assert_eq!(mdns, b"\0\0\0\0\0\x01\0\0\0\0\0\0\x06Server\x05local\0\0\x01\0\x01");
    }

    #[test]
    fn names_that_cannot_be_asked_for() {
        let long = "a.".repeat(126) + "a";
        assert_eq!(long.len(), 253);
        assert_eq!(packet(|out| query(0, 0, long.as_bytes(), 1, out)).len(), 12 + 255 + 4);
        let label = "a".repeat(64);
        let too_long = format!("a{long}");
        let wrong: [&[u8]; 7] = [b"", b".", b"a..b", b".a", b"a\0b", label.as_bytes(), too_long.as_bytes()];
        for name in wrong {
            assert_eq!(query(0, 0, name, 1, &mut [0; 512]), None, "{}", name.escape_ascii());
        }
        for room in 0..29 {
            assert_eq!(query(0, 0, b"example.com", 1, &mut [0; 29][..room]), None);
        }
        assert_eq!(query(0, 0, b"example.com", 1, &mut [0; 29]), Some(29));
    }

    #[test]
    fn address_of_the_host() {
        let want = b"\0\0\x84\0\0\0\0\x01\0\0\0\0\x08Mongoose\x05local\0\0\x01\0\x01\0\0\0\x78\0\x04\x01\x02\x03\x04";
        assert_eq!(respond(Subject::Host), want);
        let mut message = Message::default();
        assert!(message.parse(want));
        assert_eq!(&message.name[..], b"Mongoose.local");
        assert_eq!(message.address, Some(Address::V4([1, 2, 3, 4])));
    }

    #[test]
    fn instances_of_a_service() {
        let want = [
            &b"\0\0\x84\0\0\0\0\x01\0\0\0\x03\x05_http\x04_tcp\x05local\0\0\x0c\0\x01\0\0\0\x78\0\x0b\x08Mongoose\xc0\x0c"[..],
            b"\xc0\x28\0\x21\0\x01\0\0\0\x78\0\x11\0\0\0\0\x1f\x90\x08Mongoose\xc0\x17",
            b"\xc0\x28\0\x10\0\x01\0\0\0\x78\0\x06\x05a=b c",
            b"\xc0\x45\0\x01\0\x01\0\0\0\x78\0\x04\x01\x02\x03\x04",
        ];
        assert_eq!(respond(Subject::Instances(WEB)), want.concat());
    }

    #[test]
    fn location_and_text_belong_to_the_instance() {
        let srv = respond(Subject::Location(WEB));
        let txt = respond(Subject::Text(WEB));
        for (packet, kind, data) in
            [(&srv, TYPE_SRV, &b"\0\0\0\0\x1f\x90\x08Mongoose\xc0\x20"[..]), (&txt, TYPE_TXT, b"\x05a=b c")]
        {
            let mut name = Name::default();
            let record = Record::parse(packet, 12, false, &mut name).expect("a record");
            assert_eq!(&name[..], b"Mongoose._http._tcp.local");
            assert_eq!((record.kind, record.class, &packet[record.data]), (kind, CLASS_IN, data));
        }
        let mut name = Name::default();
        let end = Record::parse(&srv, 12, false, &mut name).expect("a record").end;
        let target = Record::parse(&srv, end, false, &mut name).expect("the address of the target");
        assert_eq!(&name[..], b"Mongoose.local");
        assert_eq!(target.address(&srv), Some(Address::V4([1, 2, 3, 4])));
        assert_eq!((target.end, srv.len()), (82, 82));
    }

    #[test]
    fn a_question_is_repeated() {
        let question = b"\x08mongoose\x05local\0\0\x01\0\x01";
        let packet = packet(|out| answer(7, Some(question), Subject::Host, b"Mongoose", [1, 2, 3, 4], out));
        assert_eq!(&packet[..12], b"\0\x07\x84\0\0\x01\0\x01\0\0\0\0");
        assert_eq!(packet[12..12 + question.len()], *question);
        assert_eq!(packet.len(), 42 + question.len());
    }

    #[test]
    fn what_does_not_fit_or_has_no_name_is_not_answered() {
        let all = [Subject::Host, Subject::Instances(WEB), Subject::Location(WEB), Subject::Text(WEB)];
        for subject in all {
            let len = respond(subject).len();
            for room in 0..len {
                let mut out = [0; 512];
                assert_eq!(answer(0, None, subject, b"Mongoose", [0; 4], &mut out[..room]), None);
            }
            for host in ["", ".", "a.b", "a\0", &"a".repeat(64)] {
                assert_eq!(answer(0, None, subject, host.as_bytes(), [0; 4], &mut [0; 512]), None, "{host}");
            }
        }
        let longest = format!("{}_tcp", "_a2345678.".repeat(18));
        for kind in ["", "_tcp", "a.tcp", "_a._tcp", "_http..tcp", ".", &"a".repeat(64), &longest] {
            let service = Service { kind: kind.as_bytes(), ..WEB };
            for subject in [Subject::Text(service), Subject::Location(service), Subject::Instances(service)] {
                let answered = answer(0, None, subject, b"a", [0; 4], &mut [0; 512]);
                assert_eq!(answered.is_some(), kind == "_a._tcp" || kind == longest, "{kind}");
            }
        }
        // Each part is fine, but the name of the instance is too long.
        let service = Service { kind: longest.as_bytes(), ..WEB };
        for (len, fits) in [(62, true), (63, false)] {
            let host = "h".repeat(len);
            for subject in [Subject::Text(service), Subject::Location(service), Subject::Instances(service)] {
                let answered = answer(0, None, subject, host.as_bytes(), [0; 4], &mut [0; 512]);
                assert_eq!(answered.is_some(), fits, "{len}");
            }
        }
    }

    #[test]
    fn no_text_is_an_empty_string() {
        let bare = Service { text: b"", ..WEB };
        let packet = respond(Subject::Text(bare));
        assert_eq!(packet[packet.len() - 3..], [0, 1, 0]);
    }
}
