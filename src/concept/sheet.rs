//! A contact sheet: the first images, and beside each the same with its parts in colour.

use super::birds::BirdsSubject;
use anyhow::Result;
use image::codecs::png::PngEncoder;
use image::{ColorType, ImageEncoder};
use narrows_datasets::concepts::birds::{PARTS, SIDE};

/// Pairs across and down.
const GRID: (usize, usize) = (5, 8);
/// Pixels of the sheet for one of the image.
const ZOOM: usize = 2;
/// Pixels between images.
const GAP: usize = 4;

/// A colour a part, apart from each other for most eyes: after Okabe & Ito, with three more.
const COLOURS: [[u8; 3]; PARTS.len()] = [
    [230, 159, 0],
    [213, 94, 0],
    [255, 255, 255],
    [204, 121, 167],
    [0, 114, 178],
    [0, 158, 115],
    [86, 180, 233],
    [240, 228, 66],
    [150, 110, 200],
];

impl BirdsSubject {
    /// The sheet as PNG: up to forty images, each beside its parts on darkened ground, with their centres as dots.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn contact_sheet(&self) -> Result<Vec<u8>> {
        let count = self.birds.set.len().min(GRID.0 * GRID.1);
        let rows = count.div_ceil(GRID.0);
        let step = ZOOM * SIDE + GAP;
        let (width, height) = (GRID.0 * (2 * step + GAP) + GAP, rows * step + GAP);
        let mut pixels = vec![255u8; 3 * width * height];
        for i in 0..count {
            let (left, top) = (GAP + i % GRID.0 * (2 * step + GAP), GAP + i / GRID.0 * step);
            for (dy, dx) in (0..ZOOM * SIDE).flat_map(|y| (0..ZOOM * SIDE).map(move |x| (y, x))) {
                let plain = self.pixel(i, dy / ZOOM, dx / ZOOM);
                let at = |offset: usize| 3 * ((top + dy) * width + left + offset + dx);
                pixels[at(0)..at(0) + 3].copy_from_slice(&plain);
                let marked = self.marked(i, dy / ZOOM, dx / ZOOM, plain);
                pixels[at(step)..at(step) + 3].copy_from_slice(&marked);
            }
        }
        let mut bytes = Vec::new();
        PngEncoder::new(&mut bytes).write_image(&pixels, width as u32, height as u32, ColorType::Rgb8)?;
        Ok(bytes)
    }

    fn pixel(&self, sample: usize, row: usize, column: usize) -> [u8; 3] {
        let inputs = &self.birds.set.inputs;
        std::array::from_fn(|c| (255.0 * inputs[[sample, (c * SIDE + row) * SIDE + column]]).round() as u8)
    }

    fn marked(&self, sample: usize, row: usize, column: usize, plain: [u8; 3]) -> [u8; 3] {
        let part = (0..PARTS.len()).find(|&p| self.birds.masks.shows(sample, p, row, column));
        let centre = |p: usize, k: usize| self.birds.centres[[sample, p, k]];
        match part {
            Some(p) if centre(p, 0) == row as f32 && centre(p, 1) == column as f32 => [0; 3],
            Some(p) => COLOURS[p],
            None => plain.map(|v| v / 3),
        }
    }
}

#[cfg(test)]
mod tests {
    use narrows_datasets::concepts::birds::BirdsOptions;

    #[test]
    fn images_stand_beside_their_parts() {
        let options = BirdsOptions::parse("samples=7,seed=2").unwrap();
        let subject = super::super::birds::birds(&options).unwrap();
        let sheet = image::load_from_memory(&subject.contact_sheet().unwrap()).unwrap().to_rgb8();
        assert_eq!(sheet.dimensions(), (5 * 268 + 4, 2 * 132 + 4));
        let (row, column) = (subject.birds.centres[[6, 5, 0]] as u32, subject.birds.centres[[6, 5, 1]] as u32);
        // The seventh pair is the second of the second row; its wing's centre is a black dot on the marked one.
        let (left, top) = (4 + 268, 4 + 132);
        let plain = sheet.get_pixel(left + 2 * column, top + 2 * row).0;
        assert_eq!(plain, subject.pixel(6, row as usize, column as usize));
        assert_eq!(sheet.get_pixel(left + 132 + 2 * column + 1, top + 2 * row).0, [0; 3]);
    }
}
