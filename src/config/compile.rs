//! From what the operator wrote to the gate, and what can only be checked when all of it is read.

use super::Config;
use super::node::Problems;
use super::read::At;
use super::written::{AllowOriginSpec, EndpointSpec, Written};
use crate::gate::{BodyPhase, Endpoint, Gate, Quarantine, Reasons};
use crate::reply::AllowOrigin;
use crate::rules::endpoint::{PathPattern, Table};
use crate::rules::problem::Problem;
use crate::rules::referrer::SpamReferrers;
use crate::rules::share::Share;
use crate::rules::user_agent::UserAgents;
use crate::vendors::{Contract, Limits, Shared};
use crate::verdict::{Disposition, Dispositions, Reason};
use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// The gate; it is of use only where there is no problem.
pub fn compile(config: &Config, problems: &Problems) -> Gate {
    let written = &config.written;
    let shared = Arc::new(shared(written));
    if problems.count() == 0 {
        check_global_actions(config, problems);
    }
    if written.filter_state == Some(false) && written.body_phase == Some(BodyPhase::Compat) {
        let expected = "true in compat, where the annotations reach the collector by filter state";
        problems.add(Problem::new("filter_state", expected, "false"));
    }
    let mut endpoints: Vec<Arc<Endpoint>> = Vec::with_capacity(config.endpoints.len());
    let mut names = HashSet::new();
    for spec in &config.endpoints {
        if !names.insert(spec.name.0.as_str()) {
            let message = format!("duplicate endpoint name {:?}", spec.name.0);
            problems.add(Problem::of(spec.at.clone(), message));
        }
        // What was left out of one with problems may be what makes the rest of it one.
        if spec.is_whole {
            let endpoint = endpoint(written, spec, endpoints.len(), &shared, problems);
            endpoints.extend(endpoint.map(Arc::new));
        }
    }
    let mut table = Table::default();
    for endpoint in &endpoints {
        table.add(endpoint, &endpoint.hosts, &endpoint.paths);
    }
    Gate {
        endpoints,
        table,
        shared,
        header_prefix: written.header_prefix.clone().unwrap_or_default().0,
        body_phase: written.body_phase.unwrap_or_default(),
        explain: written.explain_sha256.as_ref().map(|digests| digests.0.clone()),
    }
}

fn shared(written: &Written) -> Shared {
    let user_agents = written.user_agents.clone().unwrap_or_default();
    let spam_referrers = written.spam_referrers.clone().unwrap_or_default();
    Shared {
        user_agents: UserAgents::compile(&user_agents),
        spam_referrers: SpamReferrers::compile(&spam_referrers),
        client_ip: written.client_ip.clone().unwrap_or_default(),
        country_header: written.country_header.clone(),
    }
}

/// A global override must mean something to at least one endpoint.
fn check_global_actions(config: &Config, problems: &Problems) {
    for (reason, _) in config.written.actions.iter() {
        let mut givers = config
            .endpoints
            .iter()
            .filter(|endpoint| contract(endpoint).disposition(*reason).is_some());
        let at = format!("actions.{}", reason.id());
        let overrides =
            |endpoint: &At<EndpointSpec>| endpoint.actions.iter().any(|(own, _)| own == reason);
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

fn contract(spec: &EndpointSpec) -> &'static Contract {
    spec.vendor.vendor().contract()
}

fn endpoint(
    written: &Written,
    spec: &At<EndpointSpec>,
    number: usize,
    shared: &Arc<Shared>,
    problems: &Problems,
) -> Option<Endpoint> {
    fn keep<T>(problems: &Problems, at: &str, result: Result<T, Problem>) -> Option<T> {
        problems.keep(result.map_err(|problem| problem.under(at)))
    }
    let at = &spec.at;
    let paths = keep(problems, at, paths(spec));
    let dispositions = keep(problems, at, dispositions(written, spec));
    let allow_origin = keep(problems, at, allow_origin(spec));
    let quarantine = keep(problems, at, quarantine(written, spec));
    let limits = keep(problems, at, limits(spec))?;
    let checks = keep(problems, at, spec.vendor.fields().checks(limits, shared));
    Some(Endpoint {
        number,
        name: spec.name.0.clone(),
        vendor: spec.vendor.vendor(),
        mode: spec.mode.or(written.mode).unwrap_or_default(),
        enforced: spec.enforce_percent.or(written.enforce_percent).unwrap_or(Share::ALL),
        hosts: spec.hosts.iter().flat_map(|hosts| hosts.iter()).cloned().collect(),
        paths: paths?,
        limits,
        dispositions: dispositions?,
        allow_origin: allow_origin?,
        checks: checks?,
        shared: Arc::clone(shared),
        quarantine: quarantine?,
        buffer_limit_bytes: written.buffer_limit_bytes.map_or(usize::MAX, NonZeroUsize::get),
    })
}

/// The vendor's own where the operator names none.
fn paths(spec: &EndpointSpec) -> Result<Vec<PathPattern>, Problem> {
    match &spec.paths {
        Some(paths) => Ok(paths.to_vec()),
        None if contract(spec).paths.is_empty() => Err(Problem::of("", "missing field \"paths\"")),
        None => contract(spec).paths.iter().map(|path| PathPattern::compile(path)).collect(),
    }
}

fn limits(spec: &EndpointSpec) -> Result<Limits, Problem> {
    let contract = spec.vendor.fields().limits(contract(spec).limits);
    match &spec.limits {
        Some(limits) => {
            let vendor = spec.vendor.vendor().id();
            limits.over(contract, vendor).map_err(|problem| problem.under("limits"))
        }
        None => Ok(contract),
    }
}

/// The contract's defaults, the global overrides that mean something to the vendor, then the
/// endpoint's own.
fn dispositions(written: &Written, spec: &EndpointSpec) -> Result<Dispositions, Problem> {
    let contract = contract(spec);
    let global =
        written.actions.iter().filter(|(reason, _)| contract.disposition(*reason).is_some());
    let actions: Vec<(Reason, Disposition)> = global.chain(spec.actions.iter()).copied().collect();
    Dispositions::new(|reason| contract.disposition(reason), &actions).map_err(|reason| {
        let expected = format!("a reason that vendor {:?} gives", spec.vendor.vendor().id());
        Problem::new(
            format!("actions.{}", reason.id()),
            expected,
            "one it never gives, so that the override could never take effect",
        )
    })
}

/// The endpoint's own, else the global one; of the reasons that its own names each must be one that
/// the vendor gives.
fn quarantine(written: &Written, spec: &EndpointSpec) -> Result<Option<Quarantine>, Problem> {
    let contract = contract(spec);
    let named = spec.quarantine.iter().flat_map(|own| &own.reasons).flat_map(Reasons::named);
    for reason in named {
        if contract.disposition(*reason).is_none() {
            let expected = format!("reasons that vendor {:?} gives", spec.vendor.vendor().id());
            return Err(Problem::new("quarantine.reasons", expected, format!("{:?}", reason.id())));
        }
    }
    Ok(spec.quarantine.as_ref().or(written.quarantine.as_ref()).map(Quarantine::from))
}

fn allow_origin(spec: &EndpointSpec) -> Result<Option<AllowOrigin>, Problem> {
    const FIELD: &str = "credentialed_origins";
    match (&spec.access_control_allow_origin, &spec.credentialed_origins) {
        (Some(AllowOriginSpec::Listed), Some(origins)) => {
            let origins = origins.iter().map(|origin| origin.0.as_str().into()).collect();
            Ok(Some(AllowOrigin::Listed(origins)))
        }
        (Some(AllowOriginSpec::Listed), None) => {
            let expected = "the origins that may read the replies, where access_control_allow_origin is \"origin\"";
            Err(Problem::new(FIELD, expected, "nothing"))
        }
        (Some(AllowOriginSpec::Always(_)) | None, Some(_)) => {
            let expected = "this list only where access_control_allow_origin is \"origin\"";
            Err(Problem::new(FIELD, expected, "one that could never take effect"))
        }
        (Some(AllowOriginSpec::Always(value)), None) => {
            Ok(Some(AllowOrigin::Always(value.as_str().into())))
        }
        (None, None) => {
            let value = contract(spec).allow_origin;
            Ok(value.map(|value| AllowOrigin::Always(value.into())))
        }
    }
}
