//! `trackgate reasons`: what each reason means, and what the sender should do.

use super::Result;
use serde_json::{Value, json};
use std::fmt::Write;
use trackgate::vendors::Vendor;
use trackgate::verdict::Reason;

/// The reasons asked for: one by its id, or all.
///
/// # Errors
/// An id that no reason has; with the id that was probably meant.
pub fn of(id: Option<&str>) -> Result<Vec<Reason>> {
    let Some(id) = id else { return Ok(Reason::ALL.to_vec()) };
    if let Some(reason) = Reason::ALL.into_iter().find(|reason| reason.id() == id) {
        return Ok(vec![reason]);
    }
    let nearest = Reason::ALL
        .into_iter()
        .map(|reason| (strsim::damerau_levenshtein(reason.id(), id), reason.id()))
        .min();
    let hint = nearest
        .filter(|(distance, _)| *distance <= 3)
        .map(|(_, near)| format!("; did you mean {near:?}?"));
    Err(format!("unknown reason {}{}", super::shown::shown(id), hint.unwrap_or_default()).into())
}

/// A paragraph a reason.
pub fn text(reasons: &[Reason]) -> String {
    let mut text = String::new();
    for reason in reasons {
        let _ = writeln!(
            text,
            "{}\n  means    {}\n  sender   {}\n  reject   {}",
            reason.id(),
            reason.meaning(),
            reason.advice(),
            reason.status()
        );
        let _ = writeln!(text, "  vendors  {}\n", vendors(*reason));
    }
    text.truncate(text.trim_end().len());
    text
}

/// `convert drop, custom drop`
fn vendors(reason: Reason) -> String {
    let given = Vendor::ALL
        .iter()
        .filter_map(|vendor| Some((vendor.id(), vendor.contract().disposition(reason)?.id())));
    given
        .map(|(vendor, disposition)| format!("{vendor} {disposition}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The page of the documents.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Reasons\n\nWhat `x-track-drop-reason`, the metrics and the log name, by id. `cargo run -- reasons --markdown` prints this page.\n\n\
         | reason | what it means | what the sender should do | status of a reject |\n|---|---|---|---|\n",
    );
    for reason in Reason::ALL {
        let cell = |text: &str| text.replace('<', "&lt;");
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} |",
            reason.id(),
            cell(reason.meaning()),
            cell(reason.advice()),
            reason.status()
        );
    }
    page.push_str(
        "\n## What is done about each\n\nThe contract's treatment; `actions` changes any of them. `-`: the vendor's checks never give the reason, and an \
         override of\nit is an error.\n\n",
    );
    page.push_str(&crate::dispositions::markdown(&Vendor::ALL));
    page
}

/// `[{"id": …, "means": …, "sender": …, "status": …, "dispositions": {…}}, …]`
pub fn json(reasons: &[Reason]) -> Value {
    let one = |reason: &Reason| {
        let given = Vendor::ALL.iter().filter_map(|vendor| {
            Some((vendor.id().to_owned(), json!(vendor.contract().disposition(*reason)?.id())))
        });
        json!({"id": reason.id(), "means": reason.meaning(), "sender": reason.advice(), "status": reason.status(),
               "dispositions": given.collect::<serde_json::Map<_, _>>()})
    };
    Value::Array(reasons.iter().map(one).collect())
}
