use super::*;

fn lists(builtin: bool, deny: &[&str], allow: &[&str]) -> SpamReferrers {
    SpamReferrers::compile(&spec(builtin, deny, allow))
}

fn spec(builtin: bool, deny: &[&str], allow: &[&str]) -> SpamReferrerSpec {
    let owned = |list: &[&str]| list.iter().map(|host| SpamHost::new(host).unwrap()).collect();
    SpamReferrerSpec {
        builtin: Some(builtin),
        subdomains: None,
        deny: owned(deny),
        allow: owned(allow),
    }
}

#[test]
fn the_whole_host_decides() {
    let lists = lists(false, &["spam.example", "xn--bcher-kva.example", "ci.ua"], &[]);
    let rows = [
        ("https://spam.example", true),
        ("https://www.spam.example/x?y#z", true),
        ("http://u:p@SPAM.example:8080/", true),
        ("//spam.example/x", true),
        ("https://spam.example.", true),
        ("https://b\u{fc}cher.example/", true),
        ("https://B\u{dc}CHER.example/", true),
        ("spam.example", false),
        ("https:://spam.example", false),
        ("https://a.spam.example", false),
        ("https://www.www.spam.example", false),
        ("https://notspam.example", false),
        ("https://spam.example.net", false),
        ("https://good.example/spam.example", false),
        ("https://spam.example@good.example/", false),
        ("https:///spam.example", false),
        ("file:///", false),
        ("", false),
    ];
    for (referrer, expected) in rows {
        assert_eq!(lists.is_spam(referrer), expected, "{referrer}");
    }
    let blanks = " ".repeat(1_000);
    assert!(
        lists.is_spam(&format!("https://{blanks}www.spam.example{blanks}/x")),
        "blanks are trimmed before the length counts"
    );
}

#[test]
fn subdomains_are_listed_on_label_boundaries() {
    let spec = spec(false, &["spam.example", "ci.ua"], &["good.spam.example"]);
    let lists = SpamReferrers::compile(&SpamReferrerSpec { subdomains: Some(true), ..spec });
    let rows = [
        ("https://a.b.spam.example", true),
        ("https://spam.example", true),
        ("https://notspam.example", false),
        ("https://moci.ua", false),
        ("https://example", false),
        ("https://good.spam.example", false),
        ("https://very.good.spam.example", false),
    ];
    for (referrer, expected) in rows {
        assert_eq!(lists.is_spam(referrer), expected, "{referrer}");
    }
}

#[test]
fn the_operators_allow_comes_before_all_lists() {
    assert!(lists(true, &[], &[]).is_spam("https://semalt.com/"), "built in");
    assert!(!lists(true, &[], &["semalt.com"]).is_spam("https://semalt.com/"));
    assert!(!lists(false, &[], &[]).is_spam("https://semalt.com/"));
    assert!(!lists(true, &["a.example"], &["A.example"]).is_spam("https://a.example/"));
}

#[test]
fn only_bare_hosts_are_entries() {
    for entry in
        ["", "https://a.example", "a.example/x", "a.example:80", "*.a.example", "a b.example", "."]
    {
        let expected = "a host name such as \"spam.example\", without scheme, port and path";
        assert_eq!(
            SpamHost::new(entry).unwrap_err().to_string(),
            format!("expected {expected}, found {entry:?}")
        );
    }
}

#[test]
fn a_host_of_253_bytes_is_one_and_a_longer_one_is_not() {
    let longest = format!("{}.example", ["a".repeat(61).as_str(); 4].join(".").split_at(245).0);
    assert_eq!(longest.len(), 253);
    let lists = lists(false, &[&longest], &[]);
    assert!(lists.is_spam(&format!("https://www.{longest}./")));
    assert!(!lists.is_spam(&format!("https://a{longest}/")));
    // A Kelvin sign is a k of three bytes.
    let kelvins = format!("{}.example", "k".repeat(60));
    let lists = super::tests::lists(false, &[&kelvins], &[]);
    assert!(lists.is_spam(&format!("https://{}.example/", "\u{212A}".repeat(60))));
    let many: String = ('\u{4E00}'..).take(1_990).collect();
    assert!(!lists.is_spam(&format!("https://{many}{}/", "\u{FE0F}".repeat(300_000))));
}
