//! Lines of bounded length out of a stream of bytes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes asked for at a time.
const READ: usize = 16 * 1024;
/// An empty buffer that has grown beyond this is given back.
const KEEP: usize = 256 * 1024;
/// What remains of a line that is too long: enough to hold its id.
pub(super) const PREFIX: usize = 1024;

/// Memory that the unfinished lines of many connections may take together.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    used: Arc<AtomicUsize>,
    max: usize,
}

impl Budget {
    pub fn new(max: usize) -> Self {
        Budget {
            used: Arc::default(),
            max,
        }
    }

    fn take(&self, bytes: usize) -> bool {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes <= self.max {
            return true;
        }
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        false
    }
}

/// One burst must not cost its memory for as long as the connection lasts.
pub(super) fn give_back(buffer: &mut Vec<u8>) {
    if buffer.is_empty() && buffer.capacity() > KEEP {
        *buffer = Vec::new();
    }
}

/// A line.
#[derive(Debug, PartialEq)]
pub(super) enum Line<'a> {
    /// Without its end; never blank.
    Whole(&'a [u8]),
    /// It was longer than allowed; this is how it began.
    TooLong(&'a [u8]),
}

/// Cuts what arrives into lines. Blank ones are left out.
#[derive(Debug)]
pub(super) struct Lines {
    buffer: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// No line ends before this.
    scanned: usize,
    max: usize,
    /// The rest of a line that is too long is thrown away.
    skipping: bool,
    prefix: Vec<u8>,
    budget: Option<Budget>,
    charged: usize,
}

impl Lines {
    pub fn new(max: usize, budget: Option<Budget>) -> Self {
        Lines {
            buffer: Vec::new(),
            start: 0,
            scanned: 0,
            max,
            skipping: false,
            prefix: Vec::new(),
            budget,
            charged: 0,
        }
    }

    /// Is part of a line here?
    pub fn is_partial(&self) -> bool {
        self.skipping || self.start < self.buffer.len()
    }

    /// Reads what is there; 0 at the end of the stream. Loses nothing when the
    /// future is dropped. Call it when `next` has nothing left.
    pub async fn fill(&mut self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.scanned -= self.start;
            self.start = 0;
        }
        give_back(&mut self.buffer);
        self.buffer.reserve(READ);
        from.read_buf(&mut self.buffer).await
    }

    /// The next line that is complete.
    pub fn next(&mut self) -> Option<Line<'_>> {
        loop {
            let newline = self.buffer[self.scanned..].iter().position(|b| *b == b'\n');
            let Some(at) = newline else {
                self.scanned = self.buffer.len();
                self.bound();
                return None;
            };
            let (from, to) = (self.start, self.scanned + at);
            self.start = to + 1;
            self.scanned = self.start;
            self.refund();
            if std::mem::take(&mut self.skipping) {
                return Some(Line::TooLong(&self.prefix));
            }
            if to - from > self.max {
                self.prefix = self.buffer[from..from + PREFIX.min(to - from)].to_vec();
                return Some(Line::TooLong(&self.prefix));
            }
            if !self.buffer[from..to].trim_ascii().is_empty() {
                return Some(Line::Whole(&self.buffer[from..to]));
            }
        }
    }

    /// Keeps an unfinished line within its bounds.
    fn bound(&mut self) {
        let length = self.buffer.len() - self.start;
        if !self.skipping && (length > self.max || !self.charge(length)) {
            self.skipping = true;
            let end = self.start + PREFIX.min(length);
            self.prefix = self.buffer[self.start..end].to_vec();
        }
        if self.skipping {
            self.refund();
            self.buffer.clear();
            (self.start, self.scanned) = (0, 0);
        }
    }

    /// Takes the bytes of a longer line out of the common budget.
    fn charge(&mut self, length: usize) -> bool {
        let Some(budget) = &self.budget else {
            return true;
        };
        if length <= 4 * READ || length <= self.charged {
            return true;
        }
        // In steps, so that a line that trickles in does not come here often.
        let want = length.next_multiple_of(4 * READ) - self.charged;
        let fits = budget.take(want);
        if fits {
            self.charged += want;
        }
        fits
    }

    fn refund(&mut self) {
        if let Some(budget) = &self.budget {
            budget.used.fetch_sub(self.charged, Ordering::Relaxed);
        }
        self.charged = 0;
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.refund();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds pieces, and writes down what comes out.
    async fn run(lines: &mut Lines, pieces: &[&[u8]]) -> Vec<String> {
        let mut out = Vec::new();
        for piece in pieces {
            let mut piece = *piece;
            while !piece.is_empty() {
                lines.fill(&mut piece).await.unwrap();
                while let Some(line) = lines.next() {
                    out.push(match line {
                        Line::Whole(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                        Line::TooLong(prefix) => format!("long {}", prefix.len()),
                    });
                }
            }
        }
        out
    }

    #[tokio::test]
    async fn any_fragmentation() {
        let text = b"{\"a\":1}\r\n\n  \n{\"b\":\"\xc3\xa9\"}\n{\"c\":3}";
        for size in 1..text.len() {
            let mut lines = Lines::new(100, None);
            let pieces: Vec<&[u8]> = text.chunks(size).collect();
            let out = run(&mut lines, &pieces).await;
            assert_eq!(out, ["{\"a\":1}\r", "{\"b\":\"é\"}"], "{size}");
            assert!(lines.is_partial());
            assert_eq!(run(&mut lines, &[b"\n"]).await, ["{\"c\":3}"]);
            assert!(!lines.is_partial());
        }
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_takes_no_memory() {
        let mut lines = Lines::new(10_000, None);
        for _ in 0..1_000 {
            assert!(run(&mut lines, &[&[b'x'; 10_000]]).await.is_empty());
            assert!(lines.buffer.capacity() <= KEEP);
        }
        assert_eq!(run(&mut lines, &[b"x\nok\n"]).await, ["long 1024", "ok"]);
        let exact = [&[b'y'; 10_000][..], b"\n"].concat();
        assert_eq!(run(&mut lines, &[&exact]).await[0].len(), 10_000);
        let over = [&[b'y'; 10_001][..], b"\nok\n"].concat();
        assert_eq!(run(&mut lines, &[&over]).await, ["long 1024", "ok"]);
    }

    #[tokio::test]
    async fn a_common_budget() {
        let budget = Budget::new(1_000_000);
        let new = || Lines::new(10_000_000, Some(budget.clone()));
        let (mut first, mut second) = (new(), new());
        assert!(run(&mut first, &[&[b'x'; 800_000]]).await.is_empty());
        let out = run(&mut second, &[&[b'x'; 800_000], b"\nok\n"]).await;
        assert_eq!(out, ["long 1024", "ok"]);
        assert_eq!(run(&mut first, &[b"\n"]).await[0].len(), 800_000);
        run(&mut second, &[&[b'x'; 800_000]]).await;
        drop(second);
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }
}
