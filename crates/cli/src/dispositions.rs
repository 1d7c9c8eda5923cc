//! `trackgate dispositions`: how each vendor's reasons are treated unless the operator says
//! otherwise.

use serde_json::json;
use std::fmt::Write;
use trackgate::vendors::Vendor;
use trackgate::verdict::Reason;

/// The table as Markdown: reasons in the rows, vendors in the columns, `-` where the vendor's
/// checks never give the reason.
pub fn markdown(vendors: &[Vendor]) -> String {
    let mut table = String::from("| reason |");
    for vendor in vendors {
        let _ = write!(table, " {} |", vendor.id());
    }
    table.push_str("\n|---|");
    table.push_str(&"---|".repeat(vendors.len()));
    table.push('\n');
    for reason in Reason::ALL {
        if vendors.iter().all(|vendor| vendor.contract().disposition(reason).is_none()) {
            continue;
        }
        let _ = write!(table, "| `{}` |", reason.id());
        for vendor in vendors {
            let _ = write!(
                table,
                " {} |",
                vendor.contract().disposition(reason).map_or("-", |disposition| disposition.id())
            );
        }
        table.push('\n');
    }
    table
}

/// `{"convert": {"bot": "drop", …}, …}`
pub fn json(vendors: &[Vendor]) -> String {
    let one = |vendor: &Vendor| {
        let given = Reason::ALL
            .iter()
            .filter_map(|reason| Some((reason, vendor.contract().disposition(*reason)?)));
        let given =
            given.map(|(reason, disposition)| (reason.id().to_owned(), json!(disposition.id())));
        (vendor.id().to_owned(), serde_json::Value::Object(given.collect()))
    };
    serde_json::Value::Object(vendors.iter().map(one).collect()).to_string()
}
