//! Configurations with many rules.

/// Of each site thirty rules: ten of each kind but countries, which take no room.
pub fn sites(count: usize) -> String {
    let list = |item: &dyn Fn(usize) -> String| {
        (0..10).map(|index| format!("\"{}\"", item(index))).collect::<Vec<_>>().join(",")
    };
    let site = |site: usize| {
        let pages = list(&|index| format!("/section-{index}/private/**"));
        let hosts = list(&|index| {
            if index == 0 {
                format!("site{site}.example")
            } else {
                format!("*.shop{index}.site{site}.example")
            }
        });
        let addresses = list(&|index| format!("10.{}.{}.{index}", site / 256, site % 256));
        format!(
            r#""site{site}.example":{{"page_blocklist":[{pages}],"hostname_allowlist":[{hosts}],"ip_blocklist":[{addresses}]}}"#
        )
    };
    let sites = (0..count).map(site).collect::<Vec<_>>().join(",");
    format!(r#"{{"endpoints":[{{"name":"plausible","vendor":"plausible","sites":{{{sites}}}}}]}}"#)
}
