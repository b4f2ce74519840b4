//! What a manager starts with: what the program was compiled with, or a table of settings.

use super::handle::{Conn, Mgr};
use super::process::{c_text, each, set_process_text, table};
use super::state::Root;
use super::{available, conn, log, sys};
use crate::abi::{ProgramOption, Scope, Setting};

/// Gives a manager what the program was compiled with.
pub fn configure(m: Mgr) {
    // SAFETY: the library's table or the program's, which the header made.
    unsafe { apply(m, table()) }
}

/// Gives a manager the settings of a table; those of the process are the program's alone.
///
/// # Safety
/// `table` is NULL or ends with setting 0; texts are C strings or NULL.
pub unsafe fn apply(m: Mgr, table: *const ProgramOption) {
    // SAFETY: as for the caller.
    unsafe {
        each(table, |option| {
            let setting = Setting::from_c(option.setting);
            let done = setting.is_some_and(|setting| match setting.limits().scope {
                Scope::Process => true,
                _ if setting.is_text() => set_text(Some(m), setting, c_text(option.text)),
                _ => conn::set_default(m, setting, option.value),
            });
            if !done {
                log::error(format_args!(
                    "this program was compiled with a value that is not allowed: setting {} is {}",
                    option.setting, option.value
                ));
            }
        });
    }
}

/// Changes a setting that is a text. False when there is no such setting, or the text makes no sense.
pub fn set_text(m: Option<Mgr>, setting: Setting, text: &[u8]) -> bool {
    match setting {
        Setting::MG_SET_HTTP_INDEX => {
            let is_name = !text.is_empty() && !text.contains(&b'/');
            let Some(root) = m.and_then(Root::of).filter(|_| is_name) else { return false };
            root.with(|inner| inner.http_index = text.into());
        }
        Setting::MG_SET_OTA_VERSION | Setting::MG_SET_OTA_CA => set_process_text(setting, text),
        _ => return false,
    }
    true
}

/// Descriptors that a process needs beside its connections.
const SPARE_DESCRIPTORS: i64 = 16;

/// Gives a manager the limits of a server that strangers reach.
pub fn harden(m: Mgr) -> bool {
    Setting::HARDENED.into_iter().all(|(setting, value)| {
        let value = match setting {
            // A process without descriptors cannot accept connections.
            Setting::MG_SET_MAX_CONNECTIONS => value.min((sys::descriptors() - SPARE_DESCRIPTORS).max(1)),
            Setting::MG_SET_MEMORY_LIMIT => {
                let quarter = available::available().map(|bytes| i64::try_from(bytes / 4).unwrap_or(value));
                quarter.unwrap_or(0)
            }
            _ => value,
        };
        conn::set_default(m, setting, value)
    })
}

/// Gives a connection the limits of one that strangers reach.
pub fn harden_conn(c: Conn) -> bool {
    let mut of_conns = Setting::HARDENED.into_iter().filter(|(s, _)| s.limits().scope == Scope::Connection);
    of_conns.all(|(setting, value)| conn::set(c, setting, value))
}
