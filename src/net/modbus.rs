//! Modbus-TCP server: turns frames into events, and what handlers store into answers.

use super::event_loop::conn::{self, call};
use super::event_loop::handle::{Conn, Mgr};
use super::event_loop::listen::{Handlers, listen};
use crate::abi::{Connection, MG_EV_MODBUS_REQ, MG_EV_READ, MG_EV_WRITE, ModbusRequest, ModbusValues, flag};
use crate::codec::modbus::{self, Call, FRAME_MAX, Identify, Kind, Request, TEXT_MAX, Values, Work};
use crate::net::event_loop::arg;
use core::ffi::{c_int, c_void};

/// Most coils or registers of one request.
const VALUES: usize = 2000;

/// Answers that wait in the send buffer, in bytes, beyond which no more frames are taken: a client
/// that does not read must not make it grow.
const BACKLOG: usize = 64 * 1024;

/// Listens for Modbus clients.
pub fn start<'g>(m: Mgr<'g>, url: &[u8], handlers: Handlers) -> Option<Conn<'g>> {
    let c = listen(m, url, handlers)?;
    c.set_protocol(Some(on_event));
    Some(c)
}

/// The protocol handler of Modbus connections.
unsafe extern "C" fn on_event(c: *mut Connection, ev: c_int, _ev_data: *mut c_void) {
    crate::fence!("Modbus protocol handler", c: arg::conn);
    let Some(guard) = c else { return };
    let c = guard.conn();
    // After a WRITE there may be room for the answers to frames that wait. (A datagram's WRITE fires
    // while its answer is sent.)
    if (ev == MG_EV_READ || ev == MG_EV_WRITE && !c.has(flag::UDP)) && !c.has(flag::CLOSING) {
        take_frames(c);
    }
}

/// Answers the complete frames in order.
fn take_frames(c: Conn) {
    let mut frame = [0; FRAME_MAX];
    while c.send().len() < BACKLOG {
        // SAFETY: the bytes are copied before a handler runs.
        let bytes = unsafe { c.recv().bytes() };
        let len = match modbus::frame_len(bytes) {
            Ok(Some(len)) => len,
            Ok(None) => return,
            Err(modbus::Malformed) => {
                c.recv().set_len(0);
                return conn::error(c, b"invalid pdu");
            }
        };
        let Some(whole) = bytes.get(..len) else { return };
        frame[..len].copy_from_slice(whole);
        c.recv().consume(len);
        take_frame(c, &frame[..len]);
        if conn::is_closed(c) || c.has(flag::CLOSING) {
            return;
        }
    }
}

fn take_frame(c: Conn, frame: &[u8]) {
    let Some(request) = Request::parse(frame) else { return };
    let mut answer = [0; FRAME_MAX];
    let mut registers = [0u16; VALUES];
    let len = match request.work {
        Err(code) => request.answer(Err(code), &mut answer),
        Ok(Work::One(call)) if call.kind == Kind::Bits => {
            let mut bits = [0u8; VALUES];
            call.bits(&mut bits);
            let error = ask(c, &call, ModbusValues { bits: bits.as_mut_ptr().cast() }).0;
            request.answer(outcome(error, Values::Bits(&bits[..call.count.into()])), &mut answer)
        }
        Ok(Work::One(call)) => request.answer(ask_registers(c, &call, &mut registers), &mut answer),
        // Programs know the functions that these are made of.
        Ok(Work::Mask { read, and, or }) => {
            let old = match ask_registers(c, &read, &mut registers) {
                Ok(Values::Registers([old, ..])) => Ok(*old),
                Ok(_) => Ok(0),
                Err(code) => Err(code),
            };
            let done = old.and_then(|old| {
                let new = (old & and | or & !and).to_be_bytes();
                ask_registers(c, &read.write_back(&new), &mut registers)
            });
            request.answer(done, &mut answer)
        }
        Ok(Work::Exchange { write, read }) => {
            let done = match ask_registers(c, &write, &mut registers) {
                Ok(_) => {
                    registers.fill(0);
                    ask_registers(c, &read, &mut registers)
                }
                Err(code) => Err(code),
            };
            request.answer(done, &mut answer)
        }
        Ok(Work::Identify(identify)) => {
            let texts = Texts::ask(c, identify);
            identify.answer(&request, |object| texts.get(object), &mut answer)
        }
    };
    if conn::is_closed(c) {
        return;
    }
    // SAFETY: readable bytes.
    unsafe { conn::send(c, answer.as_ptr(), len) };
}

/// Lets the handler read or fill registers.
fn ask_registers<'r>(c: Conn, call: &Call, registers: &'r mut [u16; VALUES]) -> Result<Values<'r>, u8> {
    call.registers(registers);
    let error = ask(c, call, ModbusValues { regs: registers.as_mut_ptr() }).0;
    outcome(error, Values::Registers(&registers[..call.count.into()]))
}

/// The texts that a program gives for the objects of its identity.
struct Texts(Vec<(u8, Vec<u8>)>);

impl Texts {
    /// Asks for those that an answer may have, and for those that tell which there are.
    fn ask(c: Conn, identify: Identify) -> Texts {
        let mut texts = Texts(Vec::new());
        let wanted = |object: u8| match object {
            0 | 3 | 0x80 => true,
            1..=2 => identify.code != 4 || identify.object == object,
            4..=6 => identify.code == 2 || identify.code == 3 || identify.object == object,
            _ => identify.code == 3 || identify.object == object,
        };
        for object in (0..=u8::MAX).filter(|object| wanted(*object)) {
            let mut text = [0u8; TEXT_MAX + 1];
            let call = Call::identify(object);
            let (error, len) = ask(c, &call, ModbusValues { text: text.as_mut_ptr().cast() });
            if conn::is_closed(c) {
                break;
            }
            let text = text.get(..len.into()).filter(|text| error == 0 && !text.is_empty());
            match text {
                Some(text) => texts.0.push((object, text[..text.len().min(TEXT_MAX)].to_vec())),
                // Without the first one there are no others.
                None if object == 0 => break,
                None => {}
            }
        }
        texts
    }

    fn get(&self, object: u8) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| *known == object).map(|(_, text)| &text[..])
    }
}

fn outcome(error: u8, values: Values<'_>) -> Result<Values<'_>, u8> {
    if error == 0 { Ok(values) } else { Err(error) }
}

/// Lets the handler read or fill the values; returns the code and the length that it left.
fn ask(c: Conn, request: &Call<'_>, values: ModbusValues) -> (u8, u16) {
    if conn::is_closed(c) {
        return (0, 0);
    }
    let mut event = zeroed!(ModbusRequest {
        func: request.function,
        addr: request.address,
        u: values,
        len: request.count,
    });
    call(c, MG_EV_MODBUS_REQ, event.as_mut_ptr().cast());
    // SAFETY: the fields were zeroed or set; a handler may have written other values.
    unsafe { ((*event.as_ptr()).error, (*event.as_ptr()).len) }
}
