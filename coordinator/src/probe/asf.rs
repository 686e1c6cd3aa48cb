//! ASF: WMA and WMV.

use super::fields::{u32_be, u64_le};
use super::ranged_reader::{RangedReader, Stop};

const OBJECTS_MAX: usize = 1000;
/// How the File Properties object's GUID begins.
const FILE_PROPERTIES: u32 = 0xA1DC_AB8C;

/// The play duration less the preroll, in seconds.
pub(super) fn length(reader: &mut RangedReader<'_>) -> Result<f64, Stop> {
    let mut at: u64 = 30;
    for _ in 0..OBJECTS_MAX {
        let header = reader.read(at, 24)?;
        let size = u64_le(&header, 16)?;
        if u32_be(&header, 0)? == FILE_PROPERTIES {
            let object = reader.read(at, 88)?;
            let (play, preroll) = (u64_le(&object, 64)?, u64_le(&object, 80)?);
            let seconds = play as f64 / 1e7 - preroll as f64 / 1e3;
            return if seconds > 0.0 { Ok(seconds) } else { Err(Stop::NotTold) };
        }
        at = at.checked_add(size.max(24)).ok_or(Stop::NotTold)?;
    }
    Err(Stop::NotTold)
}
