//! What becomes of histories.

/// What became of histories lately. It forgets, because remembering everything would take more than the states do.
#[derive(Default)]
pub(super) struct Heard {
    /// History, what was told, and the history after it; each at the one place that its hash gives it.
    places: Vec<[u32; 3]>,
}

impl Heard {
    pub(super) fn with_room(count: usize) -> Self {
        let mut heard = Self::default();
        heard.make_room(count);
        heard
    }

    pub(super) fn recall(&self, history: u32, told: u32) -> Option<u32> {
        let &[of, heard, next] = self.places.get(self.place(history, told))?;
        ([of, heard] == [history, told]).then_some(next)
    }

    /// Makes room for so many, in powers of two. Whatever was there is forgotten when there is not enough.
    pub(super) fn make_room(&mut self, count: usize) {
        if self.places.len() < count {
            self.places = Vec::new();
            self.places = vec![[u32::MAX; 3]; count.next_power_of_two()];
        }
    }

    pub(super) fn remember(&mut self, [history, told, next]: [u32; 3]) {
        let place = self.place(history, told);
        if let Some(place) = self.places.get_mut(place) {
            *place = [history, told, next];
        }
    }

    fn place(&self, history: u32, told: u32) -> usize {
        // The upper bits of the product are the well mixed ones.
        let mixed = (u64::from(history) << 32 | u64::from(told)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 32) as usize & self.places.len().wrapping_sub(1)
    }

    pub(super) fn bytes(&self) -> usize {
        self.places.capacity() * size_of::<[u32; 3]>()
    }
}
