use super::*;

fn records(text: &[u8]) -> Vec<Record> {
    let mut records = Vec::new();
    read_plain(text, "f", &mut |record| records.push(record)).unwrap();
    records
}

#[test]
fn malformed_records_are_named_and_the_next_ones_are_read() {
    let text = b"{\"path\":\"/a\"}\nnot json\n\n{\"path\":5}\n{\"method\":\"POST\"}\n{\"id\":\"x\",\"path\":\"/b\",\"headers\":{\"A\":[\"1\",\"2\"]},\"body_b64\":\"6Q==\"}\n";
    let records = records(text);
    assert_eq!(records.len(), 5);
    assert_eq!(records[0].as_ref().unwrap().id, "f:1");
    assert!(records[1].as_ref().unwrap_err().starts_with("f:2: expected a JSON text, found"));
    assert!(records[2].as_ref().unwrap_err().starts_with("f:4: invalid type"), "{:?}", records[2]);
    assert_eq!(
        records[3].as_ref().unwrap_err(),
        "f:5: expected a request with \"path\", a HAR or a tap trace, found none of these"
    );
    let last = records[4].as_ref().unwrap();
    assert_eq!((last.id.as_str(), last.body.as_slice()), ("x", b"\xE9".as_slice()));
    assert_eq!(
        last.fields[3..],
        [("a".to_owned(), b"1".to_vec()), ("a".to_owned(), b"2".to_vec())]
    );
}

#[test]
fn hars_are_read() {
    let har = br#"{"log":{"entries":[
        {"request":{"method":"POST","url":"https://h.example/api/event?x=1","headers":[{"name":"User-Agent","value":"u"},{"name":":path","value":"/"}],"postData":{"text":"{}"}}},
        {"request":{"method":"GET"}}]}}"#;
    let records = records(har);
    let first = records[0].as_ref().unwrap();
    let head = first.head();
    assert_eq!(
        (head.path(), head.authority(), first.body.as_slice()),
        (b"/api/event?x=1".as_slice(), b"h.example".as_slice(), b"{}".as_slice())
    );
    assert_eq!(records[1].as_ref().unwrap_err(), "f:2: request.url: expected a string, found none");
}

#[test]
fn a_delimited_file_that_breaks_off_says_so() {
    let records = records(&[200, 1, 2, 3]);
    assert_eq!(
        records[0].as_ref().unwrap_err(),
        "f:1: expected a trace of 200 bytes, found 2 to the end of the file"
    );
}
