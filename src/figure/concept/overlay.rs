//! Maps of concepts over images, with the true part marked.

use crate::figure::colormap::Colormap;
use crate::figure::data::distinct;
use crate::figure::picture::{Label, Picture, Pixels, Point, Shape, Stroke};
use crate::figure::scale::readable;
use crate::figure::style::{INK, MUTED, SMALL, TITLE, Tone, fitted, marker};
use crate::figure::{Drawing, file_names};
use crate::table::ConceptOverlayRow;
use narrows_probes::metrics::region;
use ndarray::{Array3, Array4, ArrayView2, Axis};

/// What is drawn over images; any may be empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConceptOverlays {
    /// One a map, those of a sample together.
    pub rows: Vec<ConceptOverlayRow>,
    /// Images [samples × height × width × 3], samples in the order in which they occur in `rows`.
    pub images: Option<Array4<u8>>,
    /// Maps [rows × height × width].
    pub maps: Array3<f64>,
    /// Masks of the parts [rows × height × width], all zero where none is known.
    pub masks: Option<Array3<u8>>,
}

/// The true part.
const TRUTH: Tone = Tone { light: (255, 121, 0), dark: (255, 121, 0) };
/// The most active region.
const REGION: Tone = Tone { light: (254, 254, 254), dark: (254, 254, 254) };
const CELL: f64 = 150.0;
const GAP: f64 = 16.0;
const HEAD: f64 = 46.0;
const FOOT: f64 = 34.0;
/// Share of the image in the mixture with the map's colours.
const IMAGE: f64 = 0.42;

/// One figure a bottleneck.
pub(super) fn draw(overlays: &ConceptOverlays) -> Vec<Drawing> {
    let probes = distinct(overlays.rows.iter().map(|r| r.probe.clone()));
    let names = file_names("concept_overlays", &probes);
    probes.iter().zip(names).filter_map(|(probe, name)| one(overlays, probe, name)).collect()
}

fn one(overlays: &ConceptOverlays, probe: &str, name: String) -> Option<Drawing> {
    let samples = distinct(overlays.rows.iter().map(|r| r.sample));
    let of = |sample: u64| -> Vec<usize> {
        (0..overlays.rows.len())
            .filter(|&i| overlays.rows[i].sample == sample && overlays.rows[i].probe == probe)
            .collect()
    };
    let (count, height, width) = overlays.maps.dim();
    let shown: Vec<u64> = samples.iter().copied().filter(|s| !of(*s).is_empty()).collect();
    if shown.is_empty() || count != overlays.rows.len() || height == 0 || width == 0 {
        return None;
    }
    let cell = (CELL, CELL * height as f64 / width as f64);
    let most = shown.iter().map(|s| of(*s).len()).max().unwrap_or(0);
    let line = HEAD + cell.1 + FOOT;
    let total = (GAP + (cell.0 + GAP) * (most + 1) as f64, line * shown.len() as f64 + 8.0);
    let mut picture = Picture::new(total.0, total.1);
    for (at, sample) in shown.iter().enumerate() {
        let top = at as f64 * line + HEAD;
        let place = samples.iter().position(|s| s == sample).unwrap_or(0);
        let image =
            overlays.images.as_ref().filter(|i| i.dim().0 > place).map(|i| i.index_axis(Axis(0), place).to_owned());
        let own = of(*sample);
        let first = &overlays.rows[own[0]];
        let title = format!("sample {sample}: {}", first.label);
        picture.label(Label::new((GAP, top - 24.0), fitted(&title, TITLE, true, total.0 - GAP), TITLE, INK).bold());
        let predicted = if first.predicted == first.label {
            "predicted rightly".to_string()
        } else {
            format!("predicted: {}", first.predicted)
        };
        picture.label(Label::new((GAP, top - 7.0), fitted(&predicted, SMALL, false, cell.0), SMALL, MUTED));
        if let Some(image) = &image {
            let rgb = image.iter().copied().collect();
            picture.pixels(Pixels { corner: (GAP, top), size: cell, count: (width, height), rgb });
        }
        for (place, &row) in own.iter().enumerate() {
            let corner = (GAP + (place + 1) as f64 * (cell.0 + GAP), top);
            panel(&mut picture, overlays, row, image.as_ref(), corner, cell);
        }
    }
    let caption = format!(
        "Where the concepts that decisions of {probe} rest on most come from: activation maps over the image, dark low and \
         yellow high, each on its own scale. White: the most active region, as large as for CLM. Orange: the true part and \
         its centre. ● and ○: the concept's label says present or absent."
    );
    Some(Drawing { name, title: format!("Maps of concepts: {probe}"), caption, picture })
}

fn panel(
    picture: &mut Picture,
    overlays: &ConceptOverlays,
    at: usize,
    image: Option<&Array3<u8>>,
    corner: Point,
    cell: (f64, f64),
) {
    let row = &overlays.rows[at];
    let map = overlays.maps.index_axis(Axis(0), at);
    let (height, width) = map.dim();
    let (low, high) = map.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    let mut rgb = Vec::with_capacity(3 * map.len());
    for ((y, x), value) in map.indexed_iter() {
        let t = if high > low { (value - low) / (high - low) } else { 0.0 };
        let colour = Colormap::Viridis.at(t).light;
        for (channel, colour) in [colour.0, colour.1, colour.2].into_iter().enumerate() {
            let mixed = image.map_or(f64::from(colour), |i| {
                IMAGE * f64::from(i[[y, x, channel]]) + (1.0 - IMAGE) * f64::from(colour)
            });
            rgb.push(mixed.round() as u8);
        }
    }
    picture.pixels(Pixels { corner, size: cell, count: (width, height), rgb });
    let scale = (cell.0 / width as f64, cell.1 / height as f64);
    let place = |x: f64, y: f64| (corner.0 + x * scale.0, corner.1 + y * scale.1);
    let mut outline = |mask: ArrayView2<'_, bool>, tone: Tone, thickness: f64| {
        for [from, to] in edges(mask) {
            let points = vec![place(from.0, from.1), place(to.0, to.1)];
            picture.line(points, Stroke::new(tone, thickness));
        }
    };
    let size = (row.region * map.len() as f64).round().max(1.0) as usize;
    outline(region(map, size).view(), REGION, 1.2);
    if let Some(masks) = &overlays.masks {
        outline(masks.index_axis(Axis(0), at).mapv(|v| v > 0).view(), TRUTH, 1.4);
    }
    if let (Some(y), Some(x)) = (row.centre_row, row.centre_column) {
        picture.shape(Shape {
            // The middle of the pixel, whatever the size at which the map is kept.
            outline: marker(
                5,
                (
                    corner.0 + (x + 0.5) / row.width.max(1) as f64 * cell.0,
                    corner.1 + (y + 0.5) / row.height.max(1) as f64 * cell.1,
                ),
                4.2,
            ),
            fill: Some(TRUTH.into()),
            stroke: Some(Stroke::new(REGION, 0.8)),
            note: Some(row.part.clone()),
        });
    }
    let mark = row.truth.map_or("", |t| if t >= 0.5 { " ●" } else { " ○" });
    let title = fitted(&format!("{}. {}{mark}", row.rank, row.concept), SMALL, true, cell.0);
    picture.label(Label::new((corner.0, corner.1 - 7.0), title, SMALL, INK).bold());
    let found = match row.located {
        Some(share) if share >= 1.0 => format!("{}: located", row.part),
        Some(share) if share > 0.0 => format!("{}: in part", row.part),
        Some(_) => format!("{}: elsewhere", row.part),
        None => row.part.clone(),
    };
    let foot = format!("{} {}", readable(row.importance), if found.is_empty() { found } else { format!("· {found}") });
    let foot = fitted(&foot, SMALL, false, cell.0);
    picture.label(Label::new((corner.0, corner.1 + cell.1 + 15.0), foot, SMALL, MUTED));
}

/// The borders of a mask, in pixels of it: straight pieces as long as they go.
fn edges(mask: ArrayView2<'_, bool>) -> Vec<[Point; 2]> {
    let (rows, columns) = mask.dim();
    let at = |y: isize, x: isize| {
        y >= 0 && x >= 0 && (y as usize) < rows && (x as usize) < columns && mask[[y as usize, x as usize]]
    };
    let mut out = Vec::new();
    // A line between row y − 1 and row y, where the two differ; then the same with the axes exchanged.
    let mut along = |lines: usize, length: usize, differ: &dyn Fn(isize, isize) -> bool, turned: bool| {
        for line in 0..=lines {
            let mut begun = None;
            for step in 0..=length {
                let here = step < length && differ(line as isize, step as isize);
                match (here, begun) {
                    (true, None) => begun = Some(step),
                    (false, Some(from)) => {
                        let piece = [(from as f64, line as f64), (step as f64, line as f64)];
                        out.push(if turned { piece.map(|(a, b)| (b, a)) } else { piece });
                        begun = None;
                    }
                    _ => {}
                }
            }
        }
    };
    along(rows, columns, &|y, x| at(y - 1, x) != at(y, x), false);
    along(columns, rows, &|x, y| at(y, x - 1) != at(y, x), true);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_border_of_a_mask_is_in_long_pieces() {
        let mask = array![[false, true, true], [false, true, true], [false, false, false]];
        let found = edges(mask.view());
        assert_eq!(found.len(), 4);
        assert!(found.contains(&[(1.0, 0.0), (3.0, 0.0)]) && found.contains(&[(1.0, 0.0), (1.0, 2.0)]));
    }

    #[test]
    fn each_map_is_drawn_with_its_part() {
        let row = |rank, concept: &str| ConceptOverlayRow {
            probe: "p".into(),
            sample: 7,
            label: "robin".into(),
            predicted: "wren".into(),
            rank,
            concept: concept.into(),
            importance: 1.5,
            truth: Some(1.0),
            part: "wing".into(),
            centre_row: Some(1.0),
            centre_column: Some(2.0),
            located: Some(0.0),
            region: 0.25,
            height: 4,
            width: 4,
        };
        let overlays = ConceptOverlays {
            rows: vec![row(1, "red"), row(2, "blue")],
            images: Some(Array4::from_elem((1, 4, 4, 3), 100)),
            maps: Array3::from_shape_fn((2, 4, 4), |(i, y, x)| (i + y * x) as f64),
            masks: Some(Array3::from_shape_fn((2, 4, 4), |(_, y, _)| u8::from(y == 1))),
        };
        let drawn = draw(&overlays);
        let texts = drawn[0].picture.texts();
        assert!(texts.contains(&"1. red ●") && texts.contains(&"predicted: wren"), "{texts:?}");
        assert!(texts.contains(&"1.5 · wing: elsewhere"));
        assert!(drawn[0].picture.is_sound());
        assert!(draw(&ConceptOverlays::default()).is_empty());
    }
}
