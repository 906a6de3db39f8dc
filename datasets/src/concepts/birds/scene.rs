//! What is behind the bird, and the leaves before it.

use super::anatomy::{Part, SCENES};
use super::canvas::{Canvas, Pose, Rgb, SIDE, blend};
use super::shape::{Point, distance, ellipse, local};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::f32::consts::TAU;

/// A soft spot: middle, radius, and what it adds to the colour.
type Spot = (Point, f32, f32);

/// A picture of the scene, or of plain grey where there is none.
pub(super) fn behind(scene: Option<u8>, pose: Pose, rng: &mut ChaCha8Rng) -> Canvas {
    let mut uniform = |low: f32, high: f32| low + (high - low) * rng.random::<f32>();
    let phase = uniform(0.0, TAU);
    let mut spots = |count: usize, radius: [f32; 2], tone: [f32; 2]| -> Vec<Spot> {
        let side = SIDE as f32;
        let spot =
            |_| ([uniform(0.0, side), uniform(0.0, side)], uniform(radius[0], radius[1]), uniform(tone[0], tone[1]));
        (0..count).map(spot).collect()
    };
    let (x, y) = (|column: usize| column as f32, |row: usize| row as f32);
    let down = |row: usize| y(row) / (SIDE - 1) as f32;
    match scene.map(|s| SCENES[usize::from(s)]) {
        Some("sky") => {
            let clouds = spots(5, [6.0, 14.0], [0.10, 0.25]);
            lit(|row, _| blend([0.50, 0.72, 0.93], [0.78, 0.88, 0.96], down(row)), &clouds, pose)
        }
        Some("forest") => {
            let leaves = spots(70, [2.5, 7.0], [-0.16, 0.14]);
            lit(|_, _| [0.17, 0.38, 0.18], &leaves, pose)
        }
        Some("water") => {
            let glints = spots(14, [1.0, 2.5], [0.10, 0.30]);
            let bend: Vec<f32> = (0..SIDE).map(|column| 0.9 * (0.16 * x(column) + phase).sin()).collect();
            let wave = |row, column: usize| 0.09 * (0.75 * y(row) + phase + bend[column]).sin();
            lit(|row, column| [0.10, 0.44, 0.52].map(|c| c + wave(row, column)), &glints, pose)
        }
        Some(_) => {
            let grains = spots(150, [0.7, 1.6], [-0.30, 0.12]);
            lit(|row, _| blend([0.90, 0.80, 0.60], [0.78, 0.64, 0.44], down(row)), &grains, pose)
        }
        None => Canvas::new(|_, _| [0.62; 3], pose),
    }
}

/// A picture of colours with the spots added.
fn lit(colour: impl Fn(usize, usize) -> Rgb, spots: &[Spot], pose: Pose) -> Canvas {
    let mut light = vec![0.0f32; SIDE * SIDE];
    for &(middle, radius, tone) in spots {
        let range = |at: f32| (at - radius).max(0.0).ceil() as usize..((at + radius) as usize + 1).min(SIDE);
        for row in range(middle[1]) {
            for column in range(middle[0]) {
                let far = distance([column as f32, row as f32], middle) / radius;
                light[row * SIDE + column] += tone * (1.0 - far * far).max(0.0);
            }
        }
    }
    Canvas::new(|row, column| colour(row, column).map(|c| c + light[row * SIDE + column].clamp(-0.3, 0.3)), pose)
}

/// Lays leaves over the picture until nothing is left to see of the part.
pub(super) fn hide(canvas: &mut Canvas, part: Part, rng: &mut ChaCha8Rng) {
    loop {
        let seen: Vec<usize> = (0..SIDE * SIDE).filter(|&i| canvas.parts[i] == Some(part)).collect();
        if seen.is_empty() {
            return;
        }
        let at = seen[rng.random_range(0..seen.len())];
        let middle = [(at % SIDE) as f32, (at / SIDE) as f32];
        let (angle, light) = (TAU * rng.random::<f32>(), 0.16 * rng.random::<f32>() - 0.08);
        // The middle of a leaf is well within it, so that each leaf hides one pixel at least and this comes to an end.
        let leaf = |p| ellipse(local(p, middle, angle), [5.5, 2.6]);
        canvas.overlay(middle, 5.5, leaf, [0.30, 0.55, 0.20].map(|c: f32| c + light));
        let vein = |p| ellipse(local(p, middle, angle), [4.6, 0.45]);
        canvas.overlay(middle, 5.5, vein, [0.20, 0.38, 0.14].map(|c: f32| c + light));
    }
}

#[cfg(test)]
mod tests {
    use super::super::shape::disc;
    use super::*;
    use crate::concepts::birds::canvas::Bounds;
    use rand_chacha::rand_core::SeedableRng;

    fn pose() -> Pose {
        Pose { origin: [32.0, 32.0], scale: 27.0, angle: 0.0, mirrored: false }
    }

    #[test]
    fn scenes_differ_in_their_mean_colour() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut mean = |scene| {
            let canvas = behind(scene, pose(), &mut rng);
            let sum = canvas.pixels.iter().fold([0.0; 3], |s, p| std::array::from_fn(|c| s[c] + p[c]));
            sum.map(|s: f32| s / (SIDE * SIDE) as f32)
        };
        let means: Vec<Rgb> = (0..4).map(Some).chain([None]).map(&mut mean).collect();
        for (i, a) in means.iter().enumerate() {
            for b in &means[..i] {
                assert!(a.iter().zip(b).any(|(a, b)| (a - b).abs() > 0.1), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn leaves_hide_the_part_and_most_else_stays() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut canvas = behind(None, pose(), &mut rng);
        canvas.paint(Bounds([0.0, 0.0], 0.6), |p| disc(p, [0.0, 0.0], 0.6), |_| [1.0, 0.0, 0.0], Some(Part::Belly));
        canvas.paint(Bounds([0.2, 0.0], 0.1), |p| disc(p, [0.2, 0.0], 0.1), |_| [0.0; 3], Some(Part::Eye));
        let count = |c: &Canvas, part| c.parts.iter().filter(|p| **p == Some(part)).count();
        let before = count(&canvas, Part::Belly);
        hide(&mut canvas, Part::Eye, &mut rng);
        assert_eq!(count(&canvas, Part::Eye), 0);
        assert!(count(&canvas, Part::Belly) > before * 3 / 4);
    }
}
