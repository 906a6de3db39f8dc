//! Colour scales: perceptually uniform ones for the epoch and for the order of the layers.

use super::style::{Rgb, Tone};
use serde::{Deserialize, Serialize};

/// The colour scale of the epochs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Colormap {
    /// Dark blue to yellow, even steps to the eye, safe under colour blindness.
    #[default]
    Viridis,
    /// Blue to yellow, looks nearly the same to everyone.
    Cividis,
    /// Black over violet to yellow, as in the first papers on the information plane. Not perceptually uniform.
    Gnuplot,
}

/// Steps of a scale. Few enough that the list of colours in an SVG stays short, too many to be seen.
const STEPS: f64 = 63.0;

/// Evenly spaced samples of the published scales.
const VIRIDIS: [u32; 17] = [
    0x440154, 0x48186a, 0x472d7b, 0x424086, 0x3b528b, 0x33638d, 0x2c728e, 0x26828e, 0x21918c, 0x1fa088, 0x28ae80,
    0x3fbc73, 0x5ec962, 0x84d44b, 0xaddc30, 0xd8e219, 0xfde725,
];
const CIVIDIS: [u32; 17] = [
    0x00224e, 0x002e6a, 0x1a386f, 0x32436d, 0x434e6c, 0x535a6d, 0x61656f, 0x6f7073, 0x7d7c78, 0x8c8878, 0x9b9476,
    0xaba072, 0xbcae6c, 0xcdbb63, 0xdec958, 0xf0d846, 0xfee838,
];
const PLASMA: [u32; 17] = [
    0x0d0887, 0x310597, 0x4c02a1, 0x6600a7, 0x7e03a8, 0x9511a1, 0xaa2395, 0xbc3587, 0xcc4778, 0xda5a6a, 0xe66c5c,
    0xf0804e, 0xf89540, 0xfdac33, 0xfdc527, 0xf8df25, 0xf0f921,
];

impl Colormap {
    /// The colour at `t` from 0 to 1.
    ///
    /// Each kind of paper shows the part of the scale that stands out from it: the pale end is left off on white,
    /// the dark end on black.
    pub(crate) fn at(self, t: f64) -> Tone {
        let t = (t.clamp(0.0, 1.0) * STEPS).round() / STEPS;
        match self {
            Self::Viridis => Tone { light: between(&VIRIDIS, 0.95 * t), dark: between(&VIRIDIS, 0.30 + 0.70 * t) },
            Self::Cividis => Tone { light: between(&CIVIDIS, 0.92 * t), dark: between(&CIVIDIS, 0.36 + 0.64 * t) },
            Self::Gnuplot => Tone { light: gnuplot(0.92 * t), dark: gnuplot(0.24 + 0.76 * t) },
        }
    }
}

/// The colour of the `index`-th of `count` layers: the scale differs from that of the epochs, so that one is not
/// read for the other.
pub(crate) fn layer_tone(index: usize, count: usize) -> Tone {
    let t = if count < 2 { 0.3 } else { (index % count) as f64 / (count - 1) as f64 };
    Tone { light: between(&PLASMA, 0.80 * t), dark: between(&PLASMA, 0.36 + 0.62 * t) }
}

fn between(samples: &[u32; 17], t: f64) -> Rgb {
    let place = t.clamp(0.0, 1.0) * (samples.len() - 1) as f64;
    let below = (place as usize).min(samples.len() - 2);
    let rest = place - below as f64;
    let mixed = |shift: u32| {
        let part = |sample: u32| f64::from((sample >> shift) & 0xff);
        (part(samples[below]) * (1.0 - rest) + part(samples[below + 1]) * rest).round() as u8
    };
    (mixed(16), mixed(8), mixed(0))
}

/// The default palette of gnuplot: red √t, green t³, blue sin 2πt.
fn gnuplot(t: f64) -> Rgb {
    let byte = |v: f64| (v.clamp(0.0, 1.0) * 255.0).round() as u8;
    (byte(t.sqrt()), byte(t.powi(3)), byte((std::f64::consts::TAU * t).sin()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::style::PAPER;

    /// Relative luminance and contrast as in the Web Content Accessibility Guidelines.
    fn luminance((r, g, b): Rgb) -> f64 {
        let linear = |v: u8| {
            let v = f64::from(v) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    fn contrast(a: Rgb, b: Rgb) -> f64 {
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        if a > b { a / b } else { b / a }
    }

    #[test]
    fn the_dark_end_stays_visible_on_dark_paper() {
        for map in [Colormap::Viridis, Colormap::Cividis, Colormap::Gnuplot] {
            for i in 0..=20 {
                let tone = map.at(f64::from(i) / 20.0);
                assert!(contrast(tone.dark, PAPER.dark) > 2.3, "{map:?} at {i}/20: {:?}", tone.dark);
            }
        }
        for i in 0..12 {
            let tone = layer_tone(i, 12);
            assert!(contrast(tone.dark, PAPER.dark) > 2.3 && contrast(tone.light, PAPER.light) > 1.9, "layer {i}");
        }
    }

    #[test]
    fn uniform_scales_grow_lighter_all_the_way() {
        for map in [Colormap::Viridis, Colormap::Cividis] {
            let light: Vec<f64> = (0..=30).map(|i| luminance(map.at(f64::from(i) / 30.0).light)).collect();
            assert!(light.is_sorted(), "{map:?}");
        }
    }

    #[test]
    fn the_ends_and_what_is_beyond_them() {
        assert_eq!(between(&VIRIDIS, 0.0), (0x44, 0x01, 0x54));
        assert_eq!(between(&VIRIDIS, 1.0), (0xfd, 0xe7, 0x25));
        assert_eq!(Colormap::Viridis.at(f64::NAN.max(-3.0)), Colormap::Viridis.at(0.0));
        assert_eq!(layer_tone(0, 1), layer_tone(0, 1));
    }
}
