//! Why a request is not simply passed: each reason once, with its id, status and meaning. How a
//! vendor treats it by default stands in the vendor's contract.

use crate::config::node::Node;
use crate::config::read::Read;

/// Declares the reasons. A row is a variant, its id, the status of a reject for it, what it means
/// to the operator, and what the sender should do.
macro_rules! reasons {
    ($($variant:ident $id:literal $status:literal $means:literal $advice:literal)*) => {
        /// Why a request is not simply passed. The ids are public: never renamed, only added to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $(#[doc = $means] $variant,)*
        }

        impl Reason {
            /// All reasons, in the order of the enum.
            pub const ALL: [Reason; Reason::COUNT] = [$(Reason::$variant),*];
            /// How many there are.
            pub const COUNT: usize = [$($status),*].len();

            /// The token in headers, metrics, logs and the configuration.
            pub const fn id(self) -> &'static str {
                match self {
                    $(Reason::$variant => $id,)*
                }
            }

            /// The status of a reject where the vendor documents none: RFC 9110's.
            pub const fn status(self) -> u16 {
                match self {
                    $(Reason::$variant => $status,)*
                }
            }

            /// One line for the operator: what has been found.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Reason::$variant => $means,)*
                }
            }

            /// One line for whoever sends such requests: what to do.
            pub const fn advice(self) -> &'static str {
                match self {
                    $(Reason::$variant => $advice,)*
                }
            }
        }
    };
}

reasons! {
    Bot "bot" 403
        "The User-Agent is that of a listed crawler or a headless browser; at Convert also of an HTTP library, empty or missing."
        "Send the User-Agent of the browser, or of your own product; Convert lets ConvertAgent/<version> through."
    BotSuspected "bot_suspected" 403
        "The User-Agent only looks like a bot's, or names a product that nobody lists."
        "Name your product and its version in the User-Agent."
    SpamReferrer "spam_referrer" 403
        "The host of the event's referrer is on the list of spam referrers."
        "Send the referrer that the browser gives."
    VerificationAgent "verification_agent" 403
        "The User-Agent is that of Plausible's installation check."
        "Nothing: the check's own events are not counted."
    DcIp "dc_ip" 403
        "The client's address belongs to a data center."
        "Send events from where the visitor is."
    ThreatIp "threat_ip" 403
        "A trusted proxy calls the client's address a threat."
        "Send events from another network."
    SiteHostnameAllowlist "site_hostname_allowlist" 403
        "The page's host is on none of the site's allowed patterns."
        "Load the script on the hosts of the site alone, or ask its owner to allow this one."
    SitePageBlocklist "site_page_blocklist" 403
        "The page's path matches a pattern that the site's owner does not want counted."
        "Send no events for this page."
    SiteIpBlocklist "site_ip_blocklist" 403
        "The site's owner does not want the client's address counted."
        "Send no events from this address."
    SiteCountryBlocklist "site_country_blocklist" 403
        "The site's owner does not want the client's country counted."
        "Send no events from this country."
    Invalid "invalid" 400
        "Plausible cannot use the event: it is not JSON, or a field is missing, too long or of another type."
        "Mend the fields that the reply names."
    InvalidJson "invalid_json" 400
        "The body is not JSON."
        "Send one JSON value, in UTF-8, without anything after it."
    InvalidShape "invalid_shape" 400
        "The body is JSON, but not of the shape that the vendor documents."
        "Send the object, with the members that the reply names."
    MissingField "missing_field" 400
        "A required field is missing, null, empty or blank."
        "Send the fields that the reply names."
    FieldType "field_type" 400
        "A field has another type than the vendor documents."
        "Send the field as the type that the reply names."
    ContentType "content_type" 415
        "The media type is not one that the vendor documents; or the request is a stream, whose body is not read."
        "Send Content-Type: application/json."
    ContentEncoding "content_encoding" 415
        "The body is compressed, or is not plain UTF-8, so that it may not have been read."
        "Send the body uncompressed, in UTF-8, without a byte order mark."
    RequestTooLarge "request_too_large" 413
        "The body is larger than the endpoint's limit, or than Envoy can hold."
        "Send fewer events at once."
    EventTooLarge "event_too_large" 413
        "An event of a batch is larger than its own limit."
        "Send less in the event that the reply or annotation names."
    Unauthorized "unauthorized" 401
        "The key is missing, malformed, ambiguous, or not one that is let in."
        "Send one key that is valid, where the vendor documents it."
    AuthMalformed "auth_malformed" 401
        "The Authorization field is there and holds no key."
        "Send Authorization: Bearer <key>, or leave the field out."
    ApiVersion "api_version" 400
        "X-API-Version is missing or another than Userpilot documents."
        "Send X-API-Version: 2020-09-22."
    MetadataInvalid "metadata_invalid" 400
        "Userpilot's metadata is not an object, or holds more than plain values."
        "Send metadata as an object of strings, numbers, booleans and null."
    MetadataTooLarge "metadata_too_large" 400
        "Userpilot's metadata is larger than 10 KB."
        "Send less metadata."
    JsonDuplicateKeys "json_duplicate_keys" 400
        "A name stands twice with different values, and parsers differ in which one they take."
        "Send each name once."
    EventInvalid "event_invalid" 400
        "An event of the body will be turned away by the vendor; the good ones beside it are not."
        "Mend the event that the annotation names."
    EventNameMissing "event_name_missing" 400
        "An event has no event_name."
        "Send event_name with each event."
    MissingSiteId "missing_site_id" 400
        "The query has no tc_s."
        "Send the site's id as the query parameter tc_s."
    MissingSourceKey "missing_source_key" 400
        "The request has no source key."
        "Send the source key as the query parameter token, or as Authorization: Bearer <key>."
    LegacyPayload "legacy_payload" 400
        "The event has the form that Commanders Act stopped supporting in 2023."
        "Send event_name, user and context as the API's version 2 has them."
    TimestampNotMs "timestamp_not_ms" 400
        "event_timestamp is not in milliseconds since 1970."
        "Send event_timestamp in milliseconds."
    EmptyVisitors "empty_visitors" 400
        "The visitors array is empty."
        "Send nothing where there is nothing to tell."
    EmptyBatch "empty_batch" 400
        "The batch has no event."
        "Send nothing where there is nothing to tell."
    TooManyEvents "too_many_events" 400
        "The batch has more events than the endpoint takes."
        "Send fewer events at once."
    FieldTooLong "field_too_long" 400
        "A field is longer than the endpoint takes."
        "Shorten the field that the reply names."
    HostError "host_error" 503
        "A call to Envoy failed, or Envoy did not hand over the body, so that the request could not be inspected."
        "Send it again."
}

impl Read for Reason {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        node.word(&Reason::ALL, Reason::id)
    }
}

#[cfg(feature = "schema")]
impl Reason {
    /// For editors, which show it beside a field with overrides.
    pub(crate) fn meanings() -> String {
        let lines =
            Reason::ALL.iter().map(|reason| format!("\n`{}`: {}", reason.id(), reason.meaning()));
        format!(
            "Overrides of the contract's treatment of reasons, where an endpoint gives them.{}",
            lines.collect::<String>()
        )
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Reason {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Reason".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "enum": Reason::ALL.map(Reason::id).to_vec() })
    }
}
