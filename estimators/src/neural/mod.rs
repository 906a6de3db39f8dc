//! Estimators that train a network.

mod adam;
mod bound;
mod critic;
mod entropies;
mod fit;
mod infonce;
mod latent;
mod mine;
mod mlp;
mod nwj;
mod options;
mod sample;
mod smile;
mod weights;

pub use bound::CriticOptions;
pub use critic::CriticKind;
pub use entropies::DifferenceOfEntropies;
pub use infonce::InfoNce;
pub use latent::LatentInformation;
pub use mine::Mine;
pub use nwj::Nwj;
pub use options::NeuralOptions;
pub use smile::Smile;

pub(crate) use fit::{Schedule, fit};
pub(crate) use mlp::{Activation, Mlp};
#[cfg(feature = "neural")]
pub(crate) use options::widths_of;
pub(crate) use options::{widths, widths_text};
pub(crate) use weights::Weights;

pub(crate) use entropies::ENTRY as ENTROPIES;
pub(crate) use infonce::ENTRY as INFONCE;
pub(crate) use latent::ENTRY as LATENT;
pub(crate) use mine::ENTRY as MINE;
pub(crate) use nwj::ENTRY as NWJ;
pub(crate) use smile::ENTRY as SMILE;

#[cfg(test)]
mod tests {
    use super::bound::{Bound, Row};
    use crate::random::generator;
    use ndarray::Array2;
    use rand_distr::{Distribution, StandardNormal};

    /// `n` samples of two normal vectors of dimension `d` that share `nats`, equally between their coordinates.
    pub(super) fn normals(n: usize, d: usize, nats: f64, seed: u64) -> (Array2<f64>, Array2<f64>) {
        let rho = (1.0 - (-2.0 * nats / d as f64).exp()).sqrt();
        let random = &mut generator(seed, 99);
        let mut draw = || Array2::from_shape_simple_fn((n, d), || -> f64 { StandardNormal.sample(random) });
        let (x, noise) = (draw(), draw());
        let y = &x * rho + &noise * (1.0 - rho * rho).sqrt();
        (x, y)
    }

    /// Checks a bound's slope against finite differences of minus the mean of `value`.
    pub(super) fn check_slope<B: Bound>(mut bound: B, value: impl Fn(&B, &[Row]) -> Vec<f64>) {
        let scores = Array2::from_shape_fn((5, 5), |(i, j)| ((i * 7 + j * 3) as f32).sin() * 1.5);
        let slope = bound.slope(scores.clone());
        let loss = |scores: &Array2<f32>| {
            let rows: Vec<Row> = (0..5).map(|i| bound.row(&scores.row(i).to_vec(), i)).collect();
            -value(&bound, &rows).iter().sum::<f64>() / 5.0
        };
        for i in 0..5 {
            for j in 0..5 {
                let (mut up, mut down) = (scores.clone(), scores.clone());
                up[[i, j]] += 1e-2;
                down[[i, j]] -= 1e-2;
                let found = (loss(&up) - loss(&down)) / 2e-2;
                assert!((found - f64::from(slope[[i, j]])).abs() < 1e-3, "{i} {j}: {found} for {}", slope[[i, j]]);
            }
        }
    }

    /// The table of accuracies: `cargo test --release -- --ignored --nocapture accuracy_table`.
    #[test]
    #[ignore = "minutes; prints and asserts nothing"]
    fn accuracy_table() {
        let names = std::env::var("ESTIMATORS").unwrap_or("infonce;mine".into());
        for name in names.split(';') {
            for d in [1, 5] {
                for nats in [1.0, 2.0, 4.0] {
                    let (x, y) = normals(10_000, d, nats, 1);
                    let (x, y) = (crate::Variable::Continuous(x.view()), crate::Variable::Continuous(y.view()));
                    let start = std::time::Instant::now();
                    let e = crate::registry::mutual_information(name).unwrap().estimate(x, y).unwrap();
                    let (value, error) = (e.value.0, e.std_error.map_or(f64::NAN, |s| s.0));
                    let seconds = start.elapsed().as_secs_f64();
                    println!("{name} {d}x{d} {nats}: {value:.3} +- {error:.3} {seconds:.1} s {:?}", e.warnings);
                    println!("    {:?}", e.details.iter().map(|d| (&d.name[..], d.value)).collect::<Vec<_>>());
                }
            }
        }
    }
}
