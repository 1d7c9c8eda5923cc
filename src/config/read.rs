//! From the tree to what the operator wrote: one function for each object of the configuration, one
//! line for each field.

use super::json::Json;
use super::node::{Fields, Node, Problems};
use super::{Actions, BodyPhase, Config, EndpointSpec, LimitsSpec};
use crate::gate::Mode;
use crate::rules::client_ip::ClientIpSpec;
use crate::rules::problem::Problem;
use crate::rules::referrer::SpamReferrerSpec;
use crate::rules::share::Share;
use crate::rules::user_agent::UserAgentSpec;
use crate::vendors::Vendor;
use crate::vendors::plausible::PartialDrops;
use crate::vendors::plausible::sites::SiteSpec;
use crate::verdict::{Disposition, Reason};

/// What cannot be read has its default, and its problem is kept.
pub fn config(json: Json<'_>, problems: &Problems) -> Config {
    let default = Config { hash: super::canonical::hash(&json), ..Config::default() };
    let Some(mut fields) = (Node { at: String::new(), value: json, problems }).fields() else {
        return default;
    };
    // For editors: where the configuration's schema is.
    let _ = fields.take("$schema").and_then(Node::string);
    let config = Config {
        hash: default.hash,
        mode: fields.take("mode").and_then(mode).unwrap_or_default(),
        enforce_percent: fields.take("enforce_percent").and_then(share).unwrap_or(Share::ALL),
        header_prefix: fields
            .take("header_prefix")
            .and_then(Node::string)
            .unwrap_or(default.header_prefix),
        body_phase: fields
            .take("body_phase")
            .and_then(|node| node.word(&BodyPhase::ALL, BodyPhase::id))
            .unwrap_or_default(),
        buffer_limit_bytes: fields.take_limit("buffer_limit_bytes"),
        log_sample_per_minute: fields
            .take("log_sample_per_minute")
            .and_then(Node::count)
            .unwrap_or(default.log_sample_per_minute),
        user_agents: fields
            .take("user_agents")
            .and_then(Node::fields)
            .map(user_agents)
            .unwrap_or_default(),
        actions: fields.take("actions").map(actions).unwrap_or_default(),
        endpoints: fields.take("endpoints").map(endpoints).unwrap_or(default.endpoints),
        client_ip: fields
            .take("client_ip")
            .and_then(Node::fields)
            .and_then(client_ip)
            .unwrap_or_default(),
        country_header: fields.take("country_header").and_then(Node::string),
        spam_referrers: fields
            .take("spam_referrers")
            .and_then(Node::fields)
            .map(spam_referrers)
            .unwrap_or_default(),
    };
    fields.finish();
    config
}

fn mode(node: Node<'_, '_>) -> Option<Mode> {
    node.word(&Mode::ALL, Mode::id)
}

fn share(node: Node<'_, '_>) -> Option<Share> {
    let (at, problems) = (node.at.clone(), node.problems);
    let percent = node.number()?;
    problems.keep(Share::of_percent(&percent).map_err(|problem| problem.under(&at)))
}

fn actions(node: Node<'_, '_>) -> Actions {
    let problems = node.problems;
    let entries = node.entries().unwrap_or_default().into_iter();
    let action = |(name, node): (String, Node<'_, '_>)| {
        let name = Node { at: node.at.clone(), value: Json::String(name.into()), problems };
        let reason = name.word(&Reason::ALL, Reason::id);
        Some((reason?, node.word(&Disposition::ALL, Disposition::id)?))
    };
    entries.filter_map(action).collect()
}

fn user_agents(mut fields: Fields<'_, '_>) -> UserAgentSpec {
    let spec =
        UserAgentSpec { deny: fields.take_strings("deny"), allow: fields.take_strings("allow") };
    fields.finish();
    spec
}

fn spam_referrers(mut fields: Fields<'_, '_>) -> SpamReferrerSpec {
    let default = SpamReferrerSpec::default();
    let spec = SpamReferrerSpec {
        builtin: fields.take_boolean("builtin").unwrap_or(default.builtin),
        subdomains: fields.take_boolean("subdomains").unwrap_or(default.subdomains),
        deny: fields.take_strings("deny"),
        allow: fields.take_strings("allow"),
    };
    fields.finish();
    spec
}

fn client_ip(mut fields: Fields<'_, '_>) -> Option<ClientIpSpec> {
    let words = ["connection", "header", "vendor"];
    let from = fields
        .need("from", "\"connection\", \"header\" or \"vendor\"")
        .and_then(|node| node.word(&words, |word| word));
    let spec = match from {
        Some("header") => {
            let name = fields.need("name", "the name of a header field").and_then(Node::string);
            let trusted_hops = fields
                .need("trusted_hops", "how many proxies in front are trusted")
                .and_then(Node::count);
            name.zip(trusted_hops)
                .map(|(name, trusted_hops)| ClientIpSpec::Header { name, trusted_hops })
        }
        Some("vendor") => Some(ClientIpSpec::Vendor),
        Some(_) => Some(ClientIpSpec::Connection),
        None => {
            // Which fields belong here is not known then.
            return None;
        }
    };
    fields.finish();
    spec
}

fn endpoints(node: Node<'_, '_>) -> Vec<EndpointSpec> {
    if node.value == Json::List(Vec::new()) {
        node.problems.add(Problem::new(
            node.at,
            "at least one endpoint, or the field left out",
            "an empty list",
        ));
        return Vec::new();
    }
    node.elements()
        .unwrap_or_default()
        .into_iter()
        .filter_map(Node::fields)
        .filter_map(endpoint)
        .collect()
}

fn endpoint(mut fields: Fields<'_, '_>) -> Option<EndpointSpec> {
    let name = fields.need("name", "a name for annotations and metrics").and_then(Node::string);
    let vendor = fields.need("vendor", "whose contract the endpoint follows");
    let vendor = vendor.and_then(|node| node.word(&Vendor::ALL, Vendor::id));
    let spec = EndpointSpec {
        hosts: fields.take("hosts").and_then(Node::strings),
        paths: fields.take("paths").and_then(Node::strings),
        mode: fields.take("mode").and_then(mode),
        enforce_percent: fields.take("enforce_percent").and_then(share),
        limits: fields.take("limits").and_then(Node::fields).map(limits).unwrap_or_default(),
        actions: fields.take("actions").map(actions).unwrap_or_default(),
        access_control_allow_origin: fields
            .take("access_control_allow_origin")
            .and_then(Node::string),
        credentialed_origins: fields.take("credentialed_origins").and_then(Node::strings),
        require_user_agent: fields.take_boolean("require_user_agent"),
        trust_ip_type_header: fields.take_boolean("trust_ip_type_header"),
        datacenter_ranges: fields.take("datacenter_ranges").and_then(Node::strings),
        sites: fields.take("sites").and_then(Node::entries).map(sites),
        partial_drops: fields
            .take("partial_drops")
            .and_then(|node| node.word(&PartialDrops::ALL, PartialDrops::id)),
        api_keys_sha256: fields.take("api_keys_sha256").and_then(Node::strings),
        custom: fields.take("custom").and_then(Node::fields).map(super::read_custom::custom),
        ..EndpointSpec::documented(
            fields.at.clone(),
            name.unwrap_or_default(),
            vendor.unwrap_or(Vendor::Convert),
        )
    };
    fields.finish();
    // Without a vendor it has been read for the problems in it alone.
    vendor.map(|_| spec)
}

fn limits(mut fields: Fields<'_, '_>) -> LimitsSpec {
    let spec = LimitsSpec {
        request_bytes: fields.take_limit("request_bytes"),
        batch_bytes: fields.take_limit("batch_bytes"),
        event_bytes: fields.take_limit("event_bytes"),
    };
    fields.finish();
    spec
}

fn sites(entries: Vec<(String, Node<'_, '_>)>) -> Vec<(String, SiteSpec)> {
    entries.into_iter().filter_map(|(domain, node)| Some((domain, site(node.fields()?)))).collect()
}

fn site(mut fields: Fields<'_, '_>) -> SiteSpec {
    let spec = SiteSpec {
        ip_blocklist: fields.take("ip_blocklist").and_then(Node::strings),
        country_blocklist: fields.take("country_blocklist").and_then(Node::strings),
        page_blocklist: fields.take("page_blocklist").and_then(Node::strings),
        hostname_allowlist: fields.take("hostname_allowlist").and_then(Node::strings),
    };
    fields.finish();
    spec
}
