//! What a parser finds.

/// A length as a parser found it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Length {
    /// As the headers (or all of the frames) say.
    Told(f64),
    /// The headers tell of more than there is: the file is cut off. This is what is there.
    CutOff(f64),
    /// From the bit rate of a few places.
    Sampled(f64),
}
