//! The pieces that long recordings are heard in, one after the other or side by side.
//!
//! Voice detection and the windows of speech begin anew with each piece, and pieces begin at the same places however a recording is
//! worked on. So a recording in parts, which are pieces put together, gives the model the very windows that the whole one gives it.

/// Length of a piece, in seconds: cuts are planned at its multiples, from the recording's begin.
///
/// A longer one leaves less to choose from for the parts of a recording; a shorter one costs more windows, since the last one of a piece
/// is not full.
pub const PIECE_SECONDS: f64 = 300.0;

/// How far from where it is planned a cut may be made, in seconds. Nothing is cut where less than this is left of the recording.
pub const CUT_SEARCH_SECONDS: f64 = 30.0;

/// How many pieces a recording of so many seconds has, at least one.
#[must_use]
pub fn pieces(seconds: f64) -> u32 {
    1 + ((seconds - CUT_SEARCH_SECONDS) / PIECE_SECONDS) as u32
}

/// How many parts a recording of so many seconds has when none is to be longer than `longest` seconds, but for what finding the cuts adds.
/// Parts are pieces put together; only where they are to be shorter than a piece there are more of them.
#[must_use]
pub fn parts(seconds: f64, longest: f64) -> u32 {
    if seconds <= longest {
        return 1;
    }
    let pieces = pieces(seconds);
    if longest < PIECE_SECONDS {
        return ((seconds / longest).ceil() as u32).max(pieces.saturating_add(1));
    }
    pieces.div_ceil((longest / PIECE_SECONDS) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_piece_is_long_enough_to_look_for_a_cut_before_it() {
        for (seconds, count) in [(0.0, 1), (329.9, 1), (330.0, 2), (629.9, 2), (630.0, 3), (3600.0, 12)] {
            assert_eq!(pieces(seconds), count, "{seconds}");
        }
        for absurd in [-5.0, f64::NAN] {
            assert_eq!(pieces(absurd), 1);
        }
    }

    #[test]
    fn parts_are_whole_pieces_unless_they_are_to_be_shorter() {
        for (seconds, longest, count) in [
            (3600.0, f64::INFINITY, 1),
            (3600.0, 3600.0, 1),
            (3600.0, 300.0, 12),
            (3600.0, 700.0, 6),
            (3700.0, 600.0, 7),
            (599.0, 600.0, 1),
            (3600.0, 290.0, 13),
            (3600.0, 120.0, 30),
            (350.0, 299.0, 3),
            (130.0, 120.0, 2),
        ] {
            assert_eq!(parts(seconds, longest), count, "{seconds} in parts of {longest}");
        }
    }
}
