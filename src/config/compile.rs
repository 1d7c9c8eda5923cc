//! From what was written to what is run: every pattern compiled, every default filled in, every
//! contradiction refused.

use super::node::Problems;
use super::{Actions, Config, EndpointSpec, LimitsSpec};
use crate::gate::{Endpoint, Gate};
use crate::reply::AllowOrigin;
use crate::rules::cidr::CidrSet;
use crate::rules::client_ip::ClientIp;
use crate::rules::content_type::{field_name, is_token};
use crate::rules::endpoint::{HostPattern, PathPattern, Table};
use crate::rules::hash::hash;
use crate::rules::key_digests::KeyDigests;
use crate::rules::problem::Problem;
use crate::rules::referrer::SpamReferrers;
use crate::rules::user_agent::UserAgents;
use crate::vendors::plausible::sites::Sites;
use crate::vendors::{
    Checks, Limits, Shared, Vendor, commanders_act, convert, plausible, userpilot,
};
use crate::verdict::Dispositions;
use std::collections::HashSet;
use std::sync::Arc;

/// `None` where a part could not be compiled, for which a problem is kept.
pub fn compile(config: &Config, problems: &Problems) -> Option<Gate> {
    let header_prefix = problems.keep(
        header_prefix(&config.header_prefix).map_err(|problem| problem.under("header_prefix")),
    );
    let shared = shared(config, problems).map(Arc::new);
    check_global_actions(config, problems);
    let mut endpoints: Vec<Arc<Endpoint>> = Vec::with_capacity(config.endpoints.len());
    let mut names = HashSet::new();
    for spec in &config.endpoints {
        if !names.insert(hash(spec.name.as_bytes())) {
            let found = format!("{:?} a second time", spec.name);
            problems.add(Problem::new("name", "a name of its own", found).under(&spec.at));
        }
        if let Some(shared) = &shared {
            let endpoint = endpoint(config, spec, endpoints.len(), shared, problems);
            endpoints.extend(endpoint.map(Arc::new));
        }
    }
    let mut table = Table::default();
    for endpoint in &endpoints {
        table.add(endpoint, &endpoint.hosts, &endpoint.paths);
    }
    Some(Gate {
        endpoints,
        table,
        shared: shared?,
        header_prefix: header_prefix?,
        body_phase: config.body_phase,
    })
}

fn shared(config: &Config, problems: &Problems) -> Option<Shared> {
    let user_agents =
        UserAgents::compile(&config.user_agents).map_err(|problem| problem.under("user_agents"));
    let spam_referrers = SpamReferrers::compile(&config.spam_referrers)
        .map_err(|problem| problem.under("spam_referrers"));
    let client_ip =
        ClientIp::compile(&config.client_ip).map_err(|problem| problem.under("client_ip"));
    let country_header = config.country_header.as_deref().map(field_name).transpose();
    let user_agents = problems.keep(user_agents);
    let spam_referrers = problems.keep(spam_referrers);
    let client_ip = problems.keep(client_ip);
    let country_header =
        problems.keep(country_header.map_err(|problem| problem.under("country_header")));
    Some(Shared {
        user_agents: user_agents?,
        spam_referrers: spam_referrers?,
        client_ip: client_ip?,
        country_header: country_header?,
    })
}

fn header_prefix(prefix: &str) -> Result<String, Problem> {
    let fits = prefix.len() > 2
        && prefix.len() <= 64
        && prefix.ends_with('-')
        && prefix.bytes().all(is_token);
    let lower = prefix.to_ascii_lowercase();
    if fits {
        Ok(lower)
    } else {
        Err(Problem::new(
            "",
            "the start of a header field name, such as \"x-track-\"",
            format!("{prefix:?}"),
        ))
    }
}

/// A global override must mean something to at least one endpoint.
fn check_global_actions(config: &Config, problems: &Problems) {
    for (reason, _) in &config.actions {
        let mut givers = config
            .endpoints
            .iter()
            .filter(|endpoint| endpoint.vendor.contract().disposition(*reason).is_some());
        let at = format!("actions.{}", reason.id());
        let overrides =
            |endpoint: &EndpointSpec| endpoint.actions.iter().any(|(own, _)| own == reason);
        if givers.clone().next().is_none() {
            let found = format!("{} at none of the configured endpoints' vendors", reason.id());
            problems.add(Problem::new(at, "a reason that some endpoint can give", found));
        } else if givers.all(overrides) {
            let found = "one that each such endpoint overrides with its own, so that it could never take effect";
            problems.add(Problem::new(
                at,
                "a reason that some endpoint gives and does not override",
                found,
            ));
        }
    }
}

fn endpoint(
    config: &Config,
    spec: &EndpointSpec,
    number: usize,
    shared: &Arc<Shared>,
    problems: &Problems,
) -> Option<Endpoint> {
    fn keep<T>(problems: &Problems, spec: &EndpointSpec, result: Result<T, Problem>) -> Option<T> {
        problems.keep(result.map_err(|problem| problem.under(&spec.at)))
    }
    keep(problems, spec, check_name(&spec.name));
    keep(problems, spec, check_vendor_fields(spec));
    let hosts = keep(problems, spec, list("hosts", spec.hosts.as_deref(), HostPattern::compile));
    let paths = keep(problems, spec, paths(spec));
    let limits = keep(problems, spec, limits(spec));
    let dispositions = keep(problems, spec, dispositions(config, spec));
    let allow_origin = keep(problems, spec, allow_origin(spec));
    let limits = limits?;
    let checks = keep(problems, spec, checks(spec, limits, shared));
    Some(Endpoint {
        number,
        name: spec.name.clone(),
        vendor: spec.vendor,
        mode: spec.mode.unwrap_or(config.mode),
        enforced: spec.enforce_percent.unwrap_or(config.enforce_percent),
        hosts: hosts?.unwrap_or_default(),
        paths: paths?,
        limits,
        dispositions: dispositions?,
        allow_origin: allow_origin?,
        checks: checks?,
        shared: Arc::clone(shared),
        buffer_limit_bytes: config.buffer_limit_bytes.unwrap_or(usize::MAX),
    })
}

fn paths(spec: &EndpointSpec) -> Result<Vec<PathPattern>, Problem> {
    if spec.vendor == Vendor::Custom && spec.paths.is_none() {
        return Err(Problem::new(
            "paths",
            "at least one path, as vendor \"custom\" has none of its own",
            "nothing",
        ));
    }
    match list("paths", spec.paths.as_deref(), PathPattern::compile)? {
        Some(paths) => Ok(paths),
        None => {
            let paths = spec.vendor.contract().paths.iter();
            paths.map(|path| PathPattern::compile(path)).collect()
        }
    }
}

/// A token of structured fields that is also fit for the name of a metric.
fn check_name(name: &str) -> Result<(), Problem> {
    let starts = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    let fits =
        name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if starts && fits && name.len() <= 64 {
        return Ok(());
    }
    Err(Problem::new(
        "name",
        "a lower-case letter, then letters, digits and \"_\", at most 64",
        format!("{name:?}"),
    ))
}

/// A field of one vendor that stands at another would never take effect.
fn check_vendor_fields(spec: &EndpointSpec) -> Result<(), Problem> {
    let fields = [
        ("require_user_agent", spec.require_user_agent.is_some(), [Vendor::Convert].as_slice()),
        ("trust_ip_type_header", spec.trust_ip_type_header.is_some(), &[Vendor::Plausible]),
        ("datacenter_ranges", spec.datacenter_ranges.is_some(), &[Vendor::Plausible]),
        ("sites", spec.sites.is_some(), &[Vendor::Plausible]),
        ("partial_drops", spec.partial_drops.is_some(), &[Vendor::Plausible]),
        ("api_keys_sha256", spec.api_keys_sha256.is_some(), &[Vendor::Userpilot, Vendor::Custom]),
        ("custom", spec.custom.is_some(), &[Vendor::Custom]),
    ];
    for (field, is_set, vendors) in fields {
        if is_set && !vendors.contains(&spec.vendor) {
            let ids: Vec<String> =
                vendors.iter().map(|vendor| format!("{:?}", vendor.id())).collect();
            let expected = format!("this field only where vendor is {}", ids.join(" or "));
            return Err(Problem::new(field, expected, format!("vendor {:?}", spec.vendor.id())));
        }
    }
    Ok(())
}

fn list<T>(
    field: &'static str,
    entries: Option<&[String]>,
    compile: fn(&str) -> Result<T, Problem>,
) -> Result<Option<Vec<T>>, Problem> {
    let Some(entries) = entries else { return Ok(None) };
    if entries.is_empty() {
        return Err(Problem::new(
            field,
            "at least one entry, or the field left out",
            "an empty list",
        ));
    }
    let compiled = entries.iter().enumerate();
    compiled
        .map(|(index, entry)| {
            compile(entry).map_err(|problem| problem.under(&format!("{field}[{index}]")))
        })
        .collect::<Result<_, _>>()
        .map(Some)
}

fn limits(spec: &EndpointSpec) -> Result<Limits, Problem> {
    let contract = match &spec.custom {
        // As large as the body may be, where the operator sets no limit.
        Some(custom) if custom.batch.is_some() => Limits {
            batch_bytes: usize::MAX,
            event_bytes: usize::MAX,
            ..spec.vendor.contract().limits
        },
        Some(_) | None => spec.vendor.contract().limits,
    };
    let LimitsSpec { request_bytes, batch_bytes, event_bytes } = spec.limits;
    let one = |name: &str, written: Option<usize>, contract: usize| match written {
        Some(_) if contract == 0 => {
            let found = format!("vendor {:?}, which has no batches here", spec.vendor.id());
            Err(Problem::new(
                format!("limits.{name}"),
                "this limit only where there are batches",
                found,
            ))
        }
        written => Ok(written.unwrap_or(contract)),
    };
    Ok(Limits {
        request_bytes: one("request_bytes", request_bytes, contract.request_bytes)?,
        batch_bytes: one("batch_bytes", batch_bytes, contract.batch_bytes)?,
        event_bytes: one("event_bytes", event_bytes, contract.event_bytes)?,
    })
}

/// The contract's defaults, the global overrides that mean something to the vendor, then the
/// endpoint's own.
fn dispositions(config: &Config, spec: &EndpointSpec) -> Result<Dispositions, Problem> {
    let global = config
        .actions
        .iter()
        .filter(|(reason, _)| spec.vendor.contract().disposition(*reason).is_some());
    let actions: Actions = global.chain(&spec.actions).copied().collect();
    let contract = spec.vendor.contract();
    Dispositions::new(|reason| contract.disposition(reason), &actions).map_err(|reason| {
        let expected = format!("a reason that vendor {:?} gives", spec.vendor.id());
        Problem::new(
            format!("actions.{}", reason.id()),
            expected,
            "one it never gives, so that the override could never take effect",
        )
    })
}

fn allow_origin(spec: &EndpointSpec) -> Result<Option<AllowOrigin>, Problem> {
    const FIELD: &str = "access_control_allow_origin";
    let is_value =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    match (spec.access_control_allow_origin.as_deref(), &spec.credentialed_origins) {
        (Some("origin"), Some(_)) => {
            let origins =
                list("credentialed_origins", spec.credentialed_origins.as_deref(), origin)?;
            Ok(origins.map(AllowOrigin::Listed))
        }
        (Some("origin"), None) => {
            let expected = "the origins that may read the replies, where access_control_allow_origin is \"origin\"";
            Err(Problem::new("credentialed_origins", expected, "nothing"))
        }
        (Some(_) | None, Some(_)) => {
            let expected = "this list only where access_control_allow_origin is \"origin\"";
            Err(Problem::new("credentialed_origins", expected, "one that could never take effect"))
        }
        (Some(value), None) if is_value(value) => Ok(Some(AllowOrigin::Always(value.to_owned()))),
        (Some(value), None) => {
            let expected = "\"*\", \"origin\", or an origin such as \"https://a.example\"";
            Err(Problem::new(FIELD, expected, format!("{value:?}")))
        }
        (None, None) => {
            let value = spec.vendor.contract().allow_origin;
            Ok(value.map(|value| AllowOrigin::Always(value.to_owned())))
        }
    }
}

/// As a browser writes it: scheme and host in lower case, no default port, no path.
fn origin(text: &str) -> Result<String, Problem> {
    let host =
        text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let fits =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._:[]".contains(&byte);
    if host.is_empty() || !host.bytes().all(fits) {
        return Err(Problem::new(
            "",
            "an origin such as \"https://a.example\", as a browser sends it",
            format!("{text:?}"),
        ));
    }
    Ok(text.to_owned())
}

fn checks(
    spec: &EndpointSpec,
    limits: Limits,
    shared: &Arc<Shared>,
) -> Result<Arc<dyn Checks>, Problem> {
    let shared = Arc::clone(shared);
    Ok(match spec.vendor {
        Vendor::Convert => {
            let require_user_agent = spec.require_user_agent.unwrap_or(true);
            Arc::new(convert::Policy { require_user_agent, limits, shared })
        }
        Vendor::Plausible => Arc::new(plausible_policy(spec, limits, shared)?),
        Vendor::Userpilot => Arc::new(userpilot::Policy { keys: keys(spec)?, limits }),
        Vendor::CommandersAct => Arc::new(commanders_act::Policy { limits }),
        Vendor::Custom => {
            let custom = spec
                .custom
                .as_ref()
                .ok_or_else(|| Problem::new("custom", "what the collector takes", "nothing"))?;
            Arc::new(custom.compile(keys(spec)?, limits, shared)?)
        }
    })
}

fn keys(spec: &EndpointSpec) -> Result<Option<KeyDigests>, Problem> {
    let entries = spec.api_keys_sha256.as_deref();
    entries
        .map(|entries| {
            KeyDigests::compile(entries).map_err(|problem| problem.under("api_keys_sha256"))
        })
        .transpose()
}

fn plausible_policy(
    spec: &EndpointSpec,
    limits: Limits,
    shared: Arc<Shared>,
) -> Result<plausible::Policy, Problem> {
    let ranges = spec.datacenter_ranges.as_deref().map(CidrSet::compile).transpose();
    let sites = spec.sites.as_deref().map(Sites::compile).transpose();
    Ok(plausible::Policy {
        trust_ip_type_header: spec.trust_ip_type_header.unwrap_or(false),
        datacenter_ranges: ranges
            .map_err(|problem| problem.under("datacenter_ranges"))?
            .unwrap_or_default(),
        sites: sites.map_err(|problem| problem.under("sites"))?.unwrap_or_default(),
        partial_drops: spec.partial_drops.unwrap_or_default(),
        limits,
        shared,
    })
}
