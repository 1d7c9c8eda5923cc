//! The client's country, from a header field that the operator's own infrastructure sets.

use super::problem::Problem;

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Country {
    /// ISO 3166-1 alpha-2: two letters from `A` to `Z`.
    Known([u8; 2]),
    /// Nothing, nonsense, or one of the codes that geographic data has for it: `ZZ`, `XX`, `T1`.
    Unknown,
    /// `A1`: an anonymous VPN, which can never be on a list (contract 1.3).
    AnonymousVpn,
}

impl Country {
    /// Reads a header's value; letter case and whitespace around it do not count.
    pub fn of_value(value: &[u8]) -> Country {
        match crate::request::trim(value).to_ascii_uppercase().as_slice() {
            b"ZZ" | b"XX" | b"T1" => Country::Unknown,
            b"A1" => Country::AnonymousVpn,
            [first, second] if first.is_ascii_uppercase() && second.is_ascii_uppercase() => {
                Country::Known([*first, *second])
            }
            _ => Country::Unknown,
        }
    }
}

/// A list of countries: a bit for each pair of letters, and one for the unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CountrySet {
    /// By the first letter; empty for an empty list, which most sites have.
    by_first: Box<[u32]>,
    unknown: bool,
}

impl CountrySet {
    /// Adds a country by its two letters, in any case; `ZZ` and `XX` are requests of unknown origin.
    ///
    /// # Errors
    /// Not a country code, or `A1`, which could never take effect.
    pub fn add_code(&mut self, code: &str) -> Result<(), Problem> {
        let wrong = |expected: &str| Err(Problem::new("", expected, format!("{code:?}")));
        match Country::of_value(code.as_bytes()) {
            Country::AnonymousVpn => wrong("a country; visitors behind a VPN cannot be listed"),
            Country::Unknown
                if !code.eq_ignore_ascii_case("ZZ") && !code.eq_ignore_ascii_case("XX") =>
            {
                wrong("a country's two letters, or \"ZZ\" for unknown")
            }
            country => {
                self.add(country);
                Ok(())
            }
        }
    }

    fn add(&mut self, country: Country) {
        match country {
            Country::Known([first, second]) => {
                if self.by_first.is_empty() {
                    self.by_first = vec![0; 26].into();
                }
                if let Some(seconds) = self.by_first.get_mut(usize::from(first - b'A')) {
                    *seconds |= 1 << (second - b'A');
                }
            }
            Country::Unknown => self.unknown = true,
            Country::AnonymousVpn => {}
        }
    }

    /// No country at all.
    pub fn is_empty(&self) -> bool {
        self.by_first.is_empty() && !self.unknown
    }

    /// Whether the country is listed.
    pub fn contains(&self, country: Country) -> bool {
        match country {
            Country::Known([first, second]) => {
                let seconds = self.by_first.get(usize::from(first - b'A'));
                seconds.is_some_and(|seconds| seconds >> (second - b'A') & 1 == 1)
            }
            Country::Unknown => self.unknown,
            Country::AnonymousVpn => false,
        }
    }
}

crate::config::declare::collected!(CountrySet, add_code);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_without_regard_to_case() {
        let rows = [
            ("us", Country::Known(*b"US")),
            (" DE ", Country::Known(*b"DE")),
            ("zz", Country::Unknown),
            ("XX", Country::Unknown),
            ("T1", Country::Unknown),
            ("", Country::Unknown),
            ("USA", Country::Unknown),
            ("U1", Country::Unknown),
            ("a1", Country::AnonymousVpn),
        ];
        for (value, expected) in rows {
            assert_eq!(Country::of_value(value.as_bytes()), expected, "{value:?}");
        }
        assert_eq!(Country::of_value(b"\xE9\xE9"), Country::Unknown);
    }

    #[test]
    fn lists_hold_countries_and_the_unknown() {
        let set = |codes: &str| crate::config::read::<CountrySet>(codes.as_bytes());
        let listed = set(r#"["us", "XX"]"#).unwrap();
        assert!(listed.contains(Country::Known(*b"US")) && listed.contains(Country::Unknown));
        assert!(!listed.contains(Country::Known(*b"DE")));
        assert!(!listed.contains(Country::AnonymousVpn));
        for (code, expected) in [
            ("A1", "a country; visitors behind a VPN cannot be listed"),
            ("T1", "a country's two letters, or \"ZZ\" for unknown"),
            ("", "a country's two letters, or \"ZZ\" for unknown"),
        ] {
            let error = set(&format!("[\"US\", {code:?}]")).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("configuration: [1]: expected {expected}, found {code:?}")
            );
        }
    }
}
