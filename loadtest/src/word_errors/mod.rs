//! How many words of a batch are wrong, where it is known what was said.

mod compare;
mod distance;
mod rates;
mod reference;

pub use compare::compare;
pub use distance::{distance, units};
pub use rates::{ErrorRates, Errors};
pub(crate) use reference::NOTE_KEY;
pub use reference::{Reference, reference_key};
