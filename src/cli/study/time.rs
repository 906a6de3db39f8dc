//! Times for people.

/// A span of seconds in words: `0.4 s`, `12 s`, `3 min`, `2.5 h`.
pub(super) fn span(seconds: f64) -> String {
    match seconds {
        s if s < 9.95 => format!("{s:.1} s"),
        s if s < 99.5 => format!("{s:.0} s"),
        s if s < 99.5 * 60.0 => format!("{:.0} min", s / 60.0),
        s if s < 48.0 * 3600.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.1} days", s / 86400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn a_span_has_two_digits_or_so() {
        let spans = [0.44, 9.96, 61.0, 200.0, 9000.0, 400_000.0].map(span);
        assert_eq!(spans, ["0.4 s", "10 s", "61 s", "3 min", "2.5 h", "4.6 days"]);
    }
}
