//! What routing one call costs: `pick` and `done`, for 2 to 10,000 targets,
//! all healthy or a third of them avoided. Run: `cargo bench --bench pick`.

use std::hint::black_box;
use std::time::Instant;

use seneca_gossip::membership::Status;
use seneca_gossip::routing::{Offer, Outcome, Router, Service, Strategy};

const CALLS: u64 = 2_000_000;

fn main() {
    println!("ns per call (pick + done)");
    for strategy in [Strategy::P2c, Strategy::RoundRobin, Strategy::Random] {
        for targets in [2, 100, 1_000, 10_000] {
            let healthy = run(strategy, targets, 0);
            let avoided = run(strategy, targets, 3);
            println!(
                "{strategy:?} {targets:>6} targets: {healthy:>6.1}  a third avoided: {avoided:>6.1}"
            );
        }
    }
}

fn run(strategy: Strategy, targets: u32, avoid_every: u32) -> f64 {
    let mut router = Router::new(1);
    let offer = Offer {
        strategy,
        ..Offer::default()
    };
    for n in 0..targets {
        let name = format!("10.0.0.{n}:4445");
        let avoid = avoid_every > 0 && n % avoid_every == 0;
        let status = if avoid {
            Status::Suspect
        } else {
            Status::Alive
        };
        router.member(0, &name, status, false, 1);
        router.service(0, &name, Some(Service::tcp("10.0.0.1", 4444)));
        router.offer(0, &name, "role:api,cmd:add", Some(offer.clone()));
    }
    while router.poll().is_some() {}
    let msg = serde_json::json!({ "role": "api", "cmd": "add" });
    let route = router.resolve(&msg).expect("a live route");
    // 64 calls are in flight at any time.
    let mut flying = [None; 64];
    let start = Instant::now();
    for call in 0..CALLS {
        let now = call * 2;
        let slot = &mut flying[(call % 64) as usize];
        if let Some(target) = slot.take() {
            router.done(now, route, target, 500 + call % 100, Outcome::Ok);
        }
        *slot = black_box(router.pick(now, route, &[]));
    }
    start.elapsed().as_nanos() as f64 / CALLS as f64
}
