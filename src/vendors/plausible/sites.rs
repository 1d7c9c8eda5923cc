//! Shields: what the owner of a site does not want counted (contract 1.3). Compiled once; a look-up
//! does not depend on the number of sites.

use crate::rules::cidr::CidrSet;
use crate::rules::country::{Country, CountrySet};
use crate::rules::hashed::Hashed;
use crate::rules::pattern::Pattern;
use crate::rules::problem::Problem;
use crate::rules::url::bare_host;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::net::IpAddr;

/// One site's rules, by its domain.
#[derive(Debug, Clone, Default)]
pub struct SiteSpec {
    /// Addresses and networks.
    pub ip_blocklist: Option<Vec<String>>,
    /// Two letters; `ZZ` is unknown.
    pub country_blocklist: Option<Vec<String>>,
    /// Patterns of the page's path, which start with `/`.
    pub page_blocklist: Option<Vec<String>>,
    /// Patterns of the page's hostname: if there are any, one must match.
    pub hostname_allowlist: Option<Vec<String>>,
}

#[derive(Debug, Clone, Default)]
pub struct Site {
    /// Its place among the sites.
    pub number: u64,
    hostnames: Box<[Pattern]>,
    pages: Box<[Pattern]>,
    addresses: CidrSet,
    countries: CountrySet,
}

impl Site {
    fn compile(number: u64, spec: &SiteSpec) -> Result<Self, Problem> {
        Ok(Site {
            number,
            hostnames: patterns(
                "hostname_allowlist",
                spec.hostname_allowlist.as_deref(),
                Pattern::compile,
            )?,
            pages: patterns(
                "page_blocklist",
                spec.page_blocklist.as_deref(),
                Pattern::compile_page,
            )?,
            addresses: entries("ip_blocklist", spec.ip_blocklist.as_deref(), CidrSet::compile)?,
            countries: entries(
                "country_blocklist",
                spec.country_blocklist.as_deref(),
                CountrySet::compile,
            )?,
        })
    }

    pub fn allows_hostname(&self, hostname: &str) -> bool {
        self.hostnames.is_empty() || self.hostnames.iter().any(|pattern| pattern.matches(hostname))
    }

    pub fn blocks_page(&self, page: &str) -> bool {
        self.pages.iter().any(|pattern| pattern.matches(page))
    }

    pub fn blocks_address(&self, address: IpAddr) -> bool {
        self.addresses.contains(address)
    }

    pub fn blocks_country(&self, country: Country) -> bool {
        self.countries.contains(country)
    }
}

fn entries<T: Default>(
    field: &'static str,
    list: Option<&[String]>,
    compile: fn(&[String]) -> Result<T, Problem>,
) -> Result<T, Problem> {
    match list {
        None => Ok(T::default()),
        Some([]) => {
            Err(Problem::new(field, "at least one entry, or the field left out", "an empty list"))
        }
        Some(list) => compile(list).map_err(|problem| problem.under(field)),
    }
}

fn patterns(
    field: &'static str,
    list: Option<&[String]>,
    compile: fn(&str) -> Result<Pattern, Problem>,
) -> Result<Box<[Pattern]>, Problem> {
    if list == Some(&[]) {
        return Err(Problem::new(
            field,
            "at least one entry, or the field left out",
            "an empty list",
        ));
    }
    let list = list.unwrap_or_default().iter().enumerate();
    list.map(|(index, text)| {
        compile(text).map_err(|problem| problem.under(&format!("{field}[{index}]")))
    })
    .collect()
}

/// All sites that have rules.
#[derive(Debug, Clone, Default)]
pub struct Sites {
    by_domain: HashMap<Box<str>, Site, BuildHasherDefault<Hashed>>,
    /// Some site blocks addresses.
    pub have_addresses: bool,
}

impl Sites {
    /// # Errors
    /// A rule that cannot be used, or two spellings of one domain.
    pub fn compile(specs: &[(String, SiteSpec)]) -> Result<Self, Problem> {
        let mut sites = Sites {
            by_domain: HashMap::with_capacity_and_hasher(
                specs.len(),
                BuildHasherDefault::default(),
            ),
            have_addresses: false,
        };
        for (number, (domain, spec)) in (0..).zip(specs) {
            let site = Site::compile(number, spec).map_err(|problem| problem.under(domain))?;
            sites.have_addresses |= !site.addresses.is_empty();
            if sites.by_domain.insert(bare_host(domain).into(), site).is_some() {
                return Err(Problem::new(
                    domain.clone(),
                    "each site once",
                    "the same site with and without \"www.\"",
                ));
            }
        }
        Ok(sites)
    }

    /// `domain` is without `www.`; letter case counts.
    pub fn get(&self, domain: &str) -> Option<&Site> {
        self.by_domain.get(domain)
    }

    pub fn len(&self) -> usize {
        self.by_domain.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_domain.is_empty()
    }
}
