//! Who works on a cell: a process on a machine, told apart from any other that ever was.

use serde::{Deserialize, Serialize};
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

/// Who claims.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Holder {
    pub(super) host: String,
    /// What the machine is called since it was started: process numbers begin anew with it.
    boot: String,
    pub(super) pid: u32,
    /// The set of processes that it is one of, and whose it is: of others, numbers say nothing.
    world: String,
    /// When the process began, in the machine's own count; numbers of processes come again.
    began: String,
    /// Name of the folder that it works in.
    pub(super) nonce: String,
}

impl Holder {
    /// This process, with a number that it has not used yet.
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let pid = std::process::id();
        let (host, boot) = (host(), read("/proc/sys/kernel/random/boot_id"));
        let nonce = format!("{host}-{pid}-{}-{}", began(pid).unwrap_or_default(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self { host, boot, world: world(), pid, began: began(pid).unwrap_or_default(), nonce }
    }

    /// Whether the process is known to be gone; of another machine nothing is known.
    pub(super) fn is_gone(&self) -> bool {
        let here = self.host == host() && self.boot == read("/proc/sys/kernel/random/boot_id") && self.world == world();
        here && !self.began.is_empty() && began(self.pid).as_deref() != Some(self.began.as_str())
    }
}

/// Name of this machine.
pub(super) fn host() -> String {
    let name = read("/proc/sys/kernel/hostname");
    if name.is_empty() { "localhost".into() } else { name }
}

fn read(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.trim().chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

/// The set of processes that this one sees (a container has its own), and its user, who may not see those of others.
fn world() -> String {
    let set = fs::read_link("/proc/self/ns/pid").map(|l| l.display().to_string()).unwrap_or_default();
    #[cfg(unix)]
    let user = fs::metadata("/proc/self").map(|m| std::os::unix::fs::MetadataExt::uid(&m)).unwrap_or(0);
    #[cfg(not(unix))]
    let user = 0;
    format!("{set} {user}")
}

/// When a process began, if it lives (field 22 of its line of statistics; the name before it may hold anything).
fn began(pid: u32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let after = &text[text.rfind(')')? + 1..];
    let mut fields = after.split_whitespace();
    // A process that has ended and waits for its parent works no more.
    let state = fields.next()?;
    if state == "Z" || state == "X" { None } else { fields.nth(18).map(String::from) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_one_that_never_was_is_gone() {
        let own = Holder::new();
        assert!(!own.is_gone() && own.nonce != Holder::new().nonce);
        let gone = Holder { pid: u32::MAX - 1, ..own.clone() };
        assert!(gone.is_gone());
        // A number that came again is another process; of other machines and other sets of processes nothing is known.
        assert!(Holder { began: "1".into(), ..own.clone() }.is_gone());
        assert!(!Holder { host: "elsewhere".into(), ..gone.clone() }.is_gone());
        assert!(!Holder { world: "a container".into(), ..gone }.is_gone());
    }
}
