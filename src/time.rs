//! Time, as the core knows it: given by the caller, never read.

/// Milliseconds of the driver's monotonic clock; only differences matter.
pub type Millis = u64;
