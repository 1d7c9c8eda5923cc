//! Which requests belong to an endpoint: host and path.
//!
//! A path is compared the way the collectors' own routers compare it, so that no other spelling of
//! it goes by uninspected: the query is cut off, segments are percent-decoded, empty segments
//! (`//`, a trailing `/`) do not count, and a path with dot segments belongs to the endpoint if it
//! does either before or after they are resolved. Letter case counts. Escaped slashes (`%2F`) are
//! part of a segment.

mod table;

pub use table::Table;

use super::percent::decoded;
use super::problem::Problem;
use crate::config::declare::text;
use std::borrow::Cow;
use std::fmt;

/// A host an endpoint serves: `metrics.example.com`, or `*.example.com` for everything below it but
/// not itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    /// Lower-case, without port and without `*.`.
    name: String,
    subdomains: bool,
}

impl HostPattern {
    /// # Errors
    /// Not a host name: empty, with a scheme, port or path, or with a `*` anywhere but as its first
    /// label.
    pub fn compile(host: &str) -> Result<Self, Problem> {
        let (subdomains, name) = match host.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, host),
        };
        let is_bracketed = name.starts_with('[') && name.ends_with(']');
        let fits = |byte: u8| {
            byte.is_ascii_alphanumeric()
                || b"-._".contains(&byte)
                || is_bracketed && b":[]".contains(&byte)
        };
        if name.is_empty() || !name.bytes().all(fits) {
            return Err(Problem::new(
                "",
                "a host name such as \"a.example\" or \"*.a.example\", without port",
                format!("{host:?}"),
            ));
        }
        Ok(HostPattern { name: name.trim_end_matches('.').to_ascii_lowercase(), subdomains })
    }

    /// `authority` may carry a port and a trailing dot.
    pub fn matches(&self, authority: &[u8]) -> bool {
        let host = host_of(authority);
        if !self.subdomains {
            return host.eq_ignore_ascii_case(self.name.as_bytes());
        }
        let Some(at) = host.len().checked_sub(self.name.len()) else { return false };
        let (below, name) = host.split_at(at);
        below.len() > 1 && below.ends_with(b".") && name.eq_ignore_ascii_case(self.name.as_bytes())
    }
}

text!(HostPattern = HostPattern::compile);

/// `metrics.example.com`, `*.example.com`
impl fmt::Display for HostPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", if self.subdomains { "*." } else { "" }, self.name)
    }
}

fn host_of(authority: &[u8]) -> &[u8] {
    let end = match authority.iter().rposition(|byte| *byte == b':' || *byte == b']') {
        Some(at) if authority.get(at) == Some(&b':') => at,
        Some(_) | None => authority.len(),
    };
    let host = authority.get(..end).unwrap_or_default();
    host.strip_suffix(b".").unwrap_or(host)
}

/// A path an endpoint serves: literal segments, and `{name}` for any one segment that is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Any,
}

impl PathPattern {
    /// # Errors
    /// No leading `/`, no segment at all, a query, an escape, a dot segment, or braces that are not
    /// a whole segment.
    pub fn compile(path: &str) -> Result<Self, Problem> {
        let wrong = || {
            Problem::new(
                "",
                "a path such as \"/v1/track/{key}\", decoded and without query",
                format!("{path:?}"),
            )
        };
        let segments = path.strip_prefix('/').ok_or_else(wrong)?.split('/').map(|segment| {
            let is_name = segment.len() > 2 && segment.starts_with('{') && segment.ends_with('}');
            if is_name {
                Ok(Segment::Any)
            } else if segment.is_empty()
                || segment == "."
                || segment == ".."
                || segment.contains(['{', '}', '?', '#', '%'])
            {
                Err(wrong())
            } else {
                Ok(Segment::Literal(segment.to_owned()))
            }
        });
        Ok(PathPattern { segments: segments.collect::<Result<_, _>>()? })
    }

    /// Its segments; `None` for any.
    pub fn segments(&self) -> impl Iterator<Item = Option<&str>> {
        self.segments.iter().map(|segment| match segment {
            Segment::Literal(literal) => Some(literal.as_str()),
            Segment::Any => None,
        })
    }

    /// By itself; many are asked for by a [`Table`].
    pub fn matches(&self, path: &Path<'_>) -> bool {
        self.matches_segments(&path.segments)
            || path.resolved.as_ref().is_some_and(|resolved| self.matches_segments(resolved))
    }

    fn matches_segments(&self, path: &[Cow<'_, [u8]>]) -> bool {
        self.segments.len() == path.len()
            && self.segments.iter().zip(path).all(|(segment, found)| match segment {
                Segment::Literal(literal) => literal.as_bytes() == found.as_ref(),
                Segment::Any => true,
            })
    }
}

text!(PathPattern = PathPattern::compile, { "pattern": "^/." });

/// The path of a request, taken apart once for all patterns.
#[derive(Debug)]
pub struct Path<'a> {
    /// Decoded, none of them empty.
    segments: Vec<Cow<'a, [u8]>>,
    /// Without dot segments (RFC 3986 section 5.2.4), where there are any.
    resolved: Option<Vec<Cow<'a, [u8]>>>,
}

impl<'a> Path<'a> {
    /// `target` is the request's `:path`, query and all.
    pub fn of(target: &'a [u8]) -> Self {
        let segments: Vec<Cow<'a, [u8]>> = segments(path_of(target)).map(decoded_segment).collect();
        let has_dots = segments.iter().any(|segment| matches!(segment.as_ref(), b"." | b".."));
        let resolved = has_dots.then(|| resolve(&segments));
        Path { segments, resolved }
    }
}

fn decoded_segment(segment: &[u8]) -> Cow<'_, [u8]> {
    if segment.contains(&b'%') { decoded(segment).collect() } else { Cow::Borrowed(segment) }
}

/// Whether the last segment of a target's path is `name`.
pub fn last_segment_is(target: &[u8], name: &str) -> bool {
    segments(path_of(target)).last().is_some_and(|segment| decoded(segment).eq(name.bytes()))
}

fn path_of(target: &[u8]) -> &[u8] {
    target.split(|byte| *byte == b'?' || *byte == b'#').next().unwrap_or_default()
}

fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|segment| !segment.is_empty())
}

fn resolve<'a>(segments: &[Cow<'a, [u8]>]) -> Vec<Cow<'a, [u8]>> {
    let mut resolved = Vec::new();
    for segment in segments {
        match segment.as_ref() {
            b".." => drop(resolved.pop()),
            b"." => {}
            _ => resolved.push(segment.clone()),
        }
    }
    resolved
}

#[cfg(test)]
mod tests;
