//! A list that keeps its first entries and counts the others: what a client may make a million of
//! costs no more than sixteen.

/// The first [`Bounded::MAX`] entries, in order, and how many more there were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounded<T> {
    /// At most [`Bounded::MAX`], unless one was put behind them on purpose.
    pub list: Vec<T>,
    /// How many there were beyond those.
    pub more: usize,
}

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Bounded { list: Vec::new(), more: 0 }
    }
}

impl<T> Bounded<T> {
    /// Members that the annotation holds (design: at most 16, then `more=N` on the last).
    pub const MAX: usize = 16;

    /// Keeps the entry, or counts it where the list is full.
    pub fn push(&mut self, entry: T) {
        self.push_with(|| entry);
    }

    /// An entry that is only counted is not made.
    pub fn push_with(&mut self, entry: impl FnOnce() -> T) {
        if self.list.len() < Self::MAX {
            self.list.push(entry());
        } else {
            self.more += 1;
        }
    }

    /// Adds all of another list, those only counted included.
    pub fn append(&mut self, other: Bounded<T>) {
        self.more += other.more;
        other.list.into_iter().for_each(|entry| self.push(entry));
    }

    /// Nothing was ever pushed.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_kept_and_the_rest_is_counted() {
        let mut bounded = Bounded::default();
        (0..16).for_each(|number| bounded.push(number));
        assert_eq!((bounded.list.len(), bounded.more), (16, 0));
        let mut is_made = false;
        bounded.push_with(|| {
            is_made = true;
            16
        });
        assert_eq!((bounded.list.len(), bounded.more, is_made), (16, 1, false));
        let mut other = Bounded::default();
        other.push(99);
        other.append(bounded);
        assert_eq!((other.list.first(), other.list.last(), other.more), (Some(&99), Some(&14), 2));
    }
}
