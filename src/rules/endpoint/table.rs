//! Finds the endpoint of a request by host and path, without asking each.
//!
//! Each pair of a path and a host pattern stands under one key: of the path the literals and where
//! they stand, of the host the name. A request is looked up under every key that could be its own:
//! for each shape of path that the configuration has (so many segments, literals in the same
//! places; there are few), and for each domain that its host is below. What is found must match, as
//! [`PathPattern::matches`] and [`HostPattern::matches`] have it, for two keys may meet.

use super::{HostPattern, Path, PathPattern, Segment, host_of};
use crate::rules::hash::hash;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Every endpoint's hosts and paths, each with its endpoint, `T`.
#[derive(Debug)]
pub struct Table<T> {
    /// For each shape whether a segment is a literal.
    shapes: Vec<Box<[bool]>>,
    /// By key the last entry that was added; `next` leads to the others.
    last: BTreeMap<u64, usize>,
    entries: Vec<Entry<T>>,
    /// The longest name of a host, in bytes; `None` where every endpoint serves every host.
    longest: Option<usize>,
    /// Endpoints so far.
    count: usize,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table {
            shapes: Vec::new(),
            last: BTreeMap::new(),
            entries: Vec::new(),
            longest: None,
            count: 0,
        }
    }
}

/// The first endpoint that serves a path on a host, or on every host.
#[derive(Debug)]
struct Entry<T> {
    path: PathPattern,
    host: Option<HostPattern>,
    /// The endpoint's place in the configuration.
    place: usize,
    endpoint: T,
    /// Another entry under the same key.
    next: Option<usize>,
}

impl<T> Entry<T> {
    fn serves(&self, authority: &[u8], path: &[Cow<'_, [u8]>]) -> bool {
        self.path.matches_segments(path)
            && self.host.as_ref().is_none_or(|host| host.matches(authority))
    }
}

impl<T: Clone> Table<T> {
    /// Adds the next endpoint in configuration order; no hosts at all stand for every host.
    pub fn add(&mut self, endpoint: &T, hosts: &[HostPattern], paths: &[PathPattern]) {
        let place = self.count;
        self.count += 1;
        let entry = |path: &PathPattern, host: Option<&HostPattern>| Entry {
            path: path.clone(),
            host: host.cloned(),
            place,
            endpoint: endpoint.clone(),
            next: None,
        };
        for path in paths {
            let shape: Box<[bool]> = path
                .segments
                .iter()
                .map(|segment| matches!(segment, Segment::Literal(_)))
                .collect();
            let literals = path.segments.iter().map(|segment| match segment {
                Segment::Literal(text) => text.as_bytes(),
                Segment::Any => b"",
            });
            let key = key(&shape, literals);
            if !self.shapes.contains(&shape) {
                self.shapes.push(shape);
            }
            if hosts.is_empty() {
                self.insert(key, entry(path, None));
            }
            for host in hosts {
                self.longest = self.longest.max(Some(host.name.len()));
                let name = Names::whole(host.name.as_bytes());
                let name = if host.subdomains { name.below() } else { name.exact() };
                self.insert(key ^ name, entry(path, Some(host)));
            }
        }
    }

    /// Under one key an earlier endpoint hides a later one.
    fn insert(&mut self, key: u64, entry: Entry<T>) {
        if !self.under(key).any(|known| known.path == entry.path && known.host == entry.host) {
            let next = self.last.insert(key, self.entries.len());
            self.entries.push(Entry { next, ..entry });
        }
    }

    fn under(&self, key: u64) -> impl Iterator<Item = &Entry<T>> {
        let at = |index: Option<usize>| index.and_then(|index| self.entries.get(index));
        core::iter::successors(at(self.last.get(&key).copied()), move |entry| at(entry.next))
    }

    /// The first endpoint in configuration order that serves a request's host and path.
    pub fn find(&self, authority: &[u8], path: &Path<'_>) -> Option<&T> {
        let hosts = self.host_keys(authority);
        let spelled = self.find_segments(authority, &hosts, &path.segments);
        let resolved = path
            .resolved
            .as_deref()
            .and_then(|segments| self.find_segments(authority, &hosts, segments));
        let found = spelled.into_iter().chain(resolved).min_by_key(|entry| entry.place)?;
        Some(&found.endpoint)
    }

    fn find_segments(
        &self,
        authority: &[u8],
        hosts: &[u64],
        path: &[Cow<'_, [u8]>],
    ) -> Option<&Entry<T>> {
        if self.entries.len() <= FEW {
            return self.entries.iter().find(|entry| entry.serves(authority, path));
        }
        let mut first: Option<&Entry<T>> = None;
        for shape in self.shapes.iter().filter(|shape| shape.len() == path.len()) {
            let key = key(shape, path.iter().map(AsRef::as_ref));
            for host in hosts {
                for entry in self.under(key ^ host) {
                    let is_earlier = first.is_none_or(|first| entry.place < first.place);
                    if is_earlier && entry.serves(authority, path) {
                        first = Some(entry);
                    }
                }
            }
        }
        first
    }

    /// What a request's host is looked up under: as every host, as below each domain that is not
    /// too long, and by its own name.
    fn host_keys(&self, authority: &[u8]) -> Cow<'static, [u64]> {
        let Some(longest) = self.longest.filter(|_| self.entries.len() > FEW) else {
            return Cow::Borrowed(&[EVERY_HOST]);
        };
        let mut keys = vec![EVERY_HOST];
        let host = host_of(authority);
        let mut names = Names::default();
        for (length, byte) in host.iter().rev().enumerate().take(longest + 1) {
            if *byte == b'.' && length + 1 < host.len() {
                keys.push(names.below());
            }
            names.push(*byte);
        }
        if host.len() <= longest {
            keys.push(names.exact());
        }
        Cow::Owned(keys)
    }
}

const EVERY_HOST: u64 = 0;

/// Entries that are sooner asked one by one than looked up: more than the documented endpoints
/// have.
const FEW: usize = 16;

/// The hash of a name, read from its end, so that those of all domains above it come by the way.
#[derive(Clone, Copy)]
struct Names(u64);

impl Default for Names {
    fn default() -> Self {
        Names(0xCBF2_9CE4_8422_2325)
    }
}

impl Names {
    fn whole(name: &[u8]) -> Self {
        let mut names = Names::default();
        name.iter().rev().for_each(|byte| names.push(*byte));
        names
    }

    fn push(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x100_0000_01B3);
    }

    fn exact(self) -> u64 {
        self.0.rotate_left(31).wrapping_mul(0xFF51_AFD7_ED55_8CCD)
    }

    fn below(self) -> u64 {
        self.0.rotate_left(29).wrapping_mul(0xFF51_AFD7_ED55_8CCD)
    }
}

/// A hash of the literals among the segments, and of where they stand.
fn key<'a>(shape: &[bool], segments: impl Iterator<Item = &'a [u8]>) -> u64 {
    shape.iter().zip(segments).fold(1, |key: u64, (is_literal, segment)| {
        let one = if *is_literal { hash(segment) } else { 1 };
        key.rotate_left(5).wrapping_mul(0x100_0000_01B3) ^ one
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// By definition: each endpoint is asked in turn.
        #[test]
        fn the_table_finds_what_a_scan_finds(
            specs in vec((vec("(\\*\\.)?(a|b\\.a|A|b\\.A\\.?|\\.)", 0..4), vec("(/(a|b|\\{n\\}|cc)){1,3}", 1..4)), 1..16),
            requests in vec(("(b\\.|c\\.|\\.){0,2}[aAb]?\\.?(:80)?", "(/(a|b|%61|cc|\\.|\\.\\.|%2e%2E|)){0,5}(\\?/a)?"), 1..20),
        ) {
            let compiled: Vec<(Vec<HostPattern>, Vec<PathPattern>)> = specs.iter().map(|(hosts, paths)| {
                let hosts = hosts.iter().map(|host| HostPattern::compile(host).unwrap()).collect();
                (hosts, paths.iter().map(|path| PathPattern::compile(path).unwrap()).collect())
            }).collect();
            let mut table = Table::default();
            for (index, (hosts, paths)) in compiled.iter().enumerate() {
                table.add(&index, hosts, paths);
            }
            for (authority, target) in &requests {
                let path = Path::of(target.as_bytes());
                let scan = compiled.iter().position(|(hosts, paths)| {
                    paths.iter().any(|pattern| pattern.matches(&path))
                        && (hosts.is_empty() || hosts.iter().any(|host| host.matches(authority.as_bytes())))
                });
                prop_assert_eq!(table.find(authority.as_bytes(), &path).copied(), scan, "{} {}", authority, target);
            }
        }
    }
}
