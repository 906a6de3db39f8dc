//! Progress as lines for the process that runs a study.

use crate::study::sweep::PROGRESS;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use std::io::{Read, Result, Write};

/// Lines a second, at most.
const LINES: u8 = 4;

/// A bar whose every drawing is a line of JSON on stderr.
pub(super) fn told(length: u64, what: &'static str, unit: &'static str) -> ProgressBar {
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(Lines), LINES);
    let bar = ProgressBar::with_draw_target(Some(length), target).with_message(what).with_prefix(unit);
    let template = r#"{{"pos":{pos},"len":{len},"what":"{msg}","unit":"{prefix}"}}"#;
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// A terminal that prints what is drawn on it, and cannot go back.
#[derive(Debug)]
struct Lines;

impl TermLike for Lines {
    fn width(&self) -> u16 {
        400
    }
    fn move_cursor_up(&self, _: usize) -> Result<()> {
        Ok(())
    }
    fn move_cursor_down(&self, _: usize) -> Result<()> {
        Ok(())
    }
    fn move_cursor_right(&self, _: usize) -> Result<()> {
        Ok(())
    }
    fn move_cursor_left(&self, _: usize) -> Result<()> {
        Ok(())
    }
    fn write_line(&self, text: &str) -> Result<()> {
        self.write_str(text)
    }
    fn write_str(&self, text: &str) -> Result<()> {
        if text.trim().is_empty() {
            return Ok(());
        }
        let mut stderr = std::io::stderr().lock();
        // A study that is gone hears nothing, and this process ends in a moment (see below).
        let _ = writeln!(stderr, "{PROGRESS}{}", text.trim());
        Ok(())
    }
    fn clear_line(&self) -> Result<()> {
        Ok(())
    }
    fn flush(&self) -> Result<()> {
        Ok(())
    }
}

/// Ends this process when the one that began it is gone: its end of the pipe to stdin closes, however it ends.
pub(super) fn end_with_parent() {
    std::thread::spawn(|| {
        let mut rest = Vec::new();
        let _ = std::io::stdin().read_to_end(&mut rest);
        std::process::exit(1);
    });
}
