//! From options to images.

use super::anatomy::{PARTS, Part, concepts, n_part_concepts, present};
use super::bird::{self, Jitter};
use super::canvas::{Canvas, Pose, SIDE};
use super::law::Law;
use super::masks::PartMasks;
use super::scene::{behind, hide};
use super::{Birds, BirdsOptions};
use crate::DatasetError;
use crate::concepts::ConceptSet;
use ndarray::{Array2, Array3};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

/// A part of which fewer pixels are left, or a smaller share than this, counts as hidden.
const SEEN: (usize, f64) = (2, 0.2);

pub(super) fn draw(options: &BirdsOptions) -> Result<Birds, DatasetError> {
    options.check()?;
    let samples = options.samples;
    if samples < 2 {
        return Err(DatasetError::TooSmall { samples, features: 3 * SIDE * SIDE });
    }
    let law = Law::new(options)?;
    let (names, groups, concept_parts) = concepts(options.scene_concepts);
    let usual = samples - (options.shift_share * samples as f64).round() as usize;
    let mut images = Array2::zeros((samples, 3 * SIDE * SIDE));
    let mut present_concepts = Array2::zeros((samples, names.len()));
    let mut centres = Array3::from_elem((samples, PARTS.len(), 2), f32::NAN);
    let (mut labels, mut scenes, mut masks) = (vec![], vec![], PartMasks::default());
    for i in 0..samples {
        let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
        rng.set_stream(i as u64);
        let class = rng.random_range(0..options.classes);
        let traits = law.traits(class, &mut rng);
        let scene = law.scene(class, i >= usual, &mut rng);
        let canvas = picture(&traits, options.scenes.then_some(scene), options, &mut rng);
        develop(&canvas, options.pixel_noise, images.row_mut(i).as_slice_mut().unwrap_or_default(), &mut rng);
        let row = present(&traits, options.scene_concepts.then_some(scene));
        present_concepts.row_mut(i).iter_mut().zip(row).for_each(|(to, from)| *to = from);
        masks.push(canvas.parts.iter().map(|p| p.map(|p| p as usize)));
        for part in 0..PARTS.len() {
            if let Some([row, column]) = centre(&masks, i, part) {
                centres[[i, part, 0]] = row;
                centres[[i, part, 1]] = column;
            }
        }
        labels.push(class as u32);
        scenes.push(scene);
    }
    let width = (options.classes - 1).to_string().len();
    let classes = (0..options.classes).map(|k| format!("species-{k:0width$}")).collect();
    let mut set = ConceptSet::new("birds", images, (labels, classes), (present_concepts, names))?;
    set.groups = groups;
    set.ceilings = Some(law.ceilings(options.scene_concepts));
    let prototypes = law.prototypes.iter().flat_map(|p| present(p, None)).collect();
    let prototypes = Array2::from_shape_vec((options.classes, n_part_concepts()), prototypes)
        .map_err(|e| DatasetError::Builtin { name: "birds", reason: e.to_string() })?;
    let scenes = options.scenes.then_some(scenes);
    let shifted = (0..samples).map(|i| i >= usual).collect();
    Ok(Birds { set, masks, centres, concept_parts, scenes, shifted, prototypes })
}

/// The picture before noise.
fn picture(traits: &super::anatomy::Traits, scene: Option<u8>, options: &BirdsOptions, rng: &mut ChaCha8Rng) -> Canvas {
    let mut swing = |size: f64| (options.pose * size * (2.0 * rng.random::<f64>() - 1.0)) as f32;
    let pose = Pose {
        scale: 26.5 + swing(2.5),
        angle: swing(0.28),
        origin: [31.5 + swing(3.0), 32.0 + swing(4.0)],
        mirrored: swing(1.0) < 0.0,
    };
    let mut canvas = behind(scene, pose, rng);
    let spread = 1.5 * options.pixel_noise;
    let jitter: Jitter = std::array::from_fn(|_| std::array::from_fn(|_| (spread * normal(rng)) as f32));
    bird::draw(&mut canvas, traits, &jitter);
    let whole = areas(&canvas);
    let (hides, part) = (rng.random::<f64>() < options.occlusion, rng.random_range(0..PARTS.len()));
    if hides {
        hide(&mut canvas, Part::ALL[part], rng);
    }
    let left = areas(&canvas);
    for (part, (&whole, &left)) in Part::ALL.into_iter().zip(whole.iter().zip(&left)) {
        if left < SEEN.0 || (left as f64) < SEEN.1 * whole as f64 {
            canvas.parts.iter_mut().filter(|p| **p == Some(part)).for_each(|p| *p = None);
        }
    }
    canvas
}

fn areas(canvas: &Canvas) -> [usize; PARTS.len()] {
    let mut areas = [0; PARTS.len()];
    canvas.parts.iter().flatten().for_each(|&p| areas[p as usize] += 1);
    areas
}

/// The picture in its light, with noise, in steps of 1/255, channels first.
fn develop(canvas: &Canvas, noise: f64, image: &mut [f32], rng: &mut ChaCha8Rng) {
    let light = 1.0 + 1.5 * noise * normal(rng);
    for (at, pixel) in canvas.pixels.iter().enumerate() {
        for (channel, &value) in pixel.iter().enumerate() {
            let value = f64::from(value) * light + noise * normal(rng);
            image[channel * SIDE * SIDE + at] = ((value.clamp(0.0, 1.0) * 255.0).round() / 255.0) as f32;
        }
    }
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// The pixel of the part that is nearest to the middle of its pixels: it shows the part, whatever its form.
fn centre(masks: &PartMasks, sample: usize, part: usize) -> Option<[f32; 2]> {
    let all = (0..SIDE * SIDE).map(|p| [p / SIDE, p % SIDE]);
    let pixels: Vec<[f32; 2]> =
        all.filter(|&[r, c]| masks.shows(sample, part, r, c)).map(|p| p.map(|v| v as f32)).collect();
    let n = pixels.len() as f32;
    let sum = pixels.iter().fold([0.0; 2], |s, p| [s[0] + p[0], s[1] + p[1]]);
    let far = |p: &[f32; 2]| (p[0] - sum[0] / n).powi(2) + (p[1] - sum[1] / n).powi(2);
    pixels.iter().min_by(|a, b| far(a).total_cmp(&far(b))).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concepts::birds::{SCENES, Shift};

    fn base() -> BirdsOptions {
        BirdsOptions { samples: 120, seed: 4, ..BirdsOptions::default() }
    }

    #[test]
    fn a_larger_draw_begins_with_a_smaller_one() {
        let (small, large) = (BirdsOptions { samples: 20, ..base() }.draw().unwrap(), base().draw().unwrap());
        let first: Vec<usize> = (0..20).collect();
        assert_eq!(large.set.subset(&first).unwrap(), small.set);
        assert_eq!(large.masks.select(&first), small.masks);
        assert_ne!(BirdsOptions { seed: 5, ..base() }.draw().unwrap().set.inputs, large.set.inputs);
    }

    #[test]
    fn all_parts_of_a_bird_are_seen_and_centres_lie_on_them() {
        let birds = BirdsOptions { occlusion: 0.0, ..base() }.draw().unwrap();
        for i in 0..birds.set.len() {
            for (part, name) in PARTS.iter().enumerate() {
                assert!(birds.masks.area(i, part) >= 6, "{name} of image {i}: {}", birds.masks.area(i, part));
                let [row, column] = [0, 1].map(|k| birds.centres[[i, part, k]] as usize);
                assert!(birds.masks.shows(i, part, row, column), "{name} of image {i}");
            }
        }
    }

    #[test]
    fn parts_have_the_colour_of_their_concept() {
        let options = BirdsOptions { occlusion: 0.0, pixel_noise: 0.0, ..base() };
        let birds = options.draw().unwrap();
        let red = birds.set.concept_names.iter().position(|n| n == "belly_color:red").unwrap();
        let blue = birds.set.concept_names.iter().position(|n| n == "belly_color:blue").unwrap();
        let (mut reds, mut blues) = (0, 0);
        for i in 0..birds.set.len() {
            let belly = Part::Belly as usize;
            let at = |k| birds.centres[[i, belly, k]] as usize;
            let pixel = at(0) * SIDE + at(1);
            let [r, b] = [0, 2].map(|c| birds.set.inputs[[i, c * SIDE * SIDE + pixel]]);
            if birds.set.concepts[[i, red]] == 1.0 {
                assert!(r > 0.7 && b < 0.2, "image {i}: {r} {b}");
                reds += 1;
            } else if birds.set.concepts[[i, blue]] == 1.0 {
                assert!(b > 0.7 && r < 0.3, "image {i}: {r} {b}");
                blues += 1;
            }
        }
        assert!(reds > 5 && blues > 5);
    }

    #[test]
    fn occlusion_hides_one_part_or_little_more_and_no_concept() {
        let birds = BirdsOptions { occlusion: 1.0, ..base() }.draw().unwrap();
        let clear = BirdsOptions { occlusion: 0.0, ..base() }.draw().unwrap();
        assert_eq!(birds.set.concepts, clear.set.concepts);
        let mut hidden = [0; PARTS.len()];
        for i in 0..birds.set.len() {
            let gone: Vec<usize> = (0..PARTS.len()).filter(|&p| birds.masks.area(i, p) == 0).collect();
            assert!(!gone.is_empty() && gone.len() < 6, "{gone:?}");
            assert!((0..PARTS.len()).all(|p| birds.centres[[i, p, 0]].is_nan() == gone.contains(&p)));
            gone.iter().for_each(|&p| hidden[p] += 1);
        }
        assert!(hidden.iter().all(|&h| h >= 5), "{hidden:?}");
    }

    #[test]
    fn the_scene_goes_with_the_class_until_the_shift() {
        let options = BirdsOptions {
            samples: 400,
            spurious: Some(1.0),
            shift: Shift::Permuted,
            shift_share: 0.25,
            scene_concepts: true,
            ..base()
        };
        let birds = options.draw().unwrap();
        let scenes = birds.scenes.unwrap();
        let of_class = |class: u32, shifted| {
            let rows = (0..400).filter(|&i| birds.set.labels[i] == class && birds.shifted[i] == shifted);
            let mut found: Vec<u8> = rows.map(|i| scenes[i]).collect();
            found.dedup();
            found
        };
        assert_eq!(birds.shifted.iter().filter(|s| **s).count(), 100);
        for class in 0..20 {
            let (usual, shifted) = (of_class(class, false), of_class(class, true));
            assert_eq!(usual.len(), 1);
            assert!(shifted.is_empty() || shifted == [(usual[0] + 1) % SCENES.len() as u8]);
        }
        for (i, &scene) in scenes.iter().enumerate() {
            assert_eq!(birds.set.concepts[[i, 59 + usize::from(scene)]], 1.0);
            assert_eq!(birds.set.concepts.row(i).sum(), 15.0);
        }
        assert_eq!(birds.concept_parts[59..], [None; 4]);
    }

    #[test]
    fn without_pose_noise_and_flips_a_class_has_one_picture() {
        let options = BirdsOptions { pose: 0.0, pixel_noise: 0.0, flip: 0.0, occlusion: 0.0, scenes: false, ..base() };
        let birds = options.draw().unwrap();
        let first = birds.set.labels[0];
        let again = (1..120).find(|&i| birds.set.labels[i] == first).unwrap();
        assert_eq!(birds.set.inputs.row(0), birds.set.inputs.row(again));
        assert_eq!(birds.set.concepts.row(0).to_vec(), birds.prototypes.row(first as usize).to_vec());
        assert!(birds.scenes.is_none() && birds.set.ceilings.unwrap().exact);
    }
}
