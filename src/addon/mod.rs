//! The face to Node.js: one class, `Node`, with functions beside it for what
//! every call needs (`calls`) and for what is asked before there is a node
//! (`interface`), and the only place that names napi.
//!
//! Everything that has a structure crosses as a JSON string; a pick crosses as
//! numbers. Events are fetched by `drain` after a wake signal, which is a weak
//! thread-safe function: it neither keeps the process alive nor hands over
//! data. Whatever happens to the JavaScript side (`process.exit`, a terminated
//! worker), the hook on its environment closes the node.

mod calls;
mod error;
mod events;
mod inner;
mod interface;
mod node;
mod options;
mod publish;
mod shards;
mod tasks;
mod views;
