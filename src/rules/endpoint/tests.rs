use super::*;

#[test]
fn hosts_match_exactly_or_below() {
    let rows = [
        ("a.example", "a.example", true),
        ("a.example", "A.Example:8443", true),
        ("a.example", "a.example.", true),
        ("a.example", "b.a.example", false),
        ("a.example", "xa.example", false),
        ("A.EXAMPLE", "a.example", true),
        ("*.a.example", "b.a.example", true),
        ("*.a.example", "c.b.a.example:80", true),
        ("*.a.example", "a.example", false),
        ("*.a.example", ".a.example", false),
        ("*.a.example", "xa.example", false),
        ("[::1]", "[::1]:80", true),
        ("[::1]", "[::1]", true),
        ("a.example", "", false),
    ];
    for (pattern, authority, expected) in rows {
        let host = HostPattern::compile(pattern).unwrap();
        assert_eq!(host.matches(authority.as_bytes()), expected, "{pattern} {authority}");
    }
}

#[test]
fn only_host_names_are_hosts() {
    for host in
        ["", "*", "*.", "a.example:80", "https://a.example", "a.*.example", "a b", "a.example/x"]
    {
        let expected = "a host name such as \"a.example\" or \"*.a.example\", without port";
        assert_eq!(
            HostPattern::compile(host).unwrap_err().message,
            format!("expected {expected}, found {host:?}")
        );
    }
}

#[test]
fn paths_match_however_they_are_spelled() {
    let rows = [
        ("/v1/track", "/v1/track", true),
        ("/v1/track", "/v1/track?x=1", true),
        ("/v1/track", "/v1/track/", true),
        ("/v1/track", "/v1/track/?x", true),
        ("/v1/track", "//v1//track", true),
        ("/v1/track", "/v1/%74rack", true),
        ("/v1/track", "/%76%31/track", true),
        ("/v1/track", "/v1/./track", true),
        ("/v1/track", "/v1/x/../track", true),
        ("/v1/track", "/v1/x/%2e%2E/track", true),
        ("/v1/track", "/../v1/track", true),
        ("/v1/track", "/v1/track#x", true),
        ("/v1/track", "/v1/track/key", false),
        ("/v1/track", "/v1/Track", false),
        ("/v1/track", "/v1", false),
        ("/v1/track", "/v1/track2", false),
        ("/v1/track", "/v1%2Ftrack", false),
        ("/v1/track", "/v1/track;x=1", false),
        ("/v1/track", "", false),
        ("/v1/track/{key}", "/v1/track/abc", true),
        ("/v1/track/{key}", "/v1/track/abc/", true),
        ("/v1/track/{key}", "/v1/track/", false),
        ("/v1/track/{key}", "/v1/track", false),
        ("/v1/track/{key}", "/v1/track/a/b", false),
        ("/v1/track/{key}", "/v1/track/\u{e9}", true),
        ("/v1/track/{account}/{project}", "/v1/track/1/2", true),
        ("/v1/track/{account}/{project}", "/v1/track/../x", true),
        ("/v1/track/{account}/{project}", "/v1/track//2", false),
    ];
    for (pattern, target, expected) in rows {
        let path = PathPattern::compile(pattern).unwrap();
        assert_eq!(path.matches(&Path::of(target.as_bytes())), expected, "{pattern} {target}");
    }
}

#[test]
fn only_decoded_absolute_paths_are_patterns() {
    for path in [
        "",
        "/",
        "v1/track",
        "/v1//track",
        "/v1/track/",
        "/a?b",
        "/a#b",
        "/%61",
        "/{}",
        "/a{b}",
        "/{a}b",
        "/a/../b",
        "/./a",
    ] {
        let expected = "a path such as \"/v1/track/{key}\", decoded and without query";
        assert_eq!(
            PathPattern::compile(path).unwrap_err().message,
            format!("expected {expected}, found {path:?}")
        );
    }
}
