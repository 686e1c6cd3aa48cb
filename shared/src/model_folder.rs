//! The model folder: which files a Whisper model converted for `CTranslate2` consists of, and the hash that names it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::fingerprint::hex;

/// Files that every model has.
const REQUIRED: [&str; 3] = [CONFIG, "model.bin", "tokenizer.json"];
/// What the engine is to know of it.
const CONFIG: &str = "config.json";
/// A model has one of these, by the age of its converter.
const VOCABULARIES: [&str; 2] = ["vocabulary.json", "vocabulary.txt"];
/// A model with other than 80 mel bins has this.
const PREPROCESSOR: &str = "preprocessor_config.json";

/// A list of SHA-256 sums in the form of the program `sha256sum`; checked when it is there.
pub const SUMS: &str = "SHA256SUMS";

/// Whether a file of this name belongs to a model.
#[must_use]
pub fn is_model_file(name: &str) -> bool {
    REQUIRED.contains(&name) || VOCABULARIES.contains(&name) || name == PREPROCESSOR
}

/// The files that a model must have and `has` does not know.
pub fn missing_files(has: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let mut missing: Vec<_> = REQUIRED.into_iter().filter(|name| !has(name)).collect();
    if !VOCABULARIES.into_iter().any(&has) {
        missing.push("vocabulary.json");
    }
    missing
}

/// One file of a model, known by its checksum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFile {
    /// Its name within the folder.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// SHA-256 of its content, in hex.
    pub sha256: String,
}

/// SHA-256 in hex over the names, sizes and contents of a model's files, in order of name: the model's identity, which needs
/// none of the contents where their checksums are known.
#[must_use]
pub fn identity(mut files: Vec<ModelFile>) -> String {
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let mut all = Sha256::new();
    for ModelFile { name, bytes, sha256 } in &files {
        all.update(format!("{name}\n{bytes}\n{sha256}\n"));
    }
    hex(&all.finalize())
}

/// A list of checksums, as `sha256sum` prints it.
#[must_use]
pub fn sums_text(files: &[ModelFile]) -> String {
    files.iter().map(|file| format!("{}  {}\n", file.sha256, file.name)).collect()
}

/// Reads a list of checksums: SHA-256 in hex by file name. Lines that are none are passed over.
#[must_use]
pub fn parse_sums(text: &str) -> HashMap<String, String> {
    let sums = text.lines().filter_map(|line| {
        let (sum, name) = line.split_once(' ')?;
        // After the sum comes a space for text or a star for binary, then perhaps ./
        let name = name.trim_start_matches([' ', '*']);
        Some((name.strip_prefix("./").unwrap_or(name).to_owned(), sum.to_lowercase()))
    });
    sums.collect()
}

/// A folder that holds all the files of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFolder {
    path: PathBuf,
    vocabulary: &'static str,
    has_preprocessor: bool,
}

/// Why a folder is no model.
#[derive(Debug, Error)]
pub enum ModelFolderError {
    /// No such folder, or it cannot be entered.
    #[error("cannot open model folder {path}: {source}; check the path and its permissions")]
    Unreachable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The path leads to something else.
    #[error("{0} is not a folder; --model wants the folder that holds model.bin, not a file in it")]
    NotAFolder(PathBuf),
    /// Files are missing or empty.
    #[error(
        "model folder {path} is incomplete: {} missing or empty; copy or convert the whole model again \
         (a CTranslate2 Whisper model has model.bin, config.json, tokenizer.json and vocabulary.json or .txt)",
        missing.join(", ")
    )]
    Incomplete {
        /// The folder.
        path: PathBuf,
        /// The names of the files.
        missing: Vec<&'static str>,
    },
    /// A file is not what its list of checksums says.
    #[error(
        "model file {path} is damaged: its SHA-256 is {found}, but {SUMS} says {wanted}; fetch the model again"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// SHA-256 in hex by the list.
        wanted: String,
        /// SHA-256 in hex of what is there.
        found: String,
    },
    /// A file cannot be read to its end.
    #[error("cannot read model file {path}: {source}; check its permissions and the disk")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl ModelFolder {
    /// Checks that the folder holds every file of a model, none of them empty.
    ///
    /// # Errors
    /// Says which files are missing.
    pub fn open(path: &Path) -> Result<Self, ModelFolderError> {
        let kind = fs::metadata(path)
            .map_err(|source| ModelFolderError::Unreachable { path: path.to_owned(), source })?;
        if !kind.is_dir() {
            return Err(ModelFolderError::NotAFolder(path.to_owned()));
        }
        let has =
            |name: &str| fs::metadata(path.join(name)).is_ok_and(|file| file.is_file() && file.len() > 0);
        let missing = missing_files(has);
        match VOCABULARIES.into_iter().find(|name| has(name)) {
            Some(vocabulary) if missing.is_empty() => {
                Ok(Self { path: path.to_owned(), vocabulary, has_preprocessor: has(PREPROCESSOR) })
            }
            _ => Err(ModelFolderError::Incomplete { path: path.to_owned(), missing }),
        }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file of the tokenizer.
    #[must_use]
    pub fn tokenizer(&self) -> PathBuf {
        self.path.join("tokenizer.json")
    }

    /// The file of the engine's own vocabulary, JSON or text.
    #[must_use]
    pub fn vocabulary(&self) -> PathBuf {
        self.path.join(self.vocabulary)
    }

    /// The file that tells how the model wants its audio, if there is one.
    #[must_use]
    pub fn preprocessor(&self) -> Option<PathBuf> {
        self.has_preprocessor.then(|| self.path.join(PREPROCESSOR))
    }

    /// Whether the model says which attention heads follow the speech: without them words cannot be aligned with the audio.
    #[must_use]
    pub fn has_alignment_heads(&self) -> bool {
        let config = fs::read(self.path.join(CONFIG)).unwrap_or_default();
        // What is wrong with the file is said by the engine, which reads it too.
        serde_json::from_slice::<serde_json::Value>(&config)
            .is_ok_and(|config| config["alignment_heads"].as_array().is_some_and(|heads| !heads.is_empty()))
    }

    /// The model's [`identity`].
    ///
    /// Other files in the folder (a licence, a download's leftovers) do not count. Reads everything: about a second
    /// per gigabyte when the files are in memory. A file of the model that is listed in `SHA256SUMS` must have that sum.
    ///
    /// # Errors
    /// When a file cannot be read or has another sum.
    pub fn hash(&self) -> Result<String, ModelFolderError> {
        Ok(identity(self.files()?))
    }

    /// The names of the model's files.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let preprocessor = self.has_preprocessor.then_some(PREPROCESSOR);
        REQUIRED.into_iter().chain([self.vocabulary]).chain(preprocessor)
    }

    /// The model's files with their checksums, compared with those that the folder lists.
    ///
    /// # Errors
    /// When a file cannot be read or has another sum than is listed.
    pub fn files(&self) -> Result<Vec<ModelFile>, ModelFolderError> {
        let sums = self.listed_sums()?;
        self.names()
            .map(|name| {
                let path = self.path.join(name);
                let (bytes, sha256) = hash_file(&path)
                    .map_err(|source| ModelFolderError::Unreadable { path: path.clone(), source })?;
                match sums.get(name).filter(|wanted| **wanted != sha256) {
                    Some(wanted) => {
                        Err(ModelFolderError::Damaged { path, wanted: wanted.clone(), found: sha256 })
                    }
                    None => Ok(ModelFile { name: name.to_owned(), bytes, sha256 }),
                }
            })
            .collect()
    }

    /// SHA-256 sums by file name, as far as the folder lists them.
    fn listed_sums(&self) -> Result<HashMap<String, String>, ModelFolderError> {
        let path = self.path.join(SUMS);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(parse_sums(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(HashMap::new()),
            Err(source) => Err(ModelFolderError::Unreadable { path, source }),
        }
    }
}

fn hash_file(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((bytes, hex(&digest.finalize()))),
            Ok(n) => {
                digest.update(&buffer[..n]);
                bytes += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_folder(path: &Path) -> Result<String, ModelFolderError> {
        ModelFolder::open(path)?.hash()
    }

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), name).unwrap();
        }
        folder
    }

    const WHOLE: [&str; 4] = ["model.bin", "config.json", "tokenizer.json", "vocabulary.txt"];

    #[test]
    fn says_what_is_missing() {
        let part = folder(&["config.json", "vocabulary.txt"]);
        fs::write(part.path().join("model.bin"), "").unwrap();
        let message = ModelFolder::open(part.path()).unwrap_err().to_string();
        assert!(message.contains("model.bin, tokenizer.json missing or empty"), "{message}");
        let message = hash_folder(&part.path().join("none")).unwrap_err().to_string();
        assert!(message.contains("cannot open model folder"), "{message}");
        let message = hash_folder(&part.path().join("config.json")).unwrap_err().to_string();
        assert!(message.contains("not a folder"), "{message}");
    }

    #[test]
    fn the_hash_follows_the_model_s_files_and_nothing_else() {
        let whole = folder(&WHOLE);
        let hash = hash_folder(whole.path()).unwrap();
        assert_eq!(hash.len(), 64);
        fs::write(whole.path().join("README.md"), "hello").unwrap();
        assert_eq!(hash_folder(whole.path()).unwrap(), hash);
        fs::write(whole.path().join(PREPROCESSOR), "{}").unwrap();
        let with_preprocessor = hash_folder(whole.path()).unwrap();
        assert_ne!(with_preprocessor, hash);
        fs::write(whole.path().join("model.bin"), "other").unwrap();
        assert_ne!(hash_folder(whole.path()).unwrap(), with_preprocessor);
    }

    #[test]
    fn listed_sums_are_checked() {
        let whole = folder(&WHOLE);
        let hash = hash_folder(whole.path()).unwrap();
        let sum = hex(&Sha256::digest("model.bin"));
        let list = format!("{}  ./model.bin\n{sum} *tokenizer.json\n\nnonsense\n", sum.to_uppercase());
        fs::write(whole.path().join(SUMS), list).unwrap();
        let message = hash_folder(whole.path()).unwrap_err().to_string();
        assert!(
            message.contains("tokenizer.json is damaged") && message.contains("fetch the model again"),
            "{message}"
        );
        fs::write(whole.path().join(SUMS), format!("{sum}  model.bin\n")).unwrap();
        assert_eq!(hash_folder(whole.path()).unwrap(), hash, "the list itself does not count");
    }
}
