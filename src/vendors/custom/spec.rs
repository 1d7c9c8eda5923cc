//! What the operator writes under `custom`, and how it is compiled.

use super::Policy;
use super::fields::{FieldSpec, Fields};
use super::replies::{Replies, ReplySpec};
use crate::rules::content_type::{field_name, is_token};
use crate::rules::key_digests::KeyDigests;
use crate::rules::problem::Problem;
use crate::vendors::{Limits, Shared};
use std::sync::Arc;

/// Any other collector.
#[derive(Debug, Clone, Default)]
pub struct CustomSpec {
    /// Essences of media types that are taken: `application/json`. Left out: any.
    pub media_types: Option<Vec<String>>,
    pub body: BodyKind,
    /// JSON pointer (RFC 6901) to the array of events; `""` is the whole body. Left out: the body
    /// is one event.
    pub batch: Option<String>,
    /// Events in a batch, at most.
    pub max_events: Option<usize>,
    /// Where a key must be. Left out: no key is asked for.
    pub credentials: Option<CredentialsSpec>,
    pub user_agents: UserAgentPolicy,
    /// A User-Agent with one of these, `/` and a version is not a bot.
    pub opt_out_tokens: Vec<String>,
    /// What is looked at in an event, or in the request.
    pub fields: Vec<FieldSpec>,
    /// What is answered, by reason or for all drops or rejects. Left out: 200 without a body; or
    /// the status that RFC 9110 has for the reason, with `{"error": …}`.
    pub replies: Vec<(String, ReplySpec)>,
}

/// What the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BodyKind {
    #[default]
    Json,
    /// Anything: its size alone is looked at.
    Opaque,
}

impl BodyKind {
    pub const ALL: [BodyKind; 2] = [BodyKind::Json, BodyKind::Opaque];

    pub const fn id(self) -> &'static str {
        match self {
            BodyKind::Json => "json",
            BodyKind::Opaque => "opaque",
        }
    }
}

/// Which classes of User-Agents are bots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UserAgentPolicy {
    #[default]
    Off,
    /// Crawlers and headless browsers.
    Bots,
    /// And the default agents of HTTP libraries.
    BotsAndHttpLibraries,
}

impl UserAgentPolicy {
    pub const ALL: [UserAgentPolicy; 3] =
        [UserAgentPolicy::Off, UserAgentPolicy::Bots, UserAgentPolicy::BotsAndHttpLibraries];

    pub const fn id(self) -> &'static str {
        match self {
            UserAgentPolicy::Off => "off",
            UserAgentPolicy::Bots => "bots",
            UserAgentPolicy::BotsAndHttpLibraries => "bots_and_http_libraries",
        }
    }
}

/// Where a key must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialsSpec {
    /// `Authorization: <scheme> <key>`
    Authorization { scheme: String },
    /// The user of `Authorization: Basic`; the password is not looked at.
    Basic,
    /// A header field that holds nothing else.
    Header { name: String },
    /// A query parameter that is not empty.
    Query { name: String },
}

impl CredentialsSpec {
    /// For messages.
    pub fn place(&self) -> String {
        match self {
            CredentialsSpec::Authorization { scheme } => format!("Authorization: {scheme} <key>"),
            CredentialsSpec::Basic => "Authorization: Basic".to_owned(),
            CredentialsSpec::Header { name } => format!("the header field {name}"),
            CredentialsSpec::Query { name } => format!("the query parameter {name}"),
        }
    }
}

impl CustomSpec {
    /// # Errors
    /// The first thing that cannot be used.
    pub fn compile(
        &self,
        keys: Option<KeyDigests>,
        limits: Limits,
        shared: Arc<Shared>,
    ) -> Result<Policy, Problem> {
        if keys.is_some() && self.credentials.is_none() {
            let expected = "\"custom.credentials\", which says where the key stands";
            return Err(Problem::new(
                "api_keys_sha256",
                expected,
                "keys to compare with and none to look for",
            ));
        }
        self.check_reach().map_err(|problem| problem.under("custom"))?;
        let compiled = || -> Result<Policy, Problem> {
            Ok(Policy {
                user_agents: self.user_agents,
                opt_out_tokens: self.tokens()?,
                credentials: self.credentials()?,
                keys: keys.clone(),
                media_types: self.media_types()?,
                body: self.body,
                max_events: self.max_events,
                fields: Fields::compile(self.batch.as_deref(), &self.fields)?,
                replies: Replies::compile(&self.replies)
                    .map_err(|problem| problem.under("replies"))?,
                limits,
                shared: Arc::clone(&shared),
            })
        };
        compiled().map_err(|problem| problem.under("custom"))
    }

    /// Settings that could never take effect.
    fn check_reach(&self) -> Result<(), Problem> {
        let without_batch = self.batch.is_none();
        match self.body {
            BodyKind::Opaque if !self.fields.is_empty() => Err(Problem::new(
                "fields",
                "no fields where body is \"opaque\"",
                "a list that could never take effect",
            )),
            BodyKind::Opaque if !without_batch => Err(Problem::new(
                "batch",
                "no batch where body is \"opaque\"",
                "a pointer that could never take effect",
            )),
            BodyKind::Json | BodyKind::Opaque if without_batch && self.max_events.is_some() => {
                Err(Problem::new(
                    "max_events",
                    "a limit only where there is a batch",
                    "one that could never take effect",
                ))
            }
            BodyKind::Json | BodyKind::Opaque => Ok(()),
        }
    }

    fn tokens(&self) -> Result<Vec<String>, Problem> {
        if self.user_agents == UserAgentPolicy::Off && !self.opt_out_tokens.is_empty() {
            return Err(Problem::new(
                "opt_out_tokens",
                "no tokens where user_agents is \"off\"",
                "a list that could never take effect",
            ));
        }
        let wrong = |token: &String| token.is_empty() || !token.bytes().all(is_token);
        match self.opt_out_tokens.iter().position(wrong) {
            Some(index) => Err(Problem::new(
                format!("opt_out_tokens[{index}]"),
                "a product's name such as \"AcmeMonitor\"",
                "another text",
            )),
            None => Ok(self.opt_out_tokens.clone()),
        }
    }

    fn credentials(&self) -> Result<Option<CredentialsSpec>, Problem> {
        let checked = |spec: &CredentialsSpec| match spec {
            CredentialsSpec::Authorization { scheme }
                if scheme.is_empty() || !scheme.bytes().all(is_token) =>
            {
                Err(Problem::new(
                    "scheme",
                    "an authentication scheme such as \"Bearer\"",
                    format!("{scheme:?}"),
                ))
            }
            CredentialsSpec::Query { name } if name.is_empty() => {
                Err(Problem::new("name", "the name of a query parameter", "\"\""))
            }
            CredentialsSpec::Header { name } => match field_name(name) {
                Ok(name) => Ok(CredentialsSpec::Header { name }),
                Err(problem) => Err(problem.under("name")),
            },
            CredentialsSpec::Authorization { .. }
            | CredentialsSpec::Query { .. }
            | CredentialsSpec::Basic => Ok(spec.clone()),
        };
        self.credentials
            .as_ref()
            .map(checked)
            .transpose()
            .map_err(|problem| problem.under("credentials"))
    }

    fn media_types(&self) -> Result<Vec<String>, Problem> {
        let types = self.media_types.as_deref().unwrap_or_default();
        if self.media_types.is_some() && types.is_empty() {
            return Err(Problem::new(
                "media_types",
                "at least one entry, or the field left out",
                "an empty list",
            ));
        }
        let is_essence = |text: &str| {
            text.split_once('/').is_some_and(|(kind, sub)| {
                [kind, sub].iter().all(|part| !part.is_empty() && part.bytes().all(is_token))
            })
        };
        match types.iter().position(|text| !is_essence(text)) {
            Some(index) => {
                let found = types.get(index).map(|text| format!("{text:?}")).unwrap_or_default();
                Err(Problem::new(
                    format!("media_types[{index}]"),
                    "a media type without parameters, such as \"application/json\"",
                    found,
                ))
            }
            None => Ok(types.iter().map(|text| text.to_ascii_lowercase()).collect()),
        }
    }
}
