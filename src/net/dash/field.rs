//! Fields: variables of the program, read and written where they are.
//!
//! The program says where a variable is, of which type, and how many bytes it has. What is touched
//! is never more than that; a size of 0 means that peers may not write, and then the type alone
//! tells the size.

use crate::abi::{
    Field as CField, MG_VAL_BOOL, MG_VAL_DBL, MG_VAL_INT, MG_VAL_RAW, MG_VAL_STR, MG_VAL_UINT64,
};
use crate::codec::dash::assign;
use crate::codec::dash::value::Value;
use crate::net::event_loop::view;
use core::ffi::{CStr, c_int, c_uint};
use core::ptr::NonNull;

/// A field of a set, not the last one.
#[derive(Clone, Copy)]
pub struct Field(NonNull<CField>);

/// The fields of a set.
pub struct Fields(*mut CField);

impl Fields {
    /// The fields in an array that ends with one without name.
    ///
    /// # Safety
    /// `first` is NULL or points to such an array, whose variables are valid for their types and
    /// sizes, as long as the fields are used.
    pub unsafe fn new(first: *mut CField) -> Fields {
        Fields(first)
    }
}

impl Iterator for Fields {
    type Item = Field;

    fn next(&mut self) -> Option<Field> {
        let field = NonNull::new(self.0)?;
        // SAFETY: whoever made the iterator vouched for the array, and this is not past its end.
        unsafe {
            if (*field.as_ptr()).name.is_null() {
                return None;
            }
            self.0 = self.0.add(1);
        }
        Some(Field(field))
    }
}

impl Field {
    /// Its name.
    pub fn name(&self) -> &[u8] {
        // SAFETY: a field that is not the last has a C string as its name.
        unsafe { CStr::from_ptr((*self.0.as_ptr()).name) }.to_bytes()
    }

    /// Its type, one of `MG_VAL_*` unless the program is wrong.
    pub fn kind(&self) -> c_uint {
        // SAFETY: a handle points to a field.
        unsafe { (*self.0.as_ptr()).r#type }
    }

    /// Bytes that may be written.
    pub fn room(&self) -> usize {
        // SAFETY: a handle points to a field.
        unsafe { (*self.0.as_ptr()).value_size }
    }

    fn at(&self) -> *mut u8 {
        // SAFETY: a handle points to a field.
        unsafe { (*self.0.as_ptr()).value }.cast()
    }

    /// The variable as a `T`, unless it is said to be smaller.
    fn load<T: Copy>(&self) -> Option<T> {
        let fits = self.room() == 0 || self.room() >= size_of::<T>();
        // SAFETY: the program vouches for a variable of the type, and its size is enough. The types
        // that are loaded have no invalid values.
        (fits && !self.at().is_null()).then(|| unsafe { self.at().cast::<T>().read_unaligned() })
    }

    /// The text at the variable, up to its NUL or its end.
    fn text(&self) -> Option<&[u8]> {
        let at = self.at();
        if at.is_null() {
            return None;
        }
        // SAFETY: the program vouches for `room` bytes, or for a C string if that is not said.
        unsafe {
            match self.room() {
                0 => Some(CStr::from_ptr(at.cast()).to_bytes()),
                room => Some(view::raw(at, libc::strnlen(at.cast(), room))),
            }
        }
    }

    /// Its value, of which texts are views: to be used before the program runs again.
    pub fn value(&self) -> Value<'_> {
        let value = match self.kind() {
            MG_VAL_INT => self.load::<c_int>().map(Value::Int),
            MG_VAL_UINT64 => self.load::<u64>().map(Value::Uint64),
            // As a byte: C may have put any number there.
            MG_VAL_BOOL => self.load::<u8>().map(|byte| Value::Bool(byte != 0)),
            MG_VAL_DBL => self.load::<f64>().map(Value::Double),
            MG_VAL_STR => self.text().map(Value::Text),
            MG_VAL_RAW => self.text().map(Value::Raw),
            _ => None,
        };
        value.unwrap_or(Value::Null)
    }

    /// Writes a variable whose size is `room`, or not said.
    fn store<T: Copy>(&self, value: T, room: usize) -> bool {
        let fits = room == size_of::<T>() && !self.at().is_null();
        if fits {
            // SAFETY: the program vouches for a variable of this size.
            unsafe { self.at().cast::<T>().write_unaligned(value) };
        }
        fits
    }

    /// Writes a text and its NUL to a variable with room for them.
    fn store_text(&self, text: &[u8]) -> bool {
        let fits = text.len() < self.room() && !self.at().is_null();
        if fits {
            // SAFETY: the program vouches for `room` bytes, and text and NUL are no more.
            unsafe {
                self.at().copy_from(text.as_ptr(), text.len());
                self.at().add(text.len()).write(0);
            }
        }
        fits
    }

    /// Takes its value out of the JSON object of its set. False, with the value as it was, when it
    /// is not there, of another type, or too large.
    pub fn assign(&self, object: &[u8]) -> bool {
        let Some(token) = assign::token(object, self.name()).filter(|_| self.room() > 0) else {
            return false;
        };
        let room = self.room();
        let done = match self.kind() {
            MG_VAL_INT => assign::int(token).map(|n| self.store::<c_int>(n, room)),
            MG_VAL_UINT64 => assign::uint64(token).map(|n| self.store(n, room)),
            MG_VAL_BOOL => assign::boolean(token).map(|b| self.store(u8::from(b), room)),
            MG_VAL_DBL => assign::double(token).map(|d| self.store(d, room)),
            MG_VAL_STR => assign::text(token, room - 1).map(|text| self.store_text(&text)),
            MG_VAL_RAW => assign::raw(object, room - 1).map(|json| self.store_text(json)),
            _ => None,
        };
        done == Some(true)
    }

    /// Whether it is a text with room for this one.
    pub fn has_room_for(&self, text: &[u8]) -> bool {
        self.kind() == MG_VAL_STR && text.len() < self.room() && !self.at().is_null()
    }

    /// The library's own value for a text, cut to the room there is.
    pub fn set_text(&self, text: &[u8]) -> bool {
        self.kind() == MG_VAL_STR
            && self.room() > 0
            && self.store_text(&text[..text.len().min(self.room() - 1)])
    }

    /// The library's own value for a number: also of fields that peers may not write.
    pub fn set_number(&self, n: u64) {
        let or = |size| if self.room() == 0 { size } else { self.room() };
        match self.kind() {
            MG_VAL_UINT64 => self.store(n, or(size_of::<u64>())),
            MG_VAL_INT => self.store(c_int::try_from(n).unwrap_or(c_int::MAX), or(size_of::<c_int>())),
            _ => false,
        };
    }
}
