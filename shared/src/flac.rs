//! The length that a FLAC file tells in its header.

/// Where the STREAMINFO block's body begins in a file: after the marker `fLaC` and the block's header.
const STREAM_INFO_AT: usize = 8;
/// Bytes of a file that [`length_seconds`] needs.
pub const HEADER_BYTES: usize = STREAM_INFO_AT + 18;

/// Sample rate in Hz and samples per channel (0 if unknown) by a STREAMINFO block's body; `None` if it is too short.
/// RFC 9639, section 8.2: 20 bits of rate, 3 of channels, 5 of bits a sample, 36 of samples, from byte 10 on.
#[must_use]
pub fn rate_and_samples(stream_info: &[u8]) -> Option<(u64, u64)> {
    let packed = u64::from_be_bytes(stream_info.get(10..18)?.try_into().ok()?);
    Some((packed >> 44, packed & 0xF_FFFF_FFFF))
}

/// The length in seconds of a file that begins with `start`; `None` if it is no FLAC or does not tell.
#[must_use]
pub fn length_seconds(start: &[u8]) -> Option<f64> {
    let (rate, samples) = rate_and_samples(start.strip_prefix(b"fLaC")?.get(STREAM_INFO_AT - 4..)?)?;
    (rate > 0 && samples > 0).then(|| samples as f64 / rate as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_that_of_the_header_or_none() {
        let header = |packed: u64| {
            [b"fLaC\x80\0\0\x22\x10\0\x10\0\0\0\0\0\0\0".as_slice(), &packed.to_be_bytes()].concat()
        };
        let whole = header(16_000 << 44 | 15 << 36 | 24_000);
        assert_eq!(whole.len(), HEADER_BYTES);
        assert_eq!(length_seconds(&whole), Some(1.5));
        assert_eq!(length_seconds(&whole[..HEADER_BYTES - 1]), None);
        assert_eq!(length_seconds(&header(16_000 << 44)), None, "written without knowing");
        assert_eq!(length_seconds(&header(24_000)), None, "no rate");
        assert_eq!(length_seconds(b"RIFF"), None);
    }
}
