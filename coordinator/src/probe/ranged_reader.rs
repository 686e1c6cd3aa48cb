//! Reading parts of an object, with a cache and a hard limit on what one probe may cost.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;

/// What a fetch is at least, so that the next few fields are there already.
const WINDOW_BYTES_MIN: u64 = 64 * 1024;
/// What a fetch grows to while reads go on where the last one ended.
const WINDOW_BYTES_MAX: u64 = 512 * 1024;

/// Why the store could not give a range, in the store's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchError(pub String);

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a parser cannot go on. Never an error for the user: the length is then estimated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// The object ends before the field.
    EndOfObject,
    /// The probe has read what it may.
    BudgetSpent,
    /// The store failed.
    Fetch(FetchError),
    /// The bytes are not what the format says, or do not tell the length.
    NotTold,
}

/// What one probe may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadBudget {
    /// Bytes over all requests.
    pub bytes: u64,
    /// Ranged requests.
    pub requests: u32,
}

impl Default for ReadBudget {
    /// 2 MiB and 64 requests: no format needs more than a few of either.
    fn default() -> Self {
        Self { bytes: 2 * 1024 * 1024, requests: 64 }
    }
}

type Fetch<'a> = Box<dyn FnMut(Range<u64>) -> Result<Bytes, FetchError> + 'a>;

/// An object of known size, read by ranges. Whatever was fetched stays cached until the reader is dropped, which
/// the budget bounds.
pub struct RangedReader<'a> {
    size_bytes: u64,
    fetch: Fetch<'a>,
    budget: ReadBudget,
    bytes_read: u64,
    requests: u32,
    fetched: Vec<(u64, Bytes)>,
    window_bytes: u64,
}

impl fmt::Debug for RangedReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RangedReader")
            .field("size_bytes", &self.size_bytes)
            .field("bytes_read", &self.bytes_read)
            .field("requests", &self.requests)
            .finish_non_exhaustive()
    }
}

impl<'a> RangedReader<'a> {
    /// A reader of an object of `size_bytes`. `fetch` is only ever asked for ranges within it, and may block.
    pub fn new(
        size_bytes: u64,
        budget: ReadBudget,
        fetch: impl FnMut(Range<u64>) -> Result<Bytes, FetchError> + 'a,
    ) -> Self {
        Self {
            size_bytes,
            fetch: Box::new(fetch),
            budget,
            bytes_read: 0,
            requests: 0,
            fetched: Vec::new(),
            window_bytes: WINDOW_BYTES_MIN,
        }
    }

    /// The object's size.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Bytes fetched so far.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Requests made so far.
    #[must_use]
    pub fn requests(&self) -> u32 {
        self.requests
    }

    /// The first bytes, at most `len`, fetched alone: for files that are most likely no recordings.
    ///
    /// # Errors
    /// When the store fails or the budget is spent.
    pub fn head(&mut self, len: u64) -> Result<Bytes, FetchError> {
        let len = len.min(self.size_bytes);
        match self.read_through(0, len, len) {
            Ok(bytes) => Ok(bytes),
            Err(Stop::Fetch(error)) => Err(error),
            Err(Stop::EndOfObject | Stop::BudgetSpent | Stop::NotTold) => Ok(Bytes::new()),
        }
    }

    /// Exactly `len` bytes at `at`.
    pub(super) fn read(&mut self, at: u64, len: u64) -> Result<Bytes, Stop> {
        let is_sequential = self.fetched.last().is_some_and(|(start, bytes)| {
            let end = start + bytes.len() as u64;
            *start <= at && at <= end
        });
        let window_bytes =
            if is_sequential { (self.window_bytes * 2).min(WINDOW_BYTES_MAX) } else { WINDOW_BYTES_MIN };
        self.read_through(at, len, window_bytes)
    }

    /// What there is of `len` bytes at `at`: less than asked only at the object's end.
    pub(super) fn read_up_to(&mut self, at: u64, len: u64) -> Result<Bytes, Stop> {
        let len = len.min(self.size_bytes.saturating_sub(at));
        self.read(at, len)
    }

    /// Exactly `len` bytes at `at`, fetching no more than those: for samples taken here and there.
    pub(super) fn read_only(&mut self, at: u64, len: u64) -> Result<Bytes, Stop> {
        self.read_through(at, len, len)
    }

    fn read_through(&mut self, at: u64, len: u64, window_bytes: u64) -> Result<Bytes, Stop> {
        let end = at.checked_add(len).ok_or(Stop::EndOfObject)?;
        if end > self.size_bytes {
            return Err(Stop::EndOfObject);
        }
        if len == 0 {
            return Ok(Bytes::new());
        }
        if let Some(bytes) = self.cached(at, end) {
            return Ok(bytes);
        }
        let left = self.budget.bytes.saturating_sub(self.bytes_read);
        if self.requests >= self.budget.requests || len > left {
            return Err(Stop::BudgetSpent);
        }
        let want = window_bytes.max(len).min(self.size_bytes - at).min(left);
        self.requests += 1;
        self.window_bytes = window_bytes;
        let bytes = (self.fetch)(at..at + want).map_err(Stop::Fetch)?;
        self.bytes_read += bytes.len() as u64;
        let answer =
            usize::try_from(len).ok().filter(|&len| len <= bytes.len()).map(|len| bytes.slice(..len));
        self.fetched.push((at, bytes));
        // The object is shorter than it was when it was listed.
        answer.ok_or(Stop::EndOfObject)
    }

    fn cached(&self, at: u64, end: u64) -> Option<Bytes> {
        self.fetched.iter().find_map(|(start, bytes)| {
            let from = usize::try_from(at.checked_sub(*start)?).ok()?;
            let to = usize::try_from(end.checked_sub(*start)?).ok()?;
            (to <= bytes.len()).then(|| bytes.slice(from..to))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn reader<'a>(data: &'a [u8], log: &'a RefCell<Vec<Range<u64>>>, budget: ReadBudget) -> RangedReader<'a> {
        RangedReader::new(data.len() as u64, budget, move |range: Range<u64>| {
            log.borrow_mut().push(range.clone());
            Ok(Bytes::copy_from_slice(&data[range.start as usize..range.end as usize]))
        })
    }

    #[test]
    fn near_reads_share_a_request_and_give_the_right_bytes() {
        let data: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
        let log = RefCell::default();
        let mut reader = reader(&data, &log, ReadBudget::default());
        for at in [0u64, 10, 60_000, 2_000_000, 2_000_100, 2_999_999] {
            let bytes = reader.read(at, 1).unwrap();
            assert_eq!(bytes[0], (at % 251) as u8);
        }
        assert_eq!(reader.read(2_999_999, 2), Err(Stop::EndOfObject));
        assert_eq!(reader.read(u64::MAX, 2), Err(Stop::EndOfObject));
        assert_eq!(log.borrow().len(), 3, "{:?}", log.borrow());
        assert!(log.borrow().iter().all(|range| range.end <= data.len() as u64));
    }

    #[test]
    fn a_spent_budget_ends_the_reading() {
        let data = vec![0; 3_000_000];
        let log = RefCell::default();
        let budget = ReadBudget { bytes: 200_000, requests: 64 };
        let mut bytes_bound = reader(&data, &log, budget);
        let mut at = 0;
        let stop = loop {
            match bytes_bound.read(at, 1000) {
                Ok(_) => at += 1000,
                Err(stop) => break stop,
            }
        };
        assert_eq!((stop, bytes_bound.bytes_read()), (Stop::BudgetSpent, 200_000));

        let mut requests_bound = reader(&data, &log, ReadBudget { bytes: u64::MAX, requests: 3 });
        let read = (0..10).filter(|i| requests_bound.read(i * 200_000, 1).is_ok()).count();
        assert_eq!((read, requests_bound.requests()), (3, 3));
    }

    #[test]
    fn an_object_that_shrank_ends_early_instead_of_panicking() {
        let mut reader = RangedReader::new(1000, ReadBudget::default(), |_| Ok(Bytes::from_static(b"short")));
        assert_eq!(reader.read(0, 100), Err(Stop::EndOfObject));
    }
}
