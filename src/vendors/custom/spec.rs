//! What the operator writes under `custom`, and how it is compiled.

use super::Policy;
use super::fields::{FieldSpec, Fields, Pointer};
use super::replies::{Replies, ReplyFor, ReplySpec};
use crate::config::declare::{Nothing, choice, object, text, words};
use crate::config::read::{Entries, NonEmpty, NotEmpty};
use crate::rules::content_type::{FieldName, is_token_text};
use crate::rules::key_digests::KeyDigests;
use crate::rules::problem::Problem;
use crate::vendors::{Limits, Shared};
use std::num::NonZeroUsize;
use std::sync::Arc;

object! {
    /// Any other collector.
    pub struct CustomSpec {
        /// Media types that are taken; any if left out.
        media_types: Option<NotEmpty<Vec<Essence>>>,
        /// What the body is.
        #[schemars(extend("default" = "json"))]
        body: Option<BodyKind>,
        /// JSON pointer (RFC 6901) to the array of events; `""` is the whole body. If left out the
        /// body is one event.
        batch: Option<Pointer>,
        /// Events in a batch, at most.
        max_events: Option<NonZeroUsize>,
        /// Where a key must be; no key is asked for if left out.
        credentials: Option<CredentialsSpec>,
        /// Which classes of User-Agents are bots.
        #[schemars(extend("default" = "off"))]
        user_agents: Option<UserAgentPolicy>,
        /// A User-Agent with one of these, `/` and a version is not a bot.
        #[schemars(default)]
        opt_out_tokens: Vec<Product>,
        /// What is looked at in an event, or in the request.
        #[schemars(default)]
        fields: Vec<FieldSpec>,
        /// What is answered, by reason, or for every `drop` or `reject`. If left out: 200 without a
        /// body; or the status that RFC 9110 has for the reason, with `{"error": …}`.
        #[schemars(default)]
        replies: Entries<ReplyFor, ReplySpec>,
    }
}

words! {
    /// What the body is.
    #[derive(Default)]
    pub enum BodyKind {
        /// It is read.
        #[default]
        Json = "json",
        /// Anything: its size alone is looked at.
        Opaque = "opaque",
    }
}

words! {
    /// Which classes of User-Agents are bots.
    #[derive(Default)]
    pub enum UserAgentPolicy {
        /// None.
        #[default]
        Off = "off",
        /// Crawlers and headless browsers.
        Bots = "bots",
        /// And the default agents of HTTP libraries.
        BotsAndHttpLibraries = "bots_and_http_libraries",
    }
}

choice! {
    /// Where a key must be.
    pub enum CredentialsSpec by "from" {
        /// `Authorization: <scheme> <key>`
        Authorization(Scheme) = "authorization",
        /// The user of `Authorization: Basic`; the password is not looked at.
        Basic(Nothing) = "basic",
        /// A header field that holds nothing else.
        Header(HeaderKey) = "header",
        /// A query parameter that is not empty.
        Query(QueryKey) = "query",
    }
}

object! {
    /// An authentication scheme.
    pub struct Scheme {
        /// Such as `Bearer`.
        scheme: SchemeName,
    }
}

object! {
    /// A header field.
    pub struct HeaderKey {
        /// The field.
        name: FieldName,
    }
}

object! {
    /// A query parameter.
    pub struct QueryKey {
        /// The parameter.
        name: NonEmpty,
    }
}

/// A token of RFC 9110: the name of an authentication scheme.
#[derive(Debug, Clone)]
pub struct SchemeName(pub String);

text!(
    SchemeName = |text| token(text, "an authentication scheme such as \"Bearer\"").map(SchemeName)
);

/// The name of a product, as it stands in a User-Agent before `/`.
#[derive(Debug, Clone)]
pub struct Product(pub String);

text!(Product = |text| token(text, "a product's name such as \"AcmeMonitor\"").map(Product));

fn token(text: &str, expected: &str) -> Result<String, Problem> {
    if is_token_text(text) {
        Ok(text.to_owned())
    } else {
        Err(Problem::new("", expected, format!("{text:?}")))
    }
}

/// A media type without parameters, in lower case.
#[derive(Debug, Clone)]
pub struct Essence(pub String);

text!(Essence = Essence::new);

impl Essence {
    /// # Errors
    /// Not two tokens with a `/` between them.
    pub fn new(text: &str) -> Result<Self, Problem> {
        match text.split_once('/') {
            Some((kind, sub)) if is_token_text(kind) && is_token_text(sub) => {
                Ok(Essence(text.to_ascii_lowercase()))
            }
            Some(_) | None => {
                let expected = "a media type without parameters, such as \"application/json\"";
                Err(Problem::new("", expected, format!("{text:?}")))
            }
        }
    }
}

impl CredentialsSpec {
    /// For messages.
    pub fn place(&self) -> String {
        match self {
            CredentialsSpec::Authorization(Scheme { scheme }) => {
                format!("Authorization: {} <key>", scheme.0)
            }
            CredentialsSpec::Basic(_) => "Authorization: Basic".to_owned(),
            CredentialsSpec::Header(key) => format!("the header field {}", key.name.0),
            CredentialsSpec::Query(key) => format!("the query parameter {}", key.name.0),
        }
    }
}

impl CustomSpec {
    /// # Errors
    /// The first setting that could never take effect.
    pub fn compile(
        &self,
        keys: Option<Arc<KeyDigests>>,
        limits: Limits,
        shared: &Arc<Shared>,
    ) -> Result<Policy, Problem> {
        if keys.is_some() && self.credentials.is_none() {
            let expected = "\"custom.credentials\", which says where the key stands";
            let found = "keys to compare with and none to look for";
            return Err(Problem::new("api_keys_sha256", expected, found));
        }
        self.check_reach().map_err(|problem| problem.under("custom"))?;
        let fields = Fields::compile(self.batch.as_ref(), &self.fields);
        Ok(Policy {
            user_agents: self.user_agents.unwrap_or_default(),
            opt_out_tokens: self.opt_out_tokens.iter().map(|token| token.0.clone()).collect(),
            credentials: self.credentials.clone(),
            keys,
            media_types: self
                .media_types
                .iter()
                .flat_map(|types| types.iter())
                .map(|Essence(essence)| essence.clone())
                .collect(),
            body: self.body.unwrap_or_default(),
            max_events: self.max_events.map(NonZeroUsize::get),
            fields: fields.map_err(|problem| problem.under("custom"))?,
            replies: Replies::compile(&self.replies),
            limits,
            shared: Arc::clone(shared),
        })
    }

    /// Settings that could never take effect.
    fn check_reach(&self) -> Result<(), Problem> {
        let is_opaque = self.body == Some(BodyKind::Opaque);
        let is_off = self.user_agents.unwrap_or_default() == UserAgentPolicy::Off;
        let rows = [
            (is_opaque && !self.fields.is_empty(), "fields", "no fields where body is \"opaque\""),
            (is_opaque && self.batch.is_some(), "batch", "no batch where body is \"opaque\""),
            (
                self.batch.is_none() && self.max_events.is_some(),
                "max_events",
                "a limit only where there is a batch",
            ),
            (
                is_off && !self.opt_out_tokens.is_empty(),
                "opt_out_tokens",
                "no tokens where user_agents is \"off\"",
            ),
        ];
        match rows.into_iter().find(|(is_wrong, ..)| *is_wrong) {
            Some((_, field, expected)) => {
                Err(Problem::new(field, expected, "what could never take effect"))
            }
            None => Ok(()),
        }
    }
}
