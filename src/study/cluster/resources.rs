//! Memory and time as Slurm counts them.

use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Memory of a task. Slurm's units are powers of two: `4G` is 4 GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Memory {
    mebibytes: u64,
}

impl Memory {
    /// So many GiB.
    pub const fn gibibytes(n: u64) -> Self {
        Self { mebibytes: n * 1024 }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mebibytes % 1024 {
            0 => write!(f, "{}G", self.mebibytes / 1024),
            _ => write!(f, "{}M", self.mebibytes),
        }
    }
}

impl FromStr for Memory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("{text:?} is no size of memory: a number with its unit is expected, as 4G or 800M");
        let at = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(refused)?;
        let number: f64 = text[..at].parse().map_err(|_| refused())?;
        let factor = match text[at..].trim().to_ascii_lowercase().as_str() {
            "m" | "mb" | "mib" => 1.0,
            "g" | "gb" | "gib" => 1024.0,
            "t" | "tb" | "tib" => 1024.0 * 1024.0,
            _ => return Err(refused()),
        };
        let mebibytes = (number * factor).ceil();
        // Beyond a pebibyte somebody slipped.
        if (1.0..1e9).contains(&mebibytes) { Ok(Self { mebibytes: mebibytes as u64 }) } else { Err(refused()) }
    }
}

/// The time after which a task is ended. Slurm counts it in minutes; seconds are rounded up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WallTime {
    minutes: u64,
}

impl WallTime {
    /// So many minutes; at least one.
    pub fn minutes(n: u64) -> Self {
        Self { minutes: n.max(1) }
    }

    /// In minutes.
    pub fn as_minutes(self) -> u64 {
        self.minutes
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, hours, minutes) = (self.minutes / 1440, self.minutes / 60 % 24, self.minutes % 60);
        if days > 0 {
            write!(f, "{days}-")?;
        }
        write!(f, "{hours:02}:{minutes:02}:00")
    }
}

impl FromStr for WallTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || {
            format!(
                "{text:?} is no time: hours and minutes are expected, as 2h, 1h30m, 90m, 1d12h, 02:00:00 or 1-12:00:00"
            )
        };
        let seconds = if text.contains(':') { clock(text) } else { spelled(text) }.ok_or_else(refused)?;
        // A hundred years of one task.
        if (1..3_155_760_000).contains(&seconds) { Ok(Self::minutes(seconds.div_ceil(60))) } else { Err(refused()) }
    }
}

/// Seconds of `HH:MM:SS` or `D-HH:MM:SS`. Two fields alone are refused: Slurm would read minutes and seconds, people
/// hours and minutes.
fn clock(text: &str) -> Option<u64> {
    let (days, rest) = text.split_once('-').unwrap_or(("0", text));
    let fields: Vec<u64> = rest.split(':').map(|field| field.parse().ok()).collect::<Option<_>>()?;
    let [hours, minutes, seconds] = fields[..] else { return None };
    if minutes > 59 || seconds > 59 {
        return None;
    }
    let days: u64 = days.parse().ok()?;
    days.checked_mul(86_400)?.checked_add(hours.checked_mul(3600)?)?.checked_add(minutes * 60 + seconds)
}

/// Seconds of `1d12h`, `1h30m`, `90m`, `45s`.
fn spelled(text: &str) -> Option<u64> {
    let (mut rest, mut seconds, mut last) = (text.trim(), 0_u64, u64::MAX);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let at = rest.find(|c: char| !c.is_ascii_digit())?;
        let unit = match rest[at..].chars().next()?.to_ascii_lowercase() {
            'd' => 86_400,
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        // From large to small, each once.
        if unit >= last {
            return None;
        }
        last = unit;
        seconds = seconds.checked_add(rest[..at].parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = &rest[at + 1..];
    }
    Some(seconds)
}

impl Serialize for Memory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for WallTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_and_written() {
        for (text, written) in
            [("4G", "4G"), ("4gb", "4G"), ("1.5G", "1536M"), ("800M", "800M"), ("2T", "2048G"), ("0.5m", "1M")]
        {
            assert_eq!(text.parse::<Memory>().unwrap().to_string(), written, "{text}");
        }
        for text in ["", "4", "G", "4X", "-1G", "0G", "1e3G", "9999999T"] {
            assert!(text.parse::<Memory>().unwrap_err().contains("as 4G or 800M"), "{text}");
        }
        assert_eq!(Memory::gibibytes(2).to_string(), "2G");
    }

    #[test]
    fn times_are_read_and_written() {
        for (text, written) in [
            ("2h", "02:00:00"),
            ("1h30m", "01:30:00"),
            ("90m", "01:30:00"),
            ("1d12h", "1-12:00:00"),
            ("02:00:00", "02:00:00"),
            ("30:00:00", "1-06:00:00"),
            ("1-12:00:00", "1-12:00:00"),
            ("61s", "00:02:00"),
            ("00:00:01", "00:01:00"),
        ] {
            assert_eq!(text.parse::<WallTime>().unwrap().to_string(), written, "{text}");
        }
        for text in
            ["", "30", "2x", "h", "02:00", "1:60:00", "30m2h", "0h", "1-2", "-1:00:00", "99999999999999999999h", "2 h"]
        {
            assert!(text.parse::<WallTime>().unwrap_err().contains("as 2h"), "{text}");
        }
    }
}
