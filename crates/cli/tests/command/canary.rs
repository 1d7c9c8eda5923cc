//! `trackgate canary` as a roll-out's controller runs it: what decides is the exit code.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};

/// An admin interface whose counters grow by so many with each reading.
fn admin(passed: u64, dropped: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for (round, stream) in (0u64..).zip(listener.incoming()) {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let text = format!(
                "trackgate_requests_total{{endpoint=\"a\",verdict=\"pass\",reason=\"none\"}} {}\n\
                 trackgate_requests_total{{endpoint=\"a\",verdict=\"drop\",reason=\"bot\"}} {}\n\
                 envoy_http_downstream_rq_time_bucket{{envoy_http_conn_manager_prefix=\"in\",le=\"5\"}} {}\n",
                round * passed,
                round * dropped,
                round * (passed + dropped)
            );
            let _ =
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len());
        }
    });
    // By name, as in a cluster.
    format!("localhost:{port}")
}

fn trackgate(arguments: &[&str]) -> Output {
    let mut command = Command::new("timeout");
    command.args(["60", env!("CARGO_BIN_EXE_trackgate")]).args(arguments).output().unwrap()
}

fn run(stable: &[String], canary: &[String], more: &[&str]) -> (Option<i32>, String) {
    let mut arguments = vec!["canary"];
    stable.iter().for_each(|address| arguments.extend(["--stable", address]));
    canary.iter().for_each(|address| arguments.extend(["--canary", address]));
    arguments.extend(more);
    let output = trackgate(&arguments);
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn each_decision_has_its_exit_code() {
    let rows = [
        (admin(900, 100), "promote", 0),
        (admin(50, 5), "hold", 1),
        (admin(500, 500), "roll back", 2),
    ];
    for (canary, decision, code) in rows {
        let (found, said) = run(&[admin(900, 100)], &[canary], &["--for", "0s"]);
        assert_eq!(found, Some(code), "{said}");
        assert!(said.trim_end().ends_with(decision), "{said}");
        assert!(said.contains("a drop bot") && said.contains("10.00 %"), "shares: {said}");
        assert!(said.contains("latency p99"), "{said}");
    }
}

/// Two that are alike together, though each alone has seen too little.
#[test]
fn several_envoys_are_one_side() {
    let side = || [admin(90, 10), admin(180, 20)];
    let (code, said) = run(&side(), &side(), &["--for", "0s", "--min-requests", "300"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(&side()[..1], &side(), &["--for", "0s", "--min-requests", "300"]);
    assert_eq!(code, Some(1), "{said}");
}

#[test]
fn a_line_tells_that_it_watches() {
    let (code, said) = run(&[admin(900, 100)], &[admin(900, 100)], &["--for", "1s"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("watched 1 s of 1"), "{said}");
}

/// No roll-out is rolled back because nobody could look.
#[test]
fn what_cannot_be_told_is_no_decision() {
    let good = admin(900, 100);
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let nowhere = "no-such-host.invalid:9901".to_owned();
    for canary in [gone.clone(), nowhere] {
        let (code, said) =
            run(std::slice::from_ref(&good), std::slice::from_ref(&canary), &["--for", "0s"]);
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains(&canary), "{said}");
    }
    let url = format!("http://{gone}");
    let matcher = "pod=\"a\"".to_owned();
    let (code, said) = run(
        std::slice::from_ref(&matcher),
        std::slice::from_ref(&matcher),
        &["--prometheus", &url],
    );
    assert_eq!(code, Some(3), "{said}");
    for wrong in [vec!["--for", "soon"], vec!["--frobnicate"]] {
        let (code, said) = run(std::slice::from_ref(&good), std::slice::from_ref(&good), &wrong);
        assert_eq!(code, Some(3), "{said}");
    }
    assert_eq!(trackgate(&["check", "--frobnicate"]).status.code(), Some(2));
}
