//! Tells the linker that Node's symbols come at load time, when the addon is built.

fn main() {
    #[cfg(feature = "addon")]
    napi_build::setup();
}
