//! The header of a FLAC file: the length that it tells, and files that are nothing else.

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

/// A FLAC file without audio: the header of one of so many seconds, at 16 kHz, with bytes of its own where the sum over the audio is,
/// and zeros where the audio should be, as few as a header of that length is believed for.
#[must_use]
pub fn header_only(seconds: f64, own: [u8; 16]) -> Vec<u8> {
    const RATE: u64 = 16_000;
    const BYTES_A_SECOND: f64 = 13.0;
    // The last block of metadata, STREAMINFO, of 34 bytes; blocks of 4,096 samples, frames of unknown size.
    let seconds = seconds.max(0.0);
    let mut file = b"fLaC\x80\0\0\x22\x10\0\x10\0\0\0\0\0\0\0".to_vec();
    let samples = (seconds * RATE as f64).round() as u64 & 0xF_FFFF_FFFF;
    // 20 bits of sample rate, 3 of channels less one, 5 of bits a sample less one, 36 of samples.
    file.extend_from_slice(&(RATE << 44 | 15 << 36 | samples).to_be_bytes());
    file.extend_from_slice(&own);
    file.resize(file.len() + (BYTES_A_SECOND * seconds).ceil() as usize, 0);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_alone_tells_its_length() {
        assert_eq!(length_seconds(&header_only(1.25, *b"0123456789abcdef")), Some(1.25));
        assert_eq!(length_seconds(&header_only(86_400.0, [0; 16])), Some(86_400.0));
        assert_ne!(header_only(9.0, [1; 16]), header_only(9.0, [2; 16]));
    }

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
