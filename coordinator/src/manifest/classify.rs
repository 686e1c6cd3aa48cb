//! Which objects are recordings, by their names.
//!
//! The lists are repeated for users in `docs/manifest.md`.

/// What a name says of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByName {
    /// An extension of audio or video: a recording, whatever is in it. If it is none, it fails later and is
    /// reported, so that nothing is dropped in silence.
    Recording,
    /// Something else that lies beside recordings.
    Other,
    /// The name does not tell: the first bytes must.
    Unknown,
}

const RECORDINGS: &[&str] = &[
    "3g2", "3ga", "3gp", "aac", "aax", "ac3", "adts", "aif", "aifc", "aiff", "alac", "amr", "ape", "asf",
    "au", "avi", "awb", "bwf", "caf", "dff", "dsf", "dts", "eac3", "f4a", "f4v", "flac", "flv", "gsm", "m2a",
    "m2ts", "m4a", "m4b", "m4p", "m4r", "m4v", "mka", "mkv", "mov", "mp1", "mp2", "mp3", "mp4", "mpa", "mpc",
    "mpeg", "mpg", "mpga", "mts", "oga", "ogg", "ogm", "ogv", "ogx", "opus", "qt", "ra", "ram", "rf64", "rm",
    "rmvb", "snd", "spx", "tta", "vob", "voc", "vox", "w64", "wav", "wave", "weba", "webm", "wma", "wmv",
    "wv",
];

const OTHERS: &[&str] = &[
    "7z",
    "ass",
    "bak",
    "bmp",
    "bz2",
    "cfg",
    "conf",
    "crc",
    "css",
    "csv",
    "cue",
    "db",
    "doc",
    "docx",
    "gif",
    "gz",
    "heic",
    "htm",
    "html",
    "ico",
    "ini",
    "jpeg",
    "jpg",
    "js",
    "json",
    "jsonl",
    "lock",
    "log",
    "lrc",
    "m3u",
    "m3u8",
    "manifest",
    "md",
    "md5",
    "mid",
    "midi",
    "nfo",
    "npy",
    "odt",
    "ods",
    "parquet",
    "part",
    "pdf",
    "pickle",
    "pls",
    "png",
    "ppt",
    "pptx",
    "py",
    "rar",
    "rst",
    "rtf",
    "sbv",
    "sh",
    "sha1",
    "sha256",
    "sqlite",
    "srt",
    "ssa",
    "sub",
    "svg",
    "tar",
    "tgz",
    "textgrid",
    "tif",
    "tiff",
    "tmp",
    "toml",
    "torrent",
    "trs",
    "tsv",
    "ttml",
    "txt",
    "url",
    "vtt",
    "webp",
    "xls",
    "xlsx",
    "xml",
    "xmp",
    "xspf",
    "xz",
    "yaml",
    "yml",
    "zip",
    "zst",
    "crdownload",
    "cda",
    "eaf",
    "rttm",
    "ctm",
    "stm",
    "exe",
    "dll",
    "so",
    "pkf",
    "peak",
    "asd",
    "reapeaks",
    "sfk",
    "aup",
    "aup3",
];

/// What the name alone says. Hidden files (a segment that begins with a dot, which includes Steno's temporaries)
/// and names that end with a slash (a bucket's folders) are never recordings.
#[must_use]
pub fn by_name(name: &str) -> ByName {
    if name.ends_with('/') || name.split('/').any(|segment| segment.starts_with('.') && !is_dots(segment)) {
        return ByName::Other;
    }
    let file = name.rsplit('/').next().unwrap_or(name);
    let Some((_, extension)) = file.rsplit_once('.') else {
        return ByName::Unknown;
    };
    let extension = extension.to_ascii_lowercase();
    if RECORDINGS.contains(&extension.as_str()) {
        ByName::Recording
    } else if OTHERS.contains(&extension.as_str()) {
        ByName::Other
    } else {
        ByName::Unknown
    }
}

/// `.` and `..` hide nothing: some stores have such keys.
fn is_dots(segment: &str) -> bool {
    matches!(segment, "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_most() {
        for name in ["a.mp3", "a/b.WAV", "x.tar.flac", "sp ace+%.m4a", "nl\n.ogg", "../x.mp3", "a.json.mp3"] {
            assert_eq!(by_name(name), ByName::Recording, "{name}");
        }
        for name in [
            "a.mp3.json",
            "a.mp3.SRT",
            ".hidden.mp3",
            ".git/x.mp3",
            "a/.DS_Store",
            "folder/",
            "a.mp3/",
            "a.pdf",
            ".steno-tmp-1",
        ] {
            assert_eq!(by_name(name), ByName::Other, "{name}");
        }
        for name in ["a", "a/b", "v.2", "a.mp3.1", "a.", ""] {
            assert_eq!(by_name(name), ByName::Unknown, "{name}");
        }
    }

    #[test]
    fn no_extension_is_in_both_lists() {
        assert!(RECORDINGS.iter().all(|extension| !OTHERS.contains(extension)));
        assert!(RECORDINGS.iter().chain(OTHERS).all(|extension| !extension.contains(char::is_uppercase)));
    }
}
