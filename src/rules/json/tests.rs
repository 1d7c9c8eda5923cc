use super::*;

fn accepts(text: &[u8]) -> bool {
    Reader::document(text, Strictness::Jason, |reader| reader.value().map(drop)).is_ok()
}

fn accepts_grammar(text: &[u8]) -> bool {
    Reader::document(text, Strictness::Grammar, |reader| reader.value().map(drop)).is_ok()
}

/// Walks the whole text through `members` and `elements`, so that both ways of reading are under
/// test.
fn walk(reader: &mut Reader<'_>) -> Result<()> {
    match reader.kind()? {
        Kind::Object => reader.object(|reader, _| walk(reader)).map(drop),
        Kind::Array => reader.array(|reader, _| walk(reader)).map(drop),
        Kind::String | Kind::Number | Kind::Bool | Kind::Null => reader.value().map(drop),
    }
}

fn accepts_walking(text: &[u8]) -> bool {
    Reader::document(text, Strictness::Jason, walk).is_ok()
}

#[test]
fn agrees_with_the_grammar() {
    let rows: &[(&[u8], bool)] = &[
        (b"{}", true),
        (b" [ ] \n", true),
        (b"\"\"", true),
        (b"-0", true),
        (b"-0.0e-0", true),
        (b"1E+5", true),
        (b"123456789012345678901234567890", true),
        (b"[1,[2,{\"a\":[]}],\"\\u00e9\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", true),
        (b"{\"a\":{\"b\":[{\"c\":null},true,false]},\"a\":1}", true),
        ("\"é€😀\"".as_bytes(), true),
        (b"\"\x7f\"", true),
        (b"\"\\ud83d\\ude00\"", true),
        (b"", false),
        (b"  \n", false),
        (b"{", false),
        (b"[1,]", false),
        (b"[,1]", false),
        (b"[1 2]", false),
        (b"{\"a\":1,}", false),
        (b"{,}", false),
        (b"{\"a\"}", false),
        (b"{\"a\":}", false),
        (b"{a:1}", false),
        (b"{\"a\":1]", false),
        (b"[1}", false),
        (b"[[]", false),
        (b"{}}", false),
        (b"{}{}", false),
        (b"[] x", false),
        (b"01", false),
        (b"-", false),
        (b"+1", false),
        (b"1.", false),
        (b".5", false),
        (b"1e", false),
        (b"1e+", false),
        (b"0x1", false),
        (b"NaN", false),
        (b"Infinity", false),
        (b"tru", false),
        (b"truee", false),
        (b"nul", false),
        (b"True", false),
        (b"'a'", false),
        (b"\"a", false),
        (b"\"a\nb\"", false),
        (b"\"12345678\x1f\"", false),
        (b"\"1234567\x00\"", false),
        (b"\"\\x\"", false),
        (b"\"\\u12g4\"", false),
        (b"\"\\u123\"", false),
        (b"\"\xff\"", false),
        (b"\"\xc0\xaf\"", false),
        (b"\xef\xbb\xbf{}", false),
        (b"{}\x00", false),
        (b"// c\n1", false),
    ];
    for (text, expected) in rows {
        let shown = String::from_utf8_lossy(text);
        assert_eq!(accepts(text), *expected, "value: {shown}");
        assert_eq!(accepts_walking(text), *expected, "walk: {shown}");
        let serde = serde_json::from_slice::<serde_json::Value>(text).is_ok();
        assert_eq!(serde, *expected, "serde_json: {shown}");
    }
}

#[test]
fn vendors_differ_in_lone_surrogates_and_overflow() {
    for text in [
        r#""\ud800""#,
        r#""\udc00""#,
        r#""\ud800x""#,
        r#""\ud800\n""#,
        r#""\ud800A""#,
        "1e999",
        "-1e999",
        "1.5e400",
    ] {
        assert!(!accepts(text.as_bytes()), "{text}");
        assert!(accepts_grammar(text.as_bytes()), "{text}");
    }
}

#[test]
fn depth_127_passes_and_128_is_refused() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nest = |depth: usize| {
            let inner = if open == "[" { "" } else { "1" };
            open.repeat(depth) + inner + &close.repeat(depth)
        };
        for read in [accepts, accepts_walking] {
            assert!(read(nest(127).as_bytes()), "{open} 127");
            assert!(!read(nest(128).as_bytes()), "{open} 128");
        }
    }
}

#[test]
fn strings_decode() {
    let rows = [
        (r#""""#, ""),
        (r#""plain""#, "plain"),
        (r#""\u0064""#, "d"),
        (r#""a\"b\\c\/d""#, "a\"b\\c/d"),
        (r#""\b\f\n\r\t""#, "\u{8}\u{c}\n\r\t"),
        (r#""é€ \ud83d\ude00 x""#, "é€ 😀 x"),
        (r#""\ud800""#, "\u{fffd}"),
        (r#""x\u0000y""#, "x\0y"),
    ];
    for (json, expected) in rows {
        let text =
            Reader::document(json.as_bytes(), Strictness::Grammar, |reader| reader.text()).unwrap();
        assert_eq!(text.decode(), expected, "{json}");
        assert!(text.is(expected), "{json}");
        assert!(!text.is("other"), "{json}");
    }
}

#[test]
fn values_tell_their_type_and_extent() {
    let text = br#"  {"a" : [1, {"b": 2}] , "n": -1.5}  "#;
    let mut seen = Vec::new();
    Reader::document(text, Strictness::Grammar, |reader| {
        reader.object(|reader, name| {
            let value = reader.value()?;
            seen.push((name.decode().into_owned(), value.kind(), value));
            Ok(())
        })
    })
    .unwrap();
    assert_eq!(seen[0].2, Value::Array(br#"[1, {"b": 2}]"#));
    assert_eq!((seen[1].0.as_str(), seen[1].1), ("n", Kind::Number));
}

#[test]
fn the_offset_of_the_fault_is_told() {
    for (text, at) in [("", 0), ("{\"a\":tru}", 8), ("[1,]", 3), ("{} x", 3), ("\"\u{1}\"", 1)] {
        let found = Reader::document(text.as_bytes(), Strictness::Grammar, |reader| {
            reader.value().map(drop)
        });
        assert_eq!(found, Err(Invalid { at }), "{text}");
    }
}

proptest::proptest! {
    /// Random edits of a valid text: the reader and `serde_json` agree on every one.
    #[test]
    fn agrees_with_serde_json(at in 0usize..64, byte: u8, cut in 0usize..64) {
        let mut text = br#"{"a":[1,-2.5e3,"x\u00e9\n",{"b":null}],"c":true,"d":"","e":{}}  "#.to_vec();
        if let Some(place) = text.get_mut(at) { *place = byte; }
        text.truncate(64 - cut % 8);
        let serde = serde_json::from_slice::<serde_json::Value>(&text).is_ok();
        proptest::prop_assert_eq!(accepts(&text), serde, "{}", String::from_utf8_lossy(&text));
        proptest::prop_assert_eq!(accepts_walking(&text), serde, "{}", String::from_utf8_lossy(&text));
    }
}

/// As UTF-16, unit by unit.
fn unescaped(raw: &str) -> String {
    let mut units = Vec::new();
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('\\') {
        units.extend(before.encode_utf16());
        let letter = after.chars().next().unwrap();
        units.push(match letter {
            'u' => u16::from_str_radix(after.split_at(5).0.trim_start_matches('u'), 16).unwrap(),
            'b' => 8,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            other => other as u16,
        });
        rest = after.split_at(if letter == 'u' { 5 } else { 1 }).1;
    }
    units.extend(rest.encode_utf16());
    String::from_utf16_lossy(&units)
}

proptest::proptest! {
    /// Letters, blanks, marks and escapes of all kinds, halves of surrogates among them.
    #[test]
    fn texts_are_what_they_stand_for(
        raw in "([a ]{0,9}|\u{3000}{0,9}|\u{e9}|\u{4eba}|\u{1f600}|\\\\[\"\\\\/bfnrt]|(\\\\[nrt]){0,5}|\\\\u(0041|0020|3000|[dD][89aB]3d|[dD][cDeF]00)){0,12}",
        bytes in 0..40usize,
    ) {
        let json = format!("\"{raw}\"");
        let text = Reader::document(json.as_bytes(), Strictness::Grammar, |reader| reader.text()).unwrap();
        let expected = unescaped(&raw);
        proptest::prop_assert_eq!(text.decode(), &*expected);
        let longer = expected.clone() + "a";
        proptest::prop_assert!(text.is(&expected) && !text.is(&longer) && !text.is("b"));
        proptest::prop_assert_eq!(text.is_blank(), expected.trim().is_empty());
        proptest::prop_assert_eq!(text.after_blanks().collect::<String>(), expected.trim_start());
        let (start, is_whole) = text.start(bytes);
        proptest::prop_assert!(expected.starts_with(&*start) && is_whole == (start.len() == expected.len()));
        proptest::prop_assert!(is_whole || (bytes..bytes + 4).contains(&start.len()), "{} of {}", start.len(), bytes);
        // Elixir's parser takes it exactly if no half of a pair is alone.
        let is_whole = Reader::document(json.as_bytes(), Strictness::Jason, |reader| reader.text()).is_ok();
        proptest::prop_assert_eq!(is_whole, serde_json::from_str::<String>(&json).is_ok());
    }
}
