//! How many nodes a launch gets.

use std::num::NonZeroU32;

/// No more nodes than recordings that are left: each node takes at least one. `None` when nothing is left.
#[must_use]
pub fn nodes_for(wanted: NonZeroU32, open: u64) -> Option<NonZeroU32> {
    NonZeroU32::new(u32::try_from(open).unwrap_or(u32::MAX).min(wanted.get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_more_nodes_than_recordings_are_left() {
        let wanted = NonZeroU32::new(4).unwrap();
        let nodes = |open| nodes_for(wanted, open).map_or(0, NonZeroU32::get);
        assert_eq!([nodes(0), nodes(1), nodes(3), nodes(4), nodes(u64::MAX)], [0, 1, 3, 4, 4]);
    }
}
