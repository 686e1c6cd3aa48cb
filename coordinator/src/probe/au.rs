//! Sun's AU.

use super::fields::{seconds, u32_be};
use super::ranged_reader::{RangedReader, Stop};

/// The length in seconds; a data size of 2³²−1 means: up to the end.
pub(super) fn length(reader: &mut RangedReader<'_>) -> Result<f64, Stop> {
    let header = reader.read(0, 24)?;
    let (data_at, declared, encoding) = (u32_be(&header, 4)?, u32_be(&header, 8)?, u32_be(&header, 12)?);
    let (sample_rate, channels) = (u32_be(&header, 16)?, u32_be(&header, 20)?);
    let sample_bits = match encoding {
        1 | 2 | 27 => 8,
        3 => 16,
        4 => 24,
        5 | 6 => 32,
        7 => 64,
        23 | 24 => 4,
        _ => return Err(Stop::NotTold),
    };
    let left = reader.size_bytes().saturating_sub(data_at.into());
    let data_bytes = if declared == 0 { left } else { left.min(declared.into()) };
    seconds(
        data_bytes.saturating_mul(8),
        u64::from(sample_rate) * u64::from(channels.min(1024)) * sample_bits,
    )
}
