#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for kind in seneca_gossip::fuzz::KINDS {
        seneca_gossip::fuzz::body(kind, bytes);
    }
});
