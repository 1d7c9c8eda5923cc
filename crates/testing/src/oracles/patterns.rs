//! Patterns, networks, queries and paths of any text are refused or taken; those taken mean what
//! another library says.

use std::net::{IpAddr, Ipv6Addr};
use trackgate::rules::cidr::CidrSet;
use trackgate::rules::client_ip::parse_address;
use trackgate::rules::endpoint::{HostPattern, Path, PathPattern};
use trackgate::rules::pattern::Pattern;
use trackgate::rules::query;
use trackgate::rules::url::Url;

/// A pattern is the regular expression that has `.*` for each star.
///
/// # Panics
/// The two disagree.
pub fn pattern(pattern: &str, text: &str) {
    let Ok(compiled) = Pattern::compile(pattern) else { return };
    let pieces: Vec<String> = pattern.split('*').map(regex::escape).collect();
    let regex = regex::Regex::new(&format!(r"(?s)\A{}\z", pieces.join(".*")))
        .expect("a regular expression");
    assert_eq!(compiled.matches(text), regex.is_match(text), "{pattern:?} {text:?}");
    let url = Url::parse(text);
    assert!(url.path.len() + url.host.unwrap_or_default().len() <= text.len());
}

/// A set holds an address that one of its networks holds, and a network those that agree in its
/// prefix.
///
/// # Panics
/// It does not.
pub fn networks(entries: &[String], probe: &[u8]) {
    let _ = parse_address(probe);
    let alone: Vec<(&String, CidrSet)> = entries
        .iter()
        .filter_map(|entry| Some((entry, set_of(std::slice::from_ref(entry))?)))
        .collect();
    let taken: Vec<String> = alone.iter().map(|(entry, _)| (*entry).clone()).collect();
    let set = set_of(&taken).expect("each of them is taken");
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(probe).for_each(|(byte, from)| *byte = *from);
    let v4 = <[u8; 4]>::try_from(&bytes[..4]).expect("four bytes");
    let mut probes = vec![IpAddr::from(bytes), IpAddr::from(v4)];
    // The ends of each network, and what is next to them.
    for (entry, _) in &alone {
        let (address, length) = network(entry);
        probes.extend(around(address, length));
    }
    for probe in probes {
        let one_holds = alone.iter().any(|(entry, one)| {
            assert_eq!(one.contains(probe), agrees(entry, probe), "{entry} {probe}");
            one.contains(probe)
        });
        assert_eq!(set.contains(probe), one_holds, "{taken:?} {probe}");
    }
}

/// `None` where an entry is refused.
fn set_of(entries: &[String]) -> Option<CidrSet> {
    let mut set = CidrSet::default();
    for entry in entries {
        set.add(entry).ok()?;
    }
    set.finish();
    Some(set)
}

/// An entry that is taken: its address, and its prefix if it has one.
fn network(entry: &str) -> (IpAddr, Option<u32>) {
    let (address, length) = entry
        .split_once('/')
        .map_or((entry, None), |(address, length)| (address, length.parse().ok()));
    (address.parse().expect("an address"), length)
}

/// As bits, for both families: an IPv4 address is mapped into IPv6.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn span(address: IpAddr, length: Option<u32>) -> u128 {
    let behind = match address {
        IpAddr::V4(_) => 32 - length.unwrap_or(32),
        IpAddr::V6(_) => 128 - length.unwrap_or(128),
    };
    1u128.checked_shl(behind).map_or(u128::MAX, |size| size - 1)
}

fn around(address: IpAddr, length: Option<u32>) -> impl Iterator<Item = IpAddr> {
    let (first, span) = (bits(address), span(address, length));
    let last = first | span;
    [first.wrapping_sub(1), first, last, last.wrapping_add(1)]
        .into_iter()
        .map(|bits| Ipv6Addr::from_bits(bits).into())
}

/// By definition. No IPv6 network that is wider than the mapped ones holds IPv4 addresses.
fn agrees(entry: &str, probe: IpAddr) -> bool {
    let (address, length) = network(entry);
    let in_one_family = address.to_canonical().is_ipv4() == probe.to_canonical().is_ipv4();
    let outside = !span(address, length);
    in_one_family && bits(address) & outside == bits(probe) & outside
}

/// A query is a form (the URL standard's `application/x-www-form-urlencoded`); how a path is
/// spelled does not matter.
///
/// # Panics
/// The form's reader disagrees, or another spelling has another owner.
pub fn target(target: &[u8], host: &[u8], pattern: &str) {
    let query = target.split(|byte| *byte == b'#').next().unwrap_or_default();
    let query = query.iter().position(|byte| *byte == b'?').map_or(&[][..], |at| &query[at + 1..]);
    let theirs =
        form_urlencoded::parse(query).any(|(name, value)| name == "tc_s" && !value.is_empty());
    assert_eq!(query::has_value(target, "tc_s"), theirs, "{}", target.escape_ascii());
    if let Ok(pattern) = HostPattern::compile(pattern) {
        pattern.matches(host);
    }
    let Ok(pattern) = PathPattern::compile(pattern) else { return };
    let path =
        &target[..target.iter().position(|byte| b"?#".contains(byte)).unwrap_or(target.len())];
    let owns = pattern.matches(&Path::of(target));
    let same = |spelling: &[u8]| {
        assert_eq!(owns, pattern.matches(&Path::of(spelling)), "{}", spelling.escape_ascii())
    };
    same(path);
    same(&path.split(|byte| *byte == b'/').collect::<Vec<_>>().join(b"//".as_slice()));
    if !path.contains(&b'%') {
        same(
            &path
                .iter()
                .flat_map(|byte| {
                    if *byte == b'/' { vec![*byte] } else { format!("%{byte:02X}").into_bytes() }
                })
                .collect::<Vec<_>>(),
        );
        // As it is sent, a path of dots may be another endpoint's besides.
        if owns && path.starts_with(b"/") && !path.contains(&b'.') {
            same(&[b"/x/..", path].concat());
        }
    }
}
