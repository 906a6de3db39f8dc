//! Axes: from numbers to places between 0 and 1, with ticks at round numbers.

/// A closed range of finite numbers that grows as values are shown to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Extent {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Extent {
    /// The range of the finite values; nothing when there are none.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        values
            .into_iter()
            .filter(|v| v.is_finite())
            .fold(None, |extent: Option<Self>, v| Some(extent.map_or(Self { low: v, high: v }, |e| e.with(v))))
    }

    /// The range that holds this one and the value.
    pub(crate) fn with(self, value: f64) -> Self {
        Self { low: self.low.min(value), high: self.high.max(value) }
    }

    /// The range that holds both.
    pub(crate) fn union(self, other: Self) -> Self {
        self.with(other.low).with(other.high)
    }

    fn length(self) -> f64 {
        self.high - self.low
    }
}

/// Gives several panels one range when they can be read at the same scale, and leaves each its own otherwise.
///
/// One estimator that runs to ten times the others would press all of theirs flat.
pub(crate) fn common(extents: &[Option<Extent>]) -> Vec<Option<Extent>> {
    const TOLERATED: f64 = 4.0;
    let known = || extents.iter().flatten();
    let (widest, narrowest) =
        known().fold((0.0_f64, f64::INFINITY), |(w, n), e| (w.max(e.length()), n.min(e.length())));
    if widest > TOLERATED * narrowest {
        return extents.to_vec();
    }
    let all = known().copied().reduce(Extent::union);
    extents.iter().map(|_| all).collect()
}

/// How an axis spaces its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spacing {
    Linear,
    /// log(1 + v): a logarithm that has a place for epoch 0.
    Log1p,
    Log,
}

/// A labelled place on an axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    pub(crate) value: f64,
    pub(crate) label: String,
}

/// An axis that is ready to be drawn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    extent: Extent,
    spacing: Spacing,
    pub(crate) ticks: Vec<Tick>,
}

impl Axis {
    /// An axis over the values with about `count` ticks.
    pub(crate) fn linear(extent: Option<Extent>, count: usize) -> Self {
        let extent = widened(extent);
        let ticks = linear_ticks(extent, count);
        Self { extent, spacing: Spacing::Linear, ticks }
    }

    /// An axis for an amount that starts at zero, such as an information, with some room above.
    pub(crate) fn amount(extent: Option<Extent>, count: usize) -> Self {
        let mut extent = widened(extent.map(|e| e.with(0.0)));
        let room = 0.05 * extent.length();
        extent.high += room;
        if extent.low < 0.0 {
            extent.low -= room;
        }
        Self { extent, spacing: Spacing::Linear, ticks: linear_ticks(extent, count) }
    }

    /// An axis for epochs or steps: whole numbers from zero on.
    pub(crate) fn counts(extent: Option<Extent>, spacing: Spacing, count: usize) -> Self {
        let extent = widened(extent.map(|e| Extent { low: e.low.max(0.0), high: e.high.max(0.0) }));
        let ticks = match spacing {
            Spacing::Linear => linear_ticks(extent, count).into_iter().filter(|t| t.value.fract() == 0.0).collect(),
            Spacing::Log | Spacing::Log1p => {
                let first = (extent.low <= 0.0).then_some(0.0);
                let Extent { low, high } = extent;
                labelled(first.into_iter().chain(decades(Extent { low: low.max(1.0), high: high.max(1.0) })))
            }
        };
        Self { extent, spacing, ticks }
    }

    /// The values at the two ends.
    pub(crate) fn extent(&self) -> Extent {
        self.extent
    }

    /// How the values between them are spaced.
    pub(crate) fn spacing(&self) -> Spacing {
        self.spacing
    }

    /// A value, or the end of the axis that is nearest to it.
    pub(crate) fn within(&self, value: f64) -> f64 {
        value.clamp(self.extent.low, self.extent.high)
    }

    /// A logarithmic axis over the positive part of the range.
    pub(crate) fn log(extent: Option<Extent>) -> Self {
        let extent = extent.filter(|e| e.low > 0.0).unwrap_or(Extent { low: 0.1, high: 10.0 });
        // At least a factor of ten, so that there are ticks to read it by.
        let (low, high) = (extent.low / 1.25, extent.high * 1.25);
        let room = (10.0 / (high / low)).max(1.0).sqrt();
        let extent = Extent { low: low / room, high: high * room };
        Self { extent, spacing: Spacing::Log, ticks: labelled(decades(extent)) }
    }

    /// Where a value lies, from 0 at the low end to 1 at the high end; values outside lie at the ends.
    pub(crate) fn unit(&self, value: f64) -> f64 {
        let stretch = |v: f64| match self.spacing {
            Spacing::Linear => v,
            Spacing::Log1p => v.max(0.0).ln_1p(),
            Spacing::Log => v.max(f64::MIN_POSITIVE).ln(),
        };
        let (low, high) = (stretch(self.extent.low), stretch(self.extent.high));
        ((stretch(value) - low) / (high - low)).clamp(0.0, 1.0)
    }

    /// The tick at the high end, unless it is one of the others.
    pub(crate) fn end(&self) -> Option<Tick> {
        let value = self.extent.high;
        let label = if value < 1e4 { with_places(value, 0) } else { readable(value) };
        let known = self.ticks.iter().any(|tick| (tick.value - value).abs() <= 1e-9 * value.abs());
        (!known && value.fract() == 0.0).then_some(Tick { value, label })
    }

    /// Whether a value lies on the axis.
    pub(crate) fn holds(&self, value: f64) -> bool {
        (self.extent.low..=self.extent.high).contains(&value)
    }
}

/// A range with a length: one of a single value would divide by zero.
fn widened(extent: Option<Extent>) -> Extent {
    let Some(Extent { low, high }) = extent else { return Extent { low: 0.0, high: 1.0 } };
    if high - low > 1e-9 * high.abs().max(low.abs()) && (high - low).is_finite() {
        return Extent { low, high };
    }
    match high {
        v if v > 0.0 => Extent { low: 0.0, high: 1.25 * v },
        v if v < 0.0 => Extent { low: 1.25 * v, high: 0.0 },
        _ => Extent { low: 0.0, high: 1.0 },
    }
}

fn linear_ticks(extent: Extent, count: usize) -> Vec<Tick> {
    let raw = extent.length() / count.max(1) as f64;
    let power = 10f64.powf(raw.log10().floor());
    // 1, 2 or 5 times a power of ten, whichever is nearest in ratio.
    let step = match raw / power {
        m if m < 2f64.sqrt() => power,
        m if m < 10f64.sqrt() => 2.0 * power,
        m if m < 50f64.sqrt() => 5.0 * power,
        _ => 10.0 * power,
    };
    let (first, last) = ((extent.low / step - 1e-9).ceil(), (extent.high / step + 1e-9).floor());
    let places = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
    let plain = extent.high.abs().max(extent.low.abs()) < 1e5 && step >= 1e-4;
    (0..=(last - first).clamp(0.0, 50.0) as usize)
        .map(|i| {
            let value = (first + i as f64) * step;
            let label = if plain { with_places(value, places) } else { scientific(value) };
            Tick { value, label }
        })
        .collect()
}

/// Round numbers for a logarithmic axis: powers of ten, with 2 and 5 between them where there are few.
fn decades(extent: Extent) -> Vec<f64> {
    let Extent { low, high } = extent;
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let span = high.log10() - low.log10();
    let every = (span / 6.0).ceil().max(1.0) as i32;
    let multiples: &[f64] = if span < 1.5 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    (first..=last)
        .filter(|power| power.rem_euclid(every) == 0)
        .flat_map(|power| multiples.iter().map(move |m| m * 10f64.powi(power)))
        .filter(|v| (low * (1.0 - 1e-9)..=high * (1.0 + 1e-9)).contains(v))
        .collect()
}

fn labelled(values: impl IntoIterator<Item = f64>) -> Vec<Tick> {
    values.into_iter().map(|value| Tick { value, label: plain_or_power(value) }).collect()
}

fn plain_or_power(value: f64) -> String {
    if value == 0.0 || (1e-2..1e4).contains(&value.abs()) {
        let places = if value == 0.0 { 0.0 } else { (-value.abs().log10() - 1e-9).ceil().max(0.0) };
        with_places(value, places as usize)
    } else {
        scientific(value)
    }
}

fn with_places(value: f64, places: usize) -> String {
    let text = format!("{value:.places$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.bytes().any(|b| (b'1'..=b'9').contains(&b)) => format!("−{rest}"),
        Some(rest) => rest.to_string(),
        None => text,
    }
}

/// As a product with a power of ten, in superscript figures.
fn scientific(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let text = format!("{value:.1e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let raised: String = exponent.chars().map(|c| c.to_digit(10).map_or('⁻', |digit| RAISED[digit as usize])).collect();
    match mantissa.trim_end_matches('0').trim_end_matches('.') {
        "1" => format!("10{raised}"),
        mantissa => format!("{}×10{raised}", mantissa.replace('-', "−")),
    }
}

/// A number for a sentence or a table: three significant figures, no trailing zeros.
pub(crate) fn readable(value: f64) -> String {
    if value != 0.0 && !(1e-3..1e5).contains(&value.abs()) {
        return scientific(value);
    }
    let before = if value == 0.0 { 1.0 } else { value.abs().log10().floor() + 1.0 };
    let text = with_places(value, (3.0 - before).clamp(0.0, 6.0) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|t| t.label.as_str()).collect()
    }

    #[test]
    fn linear_ticks_are_round() {
        assert_eq!(
            labels(&Axis::amount(Some(Extent { low: 0.3, high: 11.9 }), 6)),
            ["0", "2", "4", "6", "8", "10", "12"]
        );
        assert_eq!(
            labels(&Axis::amount(Some(Extent { low: 0.0, high: 1.0 }), 6)),
            ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        assert_eq!(
            labels(&Axis::linear(Some(Extent { low: -0.2, high: 0.2 }), 5)),
            ["−0.2", "−0.1", "0.0", "0.1", "0.2"]
        );
    }

    #[test]
    fn the_epoch_axis_has_a_place_for_zero() {
        let axis = Axis::counts(Some(Extent { low: 0.0, high: 10_000.0 }), Spacing::Log1p, 5);
        assert_eq!(labels(&axis), ["0", "1", "10", "100", "1000", "10⁴"]);
        assert_eq!((axis.unit(0.0), axis.unit(10_000.0)), (0.0, 1.0));
        let short = Axis::counts(Some(Extent { low: 0.0, high: 20.0 }), Spacing::Log1p, 5);
        assert_eq!(labels(&short), ["0", "1", "2", "5", "10", "20"]);
        assert_eq!((axis.end(), short.end()), (None, None));
        let odd = Axis::counts(Some(Extent { low: 0.0, high: 500.0 }), Spacing::Log1p, 5);
        assert_eq!(odd.end(), Some(Tick { value: 500.0, label: "500".into() }));
    }

    #[test]
    fn a_log_axis_reads_in_powers_of_ten() {
        assert_eq!(labels(&Axis::log(Some(Extent { low: 0.002, high: 300.0 }))), ["0.01", "0.1", "1", "10", "100"]);
        assert!(labels(&Axis::log(Some(Extent { low: 3.0, high: 3.0 }))).len() >= 2);
    }

    #[test]
    fn no_range_gives_a_place_that_is_not_a_number() {
        let odd = [
            None,
            Some((0.0, 0.0)),
            Some((7.0, 7.0)),
            Some((-3.0, -3.0)),
            Some((1e300, 1e300)),
            Some((-1e308, 1e308)),
            Some((5.0, 5.0 + 1e-13)),
        ];
        for extent in odd.map(|e| e.map(|(low, high)| Extent { low, high })) {
            for axis in [
                Axis::linear(extent, 5),
                Axis::amount(extent, 5),
                Axis::log(extent),
                Axis::counts(extent, Spacing::Log1p, 5),
                Axis::counts(extent, Spacing::Linear, 5),
            ] {
                for v in [-1e308, -1.0, 0.0, 1.0, 5.0, 1e308] {
                    assert!((0.0..=1.0).contains(&axis.unit(v)), "{extent:?} {axis:?} {v}");
                }
                assert!(axis.ticks.len() < 60);
            }
        }
        assert_eq!(Extent::of([f64::NAN, f64::INFINITY]), None);
    }

    #[test]
    fn panels_share_a_range_only_when_it_fits_them_all() {
        let (a, b, c) =
            (Extent { low: 0.0, high: 10.0 }, Extent { low: 0.0, high: 4.0 }, Extent { low: 0.0, high: 1.0 });
        assert_eq!(common(&[Some(a), None, Some(b)]), [Some(a); 3]);
        assert_eq!(common(&[Some(a), Some(c)]), [Some(a), Some(c)]);
        assert_eq!(common(&[None]), [None]);
    }

    #[test]
    fn numbers_for_reading() {
        assert_eq!(readable(11.96578), "12");
        assert_eq!(readable(0.99712), "0.997");
        assert_eq!(readable(-2.5), "−2.5");
        assert_eq!(readable(0.0), "0");
        assert_eq!(readable(4096.0), "4096");
        assert_eq!(readable(1.5e-7), "1.5×10⁻⁷");
        assert_eq!(readable(3e12), "3×10¹²");
    }
}
