//! Where each way of finding neighbours is the fastest: `cargo bench -p narrows-estimators --bench neighbours`.
//!
//! Correlated normal samples, KSG with k = 3; best of three, whole estimate.

use narrows_estimators::{Variable, registry};
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use std::time::Instant;

fn main() {
    println!("{:>7} {:>3} {:>10} {:>10} {:>10}   seconds", "N", "D", "tree", "scan", "kdtree");
    for (n, widths) in [(10_000, &[1, 2, 3, 4, 5, 6, 8, 10, 16][..]), (100_000, &[1, 2, 3][..])] {
        for &d in widths {
            let mut generator = ChaCha8Rng::seed_from_u64(1);
            let mut normal = || -> f64 { StandardNormal.sample(&mut generator) };
            let x = Array2::from_shape_fn((n, d), |_| normal());
            let y = x.mapv(|v| 0.75 * v + (1.0f64 - 0.75 * 0.75).sqrt() * normal());
            let times: Vec<String> = ["tree", "scan", "kdtree"]
                .iter()
                .map(|engine| {
                    if (*engine == "kdtree" && d * n > 60_000 && d > 1) || (*engine == "scan" && n > 10_000) {
                        return format!("{:>10}", "-");
                    }
                    let e =
                        registry::mutual_information(&format!("ksg:engine={engine}")).expect("a valid specification");
                    let best = (0..3)
                        .map(|_| {
                            let start = Instant::now();
                            e.estimate(Variable::Continuous(x.view()), Variable::Continuous(y.view()))
                                .expect("an estimate");
                            start.elapsed().as_secs_f64()
                        })
                        .fold(f64::INFINITY, f64::min);
                    format!("{best:>10.4}")
                })
                .collect();
            println!("{n:>7} {:>3} {}", 2 * d, times.join(" "));
        }
    }
}
