//! Whatever text an annotation carries, a structured-field library reads it back.

use sfv::{BareItem, List, ListEntry, Parser};
use trackgate::annotation::{MAX_PARAMETER_BYTES, MAX_REASONS_BYTES, reasons};
use trackgate::verdict::{Bounded, Finding, Findings, Reason};

/// The parameter as it was read, if it has one.
fn text(entry: &ListEntry, name: &str) -> Option<String> {
    let ListEntry::Item(item) = entry else { panic!("an inner list") };
    match item.params.get(name)? {
        BareItem::String(text) => Some(text.as_str().to_owned()),
        BareItem::DisplayString(text) => Some(text.clone()),
        other => panic!("{name}={other:?}"),
    }
}

/// Of each finding, the domain and the place in the body; and how many more there are than are
/// listed.
///
/// # Panics
/// What is read is not what was written, but for its length.
pub fn check(texts: &[(Option<String>, Option<String>)], more: u32) {
    let list: Vec<Finding> = texts
        .iter()
        .zip(Reason::ALL.iter().cycle())
        .map(|((domain, path), reason)| {
            let finding = Finding { domain: domain.clone(), ..Finding::new(*reason, "") };
            path.iter().fold(finding, |finding, path| finding.at(path.clone()))
        })
        .collect();
    let findings = Findings { kept: Bounded { list, more: more as usize }, ..Findings::default() };
    let Some(value) = reasons(&findings) else { return assert!(texts.is_empty()) };
    assert!(value.bytes().all(|byte| (0x20..0x7F).contains(&byte)), "{value:?}");
    let read: List = Parser::new(&value).parse().unwrap_or_else(|error| panic!("{value}: {error}"));
    assert!(
        value.len() <= MAX_REASONS_BYTES && (1..=Bounded::<Finding>::MAX).contains(&read.len()),
        "{} bytes",
        value.len()
    );
    let left_out = findings.kept.list.len() - read.len();
    // A member has at most two parameters, of which each byte may take three.
    let is_full = read.len() == Bounded::<Finding>::MAX
        || value.len() + 6 * MAX_PARAMETER_BYTES + 200 > MAX_REASONS_BYTES;
    assert!(left_out == 0 || is_full, "{value}");
    let told = read.last().and_then(|entry| match entry {
        ListEntry::Item(item) => item.params.get("more").cloned(),
        ListEntry::InnerList(_) => None,
    });
    let told = told.map_or(0, |more| more.as_integer().map_or(-1, i64::from));
    assert_eq!(told, i64::from(more) + left_out as i64, "{value}");
    // The first ones, and the last.
    let shown = findings.kept.list[..read.len() - 1].iter().chain(findings.kept.list.last());
    for (entry, finding) in read.iter().zip(shown) {
        let ListEntry::Item(item) = entry else { panic!("an inner list") };
        assert!(
            matches!(&item.bare_item, BareItem::Token(token) if token.as_str() == finding.reason.id()),
            "{value}"
        );
        for (name, written) in
            [("domain", finding.domain.as_deref()), ("path", finding.path.as_deref())]
        {
            let read = text(entry, name);
            assert_eq!(read.is_some(), written.is_some(), "{value}");
            let (read, written) = (read.unwrap_or_default(), written.unwrap_or_default());
            if written.len() <= MAX_PARAMETER_BYTES {
                assert_eq!(read, written);
            } else {
                // At most three bytes of a character did not fit.
                assert!(
                    written.starts_with(&read)
                        && (MAX_PARAMETER_BYTES - 3..=MAX_PARAMETER_BYTES).contains(&read.len()),
                    "{read:?}"
                );
            }
        }
    }
}
