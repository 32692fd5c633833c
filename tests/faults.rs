//! Every request of a release goes wrong in every way, and the release comes to the same end.

use std::collections::BTreeMap;
use std::time::Duration;

use rehearsal::{Fault, What, When};

use crate::support::say;
use crate::world::World;

/// The ways in which a request goes wrong.
fn ways() -> Vec<(&'static str, What)> {
    let answer = |status, when, headers: Vec<(&'static str, String)>, message: &str| What::Answer {
        status,
        headers,
        body: format!("{{\"message\":\"{message}\"}}"),
        when,
    };
    let soon = || vec![("retry-after", "0".to_owned())];
    vec![
        ("500", answer(500, When::Before, Vec::new(), "Server Error")),
        ("502 before", answer(502, When::Before, Vec::new(), "Bad Gateway")),
        ("502 after", answer(502, When::After, Vec::new(), "Bad Gateway")),
        ("429", answer(429, When::Before, soon(), "too many requests")),
        ("403 secondary", answer(403, When::Before, soon(), "You have exceeded a secondary rate limit")),
        ("cut in the request", What::CutRequest),
        ("cut in the answer", What::CutAnswer),
        ("time-out", What::Delay(Duration::from_secs(3))),
        ("malformed", What::Garbled),
    ]
}

#[test]
fn every_request_may_go_wrong_in_every_way() {
    let world = World::new();
    world.publish().ok();
    let (requests, wanted) = (world.github.exchanges(), world.published());
    let mut table: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for (name, what) in ways() {
        for (number, request) in requests.iter().enumerate() {
            let world = World::new();
            let after = u32::try_from(number).unwrap();
            world.github.arm(Fault {
                method: String::new(),
                path: String::new(),
                after,
                times: 1,
                what: what.clone(),
            });
            let case = format!("{name} on {number}: {} {}", request.method, request.path);
            let first = world.publish();
            assert_eq!(world.github.disarm(), 0, "{case} was not reached");
            for release in world.github.releases().iter().filter(|it| it["draft"] == false) {
                assert_eq!(release["assets"].as_array().unwrap().len(), 2, "{case}: published incomplete");
            }
            let row = table.entry(name).or_default();
            if first.code == 0 {
                row[0] += 1;
            } else {
                row[1] += 1;
                assert!(first.code == 1 || first.code == 11, "{case}: {}\n{}", first.code, first.stderr);
                assert!(first.code == 11 || first.stderr.contains("hint: "), "{case}:\n{}", first.stderr);
                let again = world.publish();
                assert_eq!(again.code, 0, "{case}, again:\n{}\nbefore:\n{}", again.stderr, first.stderr);
            }
            assert_eq!(world.published(), wanted, "{case}");
        }
    }
    let sum = |at: usize| table.values().map(|it| it[at]).sum::<usize>();
    for (name, [same, next]) in &table {
        say(&format!("fault matrix: {name}: {same} in the same run, {next} in the next"));
    }
    say(&format!(
        "fault matrix: {} requests × {} faults, {} in the same run, {} in the next",
        requests.len(),
        table.len(),
        sum(0),
        sum(1)
    ));
    assert!(requests.len() > 20 && sum(0) + sum(1) == requests.len() * table.len());
}
