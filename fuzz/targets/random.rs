//! Choices taken from the bytes of the input, with the face of the generator that the tests use.

pub(crate) struct Random<'a>(std::slice::Iter<'a, u8>);

impl<'a> Random<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.iter())
    }

    /// A number below `bound`; 0 when that is 0 or no byte is left.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let mut byte = || usize::from(self.0.next().copied().unwrap_or(0));
        let number = if bound > 256 { byte() * 256 + byte() } else { byte() };
        number % bound.max(1)
    }

    /// True once in `n` times.
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<'t, T: ?Sized>(&mut self, from: &[&'t T]) -> &'t T {
        from[self.below(from.len())]
    }
}
