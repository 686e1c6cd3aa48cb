//! Workers of unequal speed: what a slow one leaves to the others.
//!
//! The longest recording is claimed first, by whoever asks. On a worker at a third of the others' speed it would end long after all
//! else. So a worker that is slow takes nothing that it would not be done with when everything could be, and gives back what it has begun
//! before it knew how slow it is. That is list scheduling on uniform machines, where each job goes to the machine that ends it first.

/// A worker below this part of the mean speed is slow; others differ by chance.
const SLOW: f64 = 0.8;
/// What is given back must be done this much sooner elsewhere, from its begin, than here.
const WORTHWHILE: f64 = 0.8;

/// How fast a worker is beside all; in seconds of audio a second of its engine's time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Its own speed, above 0.
    pub own: f64,
    /// The sum of all workers' whose speed is known, its own among them.
    pub all: f64,
    /// How many these are.
    pub workers: u32,
}

impl Pace {
    /// Whether it is slower than the others.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        self.workers > 1 && self.own < SLOW * self.all / f64::from(self.workers)
    }

    /// The longest recording that it should take, in seconds, while others work who could take longer ones, with `left` seconds of audio
    /// left in the whole batch; `None` if any.
    #[must_use]
    pub fn longest(&self, left: f64) -> Option<f64> {
        self.is_slow().then(|| left.max(0.0) * self.own / self.all)
    }

    /// Whether a recording of `length` seconds, of which it has `rest` seconds to do, is done sooner if it gives it back.
    #[must_use]
    pub fn gives_back(&self, rest: f64, length: f64, left: f64) -> bool {
        let Some(longest) = self.longest(left) else { return false };
        let others = (self.all - self.own) / f64::from(self.workers - 1);
        rest > longest && length / others < WORTHWHILE * rest / self.own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_worker_takes_what_it_is_done_with_when_all_could_be() {
        let slow = Pace { own: 1.0, all: 10.0, workers: 4 };
        assert!(slow.is_slow());
        assert_eq!(slow.longest(600.0), Some(60.0));
        for equal in
            [Pace { own: 3.0, ..slow }, Pace { own: 2.4, ..slow }, Pace { all: 1.0, workers: 1, ..slow }]
        {
            assert_eq!(equal.longest(600.0), None, "{equal:?}");
            assert!(!equal.gives_back(600.0, 600.0, 600.0));
        }
    }

    #[test]
    fn what_it_has_begun_goes_to_who_is_done_with_it_sooner() {
        let slow = Pace { own: 1.0, all: 10.0, workers: 4 };
        assert!(slow.gives_back(290.0, 300.0, 600.0), "100 s elsewhere, 290 s here");
        assert!(!slow.gives_back(110.0, 300.0, 600.0), "it is nearly done");
        assert!(!slow.gives_back(290.0, 300.0, 6000.0), "there is time enough");
        let a_little = Pace { own: 2.0, all: 10.5, workers: 4 };
        assert!(a_little.is_slow() && !a_little.gives_back(80.0, 100.0, 0.0), "it would gain nothing");
    }
}
