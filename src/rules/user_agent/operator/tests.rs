use super::*;
use proptest::prelude::*;

fn spec(allow: &[&str], deny: &[&str]) -> UserAgentSpec {
    let owned =
        |entries: &[&str]| entries.iter().map(|&entry| NonEmpty(entry.to_owned())).collect();
    UserAgentSpec { allow: owned(allow), deny: owned(deny) }
}

#[test]
fn allow_comes_before_deny_before_the_opt_out_before_the_built_in_rules() {
    let lists = UserAgents::compile(&spec(&["AcmeUptime/"], &["Acme", "curl"]));
    let rows: [(&str, Class, &str); 7] = [
        ("AcmeUptime/1.0 bot", Class::None, "allow"),
        ("x ACMEUPTIME/2", Class::None, "allow"),
        ("AcmeUptim", Class::Crawler, "deny"),
        ("acme optout", Class::Crawler, "deny"),
        ("bot optout", Class::None, "opt_out"),
        ("somebot/1", Class::Crawler, "bot"),
        ("", Class::None, ""),
    ];
    for (value, class, rule) in rows {
        let verdict = lists.classify(None, value.as_bytes(), |value| value.ends_with(b"optout"));
        assert_eq!(verdict, Match { class, rule }, "{value}");
    }
}

#[test]
fn versioned_tokens() {
    let rows: [(&str, bool); 12] = [
        ("ConvertAgent/1.0", true),
        ("ConvertAgent/1", true),
        ("ConvertAgent/~", true),
        ("MyApp/2.5 ConvertAgent/1.0 (production)", true),
        ("XConvertAgent/1.0", true),
        ("ConvertAgent/ConvertAgent/", true),
        ("ConvertAgent/", false),
        ("ConvertAgent/ 1.0", false),
        ("ConvertAgent/(", false),
        ("ConvertAgent 1.0", false),
        ("convertagent/1.0", false),
        ("", false),
    ];
    for (value, expected) in rows {
        assert_eq!(has_versioned_token(value.as_bytes(), "ConvertAgent"), expected, "{value}");
    }
    let late = format!("{}ConvertAgent/1", "x".repeat(5_000));
    assert!(has_versioned_token(late.as_bytes(), "ConvertAgent"), "all of the value is looked at");
}

proptest! {
    #[test]
    fn literals_occur_where_they_stand(entries in proptest::collection::vec("[abC/]{1,6}", 0..40), text in "[aBc/]{0,30}") {
        let literals =
            Literals::compile(&entries.iter().cloned().map(NonEmpty).collect::<Vec<_>>());
        let lower = text.to_ascii_lowercase();
        let expected = entries.iter().any(|entry| lower.contains(&entry.to_ascii_lowercase()));
        prop_assert_eq!(literals.occur_in(text.as_bytes()), expected);
    }
}
