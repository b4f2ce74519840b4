//! Modbus-TCP server: frames to events, and what handlers leave behind to answers.

use super::event_loop::conn::{self, call};
use super::event_loop::guard::ConnGuard;
use super::event_loop::handle::{Conn, Mgr};
use super::event_loop::listen::{Handlers, listen};
use crate::abi::{Connection, MG_EV_MODBUS_REQ, MG_EV_READ, MG_EV_WRITE, ModbusRequest, ModbusValues, flag};
use crate::codec::modbus::{self, Call, FRAME_MAX, Kind, Request, Values};
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
    crate::fence!("Modbus protocol handler");
    // SAFETY: called with a live connection.
    let Some(guard) = (unsafe { ConnGuard::new(c) }) else { return };
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
    let len = match request.call {
        Err(code) => request.answer(Err(code), &mut answer),
        Ok(call) => match call.kind {
            Kind::Bits => {
                let mut bits = [0u8; VALUES];
                call.bits(&mut bits);
                let error = ask(c, &call, ModbusValues { bits: bits.as_mut_ptr().cast() });
                request.answer(outcome(error, Values::Bits(&bits[..call.count.into()])), &mut answer)
            }
            Kind::Registers => {
                let mut registers = [0u16; VALUES];
                call.registers(&mut registers);
                let error = ask(c, &call, ModbusValues { regs: registers.as_mut_ptr() });
                request
                    .answer(outcome(error, Values::Registers(&registers[..call.count.into()])), &mut answer)
            }
        },
    };
    // SAFETY: readable bytes.
    unsafe { conn::send(c, answer.as_ptr(), len) };
}

fn outcome(error: u8, values: Values<'_>) -> Result<Values<'_>, u8> {
    if error == 0 { Ok(values) } else { Err(error) }
}

/// Lets the handler read or fill the values; returns the code that it set.
fn ask(c: Conn, request: &Call<'_>, values: ModbusValues) -> u8 {
    let mut event = zeroed!(ModbusRequest {
        func: request.function,
        addr: request.address,
        u: values,
        len: request.count,
    });
    call(c, MG_EV_MODBUS_REQ, event.as_mut_ptr().cast());
    // SAFETY: the field was zeroed; a handler may have written another code.
    unsafe { (*event.as_ptr()).error }
}
