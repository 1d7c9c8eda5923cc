//! The collector tells what reached it, and shows none of it as it is.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What HTTP lets through: no C0 controls, but everything above.
const EVIL: &str = "\u{9b}31m\u{85}\u{202e}\u{2066}\u{200b}\u{feff}\u{2028}\u{2029}\u{ad}é";

#[test]
fn the_collector_shows_no_request_as_it_is() {
    for output in ["text", "json"] {
        let mut child = Command::new("timeout")
            .args(["60", env!("CARGO_BIN_EXE_trackgate-testing")])
            .args(["collector", "--listen", "127.0.0.1:0", "--output", output])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(
            &mut std::io::BufReader::new(child.stderr.take().unwrap()),
            &mut line,
        )
        .unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
            .write_all(
                &[
                    b"POST /x HTTP/1.1\r\nhost: h\r\nconnection: close\r\nx-track-verdict: a\x9b31m\xFF",
                    EVIL.as_bytes(),
                    b"\r\nx-track-drop-reason: ",
                    EVIL.as_bytes(),
                    b"\r\ncontent-length: 4\r\n\r\n\x1b[2J",
                ]
                .concat(),
            )
            .unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        Command::new("kill").arg(child.id().to_string()).status().unwrap();
        let mut said = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut said).unwrap();
        child.wait().unwrap();
        let text = std::str::from_utf8(&said).unwrap();
        for letter in text.chars() {
            let is_foreign = !letter.is_ascii() && letter != 'é';
            assert!(
                letter == '\n' || !letter.is_control() && !is_foreign,
                "{output}: {letter:?} in {text:?}"
            );
        }
        assert!(
            said.starts_with(if output == "text" { b"POST /x 4 bytes" } else { b"{\"body\":" }),
            "{}",
            said.escape_ascii()
        );
    }
}
