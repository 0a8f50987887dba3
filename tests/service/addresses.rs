//! Where a service binds, and what it tells others, apart.

use seneca_gossip::service::{Service, StartError};
use seneca_gossip::state::keys;
use serde_json::{Value, json};

use super::{api, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ports_of_a_mapping_are_told_in_place_of_the_bound_ones() {
    let service = start(api().advertise("127.0.0.9").advertise_ports(14_444, 14_999)).await;
    assert_eq!(service.name(), "127.0.0.9:14999");
    let record = service.cluster().value(service.name(), keys::SERVICE);
    let record: Value = serde_json::from_slice(&record.unwrap()).unwrap();
    assert_eq!(
        (&record["host"], &record["port"]),
        (&json!("127.0.0.9"), &json!(14_444))
    );
    let bound = service.cluster().local_addr();
    assert!(bound.ip().is_loopback() && bound.port() != 14_999);
    for (call, gossip) in [(0, 1), (1, 0)] {
        let refused = Service::builder().advertise_ports(call, gossip).start();
        let error = refused.await.err().unwrap();
        assert!(error.to_string().contains("'advertise_ports'"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interface_is_bound_and_told_by_its_name() {
    // The name of the loopback differs by system: the error of a wrong one lists them.
    let error = Service::builder()
        .host("@nope0")
        .start()
        .await
        .err()
        .unwrap();
    assert!(matches!(error, StartError::Host { .. }));
    let text = error.to_string();
    let (before, _) = text.split_once(" (127.0.0.1").unwrap();
    let loopback = before.rsplit(' ').next().unwrap();
    let host = format!("@{loopback}");
    let service = start(api().host(&host).advertise(&host)).await;
    assert_eq!(service.cluster().host(), "127.0.0.1");
    assert!(service.name().starts_with("127.0.0.1:"));
}
