#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| seneca_gossip::fuzz::sealed(bytes));
