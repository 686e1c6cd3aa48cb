//! Windows whose text was not good enough, waiting to be tried at their next temperature together with others.

use std::collections::BTreeMap;

/// After this many batches a window is tried again even if few others wait with it.
const LONGEST_WAIT: usize = 4;

/// Failed windows by their next temperature.
///
/// To try a single window again costs a GPU as much as a full batch, so they are gathered: until they fill a batch,
/// until there is nothing else to do, or until one has waited for four batches.
#[derive(Debug)]
pub struct Retries<T> {
    by_temperature: BTreeMap<usize, Vec<Waiting<T>>>,
}

#[derive(Debug)]
struct Waiting<T> {
    window: T,
    /// Batches that went by.
    waited: usize,
}

impl<T> Default for Retries<T> {
    fn default() -> Self {
        Self { by_temperature: BTreeMap::new() }
    }
}

impl<T> Retries<T> {
    /// Puts a window aside until its next temperature, counted in the order in which they are tried.
    pub fn push(&mut self, temperature_index: usize, window: T) {
        self.by_temperature.entry(temperature_index).or_default().push(Waiting { window, waited: 0 });
    }

    /// Notes that a batch of other windows went by.
    pub fn wait(&mut self) {
        self.by_temperature.values_mut().flatten().for_each(|waiting| waiting.waited += 1);
    }

    /// Up to `most` windows of one temperature, if they are due: the ones that wait longest are among them. `idle` tells
    /// that there is nothing else to do: then the lowest temperature's, so that those that fail again join the others.
    pub fn take_due(&mut self, most: usize, idle: bool) -> Vec<T> {
        let age = |group: &Vec<Waiting<T>>| group.iter().map(|waiting| waiting.waited).max().unwrap_or(0);
        let due = if idle {
            self.by_temperature.keys().next().copied()
        } else {
            let groups = self.by_temperature.iter();
            let due = groups.filter(|(_, group)| group.len() >= most || age(group) >= LONGEST_WAIT);
            due.max_by_key(|(_, group)| age(group)).map(|(temperature, _)| *temperature)
        };
        let Some(temperature) = due else { return Vec::new() };
        let Some(group) = self.by_temperature.get_mut(&temperature) else { return Vec::new() };
        let taken = group.drain(..most.min(group.len())).map(|waiting| waiting.window).collect();
        self.by_temperature.retain(|_, group| !group.is_empty());
        taken
    }

    /// Drops windows.
    pub fn drop_all(&mut self, mut which: impl FnMut(&T) -> bool) {
        for group in self.by_temperature.values_mut() {
            group.retain(|waiting| !which(&waiting.window));
        }
        self.by_temperature.retain(|_, group| !group.is_empty());
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_temperature.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_gathered_by_temperature_until_they_fill_a_batch() {
        let mut retries = Retries::default();
        for (temperature, window) in [(1, "a"), (2, "b"), (1, "c")] {
            retries.push(temperature, window);
        }
        assert_eq!(retries.take_due(3, false), [""; 0]);
        retries.push(1, "d");
        assert_eq!(retries.take_due(3, false), ["a", "c", "d"]);
        assert_eq!(retries.take_due(3, true), ["b"], "there is nothing else to do");
        assert!(retries.is_empty() && retries.take_due(3, true).is_empty());
    }

    #[test]
    fn none_waits_for_long() {
        let mut retries = Retries::default();
        retries.push(1, "a");
        for _ in 0..LONGEST_WAIT {
            assert_eq!(retries.take_due(8, false), [""; 0]);
            retries.wait();
        }
        retries.push(5, "b");
        assert_eq!(retries.take_due(8, false), ["a"]);
        retries.wait();
        retries.push(2, "late");
        assert_eq!(retries.take_due(8, true), ["late"], "it may have to join b");
        retries.drop_all(|window| *window == "b");
        assert!(retries.is_empty());
    }
}
