//! A picture as SVG: text stays text, positions keep tenths of a pixel, colours follow the reader's scheme.
//!
//! plotters has an SVG backend of its own. It rounds to whole pixels, has no dashes, and writes a marker's area and
//! its edge as two elements, which doubles the size of a plane; hence this writer of the few elements needed.

use super::picture::{Anchor, Label, Mark, Outline, Picture, Pixels, Point, Shape};
use super::style::{FONT_FAMILY, PAPER, Rgb, Tone};
use base64::Engine;
use image::{ColorType, ImageEncoder, codecs::png::PngEncoder};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Class of the root element. Its rules for dark paper name it, and say the same in every figure, so that several
/// figures can stand in one page.
pub(crate) const CLASS: &str = "narrows-figure";

/// The picture as an SVG document without an XML prolog. `title` is what a screen reader says.
pub(crate) fn to_svg(picture: &Picture, title: &str) -> String {
    let mut body = String::new();
    let mut tones = Tones::default();
    let _ = writeln!(body, r#"<rect width="100%" height="100%" fill="{}"/>"#, tones.ink(PAPER));
    let mut open: Option<String> = None;
    for mark in &picture.marks {
        match mark {
            Mark::Shape(shape) => {
                // Neighbours that look alike share a group: the looks of a marker are longer than its geometry.
                let looks = looks(shape, &mut tones);
                if open.as_deref() != Some(&looks) {
                    close(&mut body, &mut open);
                    let _ = writeln!(body, "<g{looks}>");
                    open = Some(looks);
                }
                element(&mut body, shape);
            }
            Mark::Label(label) => {
                close(&mut body, &mut open);
                text(&mut body, label, &mut tones);
            }
            Mark::Pixels(image) => {
                close(&mut body, &mut open);
                pixels(&mut body, image);
            }
        }
    }
    close(&mut body, &mut open);
    let (width, height) = (picture.width, picture.height);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"{CLASS}\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\" font-family=\"{FONT_FAMILY}\">\n\
         <style>{}</style>\n{body}</svg>\n",
        escaped(title),
        tones.rules(),
    )
}

fn close(body: &mut String, open: &mut Option<String>) {
    if open.take().is_some() {
        body.push_str("</g>\n");
    }
}

/// The colours in use, so that the sheet for dark paper lists no others.
#[derive(Default)]
struct Tones(BTreeMap<Rgb, Rgb>);

impl Tones {
    /// The colour as an attribute's value. The attribute alone serves a renderer without CSS.
    fn ink(&mut self, tone: Tone) -> String {
        self.0.insert(tone.light, tone.dark);
        hex(tone.light)
    }

    fn rules(&self) -> String {
        let mut rules = String::from("@media screen and (prefers-color-scheme:dark){");
        for (light, dark) in &self.0 {
            for property in ["fill", "stroke"] {
                let _ = write!(rules, ".{CLASS} [{property}=\"{}\"]{{{property}:{}}}", hex(*light), hex(*dark));
            }
        }
        rules + "}"
    }
}

fn hex((r, g, b): Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn looks(shape: &Shape, tones: &mut Tones) -> String {
    let mut looks = String::new();
    match shape.fill {
        Some(fill) => {
            let _ = write!(looks, r#" fill="{}""#, tones.ink(fill.tone));
            if fill.alpha < 1.0 {
                let _ = write!(looks, r#" fill-opacity="{}""#, short(fill.alpha));
            }
        }
        None => looks.push_str(r#" fill="none""#),
    }
    if let Some(stroke) = shape.stroke {
        let _ = write!(looks, r#" stroke="{}" stroke-width="{}""#, tones.ink(stroke.tone), short(stroke.width));
        if stroke.alpha < 1.0 {
            let _ = write!(looks, r#" stroke-opacity="{}""#, short(stroke.alpha));
        }
        if let Some((dash, gap)) = stroke.dash {
            let _ = write!(looks, r#" stroke-dasharray="{} {}""#, short(dash), short(gap));
        }
        if matches!(&shape.outline, Outline::Open(points) if points.len() > 2) {
            looks.push_str(r#" stroke-linejoin="round""#);
        }
    }
    looks
}

fn element(body: &mut String, shape: &Shape) {
    let name = match &shape.outline {
        Outline::Circle { centre, radius } => {
            let _ = write!(body, r#"<circle cx="{}" cy="{}" r="{}""#, short(centre.0), short(centre.1), short(*radius));
            "circle"
        }
        Outline::Open(points) => {
            let _ = write!(body, r#"<path d="{}""#, path(points));
            "path"
        }
        Outline::Closed(points) => {
            let _ = write!(body, r#"<path d="{}Z""#, path(points));
            "path"
        }
    };
    match &shape.note {
        Some(note) => {
            let _ = writeln!(body, "><title>{}</title></{name}>", escaped(note));
        }
        None => body.push_str("/>\n"),
    }
}

/// An image as a PNG within the document, so that the figure stays one file.
fn pixels(body: &mut String, image: &Pixels) {
    let mut png = Vec::new();
    let (width, height) = (image.count.0 as u32, image.count.1 as u32);
    // Writing into memory fails for a wrong number of bytes only; a figure without the image is then all there is.
    if PngEncoder::new(&mut png).write_image(&image.rgb, width, height, ColorType::Rgb8).is_err() {
        return;
    }
    let ((x, y), (w, h)) = (image.corner, image.size);
    let _ = writeln!(
        body,
        r#"<image x="{}" y="{}" width="{}" height="{}" preserveAspectRatio="none" style="image-rendering:pixelated" href="data:image/png;base64,{}"/>"#,
        short(x),
        short(y),
        short(w),
        short(h),
        base64::engine::general_purpose::STANDARD.encode(png)
    );
}

/// Path data: a move to the first point, from where lines to the others are understood.
fn path(points: &[Point]) -> String {
    let mut data = String::from("M");
    for (i, (x, y)) in points.iter().enumerate() {
        let gap = if i == 0 { "" } else { " " };
        let _ = write!(data, "{gap}{} {}", short(*x), short(*y));
    }
    data
}

fn text(body: &mut String, label: &Label, tones: &mut Tones) {
    let (x, y) = (short(label.at.0), short(label.at.1));
    let _ = write!(body, r#"<text x="{x}" y="{y}" font-size="{}" fill="{}""#, short(label.size), tones.ink(label.tone));
    match label.anchor {
        Anchor::Start => {}
        Anchor::Middle => body.push_str(r#" text-anchor="middle""#),
        Anchor::End => body.push_str(r#" text-anchor="end""#),
    }
    if label.bold {
        body.push_str(r#" font-weight="bold""#);
    }
    if label.upright {
        let _ = write!(body, r#" transform="rotate(-90 {x} {y})""#);
    }
    let _ = writeln!(body, ">{}</text>", escaped(&label.text));
}

/// A number with at most two decimals for small values and one for positions, without trailing zeros.
fn short(value: f64) -> String {
    let text = if value.abs() < 10.0 { format!("{value:.2}") } else { format!("{value:.1}") };
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" || text.is_empty() { "0".into() } else { text.into() }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // Not allowed in XML in any form.
            c if (c.is_control() && !matches!(c, '\n' | '\t')) || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::picture::Stroke;
    use crate::figure::style::{INK, MUTED, marker};

    #[test]
    fn text_from_files_cannot_leave_its_place() {
        let mut picture = Picture::new(100.0, 50.0);
        let attack = "</text><script>alert(1)</script>\" onload='x'\u{0}";
        picture.label(Label::new((1.0, 2.0), attack, 12.0, INK));
        picture.shape(Shape {
            outline: marker(0, (5.0, 5.0), 2.0),
            fill: Some(INK.into()),
            stroke: None,
            note: Some(attack.into()),
        });
        let svg = to_svg(&picture, attack);
        assert!(!svg.contains("<script") && !svg.contains("onload='") && !svg.contains('\u{0}'));
        assert_eq!(svg.matches("&lt;script&gt;alert(1)").count(), 3);
    }

    #[test]
    fn neighbours_that_look_alike_share_a_group() {
        let mut picture = Picture::new(100.0, 50.0);
        for x in [10.0, 20.0] {
            picture.line(vec![(x, 0.0), (x, 9.25)], Stroke::new(MUTED, 1.0).dashed(4.0, 3.0));
        }
        let svg = to_svg(&picture, "t");
        assert_eq!((svg.matches("<g ").count(), svg.matches("</g>").count(), svg.matches("<path").count()), (1, 1, 2));
        assert!(svg.contains(r#"d="M10 0 10 9.25""#) && svg.contains(r#"stroke-dasharray="4 3""#), "{svg}");
    }

    #[test]
    fn every_colour_has_a_rule_for_dark_paper() {
        let mut picture = Picture::new(10.0, 10.0);
        picture.label(Label::new((1.0, 2.0), "a", 12.0, MUTED));
        let svg = to_svg(&picture, "t");
        for tone in [MUTED, PAPER] {
            assert!(svg.contains(&format!("[fill=\"{}\"]{{fill:{}}}", hex(tone.light), hex(tone.dark))));
        }
    }

    #[test]
    fn an_image_is_part_of_the_document() {
        let mut picture = Picture::new(20.0, 20.0);
        let rgb = vec![255, 0, 0, 0, 255, 0];
        picture.pixels(Pixels { corner: (2.0, 3.0), size: (10.0, 5.0), count: (2, 1), rgb: rgb.clone() });
        let svg = to_svg(&picture, "t");
        let encoded = svg.split("base64,").nth(1).unwrap().split('"').next().unwrap();
        let png = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
        assert_eq!(image::load_from_memory(&png).unwrap().to_rgb8().into_raw(), rgb);
        assert!(svg.contains(r#"x="2" y="3" width="10" height="5""#));
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.0, -0.001, 1.5, 12.34, 100.0, 0.25].map(short), ["0", "0", "1.5", "12.3", "100", "0.25"]);
    }
}
