//! Peak memory of this process, where the system tells.

/// Forgets the peak so far. Does nothing where the system has no such thing.
pub(super) fn forget_peak() {
    // Linux: 5 resets the high-water mark of the resident set.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Resident bytes now, and at the peak since it was forgotten.
pub(super) fn resident() -> Option<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let of = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(1024 * kibibytes)
    };
    Some((of("VmRSS:")?, of("VmHWM:")?))
}

/// Resident bytes now, where the system tells.
pub(crate) fn resident_bytes() -> Option<u64> {
    resident().map(|(now, _)| now)
}

/// Bytes that this process may still take without pushing others out, where the system tells: what Linux calls available,
/// and no more than a control group leaves.
pub(crate) fn available_bytes() -> Option<u64> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let available = 1024 * line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
    let of_group = |name: &str| -> Option<u64> {
        std::fs::read_to_string(format!("/sys/fs/cgroup/memory.{name}")).ok()?.trim().parse().ok()
    };
    let left = of_group("max").map(|most| most.saturating_sub(of_group("current").unwrap_or(0)));
    Some(left.map_or(available, |left| left.min(available)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_block_shows_at_the_peak() {
        // Another test may forget the peak in between; it does not do so every time.
        let shows = || {
            forget_peak();
            let (before, _) = resident()?;
            let block = std::hint::black_box(vec![1u8; 64 << 20]);
            assert_eq!(block.iter().map(|b| u64::from(*b)).sum::<u64>(), 64 << 20);
            drop(block);
            Some(resident()?.1 >= before + (60 << 20))
        };
        if resident().is_some() {
            assert!((0..10).any(|_| shows() == Some(true)));
        }
    }
}
