//! Locks that nobody who panicked leaves closed.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A lock whose data stays valid even if a holder panicked: no critical section of this crate leaves it half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
