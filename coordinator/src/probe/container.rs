//! Which container it is, by the first bytes: names lie.

/// How many bytes of a file's head decide.
pub const SNIFF_BYTES: u64 = 1024;

/// An audio or video container that is known by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names of formats say all there is")]
pub enum Container {
    Wav,
    /// Sony Wave64.
    Wave64,
    Avi,
    Aiff,
    Caf,
    Au,
    Flac,
    Ogg,
    /// MPEG-1/2 audio, any layer.
    MpegAudio,
    /// Raw AAC in ADTS frames.
    Adts,
    Amr,
    AmrWb,
    /// MP4, M4A, MOV, 3GP.
    Mp4,
    /// Matroska and WebM.
    Matroska,
    /// WMA and WMV.
    Asf,
    MpegTs,
    /// A kind that is known to hold audio, but whose headers are not read.
    Unread,
}

impl Container {
    /// What the first bytes say, after any ID3v2 tag.
    #[must_use]
    pub fn of_head(head: &[u8]) -> Option<Self> {
        let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
        Some(match () {
            () if (at(0, b"RIFF") || at(0, b"RF64") || at(0, b"BW64")) && at(8, b"WAVE") => Self::Wav,
            () if at(0, b"riff\x2e\x91\xcf\x11") => Self::Wave64,
            () if at(0, b"RIFF") && at(8, b"AVI ") => Self::Avi,
            () if at(0, b"FORM") && (at(8, b"AIFF") || at(8, b"AIFC")) => Self::Aiff,
            () if at(0, b"caff") => Self::Caf,
            () if at(0, b".snd") => Self::Au,
            () if at(0, b"fLaC") => Self::Flac,
            () if at(0, b"OggS") => Self::Ogg,
            () if at(0, b"#!AMR-WB") => Self::AmrWb,
            () if at(0, b"#!AMR") => Self::Amr,
            () if at(0, b"\x1a\x45\xdf\xa3") => Self::Matroska,
            () if at(0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11") => Self::Asf,
            () if is_mp4(head) => Self::Mp4,
            () if is_mpeg_ts(head) => Self::MpegTs,
            () if at(0, b"wvpk")
                || at(0, b"MAC ")
                || at(0, b"TTA1")
                || at(0, b"FLV\x01")
                || at(0, b"\x00\x00\x01\xba")
                || at(0, b"\x00\x00\x01\xb3")
                || at(0, b"DSD ")
                || at(0, b"FRM8") =>
            {
                Self::Unread
            }
            () if is_mpeg_sync(head, |layer| layer == 0) => Self::Adts,
            () if is_mpeg_sync(head, |layer| layer != 0) => Self::MpegAudio,
            () => return None,
        })
    }

    /// Whether the first bytes look like audio or video at all, ID3v2 tag included.
    #[must_use]
    pub fn is_recording(head: &[u8]) -> bool {
        head.starts_with(b"ID3") || Self::of_head(head).is_some()
    }
}

fn is_mp4(head: &[u8]) -> bool {
    let kinds: [&[u8; 4]; 8] = [b"ftyp", b"moov", b"mdat", b"wide", b"pnot", b"styp", b"moof", b"sidx"];
    let picture: [&[u8; 4]; 5] = [b"heic", b"heix", b"mif1", b"avif", b"crx "];
    head.get(4..8).is_some_and(|kind| kinds.iter().any(|known| kind == *known))
        && !(head.get(4..8) == Some(b"ftyp")
            && head.get(8..12).is_some_and(|brand| picture.iter().any(|known| brand == *known)))
}

fn is_mpeg_ts(head: &[u8]) -> bool {
    super::mpeg_ts::packet_layout(head).is_some()
}

/// Two bytes of sync are too little, so the fields beside them must be legal too.
fn is_mpeg_sync(head: &[u8], layer_fits: impl Fn(u8) -> bool) -> bool {
    let (Some(&[sync, flags, rates]), true) = (head.first_chunk::<3>(), head.len() >= 4) else {
        return false;
    };
    let layer = (flags >> 1) & 3;
    if sync != 0xFF || flags & 0xE0 != 0xE0 || !layer_fits(layer) {
        return false;
    }
    if layer == 0 {
        return flags & 0xF0 == 0xF0 && (rates >> 2) & 0xF < 13;
    }
    // Also how UTF-16 text begins; layer 1 with checksums is a thing of the past.
    let is_byte_order_mark = flags == 0xFE;
    let version_is_legal = (flags >> 3) & 3 != 1;
    !is_byte_order_mark && version_is_legal && !matches!(rates >> 4, 0 | 15) && (rates >> 2) & 3 != 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_pictures_and_nothing_are_no_recordings() {
        let heads: [&[u8]; 9] = [
            b"",
            b"R",
            b"RIFF",
            b"hello, world: this is text",
            b"\xff\xd8\xff\xe0\x00\x10JFIF",
            b"\x89PNG\r\n\x1a\n",
            b"%PDF-1.7",
            b"\xff\xfeh\x00e\x00l\x00l\x00o\x00",
            b"\x00\x00\x00\x18ftypheic",
        ];
        for head in heads {
            assert_eq!(Container::of_head(head), None, "{head:?}");
        }
        assert_eq!(Container::of_head(b"\xff\xfb\x90\x64"), Some(Container::MpegAudio));
        assert_eq!(Container::of_head(b"\xff\xf1\x50\x80"), Some(Container::Adts));
        assert!(Container::is_recording(b"ID3\x04"));
    }
}
