//! Bytes of a pickle, taken from the front.

use super::Problem;
use super::outline::damaged;

pub(super) struct Cursor<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// So many bytes. The length is checked against what is there, so that a hostile one allocates nothing.
    pub(super) fn take(&mut self, n: u64) -> Result<&'a [u8], Problem> {
        let n =
            usize::try_from(n).ok().filter(|&n| n <= self.rest.len()).ok_or_else(|| damaged("ends in the middle"))?;
        let (head, tail) = self.rest.split_at(n);
        self.rest = tail;
        Ok(head)
    }

    /// An unsigned number of so many bytes, the lowest first.
    pub(super) fn number(&mut self, size: u64) -> Result<u64, Problem> {
        Ok(self.take(size)?.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b)))
    }

    /// Bytes after their count, which has so many bytes itself.
    pub(super) fn counted(&mut self, size: u64) -> Result<&'a [u8], Problem> {
        let length = self.number(size)?;
        self.take(length)
    }

    /// Text after its count of bytes.
    pub(super) fn text(&mut self, size: u64) -> Result<String, Problem> {
        String::from_utf8(self.counted(size)?.to_vec()).map_err(|_| damaged("holds text that is not UTF-8"))
    }

    /// Text up to the end of the line.
    pub(super) fn line(&mut self) -> Result<String, Problem> {
        let end = self.rest.iter().position(|&b| b == b'\n').ok_or_else(|| damaged("ends in the middle"))?;
        let line = self.take(end as u64 + 1)?;
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        String::from_utf8(line.to_vec()).map_err(|_| damaged("holds text that is not UTF-8"))
    }

    /// A memo's number, as text.
    pub(super) fn index(&mut self) -> Result<u32, Problem> {
        self.line()?.parse().map_err(|_| damaged("has a memo entry without a number"))
    }
}
