//! Lists of addresses and networks. IPv4 addresses mapped into IPv6 count as IPv4.

use super::problem::Problem;
use std::net::IpAddr;

/// A set of networks: sorted ranges that do not touch, so that a look-up is a binary search over 32
/// bytes an entry: 17 steps among 100,000, which take 3.2 MB.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CidrSet {
    v4: Vec<Range>,
    v6: Vec<Range>,
}

/// First and last address. IPv4 addresses have a list of their own, but the same type: the module
/// holds one sort.
type Range = (u128, u128);

impl CidrSet {
    /// Merges what overlaps, once all are added: before that nothing can be found.
    pub fn finish(&mut self) {
        merge(&mut self.v4);
        merge(&mut self.v6);
    }

    /// Adds `192.0.2.1`, `192.0.2.0/24` or `2001:db8::/32`.
    ///
    /// # Errors
    /// Neither an address nor a network, or a network with bits set behind its prefix.
    pub fn add(&mut self, entry: &str) -> Result<(), Problem> {
        let wrong = || {
            Problem::new(
                "",
                "an address or a network such as \"192.0.2.0/24\" or \"2001:db8::/32\"",
                format!("{entry:?}"),
            )
        };
        let (address, prefix) = match entry.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (entry, None),
        };
        let written: IpAddr = address.parse().map_err(|_| wrong())?;
        let digits = prefix.map(|prefix| prefix_length(prefix).ok_or_else(wrong)).transpose()?;
        match (written, written.to_canonical(), digits) {
            (IpAddr::V4(_), IpAddr::V4(address), length) => {
                self.add_v4(u32::from(address), length.unwrap_or(32), entry, wrong)
            }
            // A mapped network has its IPv4 part behind the first 96 bits.
            (IpAddr::V6(_), IpAddr::V4(address), length @ (None | Some(96..))) => self.add_v4(
                u32::from(address),
                length.map_or(32, |length| length - 96),
                entry,
                wrong,
            ),
            (IpAddr::V6(address), _, length) => {
                self.add_v6(u128::from(address), length.unwrap_or(128), entry, wrong)
            }
            (IpAddr::V4(_), IpAddr::V6(_), _) => Err(wrong()),
        }
    }

    fn add_v4(
        &mut self,
        address: u32,
        length: u32,
        entry: &str,
        wrong: impl Fn() -> Problem,
    ) -> Result<(), Problem> {
        let behind = if length > 32 {
            return Err(wrong());
        } else {
            u32::MAX.checked_shr(length).unwrap_or(0)
        };
        if address & behind != 0 {
            let network = std::net::Ipv4Addr::from(address & !behind);
            let expected =
                format!("a network such as \"{network}/{length}\", with no bits behind its prefix");
            return Err(Problem::new("", expected, format!("{entry:?}")));
        }
        self.v4.push((address.into(), (address | behind).into()));
        Ok(())
    }

    fn add_v6(
        &mut self,
        address: u128,
        length: u32,
        entry: &str,
        wrong: impl Fn() -> Problem,
    ) -> Result<(), Problem> {
        let behind = if length > 128 {
            return Err(wrong());
        } else {
            u128::MAX.checked_shr(length).unwrap_or(0)
        };
        if address & behind != 0 {
            let network = std::net::Ipv6Addr::from(address & !behind);
            let expected =
                format!("a network such as \"{network}/{length}\", with no bits behind its prefix");
            return Err(Problem::new("", expected, format!("{entry:?}")));
        }
        self.v6.push((address, address | behind));
        Ok(())
    }

    /// No network at all.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Whether any network contains the address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => holds(&self.v4, u32::from(address).into()),
            IpAddr::V6(address) => holds(&self.v6, u128::from(address)),
        }
    }
}

/// Digits alone, as `parse` would also take a sign.
fn prefix_length(text: &str) -> Option<u32> {
    let is_number = text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

fn merge(ranges: &mut Vec<Range>) {
    ranges.sort_unstable();
    ranges.dedup_by(|next, last| {
        let touches = last.1.checked_add(1).is_none_or(|after| next.0 <= after);
        if touches {
            last.1 = last.1.max(next.1);
        }
        touches
    });
    ranges.shrink_to_fit();
}

fn holds(ranges: &[Range], value: u128) -> bool {
    let after = ranges.partition_point(|(start, _)| *start <= value);
    after.checked_sub(1).and_then(|index| ranges.get(index)).is_some_and(|(_, end)| value <= *end)
}

crate::config::declare::collected!(CidrSet, add, finish);

#[cfg(test)]
mod tests {
    use super::*;

    fn set(entries: &[&str]) -> Result<CidrSet, String> {
        let json = format!("{entries:?}");
        crate::config::read(json.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn networks_hold_their_addresses() {
        let rows = [
            ("203.0.113.9", "203.0.113.9", true),
            ("203.0.113.9", "203.0.113.8", false),
            ("203.0.113.9", "::ffff:203.0.113.9", true),
            ("::ffff:203.0.113.0/120", "203.0.113.255", true),
            ("203.0.113.0/24", "203.0.114.0", false),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("2001:db8::1", "2001:db8::1", true),
            ("::/0", "2001:db8::1", true),
        ];
        for (network, address, expected) in rows {
            assert_eq!(
                set(&[network]).unwrap().contains(address.parse().unwrap()),
                expected,
                "{network} {address}"
            );
        }
    }

    #[test]
    fn neighbours_and_overlaps_are_merged() {
        let merged =
            set(&["10.0.0.128/25", "10.0.0.0/25", "10.0.0.7", "255.255.255.255", "0.0.0.0/8"])
                .unwrap();
        assert_eq!(merged.v4.len(), 3);
    }

    #[test]
    fn what_is_no_network_is_refused() {
        let general = "an address or a network such as \"192.0.2.0/24\" or \"2001:db8::/32\"";
        for entry in [
            "",
            "x",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0/8",
            "::/129",
            "10.0.0.0/+8",
            "fe80::1%eth0",
            "10.0.0.1:80",
        ] {
            assert_eq!(
                set(&["10.0.0.0/8", entry]).unwrap_err(),
                format!("configuration: [1]: expected {general}, found {entry:?}")
            );
        }
        for (entry, meant) in [("10.0.0.1/24", "10.0.0.0/24"), ("2001:db8::1/32", "2001:db8::/32")]
        {
            assert_eq!(
                set(&[entry]).unwrap_err(),
                format!(
                    "configuration: [0]: expected a network such as \"{meant}\", with no bits behind its prefix, found {entry:?}"
                )
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_a_scan(networks in proptest::collection::vec((0u32..64, 26u32..33), 0..12), probe in 0u32..64) {
            let mask = |length: u32| u32::MAX.checked_shl(32 - length).unwrap_or(0);
            let texts: Vec<String> = networks
                .iter()
                .map(|(address, length)| format!("{}/{length}", std::net::Ipv4Addr::from(address & mask(*length))))
                .collect();
            let naive = networks.iter().any(|(address, length)| probe & mask(*length) == address & mask(*length));
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let found = set(&texts).unwrap().contains(std::net::Ipv4Addr::from(probe).into());
            proptest::prop_assert_eq!(found, naive);
        }
    }
}
