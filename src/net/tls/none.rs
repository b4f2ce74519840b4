//! A build without TLS: there are no sessions.

use super::info::Info;
use super::options::Options;
use crate::net::event_loop::buf::Buf;
use core::ffi::CStr;
use std::io::{self, Write};
use std::net::SocketAddr;

/// What is logged as the TLS implementation.
pub const NAME: &str = "none";
/// Whether there can be sessions.
pub const ENABLED: bool = false;

/// There is nothing to keep.
#[derive(Default)]
pub struct Cache;

/// Nothing begins with it.
pub enum Config {}

impl Config {
    pub fn new(
        _: &mut Cache,
        _: bool,
        _: &Options<'_>,
        _: SocketAddr,
    ) -> Result<(Config, Option<&'static str>), &'static CStr> {
        Err(c"TLS is not enabled")
    }
}

/// No connection has one.
pub enum Session {}

impl Session {
    pub fn new(config: &Config) -> Result<Session, String> {
        match *config {}
    }
    pub fn info(&self) -> Info {
        match *self {}
    }
    pub fn is_handshaking(&self) -> bool {
        match *self {}
    }
    pub fn has_output(&self) -> bool {
        match *self {}
    }
    pub fn has_input(&self) -> bool {
        match *self {}
    }
    pub fn has_ended(&mut self) -> bool {
        match *self {}
    }
    pub fn has_failed(&self) -> bool {
        match *self {}
    }
    pub fn take_failure(&mut self) -> Option<String> {
        match *self {}
    }
    pub fn take_refusal(&mut self) -> Option<String> {
        match *self {}
    }
    pub fn pending(&self) -> usize {
        match *self {}
    }
    pub fn plain(&mut self) -> &[u8] {
        match *self {}
    }
    pub fn consume(&mut self, _: usize) {
        match *self {}
    }
    pub fn decrypt(&mut self, _: Buf) {
        match *self {}
    }
    pub fn encrypt(&mut self, _: &[u8]) {
        match *self {}
    }
    pub fn close(&mut self) {
        match *self {}
    }
    pub fn write_to(&mut self, _: &mut dyn Write) -> io::Result<usize> {
        match *self {}
    }
}
