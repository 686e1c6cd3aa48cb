//! What espeak-ng writes: WAV with 16-bit samples of one channel. Its header, written before the length is known, tells a wrong one.

/// Samples of one channel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Audio {
    /// Samples a second.
    pub(super) rate: u32,
    /// Each from -1 to 1.
    pub(super) samples: Vec<f32>,
}

impl Audio {
    /// Reads a WAV file; `None` if it is none, or of another kind.
    pub(super) fn from_wav(file: &[u8]) -> Option<Self> {
        let mut rest = file.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WAVE")?;
        let mut rate = None;
        while let (Some(name), Some(length)) = (rest.get(..4), u32_at(rest, 4)) {
            let body = rest.get(8..)?;
            let length = (length as usize).min(body.len());
            match name {
                b"fmt " => {
                    let is_known = body.get(..4)? == [1, 0, 1, 0] && body.get(14..16)? == [16, 0];
                    rate = Some(u32_at(body, 4).filter(|rate| is_known && *rate > 0)?);
                }
                b"data" => {
                    let samples = body[..length].as_chunks().0.iter();
                    let samples = samples.map(|bytes| f32::from(i16::from_le_bytes(*bytes)) / 32_768.0);
                    return Some(Self { rate: rate?, samples: samples.collect() });
                }
                _ => {}
            }
            rest = body.get(length + length % 2..)?;
        }
        None
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(kind: [u8; 4], data_bytes: u32) -> Vec<u8> {
        let rate = 22_050_u32.to_le_bytes();
        [
            b"RIFF\x24\xf0\xff\x7fWAVEfmt \x10\0\0\0".as_slice(),
            &kind,
            &rate,
            b"\x44\xac\0\0\x02\0\x10\0LIST\x03\0\0\0abc\0data",
            &data_bytes.to_le_bytes(),
            b"\0\0\0\x80\0\x40",
        ]
        .concat()
    }

    #[test]
    fn samples_go_on_to_the_end_whatever_length_is_told() {
        let whole = Some(Audio { rate: 22_050, samples: vec![0.0, -1.0, 0.5] });
        assert_eq!(Audio::from_wav(&wav([1, 0, 1, 0], 0x7fff_f000)), whole);
        assert_eq!(Audio::from_wav(&wav([1, 0, 1, 0], 6)), whole);
        assert_eq!(Audio::from_wav(&wav([1, 0, 1, 0], 2)).unwrap().samples, [0.0]);
    }

    #[test]
    fn other_files_are_refused_wherever_they_end() {
        assert_eq!(Audio::from_wav(&wav([1, 0, 2, 0], 6)), None, "two channels");
        assert_eq!(Audio::from_wav(&wav([3, 0, 1, 0], 6)), None, "floats");
        let whole = wav([1, 0, 1, 0], 6);
        let header = whole.len() - 6;
        assert!((0..header).all(|length| Audio::from_wav(&whole[..length]).is_none()));
        assert_eq!(Audio::from_wav(b"fLaC"), None);
    }
}
