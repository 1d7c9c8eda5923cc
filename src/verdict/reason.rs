//! Why a request is not simply passed, and the contract's treatment of each reason at each vendor.

use super::Disposition;
use crate::vendor::Vendor;

/// Why a request is not simply passed. The ids are public: never renamed, only added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    Bot,
    BotSuspected,
    SpamReferrer,
    VerificationAgent,
    DcIp,
    ThreatIp,
    SiteHostnameAllowlist,
    SitePageBlocklist,
    SiteIpBlocklist,
    SiteCountryBlocklist,
    Invalid,
    InvalidJson,
    InvalidShape,
    MissingField,
    FieldType,
    ContentType,
    ContentEncoding,
    RequestTooLarge,
    EventTooLarge,
    Unauthorized,
    AuthMalformed,
    ApiVersion,
    MetadataInvalid,
    MetadataTooLarge,
    JsonDuplicateKeys,
    EventInvalid,
    EventNameMissing,
    MissingSiteId,
    MissingSourceKey,
    LegacyPayload,
    TimestampNotMs,
    EmptyVisitors,
    EmptyBatch,
    TooManyEvents,
    FieldTooLong,
    HostError,
}

impl Reason {
    pub const COUNT: usize = Reason::HostError as usize + 1;

    /// All reasons, in the order of the enum.
    pub const ALL: [Reason; Reason::COUNT] = [
        Reason::Bot,
        Reason::BotSuspected,
        Reason::SpamReferrer,
        Reason::VerificationAgent,
        Reason::DcIp,
        Reason::ThreatIp,
        Reason::SiteHostnameAllowlist,
        Reason::SitePageBlocklist,
        Reason::SiteIpBlocklist,
        Reason::SiteCountryBlocklist,
        Reason::Invalid,
        Reason::InvalidJson,
        Reason::InvalidShape,
        Reason::MissingField,
        Reason::FieldType,
        Reason::ContentType,
        Reason::ContentEncoding,
        Reason::RequestTooLarge,
        Reason::EventTooLarge,
        Reason::Unauthorized,
        Reason::AuthMalformed,
        Reason::ApiVersion,
        Reason::MetadataInvalid,
        Reason::MetadataTooLarge,
        Reason::JsonDuplicateKeys,
        Reason::EventInvalid,
        Reason::EventNameMissing,
        Reason::MissingSiteId,
        Reason::MissingSourceKey,
        Reason::LegacyPayload,
        Reason::TimestampNotMs,
        Reason::EmptyVisitors,
        Reason::EmptyBatch,
        Reason::TooManyEvents,
        Reason::FieldTooLong,
        Reason::HostError,
    ];

    /// The id in headers, metrics, logs and `actions`.
    pub const fn id(self) -> &'static str {
        match self {
            Reason::Bot => "bot",
            Reason::BotSuspected => "bot_suspected",
            Reason::SpamReferrer => "spam_referrer",
            Reason::VerificationAgent => "verification_agent",
            Reason::DcIp => "dc_ip",
            Reason::ThreatIp => "threat_ip",
            Reason::SiteHostnameAllowlist => "site_hostname_allowlist",
            Reason::SitePageBlocklist => "site_page_blocklist",
            Reason::SiteIpBlocklist => "site_ip_blocklist",
            Reason::SiteCountryBlocklist => "site_country_blocklist",
            Reason::Invalid => "invalid",
            Reason::InvalidJson => "invalid_json",
            Reason::InvalidShape => "invalid_shape",
            Reason::MissingField => "missing_field",
            Reason::FieldType => "field_type",
            Reason::ContentType => "content_type",
            Reason::ContentEncoding => "content_encoding",
            Reason::RequestTooLarge => "request_too_large",
            Reason::EventTooLarge => "event_too_large",
            Reason::Unauthorized => "unauthorized",
            Reason::AuthMalformed => "auth_malformed",
            Reason::ApiVersion => "api_version",
            Reason::MetadataInvalid => "metadata_invalid",
            Reason::MetadataTooLarge => "metadata_too_large",
            Reason::JsonDuplicateKeys => "json_duplicate_keys",
            Reason::EventInvalid => "event_invalid",
            Reason::EventNameMissing => "event_name_missing",
            Reason::MissingSiteId => "missing_site_id",
            Reason::MissingSourceKey => "missing_source_key",
            Reason::LegacyPayload => "legacy_payload",
            Reason::TimestampNotMs => "timestamp_not_ms",
            Reason::EmptyVisitors => "empty_visitors",
            Reason::EmptyBatch => "empty_batch",
            Reason::TooManyEvents => "too_many_events",
            Reason::FieldTooLong => "field_too_long",
            Reason::HostError => "host_error",
        }
    }

    /// The contract's treatment of this reason at `vendor`; `None` where the vendor's checks never give it.
    pub const fn default_disposition(self, vendor: Vendor) -> Option<Disposition> {
        const D: Option<Disposition> = Some(Disposition::Drop);
        const R: Option<Disposition> = Some(Disposition::Reject);
        const A: Option<Disposition> = Some(Disposition::Annotate);
        const P: Option<Disposition> = Some(Disposition::Pass);
        const N: Option<Disposition> = None;
        #[rustfmt::skip]
        let [convert, plausible, userpilot, commanders_act, custom] = match self {
            //                            convert plausible userpilot commanders_act custom
            Reason::Bot                   => [D, D, N, N, D],
            Reason::BotSuspected          => [A, P, N, N, A],
            Reason::SpamReferrer          => [N, D, N, N, N],
            Reason::VerificationAgent     => [N, D, N, N, N],
            Reason::DcIp                  => [N, D, N, N, N],
            Reason::ThreatIp              => [N, D, N, N, N],
            Reason::SiteHostnameAllowlist => [N, D, N, N, N],
            Reason::SitePageBlocklist     => [N, D, N, N, N],
            Reason::SiteIpBlocklist       => [N, D, N, N, N],
            Reason::SiteCountryBlocklist  => [N, D, N, N, N],
            Reason::Invalid               => [N, R, N, N, N],
            Reason::InvalidJson           => [R, N, R, R, R],
            Reason::InvalidShape          => [R, N, N, A, R],
            Reason::MissingField          => [N, N, R, N, R],
            Reason::FieldType             => [N, N, A, N, R],
            Reason::ContentType           => [A, A, R, A, R],
            Reason::ContentEncoding       => [A, A, A, A, A],
            Reason::RequestTooLarge       => [A, A, A, R, R],
            Reason::EventTooLarge         => [N, N, N, A, R],
            Reason::Unauthorized          => [N, N, R, N, R],
            Reason::AuthMalformed         => [A, N, N, N, N],
            Reason::ApiVersion            => [N, N, A, N, N],
            Reason::MetadataInvalid       => [N, N, A, N, N],
            Reason::MetadataTooLarge      => [N, N, A, N, N],
            Reason::JsonDuplicateKeys     => [N, P, A, N, N],
            Reason::EventInvalid          => [A, N, N, A, A],
            Reason::EventNameMissing      => [N, N, N, A, N],
            Reason::MissingSiteId         => [N, N, N, A, N],
            Reason::MissingSourceKey      => [N, N, N, A, N],
            Reason::LegacyPayload         => [N, N, N, A, N],
            Reason::TimestampNotMs        => [N, N, N, A, N],
            Reason::EmptyVisitors         => [A, N, N, N, N],
            Reason::EmptyBatch            => [N, N, N, A, A],
            Reason::TooManyEvents         => [N, N, N, N, R],
            Reason::FieldTooLong          => [N, N, N, N, R],
            Reason::HostError             => [A, A, A, A, A],
        };
        match vendor {
            Vendor::Convert => convert,
            Vendor::Plausible => plausible,
            Vendor::Userpilot => userpilot,
            Vendor::CommandersAct => commanders_act,
            Vendor::Custom => custom,
        }
    }
}
