//! Modbus TCP requests.

use core::ffi::c_char;

/// Read coils.
pub const MG_MODBUS_FUNC_READ_COILS: u8 = 1;
/// Read discrete inputs.
pub const MG_MODBUS_FUNC_READ_DISCRETE_INPUTS: u8 = 2;
/// Read holding registers.
pub const MG_MODBUS_FUNC_READ_HOLDING_REGISTERS: u8 = 3;
/// Read input registers.
pub const MG_MODBUS_FUNC_READ_INPUT_REGISTERS: u8 = 4;
/// Write one coil.
pub const MG_MODBUS_FUNC_WRITE_SINGLE_COIL: u8 = 5;
/// Write one register.
pub const MG_MODBUS_FUNC_WRITE_SINGLE_REGISTER: u8 = 6;
/// Write coils.
pub const MG_MODBUS_FUNC_WRITE_MULTIPLE_COILS: u8 = 15;
/// Write registers.
pub const MG_MODBUS_FUNC_WRITE_MULTIPLE_REGISTERS: u8 = 16;

/// Read a text that identifies the device (function 43, type 14): `addr` is its number (0 vendor, 1
/// product code, 2 version, 3 URL of the vendor, 4 product, 5 model, 6 application, from 0x80 the
/// device's own). An addition of this library.
pub const MG_MODBUS_FUNC_READ_DEVICE_ID: u8 = 43;

/// Bytes that such a text may have. An addition of this library.
pub const MG_MODBUS_TEXT_MAX: u16 = 244;

/// Success.
pub const MG_MODBUS_ERR_NONE: u8 = 0;
/// Function not supported.
pub const MG_MODBUS_ERR_ILLEGAL_FUNCTION: u8 = 1;
/// No such address.
pub const MG_MODBUS_ERR_ILLEGAL_ADDRESS: u8 = 2;
/// Value not allowed.
pub const MG_MODBUS_ERR_ILLEGAL_VALUE: u8 = 3;
/// The device failed.
pub const MG_MODBUS_ERR_DEVICE_FAILURE: u8 = 4;

/// Values of a Modbus request: an array of `len` entries.
#[repr(C)]
#[derive(Clone, Copy)]
pub union ModbusValues {
    /// Of coils and discrete inputs.
    pub bits: *mut bool,
    /// Of registers, in host byte order.
    pub regs: *mut u16,
    /// Of `MG_MODBUS_FUNC_READ_DEVICE_ID`: room for `MG_MODBUS_TEXT_MAX` bytes. The handler writes a
    /// text and sets `len`, which is 0, to its length; without the text of number 0 the answer is that
    /// there is no such function. An addition of this library.
    pub text: *mut c_char,
}

/// A Modbus request. The handler of `MG_EV_MODBUS_REQ` reads or fills `u`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ModbusRequest {
    /// `MG_MODBUS_FUNC_*`.
    pub func: u8,
    /// To be set by the handler: `MG_MODBUS_ERR_*`, or another code.
    pub error: u8,
    /// First address.
    pub addr: u16,
    /// Values, owned by the library: set for writes, to be filled by the handler for reads.
    pub u: ModbusValues,
    /// How many.
    pub len: u16,
}
