//! Modbus over TCP, the server's side: frames, requests and answers (Modbus Application Protocol
//! V1.1b3, Messaging on TCP/IP V1.0b).

#![forbid(unsafe_code)]

mod identity;

pub use identity::{Identify, TEXT_MAX};

/// Longest frame: six bytes of header, and what its length field may count.
pub const FRAME_MAX: usize = 6 + LENGTH_MAX;
/// What the length field counts at most: the unit and a PDU of 253 bytes.
const LENGTH_MAX: usize = 254;
/// Bytes before the unit.
const HEADER_LEN: usize = 6;
/// Bytes of a write of many before its values: function, address, count, number of bytes.
const MANY_LEN: usize = 6;

const READ_REGISTERS: u8 = 3;
const WRITE_REGISTER: u8 = 6;
const WRITE_REGISTERS: u8 = 16;
const MASK: u8 = 22;
const EXCHANGE: u8 = 23;
/// Encapsulated interface transport, and the type of it that there is here.
const INTERFACE: u8 = 43;
const IDENTIFICATION: u8 = 14;

const ILLEGAL_FUNCTION: u8 = 1;
const ILLEGAL_ADDRESS: u8 = 2;
const ILLEGAL_VALUE: u8 = 3;

/// The bytes are no Modbus, and what follows cannot be determined.
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

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work<'a> {
    /// One call.
    One(Call<'a>),
    /// Function 22: a register is read, and bits of it are written back: those of `and` stay, the
    /// others become those of `or`.
    Mask {
        /// The call that reads the register.
        read: Call<'a>,
        /// The bits that stay.
        and: u16,
        /// The value of the others.
        or: u16,
    },
    /// Function 23: registers are written, then others are read.
    Exchange {
        /// The first call.
        write: Call<'a>,
        /// The second call.
        read: Call<'a>,
    },
    /// Function 43, type 14: texts that identify the device.
    Identify(Identify),
}

/// A complete frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Transaction id, to be repeated.
    transaction: [u8; 2],
    /// Unit id, to be repeated.
    unit: u8,
    function: u8,
    /// What is asked for, or the code of the exception that answers it.
    pub work: Result<Work<'a>, u8>,
}

impl<'a> Request<'a> {
    /// Reads a frame as long as [`frame_len`] says; `None` if it is shorter.
    pub fn parse(frame: &'a [u8]) -> Option<Self> {
        let [t1, t2, _, _, _, _, unit, pdu @ ..] = frame else { return None };
        let function = *pdu.first()?;
        Some(Request { transaction: [*t1, *t2], unit: *unit, function, work: parse_pdu(pdu) })
    }

    /// Writes the answer to `out` and returns its length: the values, which the program filled in
    /// or got, or an exception.
    pub fn answer(&self, outcome: Result<Values, u8>, out: &mut [u8; FRAME_MAX]) -> usize {
        let body = &mut out[HEADER_LEN + 1..];
        let len = match (self.work, outcome) {
            (Ok(Work::One(call) | Work::Exchange { read: call, .. }), Ok(values)) => {
                call.answer(values, body)
            }
            (Ok(Work::Mask { read, and, or }), Ok(_)) => {
                for (field, value) in
                    body[1..7].as_chunks_mut::<2>().0.iter_mut().zip([read.address, and, or])
                {
                    *field = value.to_be_bytes();
                }
                7
            }
            (Ok(Work::Identify(_)), Ok(_)) => return self.answer(Err(ILLEGAL_FUNCTION), out),
            (Err(code), _) | (_, Err(code)) => return self.finish(&[self.function | 0x80, code], out),
        };
        body[0] = self.function;
        self.frame(len, out)
    }

    /// Writes an answer with this PDU.
    fn finish(&self, pdu: &[u8], out: &mut [u8; FRAME_MAX]) -> usize {
        out[HEADER_LEN + 1..][..pdu.len()].copy_from_slice(pdu);
        self.frame(pdu.len(), out)
    }

    /// Writes what precedes a PDU.
    fn frame(&self, len: usize, out: &mut [u8; FRAME_MAX]) -> usize {
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
fn parse_pdu(pdu: &[u8]) -> Result<Work<'_>, u8> {
    match (pdu[0], pdu) {
        (MASK, [_, a1, a2, and1, and2, or1, or2]) => Ok(Work::Mask {
            read: registers(READ_REGISTERS, [*a1, *a2], 1, None)?,
            and: u16::from_be_bytes([*and1, *and2]),
            or: u16::from_be_bytes([*or1, *or2]),
        }),
        (EXCHANGE, [_, r1, r2, rc1, rc2, w1, w2, wc1, wc2, bytes, values @ ..]) => {
            let (reads, writes) = (u16::from_be_bytes([*rc1, *rc2]), u16::from_be_bytes([*wc1, *wc2]));
            let is_whole = values.len() == usize::from(*bytes) && values.len() == 2 * usize::from(writes);
            if !is_whole || !(1..=125).contains(&reads) || !(1..=121).contains(&writes) {
                return Err(ILLEGAL_VALUE);
            }
            let read = registers(READ_REGISTERS, [*r1, *r2], reads, None)?;
            Ok(Work::Exchange { write: registers(WRITE_REGISTERS, [*w1, *w2], writes, Some(values))?, read })
        }
        (INTERFACE, [_, IDENTIFICATION, code @ 1..=4, object]) => {
            Ok(Work::Identify(Identify { code: *code, object: *object }))
        }
        (MASK | EXCHANGE, _) | (INTERFACE, [_, IDENTIFICATION, _, _]) => Err(ILLEGAL_VALUE),
        (INTERFACE, _) => Err(ILLEGAL_FUNCTION),
        _ => parse_call(pdu).map(Work::One),
    }
}

/// A call for registers.
fn registers<'a>(
    function: u8,
    address: [u8; 2],
    count: u16,
    write: Option<&'a [u8]>,
) -> Result<Call<'a>, u8> {
    let address = u16::from_be_bytes(address);
    if usize::from(address) + usize::from(count) > 0x10000 {
        return Err(ILLEGAL_ADDRESS);
    }
    Ok(Call { function, address, count, kind: Kind::Registers, write })
}

/// Reads a PDU with one call.
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

impl<'a> Call<'a> {
    /// The question for a text of the device's identity.
    pub fn identify(object: u8) -> Call<'a> {
        Call { function: INTERFACE, address: object.into(), count: 0, kind: Kind::Registers, write: None }
    }

    /// The call that writes a register back which this one has read.
    pub fn write_back(self, value: &'a [u8; 2]) -> Call<'a> {
        Call { function: WRITE_REGISTER, write: Some(value), ..self }
    }

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
mod tests;
