//! Figures of the papers: their shapes and orderings hold for the production
//! code. `cargo run --release --example papers` draws them.

mod gossip;
mod phi;
