//! `trackgate classify-ua`: the class of each User-Agent of a file.

use crate::rules::user_agent::{Match, classify};
use std::io::{BufRead, BufReader, Write};

/// Reads User-Agent values from the file at `path` (`-`: standard input), one a line, and writes for each
/// `class<TAB>rule<TAB>value`, or with `json` an object `{"class", "rule", "user_agent"}` a line. The text form
/// gives the value's bytes back as they are; JSON is text, so there a byte that is not UTF-8 becomes U+FFFD.
/// A line end of `\r\n` counts as `\n`; an empty line is an empty value.
///
/// # Errors
///
/// What opening, reading or writing says.
pub fn run(path: &str, json: bool, out: &mut impl Write) -> std::io::Result<()> {
    if path == "-" {
        return classify_lines(std::io::stdin().lock(), json, out);
    }
    classify_lines(BufReader::new(std::fs::File::open(path)?), json, out)
}

fn classify_lines(mut lines: impl BufRead, json: bool, out: &mut impl Write) -> std::io::Result<()> {
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        let value = line.strip_suffix(b"\n").unwrap_or(&line);
        let value = value.strip_suffix(b"\r").unwrap_or(value);
        let verdict = classify(value);
        if json {
            write_json(verdict, value, out)?
        } else {
            write_text(verdict, value, out)?
        }
        line.clear();
    }
    out.flush()
}

fn write_text(verdict: Match, value: &[u8], out: &mut impl Write) -> std::io::Result<()> {
    for part in [verdict.class.id().as_bytes(), b"\t", verdict.rule.as_bytes(), b"\t", value, b"\n"] {
        out.write_all(part)?;
    }
    Ok(())
}

fn write_json(verdict: Match, value: &[u8], out: &mut impl Write) -> std::io::Result<()> {
    let (class, rule) = (verdict.class.id(), verdict.rule);
    let line = serde_json::json!({ "class": class, "rule": rule, "user_agent": String::from_utf8_lossy(value) });
    writeln!(out, "{line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(input: &[u8], json: bool) -> Vec<u8> {
        let mut out = Vec::new();
        classify_lines(input, json, &mut out).unwrap();
        out
    }

    #[test]
    fn one_line_a_value() {
        let input = b"curl/8.5.0\r\n\nMyApp/2.5\n\xe9bot";
        assert_eq!(
            output(input, false),
            b"http_library\tcurl\tcurl/8.5.0\nnone\t\t\nsuspected\tunknown_agent\tMyApp/2.5\ncrawler\tbot\t\xe9bot\n"
        );
        assert_eq!(output(b"", false), b"");
    }

    #[test]
    fn one_object_a_value() {
        let expected = "{\"class\":\"crawler\",\"rule\":\"bot\",\"user_agent\":\"\u{fffd}\\\"bot\"}\n";
        assert_eq!(String::from_utf8(output(b"\xe9\"bot", true)).unwrap(), expected);
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let error = run("no/such/file", false, &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    }
}
