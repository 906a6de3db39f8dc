//! Tells an observer how training goes on, through fits of several parts.

use crate::{Bottleneck, Observer};

/// Counts epochs through all parts of a fit.
pub(crate) struct Watch<'a> {
    observer: &'a mut dyn Observer,
    epoch: usize,
    /// Epochs of the parts that are still to come.
    pub(crate) later: usize,
}

impl<'a> Watch<'a> {
    /// A fit of which nothing is done, of one part; shows the bottleneck as it is before the first epoch, if that is wanted.
    pub(crate) fn start(observer: &'a mut dyn Observer, bottleneck: impl FnOnce() -> Box<dyn Bottleneck>) -> Self {
        if observer.wants(0) {
            observer.snapshot(0, &*bottleneck());
        }
        Self { observer, epoch: 0, later: 0 }
    }

    /// An epoch is over; this part has at most `left` more.
    pub(crate) fn epoch(&mut self, left: usize, bottleneck: impl FnOnce() -> Box<dyn Bottleneck>) {
        self.epoch += 1;
        self.observer.progress(self.epoch, self.epoch + left + self.later);
        if self.observer.wants(self.epoch) {
            self.observer.snapshot(self.epoch, &*bottleneck());
        }
    }
}
