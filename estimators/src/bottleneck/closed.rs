//! The binary symmetric channel with uniform input, whose curve is known in closed form.

use super::BottleneckError;
use super::joint::entropy;

/// The largest I(T;Y) in nats for I(X;T) = `i_xt` nats, where X is a fair coin and Y is X flipped with probability
/// `flip`: log 2 − h(a ∗ flip) with h(a) = log 2 − I(X;T) and a ∗ f = a(1 − f) + (1 − a)f.
///
/// Mrs. Gerber's lemma (Wyner & Ziv 1973) says that nothing does better; Witsenhausen & Wyner (1975) that it is the
/// whole curve.
///
/// # Errors
/// When `flip` is not from 0 to ½, or `i_xt` is negative or no number.
pub fn binary_symmetric_bound(flip: f64, i_xt: f64) -> Result<f64, BottleneckError> {
    check(flip)?;
    if i_xt.is_nan() || i_xt < 0.0 {
        return Err(BottleneckError::BadOption {
            name: "i_xt",
            value: i_xt.to_string(),
            rule: "an information is from zero on",
        });
    }
    let ln_2 = std::f64::consts::LN_2;
    let a = inverse_binary_entropy((ln_2 - i_xt).max(0.0));
    let mixed = a * (1.0 - flip) + (1.0 - a) * flip;
    Ok((ln_2 - entropy(&[mixed, 1.0 - mixed])).max(0.0))
}

/// The β at which the curve of the binary symmetric channel leaves zero: 1/(1 − 2 flip)².
///
/// # Errors
/// As [`binary_symmetric_bound`].
pub fn binary_symmetric_critical_beta(flip: f64) -> Result<f64, BottleneckError> {
    check(flip)?;
    Ok((1.0 - 2.0 * flip).powi(-2))
}

fn check(flip: f64) -> Result<(), BottleneckError> {
    if (0.0..=0.5).contains(&flip) {
        return Ok(());
    }
    Err(BottleneckError::BadOption { name: "flip", value: flip.to_string(), rule: "it must be from 0 to 0.5" })
}

/// The a from 0 to ½ with h(a) = `nats`, by halving.
fn inverse_binary_entropy(nats: f64) -> f64 {
    let (mut low, mut high) = (0.0, 0.5);
    for _ in 0..200 {
        let middle: f64 = (low + high) / 2.0;
        if entropy(&[middle, 1.0 - middle]) < nats { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_the_curve() {
        let ln_2 = std::f64::consts::LN_2;
        let at = |i: f64| binary_symmetric_bound(0.1, i).unwrap();
        assert!(at(0.0).abs() < 1e-12);
        let capacity = ln_2 - entropy(&[0.1, 0.9]);
        assert!((at(ln_2) - capacity).abs() < 1e-12 && (at(5.0) - capacity).abs() < 1e-12);
        assert!((binary_symmetric_critical_beta(0.1).unwrap() - 1.5625).abs() < 1e-12);
        assert!(binary_symmetric_bound(0.6, 0.1).is_err() && binary_symmetric_bound(0.1, f64::NAN).is_err());
        assert!(binary_symmetric_bound(f64::NAN, 0.1).is_err());
    }
}
