//! How a worker is told to stop: at once, or after what it holds.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;

/// What a worker should do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Order {
    /// Claim and transcribe.
    Work = 0,
    /// Claim nothing more; finish what the engine has, release what waits.
    Drain = 1,
    /// Release everything now.
    Stop = 2,
}

/// The current order, shared by all parts of a worker. Orders only get stricter.
#[derive(Debug, Default)]
pub struct Control {
    order: AtomicU8,
    changed: Notify,
}

impl Control {
    /// Gives an order; a milder one than the current is ignored.
    pub fn give(&self, order: Order) {
        if self.order.fetch_max(order as u8, Ordering::SeqCst) < order as u8 {
            self.changed.notify_waiters();
        }
    }

    /// The order in force.
    #[must_use]
    pub fn order(&self) -> Order {
        match self.order.load(Ordering::SeqCst) {
            0 => Order::Work,
            1 => Order::Drain,
            _ => Order::Stop,
        }
    }

    /// Waits until the order is no longer [`Order::Work`].
    pub async fn until_told(&self) {
        self.until(Order::Drain).await;
    }

    /// Waits until the order is `at_least`.
    pub async fn until(&self, at_least: Order) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.order() >= at_least {
                return;
            }
            changed.await;
        }
    }

    /// Waits for `duration`, or less when an order comes. Returns whether to go on working.
    pub async fn pause(&self, duration: std::time::Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(duration) => {}
            () = self.until_told() => {}
        }
        self.order() == Order::Work
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_only_get_stricter() {
        let control = Control::default();
        control.give(Order::Stop);
        control.give(Order::Drain);
        assert_eq!(control.order(), Order::Stop);
    }
}
