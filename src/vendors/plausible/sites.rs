//! Shields: what the owner of a site does not want counted (contract 1.3). Compiled once; a look-up
//! does not depend on the number of sites.

use crate::config::declare::object;
use crate::config::node::Node;
use crate::config::read::{NotEmpty, Read};
use crate::rules::cidr::CidrSet;
use crate::rules::country::{Country, CountrySet};
use crate::rules::hashed::Hashed;
use crate::rules::patterns::{Hostnames, Pages};
use crate::rules::problem::Problem;
use crate::rules::url::bare_host;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::net::IpAddr;

object! {
    /// One site's rules.
    pub struct Site {
        /// Addresses and networks.
        ip_blocklist: Option<NotEmpty<CidrSet>>,
        /// Two letters; `ZZ` is unknown.
        country_blocklist: Option<NotEmpty<CountrySet>>,
        /// Patterns of the page's path, which start with `/`.
        page_blocklist: Option<NotEmpty<Pages>>,
        /// Patterns of the page's hostname: if there are any, one must match.
        hostname_allowlist: Option<NotEmpty<Hostnames>>,
    }
}

impl Site {
    /// True where no hostnames are listed, or one of them matches.
    pub fn allows_hostname(&self, hostname: &str) -> bool {
        self.hostname_allowlist.as_ref().is_none_or(|listed| listed.match_any(hostname))
    }

    /// Whether the page's path is listed.
    pub fn blocks_page(&self, page: &str) -> bool {
        self.page_blocklist.as_ref().is_some_and(|listed| listed.match_any(page))
    }

    /// Whether the address is listed.
    pub fn blocks_address(&self, address: IpAddr) -> bool {
        self.ip_blocklist.as_ref().is_some_and(|listed| listed.contains(address))
    }

    /// Whether the country is listed.
    pub fn blocks_country(&self, country: Country) -> bool {
        self.country_blocklist.as_ref().is_some_and(|listed| listed.contains(country))
    }
}

/// All sites that have rules.
#[derive(Debug, Clone, Default)]
pub struct Sites {
    by_domain: HashMap<Box<str>, (u64, Site), BuildHasherDefault<Hashed>>,
    /// Some site blocks addresses.
    pub have_addresses: bool,
}

/// Two spellings of one domain are a problem.
impl Read for Sites {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        let mut sites = Sites::default();
        node.each_member(|domain, node| {
            let (problems, path) = (node.problems, node.path);
            if let Some(site) = node.object::<Site>()
                && sites.add(domain, site).is_some()
            {
                let found = "the same site with and without \"www.\"";
                problems.add(Problem::new(path.to_string(), "each site once", found));
            }
        })?;
        Some(sites)
    }
}

impl Sites {
    /// The site that had this domain before.
    fn add(&mut self, domain: &str, site: Site) -> Option<(u64, Site)> {
        self.have_addresses |= site.ip_blocklist.is_some();
        let number = self.by_domain.len() as u64;
        self.by_domain.insert(bare_host(domain).into(), (number, site))
    }

    /// The site of a domain, and its place in the configuration. `domain` is without `www.`; letter
    /// case counts.
    pub fn get(&self, domain: &str) -> Option<&(u64, Site)> {
        self.by_domain.get(domain)
    }

    /// Each domain, without `www.`, with its site, in the order of the configuration.
    pub fn in_order(&self) -> Vec<(&str, &Site)> {
        let mut sites: Vec<_> = self.by_domain.iter().collect();
        sites.sort_unstable_by_key(|(_, (number, _))| *number);
        sites.into_iter().map(|(domain, (_, site))| (&**domain, site)).collect()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.by_domain.len()
    }

    /// No site has rules.
    pub fn is_empty(&self) -> bool {
        self.by_domain.is_empty()
    }
}
