//! What a pixel is made of: bytes, or floats that were floats in their file.

/// A value of a pixel.
pub(super) trait Level: Copy + Send + Sync {
    /// As a number.
    fn number(self) -> f64;

    /// From a number; bytes are rounded, and kept from 0 to 255.
    fn of(number: f64) -> Self;

    /// As a network is given it.
    fn finish(self, affine: &Affine) -> f32;

    /// The grey of a red, a green and a blue: the luma of ITU-R BT.601, as Pillow's mode `L` has it.
    fn grey(red: Self, green: Self, blue: Self) -> Self {
        Self::of((299.0 * red.number() + 587.0 * green.number() + 114.0 * blue.number()) / 1000.0)
    }
}

impl Level for u8 {
    fn number(self) -> f64 {
        f64::from(self)
    }

    fn of(number: f64) -> Self {
        // The cast cuts off what is beyond a byte; halves go up.
        (number + 0.5).floor() as u8
    }

    fn finish(self, affine: &Affine) -> f32 {
        affine.of_bytes[usize::from(self)]
    }
}

impl Level for f32 {
    fn number(self) -> f64 {
        f64::from(self)
    }

    fn of(number: f64) -> Self {
        number as f32
    }

    fn finish(self, affine: &Affine) -> f32 {
        affine.apply(f64::from(self))
    }
}

/// What becomes of the values of one channel: (value × scale − mean) / std.
#[derive(Debug, Clone)]
pub(super) struct Affine {
    scale: f64,
    mean: f64,
    std: f64,
    /// Of every byte: images have more pixels than there are levels.
    of_bytes: [f32; 256],
}

impl Affine {
    pub(super) fn new(scale: f64, mean: f64, std: f64) -> Self {
        let mut affine = Self { scale, mean, std, of_bytes: [0.0; 256] };
        affine.of_bytes = std::array::from_fn(|level| affine.apply(level as f64));
        affine
    }

    fn apply(&self, value: f64) -> f32 {
        ((value * self.scale - self.mean) / self.std) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_rounded_and_kept_within_their_range() {
        assert_eq!([-7.0, 0.49, 0.5, 254.5, 300.0].map(u8::of), [0, 0, 1, 255, 255]);
        assert_eq!(f32::of(-7.25), -7.25);
    }

    #[test]
    fn grey_is_the_luma_of_television() {
        assert_eq!([u8::grey(255, 0, 0), u8::grey(0, 255, 0), u8::grey(0, 0, 255)], [76, 150, 29]);
        assert_eq!(u8::grey(200, 200, 200), 200);
    }

    #[test]
    fn bytes_and_floats_end_in_the_same_number() {
        let affine = Affine::new(1.0 / 255.0, 0.485, 0.229);
        for level in [0u8, 1, 128, 255] {
            assert_eq!(level.finish(&affine), f32::from(level).finish(&affine));
        }
        assert!((128u8.finish(&affine) - ((128.0 / 255.0 - 0.485) / 0.229) as f32).abs() < 1e-7);
    }
}
