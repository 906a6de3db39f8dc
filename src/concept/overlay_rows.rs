//! Which images are drawn, and what is drawn over them.

use super::gallery::Gallery;
use super::map::MapOptions;
use crate::figure::ConceptOverlays;
use crate::table::ConceptOverlayRow;
use anyhow::Result;
use narrows_probes::metrics::{Resize, in_region, region_size, resize};
use ndarray::{Array2, Array3, Array4, ArrayView2, Axis};

/// Pixels of the longer side at most: a figure shows no more.
const MOST_PIXELS: usize = 128;
/// Concepts that are drawn of an image.
const TOPS: usize = 3;

/// Images of a gallery, by their place in it.
pub(crate) struct Seen(Vec<usize>);

impl Seen {
    /// Those that were asked for; else the first of different classes that are rightly classified, then others.
    pub(crate) fn choose(gallery: &Gallery<'_>, options: &MapOptions) -> Self {
        let rows = &gallery.part.rows;
        if !options.chosen.is_empty() {
            let place = |r: &usize| rows.iter().position(|own| own == r);
            return Self(options.chosen.iter().filter_map(place).collect());
        }
        let right = |i: &usize| gallery.predicted[*i] == gallery.part.labels[*i];
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|i| !right(i));
        let mut seen: Vec<usize> = Vec::new();
        let mut classes = Vec::new();
        for &i in &order {
            if !classes.contains(&gallery.part.labels[i]) {
                classes.push(gallery.part.labels[i]);
                seen.push(i);
            }
        }
        let rest: Vec<usize> = order.into_iter().filter(|i| !seen.contains(i)).collect();
        seen.extend(rest);
        seen.truncate(options.shown);
        Self(seen)
    }
}

/// The maps of the concepts that each image's decision rests on most.
pub(crate) fn overlays(gallery: &Gallery<'_>, seen: &Seen, options: &MapOptions) -> Result<ConceptOverlays> {
    let (height, width) = gallery.size;
    let factor = (MOST_PIXELS as f64 / height.max(width) as f64).min(1.0);
    // A feature map alone is drawn as it is.
    let kept = ((height as f64 * factor).round().max(1.0) as usize, (width as f64 * factor).round().max(1.0) as usize);
    let names = gallery.model.bottleneck.names();
    let none = Array2::from_elem(gallery.concepts.dim(), f64::NAN);
    let truth = gallery.part.concepts.as_ref().unwrap_or(&none);
    let importance = gallery.decisions(truth).importance(options.of_class());
    let alpha = options.alphas.iter().copied().fold(f64::INFINITY, f64::min);
    let size = region_size(height * width, if alpha.is_finite() { alpha } else { 1.0 }, options.parts);
    let share = size as f64 / (height * width) as f64;
    let mut rows = Vec::new();
    let mut maps: Vec<f64> = Vec::new();
    let mut masks: Vec<u8> = Vec::new();
    for &i in &seen.0 {
        let r = importance.row(i);
        let mut order: Vec<usize> = (0..r.len()).collect();
        order.sort_by(|&a, &b| r[b].total_cmp(&r[a]).then(a.cmp(&b)));
        for (rank, &j) in order.iter().take(TOPS).enumerate() {
            let map = gallery.map(i, j)?;
            let centre = gallery.centre(i, j);
            let pixel = (centre[0] as usize, centre[1] as usize);
            let inside = centre.iter().all(|c| !c.is_nan()) && pixel.0 < height && pixel.1 < width;
            let present = truth[[i, j]] >= 0.5;
            let located = (inside && present).then(|| in_region(map.view(), pixel, size, options.ties()));
            rows.push(ConceptOverlayRow {
                probe: gallery.model.probe.clone(),
                sample: gallery.part.rows[i] as u64 + 1,
                label: names.classes[gallery.part.labels[i] as usize].clone(),
                predicted: names.classes[gallery.predicted[i] as usize].clone(),
                rank: rank as u64 + 1,
                concept: names.concepts[j].clone(),
                importance: r[j],
                truth: Some(truth[[i, j]]).filter(|t| !t.is_nan()),
                part: gallery.parts[j].map_or(String::new(), |p| part_name(gallery, p)),
                centre_row: inside.then_some(centre[0]),
                centre_column: inside.then_some(centre[1]),
                located,
                region: share,
                height: height as u64,
                width: width as u64,
            });
            maps.extend(resize(map.view(), kept, Resize::Bilinear));
            masks.extend(mask(gallery, i, j, kept));
        }
    }
    let count = rows.len();
    let images = gallery.places.images.as_ref().map(|all| {
        let mut images = Array4::zeros((seen.0.len(), kept.0, kept.1, 3));
        for (at, &i) in seen.0.iter().enumerate() {
            for c in 0..3 {
                let plane = all.index_axis(Axis(0), i).index_axis(Axis(2), c).mapv(f64::from);
                let small = resize(plane.view(), kept, Resize::Nearest).mapv(|v| v.round() as u8);
                images.index_axis_mut(Axis(0), at).index_axis_mut(Axis(2), c).assign(&small);
            }
        }
        images
    });
    let masks = Array3::from_shape_vec((count, kept.0, kept.1), masks)?;
    Ok(ConceptOverlays {
        rows,
        images,
        maps: Array3::from_shape_vec((count, kept.0, kept.1), maps)?,
        masks: masks.iter().any(|m| *m > 0).then_some(masks),
    })
}

fn part_name(gallery: &Gallery<'_>, part: usize) -> String {
    gallery.places.parts.get(part).cloned().unwrap_or_else(|| format!("part {}", part + 1))
}

/// The mask of a concept's part at the size that is kept; zeros where there is none.
fn mask(gallery: &Gallery<'_>, image: usize, concept: usize, kept: (usize, usize)) -> Vec<u8> {
    match gallery.mask(image, concept) {
        None => vec![0; kept.0 * kept.1],
        Some(mask) => {
            let values = mask.mapv(|m| f64::from(u8::from(m)));
            let view: ArrayView2<'_, f64> = values.view();
            resize(view, kept, Resize::Nearest).iter().map(|v| u8::from(*v > 0.5)).collect()
        }
    }
}
