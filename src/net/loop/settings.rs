//! Settings that a program may change at run time: numbers, of which each protocol reads its own. What
//! a setting may be is declared with it, see [`Setting::limits`].

use crate::abi::Setting;
use std::rc::Rc;

/// The settings of a manager, which new connections start with, or of a connection, which those that
/// it accepts start with. Copies share their memory until one is changed; the defaults take none.
#[derive(Clone, Default)]
pub struct Settings(Option<Rc<[i64; Setting::COUNT]>>);

/// The values of all settings, by their numbers, until they are set.
static DEFAULTS: [i64; Setting::COUNT] = {
    let mut values = [0; Setting::COUNT];
    let mut at = 0;
    while at < Setting::COUNT {
        values[at] = Setting::ALL[at].limits().default;
        at += 1;
    }
    values
};

impl Settings {
    /// True while no setting was changed: then nothing is limited in time.
    #[inline]
    pub fn are_defaults(&self) -> bool {
        self.0.is_none()
    }

    /// The value of a setting.
    #[inline]
    pub fn get(&self, setting: Setting) -> i64 {
        let values = self.0.as_deref().unwrap_or(&DEFAULTS);
        values[setting as usize - 1]
    }

    /// A setting that counts something.
    #[inline]
    pub fn size(&self, setting: Setting) -> usize {
        usize::try_from(self.get(setting)).unwrap_or(usize::MAX)
    }

    /// A setting in milliseconds, of which 0 means none.
    #[inline]
    pub fn time(&self, setting: Setting) -> Option<u64> {
        u64::try_from(self.get(setting)).ok().filter(|ms| *ms > 0)
    }

    /// A setting that is on or off.
    #[inline]
    pub fn is_on(&self, setting: Setting) -> bool {
        self.get(setting) != 0
    }

    /// Changes a setting. False when the value makes no sense.
    pub fn set(&mut self, setting: Setting, value: i64) -> bool {
        let valid = setting.limits().allow(value);
        if valid {
            let values = self.0.get_or_insert_with(|| Rc::new(DEFAULTS));
            Rc::make_mut(values)[setting as usize - 1] = value;
        }
        valid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_places() {
        for (index, setting) in Setting::ALL.into_iter().enumerate() {
            assert_eq!(setting as usize, index + 1);
            let limits = setting.limits();
            assert!(limits.allow(limits.default), "{setting:?}");
        }
    }

    #[test]
    fn copies_are_their_own() {
        let mut first = Settings::default();
        assert!(first.set(Setting::MG_SET_BACKLOG, 7));
        let mut second = first.clone();
        assert!(second.set(Setting::MG_SET_BACKLOG, 8) && !second.set(Setting::MG_SET_BACKLOG, 0));
        assert!(second.set(Setting::MG_SET_WS_DEFLATE, 0) && !second.set(Setting::MG_SET_WS_DEFLATE, 8));
        assert_eq!((first.get(Setting::MG_SET_BACKLOG), second.get(Setting::MG_SET_BACKLOG)), (7, 8));
    }
}
