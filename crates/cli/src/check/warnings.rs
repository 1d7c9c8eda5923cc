//! What is legal, and probably not meant.

use super::shadowing::Index;
use trackgate::config::Config;
use trackgate::config::read::At;
use trackgate::config::written::EndpointSpec;
use trackgate::gate::{Gate, Mode};
use trackgate::rules::client_ip::ClientIp;
use trackgate::rules::problem::OneLine;
use trackgate::rules::share::Share;
use trackgate::vendors::{VendorSpec, plausible};

/// Warnings about the configuration itself.
pub fn of(config: &Config, gate: &Gate) -> Vec<String> {
    let mut warnings = Vec::new();
    let endpoints = Index::of(gate);
    for (index, spec) in config.endpoints.iter().enumerate() {
        if let Some(earlier) = endpoints.shadowing(gate, index) {
            warnings.push(format!(
                "{}: no request can reach {:?}, because {earlier:?} stands before it and serves the same hosts and paths",
                spec.at, spec.name.0
            ));
        }
        let mode = spec.mode.or(config.written.mode).unwrap_or_default();
        let share = spec.enforce_percent.or(config.written.enforce_percent);
        if mode == Mode::Shadow && share.unwrap_or(Share::ALL) != Share::ALL {
            warnings.push(format!("{}: enforce_percent has no effect in shadow mode", named(spec)));
        }
        warnings.extend(unserved_sites(spec));
    }
    let plausibles = || config.endpoints.iter().filter_map(|spec| plausible(spec));
    let blocks_countries = |fields: &plausible::Fields| {
        let sites = fields.sites.iter().flat_map(|sites| sites.in_order());
        sites.into_iter().any(|(_, site)| site.country_blocklist.is_some())
    };
    if config.written.country_header.is_none() && plausibles().any(blocks_countries) {
        warnings.push(
            "country_header: some site blocks countries, and nothing tells the client's country: every one is unknown".to_owned(),
        );
    }
    match &config.written.client_ip {
        Some(ClientIp::Vendor(_)) => warnings.push(
            "client_ip.from: \"vendor\" believes header fields that any client can send: only behind a hop that sets or removes all of them".to_owned(),
        ),
        Some(ClientIp::Connection(_) | ClientIp::Header(_)) | None => {}
    }
    if plausibles().any(|fields| fields.trust_ip_type_header == Some(true)) {
        warnings.push(
            "trust_ip_type_header: any client can send x-plausible-ip-type: only behind a hop that sets or removes it".to_owned(),
        );
    }
    warnings
}

fn plausible(spec: &EndpointSpec) -> Option<&plausible::Fields> {
    if let VendorSpec::Plausible(fields) = &spec.vendor { Some(fields) } else { None }
}

fn named(spec: &At<EndpointSpec>) -> String {
    if spec.at.is_empty() { spec.name.0.clone() } else { spec.at.clone() }
}

/// Sites whose own rules let none of their pages through.
fn unserved_sites(spec: &At<EndpointSpec>) -> Vec<String> {
    let Some(sites) = plausible(spec).and_then(|fields| fields.sites.as_ref()) else {
        return Vec::new();
    };
    let sites = sites.in_order();
    let odd = |domain: &str| {
        domain.contains(['/', ':', ' ', '*']) || domain.is_empty() || domain != domain.trim()
    };
    let odd_names = sites.iter().filter(|(domain, _)| odd(domain));
    let mut warnings: Vec<String> = odd_names
        .map(|(domain, _)| {
            format!("{}.sites: no event can name {domain:?}: a site is named by its domain, such as \"a.example\"", spec.at)
        })
        .collect();
    let empty = sites.iter().filter(|(_, site)| {
        site.ip_blocklist.is_none()
            && site.country_blocklist.is_none()
            && site.page_blocklist.is_none()
            && site.hostname_allowlist.is_none()
    });
    warnings.extend(
        empty.map(|(domain, _)| format!("{}.sites.{}: has no rules", spec.at, OneLine(domain))),
    );
    warnings
}
