//! Experiments of published papers, repeated with the production code. The
//! tests and `examples/papers` share them; docs/papers.md shows the outcome.

pub mod gossip;
pub mod phi;
