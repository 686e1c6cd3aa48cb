//! A report for a person: one HTML file with its charts inside, to be read on a screen, on a phone and in print; and pictures alone.

mod charts;
mod escaped;
mod measured;
mod page;
mod picture;
mod simulated;

pub use charts::{Bar, BarKind, Series, gantt, histogram, lines, tails};
pub use measured::measured;
pub use page::{Chart, Page, Table};
pub use picture::PictureFile;
pub use simulated::{nodes_of, simulated, table};
