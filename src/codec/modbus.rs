//! Modbus over TCP, the server's side: frames, requests and answers (Modbus Application Protocol
//! V1.1b3, Messaging on TCP/IP V1.0b).

#![forbid(unsafe_code)]

/// Longest frame: six bytes of header, and what its length field may count.
pub const FRAME_MAX: usize = 6 + LENGTH_MAX;
/// What the length field counts at most: the unit and a PDU of 253 bytes.
const LENGTH_MAX: usize = 254;
/// Bytes before the unit.
const HEADER_LEN: usize = 6;
/// Bytes of a write of many before its values: function, address, count, number of bytes.
const MANY_LEN: usize = 6;

const ILLEGAL_FUNCTION: u8 = 1;
const ILLEGAL_ADDRESS: u8 = 2;
const ILLEGAL_VALUE: u8 = 3;

/// The bytes are no Modbus, and what follows cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Length of the frame at the start of `bytes`; `None` while its header is incomplete.
///
/// # Errors
/// The protocol is not 0, or the frame has no function or is longer than [`FRAME_MAX`].
pub fn frame_len(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some([_, _, protocol @ .., high, low]) = bytes.first_chunk::<HEADER_LEN>() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if *protocol != [0, 0] || !(2..=LENGTH_MAX).contains(&length) {
        return Err(Malformed);
    }
    Ok(Some(HEADER_LEN + length))
}

/// What a function works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Coils and discrete inputs.
    Bits,
    /// Registers.
    Registers,
}

/// A valid request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// Function code.
    pub function: u8,
    /// First address.
    pub address: u16,
    /// Number of bits or registers.
    pub count: u16,
    /// What they are.
    pub kind: Kind,
    /// The values to write, as they came; `None`: read.
    write: Option<&'a [u8]>,
}

/// A complete frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Transaction id, to be repeated.
    transaction: [u8; 2],
    /// Unit id, to be repeated.
    unit: u8,
    function: u8,
    /// The call, or the code of the exception that answers it.
    pub call: Result<Call<'a>, u8>,
}

impl<'a> Request<'a> {
    /// Reads a frame as long as [`frame_len`] says; `None` if it is shorter.
    pub fn parse(frame: &'a [u8]) -> Option<Self> {
        let [t1, t2, _, _, _, _, unit, pdu @ ..] = frame else { return None };
        let function = *pdu.first()?;
        Some(Request { transaction: [*t1, *t2], unit: *unit, function, call: parse_call(pdu) })
    }

    /// Writes the answer to `out` and returns its length: the values, which the program filled in
    /// or got, or an exception.
    pub fn answer(&self, outcome: Result<Values, u8>, out: &mut [u8; FRAME_MAX]) -> usize {
        let body = &mut out[HEADER_LEN + 1..];
        let len = match (self.call, outcome) {
            (Ok(call), Ok(values)) => call.answer(values, body),
            (Err(code), _) | (_, Err(code)) => {
                body[..2].copy_from_slice(&[self.function | 0x80, code]);
                2
            }
        };
        out[..2].copy_from_slice(&self.transaction);
        out[2..4].fill(0);
        out[4..HEADER_LEN].copy_from_slice(&(len as u16 + 1).to_be_bytes());
        out[HEADER_LEN] = self.unit;
        HEADER_LEN + 1 + len
    }
}

/// The values of a call, as many as its count.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// Bits, one in each byte: 0 or not.
    Bits(&'a [u8]),
    /// Registers in host order.
    Registers(&'a [u16]),
}

/// Reads a PDU.
fn parse_call(pdu: &[u8]) -> Result<Call<'_>, u8> {
    let function = pdu[0];
    let (kind, most) = match function {
        1 | 2 => (Kind::Bits, 2000),
        3 | 4 => (Kind::Registers, 125),
        5 => (Kind::Bits, 1),
        6 => (Kind::Registers, 1),
        15 => (Kind::Bits, 1968),
        16 => (Kind::Registers, 123),
        _ => return Err(ILLEGAL_FUNCTION),
    };
    let Some([_, a1, a2, c1, c2]) = pdu.first_chunk::<5>() else { return Err(ILLEGAL_VALUE) };
    let (address, field) = (u16::from_be_bytes([*a1, *a2]), u16::from_be_bytes([*c1, *c2]));
    let mut call = Call { function, address, count: field, kind, write: None };
    let complete = match function {
        1..=4 => pdu.len() == 5,
        5 | 6 => {
            (call.count, call.write) = (1, Some(&pdu[3..5]));
            pdu.len() == 5 && (function == 6 || matches!(field, 0 | 0xff00))
        }
        _ => {
            let bytes = call.value_bytes();
            call.write = pdu.get(MANY_LEN..);
            pdu.len() == MANY_LEN + bytes && usize::from(pdu[5]) == bytes
        }
    };
    if !complete || call.count == 0 || call.count > most {
        return Err(ILLEGAL_VALUE);
    }
    if usize::from(call.address) + usize::from(call.count) > 0x10000 {
        return Err(ILLEGAL_ADDRESS);
    }
    Ok(call)
}

impl Call<'_> {
    /// Bytes that the values take on the wire.
    fn value_bytes(&self) -> usize {
        match self.kind {
            Kind::Bits => usize::from(self.count).div_ceil(8),
            Kind::Registers => usize::from(self.count) * 2,
        }
    }

    /// Unpacks the bits to write into `bits`, one in each byte; nothing for a read.
    pub fn bits(&self, bits: &mut [u8]) {
        let Some(values) = self.write else { return };
        if self.function == 5 {
            bits.iter_mut().take(1).for_each(|bit| *bit = u8::from(values[0] != 0));
            return;
        }
        for (i, bit) in bits.iter_mut().take(self.count.into()).enumerate() {
            *bit = values[i / 8] >> (i % 8) & 1;
        }
    }

    /// Unpacks the registers to write into `registers`; nothing for a read.
    pub fn registers(&self, registers: &mut [u16]) {
        let pairs = self.write.unwrap_or_default().as_chunks::<2>().0;
        for (register, pair) in registers.iter_mut().zip(pairs) {
            *register = u16::from_be_bytes(*pair);
        }
    }

    /// Writes the PDU of the answer.
    fn answer(&self, values: Values, out: &mut [u8]) -> usize {
        out[0] = self.function;
        out[1..3].copy_from_slice(&self.address.to_be_bytes());
        match (self.write, self.function, values) {
            (None, ..) => {
                let bytes = self.value_bytes();
                out[1] = bytes as u8;
                values.pack(&mut out[2..2 + bytes]);
                2 + bytes
            }
            (_, 5, Values::Bits(bits)) => {
                let on = bits.first().is_some_and(|&bit| bit != 0);
                out[3..5].copy_from_slice(if on { &[0xff, 0] } else { &[0, 0] });
                5
            }
            (_, 6, _) => {
                values.pack(&mut out[3..5]);
                5
            }
            _ => {
                out[3..5].copy_from_slice(&self.count.to_be_bytes());
                5
            }
        }
    }
}

impl Values<'_> {
    /// Packs as many values as there is room for; what is missing is 0.
    fn pack(self, out: &mut [u8]) {
        out.fill(0);
        match self {
            Values::Bits(bits) => {
                for (byte, bits) in out.iter_mut().zip(bits.chunks(8)) {
                    *byte = bits.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit != 0));
                }
            }
            Values::Registers(registers) => {
                for (pair, register) in out.as_chunks_mut::<2>().0.iter_mut().zip(registers) {
                    *pair = register.to_be_bytes();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        hex.split_whitespace().map(|b| u8::from_str_radix(b, 16).expect("hexadecimal")).collect()
    }

    /// A frame with transaction id 1 from its length field on.
    fn frame(rest: &str) -> Vec<u8> {
        bytes(&format!("00 01 00 00 {rest}"))
    }

    /// Answers a request as a device whose values are 1, 0, 1, 0 … or 1, 2, 3 …; what is written
    /// to it comes back as `Ok`.
    fn device(request: &Request) -> (Vec<u8>, Option<Vec<u16>>) {
        let mut out = [0; FRAME_MAX];
        let mut written = None;
        let len = match &request.call {
            Err(code) => request.answer(Err(*code), &mut out),
            Ok(call) => {
                let count = usize::from(call.count);
                match call.kind {
                    Kind::Bits => {
                        let mut bits: Vec<_> = (0..count).map(|i| u8::from(i % 2 == 0)).collect();
                        call.bits(&mut bits);
                        written = Some(bits.iter().map(|&b| b.into()).collect());
                        request.answer(Ok(Values::Bits(&bits)), &mut out)
                    }
                    Kind::Registers => {
                        let mut registers: Vec<_> = (1..=call.count).collect();
                        call.registers(&mut registers);
                        written = Some(registers.clone());
                        request.answer(Ok(Values::Registers(&registers)), &mut out)
                    }
                }
            }
        };
        (out[..len].to_vec(), written)
    }

    #[test]
    fn requests_and_their_answers() {
        let rows = [
            ("00 06 01 01 00 10 00 01", "00 04 01 01 01 01"),
            ("00 06 01 02 00 11 00 01", "00 04 01 02 01 01"),
            ("00 06 01 03 00 12 00 01", "00 05 01 03 02 00 01"),
            ("00 06 01 04 00 13 00 01", "00 05 01 04 02 00 01"),
            ("00 06 01 05 00 14 ff 00", "00 06 01 05 00 14 ff 00"),
            ("00 06 01 05 00 14 00 00", "00 06 01 05 00 14 00 00"),
            ("00 06 01 06 00 15 00 01", "00 06 01 06 00 15 00 01"),
            ("00 06 01 01 00 16 00 00", "00 03 01 81 03"),
            ("00 06 01 01 00 18 00 07", "00 04 01 01 01 55"),
            ("00 06 01 02 00 19 00 00", "00 03 01 82 03"),
            ("00 06 01 02 00 1b 00 07", "00 04 01 02 01 55"),
            ("00 06 01 03 00 1c 00 00", "00 03 01 83 03"),
            ("00 06 01 03 00 1e 00 07", "00 11 01 03 0e 00 01 00 02 00 03 00 04 00 05 00 06 00 07"),
            ("00 06 01 04 00 1f 00 00", "00 03 01 84 03"),
            ("00 06 01 04 00 21 00 07", "00 11 01 04 0e 00 01 00 02 00 03 00 04 00 05 00 06 00 07"),
            ("00 07 01 0f 00 22 00 00 00", "00 03 01 8f 03"),
            ("00 08 01 0f 00 23 00 01 01 01", "00 06 01 0f 00 23 00 01"),
            ("00 08 01 0f 00 24 00 07 01 55", "00 06 01 0f 00 24 00 07"),
            ("00 07 01 10 00 25 00 00 00", "00 03 01 90 03"),
            ("00 09 01 10 00 26 00 01 02 00 01", "00 06 01 10 00 26 00 01"),
            ("00 06 01 11 00 28 00 01", "00 03 01 91 01"),
            ("00 06 01 05 00 29 12 34", "00 03 01 85 03"),
            ("00 06 11 2b 0e 01 00 00", "00 03 11 ab 01"),
            ("00 06 11 83 0e 01 00 00", "00 03 11 83 01"),
            // Counts at their limits and one above
            ("00 06 11 02 00 13 07 d1", "00 03 11 82 03"),
            ("00 06 11 03 00 13 00 7e", "00 03 11 83 03"),
            ("00 06 11 03 ff ff 00 01", "00 05 11 03 02 00 01"),
            ("00 06 11 03 ff ff 00 02", "00 03 11 83 02"),
            // Lengths that do not fit the function
            ("00 02 01 07", "00 03 01 87 01"),
            ("00 02 01 03", "00 03 01 83 03"),
            ("00 05 01 03 00 00 00", "00 03 01 83 03"),
            ("00 07 01 03 00 00 00 01 00", "00 03 01 83 03"),
            ("00 07 01 06 00 00 00 01 00", "00 03 01 86 03"),
            ("00 06 01 0f 00 00 00 01", "00 03 01 8f 03"),
            ("00 08 01 0f 00 00 00 09 01 ff", "00 03 01 8f 03"),
            ("00 09 01 0f 00 00 00 08 02 ff ff", "00 03 01 8f 03"),
            ("00 08 01 10 00 00 00 01 01 00", "00 03 01 90 03"),
        ];
        for (request, answer) in rows {
            let request_bytes = frame(request);
            assert_eq!(frame_len(&request_bytes), Ok(Some(request_bytes.len())), "{request}");
            let parsed = Request::parse(&request_bytes).expect("complete");
            assert_eq!(device(&parsed).0, frame(answer), "{request}");
        }
    }

    #[test]
    fn longest_reads() {
        let request = frame("00 06 11 02 00 13 07 d0");
        let (answer, _) = device(&Request::parse(&request).expect("complete"));
        assert_eq!((answer.len(), &answer[4..9]), (259, &bytes("00 fd 11 02 fa")[..]));
        let request = frame("00 06 11 03 00 13 00 7d");
        let (answer, _) = device(&Request::parse(&request).expect("complete"));
        assert_eq!((answer.len(), &answer[4..9]), (259, &bytes("00 fd 11 03 fa")[..]));
    }

    #[test]
    fn writes_arrive() {
        let rows: [(&str, &[u16]); 6] = [
            ("00 06 11 05 00 ac ff 00", &[1]),
            ("00 06 11 05 00 ac 00 00", &[0]),
            ("00 06 11 06 00 ac 12 34", &[0x1234]),
            ("00 09 11 0f 00 13 00 0a 02 cd 01", &[1, 0, 1, 1, 0, 0, 1, 1, 1, 0]),
            ("00 0b 11 10 00 01 00 02 04 00 0a 01 02", &[0x000a, 0x0102]),
            ("00 08 01 0f 00 24 00 07 01 55", &[1, 0, 1, 0, 1, 0, 1]),
        ];
        for (request, values) in rows {
            let bytes = frame(request);
            assert_eq!(
                device(&Request::parse(&bytes).expect("complete")).1.as_deref(),
                Some(values),
                "{request}"
            );
        }
    }

    #[test]
    fn the_program_decides() {
        let request = frame("00 06 01 03 ff ff 00 01");
        let request = Request::parse(&request).expect("complete");
        let mut out = [0; FRAME_MAX];
        let len = request.answer(Err(2), &mut out);
        assert_eq!(out[..len], frame("00 03 01 83 02"));
        // Too few values count as zeros.
        let len = request.answer(Ok(Values::Registers(&[])), &mut out);
        assert_eq!(out[..len], frame("00 05 01 03 02 00 00"));
        let single = frame("00 06 01 06 00 15 00 01");
        let len = Request::parse(&single).expect("complete").answer(Ok(Values::Registers(&[7])), &mut out);
        assert_eq!(out[..len], frame("00 06 01 06 00 15 00 07"));
    }

    #[test]
    fn frames_that_cannot_be_told_apart() {
        let request = frame("00 06 01 03 00 00 00 01");
        for cut in 0..6 {
            assert_eq!(frame_len(&request[..cut]), Ok(None));
        }
        assert_eq!(frame_len(&request[..6]), Ok(Some(12)));
        for wrong in [
            "00 01 00 01 00 06",
            "00 01 01 00 00 06",
            "00 01 00 00 00 00",
            "00 01 00 00 00 01",
            "00 01 00 00 00 ff",
        ] {
            assert_eq!(frame_len(&bytes(wrong)), Err(Malformed), "{wrong}");
        }
        assert_eq!(frame_len(&bytes("00 01 00 00 00 fe")), Ok(Some(FRAME_MAX)));
        assert_eq!(Request::parse(&[0; 7]), None);
    }
}
