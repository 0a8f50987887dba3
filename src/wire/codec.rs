//! Reading and writing of the primitive parts of a message.

/// Why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes end inside something.
    #[error("truncated")]
    Truncated,
    /// Bytes are left behind the end.
    #[error("trailing bytes")]
    Trailing,
    /// A number is out of its range.
    #[error("number out of range")]
    Number,
    /// A text is not UTF-8, empty or too long.
    #[error("bad text")]
    Text,
    /// The protocol version is not ours.
    #[error("unknown protocol version")]
    Version,
    /// The kind of message is unknown.
    #[error("unknown kind of message")]
    Kind,
    /// A flag is set that has no meaning.
    #[error("unknown flags")]
    Flags,
    /// The message is longer than allowed.
    #[error("oversized")]
    Oversized,
    /// The message belongs to another cluster.
    #[error("other cluster")]
    Cluster,
}

/// A cursor over received bytes.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    /// True when everything was read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `n` bytes.
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8], WireError> {
        let (head, tail) = self.rest.split_at_checked(n).ok_or(WireError::Truncated)?;
        self.rest = tail;
        Ok(head)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, WireError> {
        Ok(self.bytes(1)?[0])
    }

    /// Four bytes, little endian.
    pub fn u32(&mut self) -> Result<u32, WireError> {
        let mut b = [0; 4];
        b.copy_from_slice(self.bytes(4)?);
        Ok(u32::from_le_bytes(b))
    }

    /// Eight bytes, little endian.
    pub fn u64(&mut self) -> Result<u64, WireError> {
        let mut b = [0; 8];
        b.copy_from_slice(self.bytes(8)?);
        Ok(u64::from_le_bytes(b))
    }

    /// A LEB128 number up to [`super::MAX_NUMBER`]; overlong forms are refused.
    pub fn varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0u64;
        for shift in (0..56).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let overlong = byte == 0 && shift > 0;
                return match value <= super::MAX_NUMBER && !overlong {
                    true => Ok(value),
                    false => Err(WireError::Number),
                };
            }
        }
        Err(WireError::Number)
    }

    /// A length and that many bytes of UTF-8, 1 to `max` of them.
    pub fn text(&mut self, max: usize) -> Result<&'a str, WireError> {
        let len = self.varint()? as usize;
        if len == 0 || len > max {
            return Err(WireError::Text);
        }
        std::str::from_utf8(self.bytes(len)?).map_err(|_| WireError::Text)
    }

    /// Fails unless everything was read.
    pub fn finish(self) -> Result<(), WireError> {
        match self.rest.is_empty() {
            true => Ok(()),
            false => Err(WireError::Trailing),
        }
    }
}

/// Bytes of a number as [`Writer::varint`] writes it.
pub fn varint_size(v: u64) -> usize {
    let bits = (u64::BITS - v.leading_zeros()).max(1);
    bits.div_ceil(7) as usize
}

/// Bytes being written, never longer than a limit.
///
/// A write that does not fit marks the writer as full; whoever packs a message
/// takes a [`mark`](Writer::mark) first and goes back to it.
#[derive(Debug)]
pub struct Writer {
    bytes: Vec<u8>,
    limit: usize,
    full: bool,
}

impl Writer {
    /// An empty message of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Writer {
            bytes: Vec::with_capacity(limit.min(super::MAX_DATAGRAM)),
            limit,
            full: false,
        }
    }

    /// Where the next byte goes.
    pub fn mark(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets what was written since `mark`, also that it did not fit.
    pub fn back(&mut self, mark: usize) {
        self.bytes.truncate(mark);
        self.full = false;
    }

    /// Did everything fit since the last `back`?
    pub fn fits(&self) -> bool {
        !self.full
    }

    /// How many bytes still fit.
    pub fn room(&self) -> usize {
        self.limit - self.bytes.len()
    }

    /// Raw bytes.
    pub fn bytes(&mut self, b: &[u8]) {
        if self.full || b.len() > self.room() {
            self.full = true;
        } else {
            self.bytes.extend_from_slice(b);
        }
    }

    /// One byte.
    pub fn u8(&mut self, v: u8) {
        self.bytes(&[v]);
    }

    /// Four bytes, little endian.
    pub fn u32(&mut self, v: u32) {
        self.bytes(&v.to_le_bytes());
    }

    /// Eight bytes, little endian.
    pub fn u64(&mut self, v: u64) {
        self.bytes(&v.to_le_bytes());
    }

    /// A LEB128 number.
    pub fn varint(&mut self, mut v: u64) {
        debug_assert!(v <= super::MAX_NUMBER);
        let mut b = [0u8; 10];
        let mut n = 0;
        loop {
            b[n] = (v & 0x7f) as u8 | if v > 0x7f { 0x80 } else { 0 };
            n += 1;
            v >>= 7;
            if v == 0 {
                break;
            }
        }
        self.bytes(&b[..n]);
    }

    /// A length and the bytes of a text.
    pub fn text(&mut self, s: &str) {
        self.varint(s.len() as u64);
        self.bytes(s.as_bytes());
    }

    /// Overwrites a byte written before (flags that are known only at the end).
    pub fn patch(&mut self, at: usize, v: u8) {
        self.bytes[at] = v;
    }

    /// The message. What did not fit is not in it.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_number_comes_back(v in 0..=super::super::MAX_NUMBER) {
            let mut w = Writer::new(16);
            w.varint(v);
            let bytes = w.finish();
            prop_assert_eq!(varint_size(v), bytes.len());
            let mut r = Reader::new(&bytes);
            prop_assert_eq!(r.varint(), Ok(v));
            prop_assert!(r.is_empty());
        }

        #[test]
        fn any_bytes_read_as_a_number_write_back_the_same(b in prop::collection::vec(any::<u8>(), 0..12)) {
            let mut r = Reader::new(&b);
            if let Ok(v) = r.varint() {
                let mut w = Writer::new(16);
                w.varint(v);
                let bytes = w.finish();
                prop_assert_eq!(&bytes[..], &b[..bytes.len()]);
            }
        }
    }

    #[test]
    fn a_full_writer_goes_back_to_its_mark() {
        let mut w = Writer::new(10);
        w.text("abcd");
        let mark = w.mark();
        w.text("too long");
        assert!(!w.fits());
        w.back(mark);
        w.text("abcd");
        assert!(w.fits());
        assert_eq!(w.finish(), b"\x04abcd\x04abcd");
    }

    #[test]
    fn a_length_beyond_the_end_is_truncated_not_allocated() {
        let mut w = Writer::new(16);
        w.varint(1_000);
        let bytes = w.finish();
        assert_eq!(Reader::new(&bytes).text(2_000), Err(WireError::Truncated));
    }
}
