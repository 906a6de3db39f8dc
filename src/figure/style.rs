//! What all figures share: the inks, the sizes, the fonts and the markers.

use super::picture::{Outline, Point};
use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};
use std::f64::consts::{FRAC_PI_2, PI, TAU};
use std::sync::OnceLock;

/// Red, green and blue.
pub(crate) type Rgb = (u8, u8, u8);

/// A colour with a counterpart for dark paper. A PNG uses the light one; an SVG follows the reader's preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tone {
    pub(crate) light: Rgb,
    pub(crate) dark: Rgb,
}

/// The ground.
pub(crate) const PAPER: Tone = Tone { light: (255, 255, 255), dark: (20, 23, 26) };
/// Titles and whatever must be read.
pub(crate) const INK: Tone = Tone { light: (27, 31, 36), dark: (230, 234, 238) };
/// Tick labels, parameters, legends.
pub(crate) const MUTED: Tone = Tone { light: (87, 96, 106), dark: (160, 169, 179) };
/// The two axis lines.
pub(crate) const AXIS: Tone = Tone { light: (140, 149, 159), dark: (108, 117, 127) };
/// Edges of markers: dark on any paper, since markers are light where the paper is dark. Its light form differs from
/// [`INK`]'s by one step, because an SVG tells the two apart by it.
pub(crate) const EDGE: Tone = Tone { light: (28, 32, 37), dark: (20, 23, 26) };
/// Lines at the ticks.
pub(crate) const GRID: Tone = Tone { light: (233, 236, 239), dark: (39, 45, 51) };
/// Training data. With [`TEST`] a pair that every common form of colour blindness keeps apart.
pub(crate) const TRAIN: Tone = Tone { light: (0, 95, 163), dark: (86, 180, 233) };
/// Held-out data.
pub(crate) const TEST: Tone = Tone { light: (200, 84, 0), dark: (240, 150, 60) };

/// Panel titles, row headings.
pub(crate) const TITLE: f64 = 14.0;
/// Axis labels.
pub(crate) const TEXT: f64 = 13.0;
/// Tick labels, legends, parameters.
pub(crate) const SMALL: f64 = 11.5;

/// Fonts of an SVG, in order of preference; the first is what the PNG is set in. All the others are no wider, so a
/// layout that was measured with the first holds with them.
pub(crate) const FONT_FAMILY: &str = "DejaVu Sans, Verdana, Helvetica Neue, Arial, sans-serif";

const REGULAR: &[u8] = include_bytes!("../../assets/fonts/DejaVuSans.ttf");
const BOLD: &[u8] = include_bytes!("../../assets/fonts/DejaVuSans-Bold.ttf");

/// Height of the bundled fonts from ascender to descender, in em: plotters sizes a font by it.
pub(crate) const LINE_HEIGHT: f64 = (1901.0 + 483.0) / 2048.0;

/// The bundled font at a plotters size. plotters knows no font until one has been registered.
pub(crate) fn font(size: f64, bold: bool) -> FontDesc<'static> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let known = *REGISTERED.get_or_init(|| {
        register_font(FONT_FAMILY, FontStyle::Normal, REGULAR).is_ok()
            && register_font(FONT_FAMILY, FontStyle::Bold, BOLD).is_ok()
    });
    debug_assert!(known, "the bundled fonts are readable");
    FontDesc::new(FontFamily::Name(FONT_FAMILY), size, if bold { FontStyle::Bold } else { FontStyle::Normal })
}

/// Width of a text in pixels.
pub(crate) fn text_width(text: &str, size: f64, bold: bool) -> f64 {
    // Measured large, because plotters rounds to whole pixels.
    const EM: f64 = 500.0;
    let width = font(EM * LINE_HEIGHT, bold).box_size(text).map_or(0, |(width, _)| width);
    f64::from(width) / EM * size
}

/// The text without control characters, cut with an ellipsis where it is wider than `width`.
///
/// Names come from files. Control characters would make an SVG that is no XML, and a long name would run over its
/// neighbours.
pub(crate) fn fitted(text: &str, size: f64, bold: bool, width: f64) -> String {
    // No figure has room for more; keeps the measuring short whatever a file brings.
    const LONGEST: usize = 200;
    let mut text: Vec<char> = text.chars().map(|c| if is_plain(c) { c } else { ' ' }).take(LONGEST).collect();
    let mut shown: String = text.iter().collect();
    while text_width(&shown, size, bold) > width && text.len() > 1 {
        text.pop();
        shown = text.iter().collect::<String>().trim_end().to_string() + "…";
    }
    shown
}

/// Whether a character may stand in XML and moves nothing: bidirectional overrides would let a name rewrite the label.
fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        && !matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// How many marker shapes there are before they repeat.
pub(crate) const MARKERS: usize = 10;

/// The marker of the n-th layer, about as large to the eye as a circle of this radius.
pub(crate) fn marker(index: usize, centre: Point, radius: f64) -> Outline {
    // Corners on circles of alternating radii, starting at an angle: one rule draws polygons, stars and crosses.
    let corners = |n: usize, start: f64, radii: &[f64]| {
        let points = (0..n).map(|i| {
            let (angle, r) = (start + TAU * i as f64 / n as f64, radius * radii[i % radii.len()]);
            (centre.0 + r * angle.cos(), centre.1 + r * angle.sin())
        });
        Outline::Closed(points.collect())
    };
    // The arms of a plus: their half width over the radius, and the corners it gives.
    let plus = |turn: f64| {
        let (arm, half) = (1.18, 0.40);
        let points = (0..4).flat_map(|quarter| {
            let (sin, cos) = (turn + FRAC_PI_2 * f64::from(quarter)).sin_cos();
            [(arm, -half), (arm, half), (half, half)].map(|(along, across)| {
                let (x, y) = (along * radius, across * radius);
                (centre.0 + x * cos - y * sin, centre.1 + x * sin + y * cos)
            })
        });
        Outline::Closed(points.collect())
    };
    match index % MARKERS {
        0 => Outline::Circle { centre, radius },
        1 => corners(4, PI / 4.0, &[1.25]),
        2 => corners(3, -FRAC_PI_2, &[1.38]),
        3 => corners(4, -FRAC_PI_2, &[1.32]),
        4 => corners(3, FRAC_PI_2, &[1.38]),
        5 => plus(PI / 4.0),
        6 => plus(0.0),
        7 => corners(10, -FRAC_PI_2, &[1.45, 0.62]),
        8 => corners(6, 0.0, &[1.18]),
        _ => corners(5, -FRAC_PI_2, &[1.22]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_and_a_short_one_is_not() {
        assert_eq!(fitted("hidden 1", SMALL, false, 200.0), "hidden 1");
        let cut = fitted(&"hidden".repeat(1000), SMALL, false, 100.0);
        assert!(cut.ends_with('…') && text_width(&cut, SMALL, false) <= 100.0, "{cut}");
        assert_eq!(fitted("", SMALL, false, 0.0), "");
    }

    #[test]
    fn control_characters_and_overrides_do_not_pass() {
        assert_eq!(fitted("a\u{0}b\u{1b}[31m\u{202e}c", SMALL, false, 1000.0), "a b [31m c");
    }

    #[test]
    fn widths_grow_with_text_size_and_weight() {
        assert_eq!(text_width("", 12.0, false), 0.0);
        assert!(text_width("mm", 12.0, false) > text_width("m", 12.0, false));
        assert!(text_width("m", 24.0, false) > 1.9 * text_width("m", 12.0, false));
        assert!(text_width("information", 12.0, true) > text_width("information", 12.0, false));
    }

    #[test]
    fn the_markers_are_as_many_shapes_as_said() {
        let shapes: Vec<Outline> = (0..MARKERS).map(|i| marker(i, (0.0, 0.0), 5.0)).collect();
        for (i, shape) in shapes.iter().enumerate() {
            assert!(!shapes[..i].contains(shape), "marker {i} is a repetition");
        }
        assert_eq!(marker(MARKERS, (0.0, 0.0), 5.0), shapes[0]);
    }
}
