//! A value that is taken out of its place while it is in use.

use core::cell::Cell;

/// A boxed value, or none. Whoever works on it takes it out, so code of the program that runs
/// meanwhile finds no value, and may store another.
pub struct TakeCell<T>(Cell<Option<Box<T>>>);

impl<T> Default for TakeCell<T> {
    fn default() -> TakeCell<T> {
        TakeCell(Cell::new(None))
    }
}

impl<T> TakeCell<T> {
    /// Stores a value, in place of the one that was there.
    pub fn set(&self, value: T) {
        self.0.set(Some(Box::new(value)));
    }

    /// Takes the value out for good.
    pub fn take(&self) -> Option<Box<T>> {
        self.0.take()
    }

    /// Whether a value is there.
    pub fn is_some(&self) -> bool {
        let value = self.0.take();
        let is_some = value.is_some();
        self.0.set(value);
        is_some
    }

    /// Works on the value; `None` without one. It returns to its place, unless another has been
    /// stored meanwhile.
    pub fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut value = self.0.take()?;
        let result = f(&mut value);
        if !self.is_some() {
            self.0.set(Some(value));
        }
        Some(result)
    }
}

#[cfg(test)]
mod tests {
    use super::TakeCell;

    #[test]
    fn the_value_is_out_while_it_is_in_use() {
        let cell = TakeCell::default();
        assert_eq!(cell.with(|n: &mut i32| *n), None);
        cell.set(1);
        assert_eq!(cell.with(|n| (*n, cell.is_some(), cell.with(|_| ()))), Some((1, false, None)));
        assert_eq!(cell.with(|n| *n += 1), Some(()));
        assert_eq!(cell.take().as_deref(), Some(&2));
        assert!(!cell.is_some());
    }

    #[test]
    fn a_newer_value_stays() {
        let cell = TakeCell::default();
        cell.set(1);
        cell.with(|_| cell.set(2));
        assert_eq!(cell.take().as_deref(), Some(&2));
    }
}
