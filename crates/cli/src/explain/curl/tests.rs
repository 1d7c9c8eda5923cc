//! Commands as people type them and browsers copy them.

use super::*;

/// Method, target, authority, fields without curl's own, body.
fn read(command: &str) -> String {
    let captured = parse(command).unwrap();
    let own = [":method", ":path", ":authority", "user-agent", "accept"];
    let value = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let field = |name: &str| {
        let mut fields = captured.fields.iter();
        fields.find(|(field, _)| field == name).map(|(_, text)| value(text)).unwrap()
    };
    let others = captured.fields.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    let others: Vec<String> =
        others.map(|(name, text)| format!("{name}: {}", value(text))).collect();
    format!(
        "{} {} {} [{}] {}",
        field(":method"),
        field(":authority"),
        field(":path"),
        others.join(", "),
        value(&captured.body)
    )
}

#[test]
fn as_people_type_it() {
    let form = "content-type: application/x-www-form-urlencoded";
    let rows = [
        ("curl h.example/a?b=1#c", "GET h.example /a?b=1 [] ".to_owned()),
        (
            "curl -i -sS -XPUT 'https://h.example/x' -d a -d b",
            format!("PUT h.example /x [{form}] a&b"),
        ),
        ("curl -sSd a=b http://h.example/x", format!("POST h.example /x [{form}] a=b")),
        (
            "curl -G -d a=1 --data-urlencode 'b= /&' 'h.example/x?c'",
            "GET h.example /x?c&a=1&b=%20%2F%26 [] ".to_owned(),
        ),
        (
            "curl --data-urlencode '=a b' --data-urlencode 'c d' h.example",
            format!("POST h.example / [{form}] a%20b&c%20d"),
        ),
        (
            "curl -u user:pass --oauth2-bearer t h.example/",
            "GET h.example / [authorization: Basic dXNlcjpwYXNz, authorization: Bearer t] "
                .to_owned(),
        ),
        (
            "curl -b 'a=1; b=2' -e 'https://x/;auto' h.example/",
            "GET h.example / [cookie: a=1; b=2, referer: https://x/] ".to_owned(),
        ),
        (
            "curl -H 'Host: other.example' -H 'X-Empty;' -I h.example/",
            "HEAD other.example / [x-empty: ] ".to_owned(),
        ),
        (
            "curl --json '{}' h.example/",
            "POST h.example / [content-type: application/json] {}".to_owned(),
        ),
        (
            "curl --max-time 3 -o /dev/null --retry 2 --url h.example/",
            "GET h.example / [] ".to_owned(),
        ),
    ];
    for (command, expected) in rows {
        assert_eq!(read(command), expected, "{command}");
    }
    let silent = parse("curl -H 'User-Agent:' -H 'accept:' h.example/").unwrap();
    assert_eq!(silent.fields.len(), 3, "{silent:?}");
}

#[test]
fn as_browsers_copy_it() {
    let chrome = r#"curl 'https://h.example/api/event' \
  -H 'accept: */*' \
  -b 'session=1' \
  --data-raw $'{"n":"it\'s","u":"https:\u002f\u002fa.example"}' \
  --compressed --insecure"#;
    let form = "content-type: application/x-www-form-urlencoded";
    assert_eq!(
        read(chrome),
        format!(
            r#"POST h.example /api/event [cookie: session=1, {form}] {{"n":"it's","u":"https://a.example"}}"#
        )
    );
    let cmd = "curl ^\"https://h.example/api/event?a=1^&b=2^\" ^\r\n  -X ^\"POST^\" ^\r\n  -H ^\"content-type: text/plain^\" ^\r\n  --data-raw ^\"^{^\\^\"n^\\^\":^\\^\"x^\\^\"^}^\"";
    assert_eq!(
        read(cmd),
        r#"POST h.example /api/event?a=1&b=2 [content-type: text/plain] {"n":"x"}"#
    );
}

#[test]
fn files_are_read_as_curl_reads_them() {
    let path = std::env::temp_dir().join(format!("trackgate-curl-{}", std::process::id()));
    std::fs::write(&path, "{\n\"a\": 1}\r\n").unwrap();
    let body =
        |option: &str| parse(&format!("curl {option}@{} h.example/", path.display())).unwrap().body;
    assert_eq!(body("-d "), b"{\"a\": 1}");
    assert_eq!(body("--data-binary "), b"{\n\"a\": 1}\r\n");
    assert_eq!(body("--json "), b"{\n\"a\": 1}\r\n");
    assert_eq!(body("--data-urlencode x"), b"x=%7B%0A%22a%22%3A%201%7D%0D%0A");
    let raw = parse("curl --data-raw @none h.example/").unwrap();
    assert_eq!(raw.body, b"@none");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn what_is_not_known_is_an_error() {
    for (command, said) in [
        (
            "curl --frobnicate h.example",
            "an option of curl's that is known here, found --frobnicate",
        ),
        ("curl -F a=b h.example", "found -F"),
        ("curl -Gd a=b h.example", "stand alone, found -Gd"),
        ("curl -T file h.example", "found -T"),
        ("curl a.example b.example", "expected one URL"),
        ("curl -s", "expected a URL"),
        ("curl h.example -H", "expected a value after -H"),
        ("curl -b jar.txt h.example", "a file of cookies"),
        ("curl -d @/no/such/file h.example", "/no/such/file"),
        ("curl -d @- h.example", "standard input"),
        ("curl -H broken h.example", "expected a header field"),
    ] {
        let error = parse(command).unwrap_err();
        assert!(error.contains(said), "{command}: {error}");
    }
}
