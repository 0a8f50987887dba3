//! Frames on a TCP connection: a length (u32, big endian) and as many bytes.
//!
//! The length is believed only as far as bytes have arrived: memory grows with
//! what a peer sends, never with what it announces.

use crate::wire::MAX_FRAME;

/// Bytes of the length.
pub const PREFIX: usize = 4;

/// The length that goes before a frame; `None` when it is too long to be sent.
pub fn prefix(bytes: &[u8]) -> Option<[u8; PREFIX]> {
    (bytes.len() <= MAX_FRAME).then(|| (bytes.len() as u32).to_be_bytes())
}

/// A frame is announced that is longer than any may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong(pub usize);

/// Puts frames together from what arrives.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: Vec<u8>,
    taken: usize,
}

impl Frames {
    /// Bytes arrived. Take all frames with `next` before the next call.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        let (length, room) = (self.buffer.len(), self.buffer.capacity());
        if length + bytes.len() > room {
            // Doubles as usual, but not beyond what a frame may need.
            let size = (2 * room).min(PREFIX + MAX_FRAME).max(length + bytes.len());
            self.buffer.reserve_exact(size - length);
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes of the frame that is not complete.
    pub fn held(&self) -> usize {
        self.buffer.len() - self.taken
    }

    /// The next whole frame.
    pub fn next(&mut self) -> Result<Option<&mut [u8]>, TooLong> {
        let Some((prefix, rest)) = self.buffer[self.taken..].split_first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*prefix) as usize;
        if length > MAX_FRAME {
            return Err(TooLong(length));
        }
        if rest.len() < length {
            return Ok(None);
        }
        self.taken += PREFIX + length;
        Ok(Some(&mut self.buffer[self.taken - length..self.taken]))
    }

    /// Is a frame begun and not complete?
    pub fn is_partial(&self) -> bool {
        self.held() > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(frames: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for frame in frames {
            bytes.extend(prefix(frame).unwrap());
            bytes.extend(*frame);
        }
        bytes
    }

    fn collect(bytes: &[u8], step: usize) -> Vec<Vec<u8>> {
        let mut frames = Frames::default();
        let mut out = Vec::new();
        for chunk in bytes.chunks(step) {
            frames.push(chunk);
            while let Some(frame) = frames.next().unwrap() {
                out.push(frame.to_vec());
            }
        }
        assert!(!frames.is_partial());
        out
    }

    #[test]
    fn frames_survive_any_fragmentation() {
        let big = vec![7; 70_000];
        let parts: [&[u8]; 4] = [b"one", b"", &big, b"four"];
        let bytes = framed(&parts);
        for step in [1, 2, 3, 5, 1_000, 16_384, bytes.len()] {
            assert_eq!(collect(&bytes, step), parts, "step {step}");
        }
    }

    #[test]
    fn an_announcement_allocates_nothing() {
        let mut frames = Frames::default();
        frames.push(&(MAX_FRAME as u32).to_be_bytes());
        assert_eq!(frames.next(), Ok(None));
        assert!(frames.is_partial());
        assert!(frames.buffer.capacity() < 1_024);
    }

    #[test]
    fn a_frame_that_is_too_long_is_refused() {
        let mut frames = Frames::default();
        frames.push(&(MAX_FRAME as u32 + 1).to_be_bytes());
        assert_eq!(frames.next(), Err(TooLong(MAX_FRAME + 1)));
        let mut frames = Frames::default();
        frames.push(&[0xff; 6]);
        assert_eq!(frames.next(), Err(TooLong(u32::MAX as usize)));
        assert_eq!(prefix(&vec![0; MAX_FRAME + 1]), None);
    }
}
