//! A sticky share of clients: a client enforced at 5 % stays enforced at 10 %, on every worker and
//! every gateway.

use super::hash::hash;
use super::problem::Problem;
use crate::config::node::Node;
use crate::config::read::Read;

/// A share in steps of 0.01 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    /// Of [`Share::BUCKETS`].
    buckets: u64,
}

impl Share {
    const BUCKETS: u64 = 10_000;

    /// Everyone.
    pub const ALL: Share = Share { buckets: Share::BUCKETS };

    /// Reads `5`, `0.01`, `12.50`, `100`.
    ///
    /// # Errors
    /// Not between 0 and 100, finer than 0.01, or in another notation.
    pub fn of_percent(percent: &str) -> Result<Share, Problem> {
        let (whole, hundredths) = percent.split_once('.').unwrap_or((percent, ""));
        let hundredths = hundredths.trim_end_matches('0');
        let are_digits = format!("{whole}{hundredths}").bytes().all(|byte| byte.is_ascii_digit());
        let buckets = format!("{whole}{hundredths:0<2}").parse().ok();
        match buckets {
            Some(buckets) if are_digits && hundredths.len() <= 2 && buckets <= Self::BUCKETS => {
                Ok(Share { buckets })
            }
            Some(_) | None => {
                Err(Problem::new("", "a number from 0 to 100 in steps of 0.01", percent))
            }
        }
    }

    /// True where the share is neither nobody nor everyone, so that clients must be distinguished.
    pub fn is_partial(self) -> bool {
        self.buckets > 0 && self.buckets < Self::BUCKETS
    }

    /// Whether the client that `key` stands for (its address, or its credentials) is in. The same
    /// key always gets the same answer; a client without a key is one among all others that have
    /// none.
    pub fn includes(self, key: &[u8]) -> bool {
        hash(key) % Self::BUCKETS < self.buckets
    }
}

impl Default for Share {
    fn default() -> Self {
        Share::ALL
    }
}

/// `5`, `0.01`, `12.5`, as it is written.
impl std::fmt::Display for Share {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, hundredths) = (self.buckets / 100, self.buckets % 100);
        match (hundredths, hundredths % 10) {
            (0, _) => write!(formatter, "{whole}"),
            (_, 0) => write!(formatter, "{whole}.{}", hundredths / 10),
            (_, _) => write!(formatter, "{whole}.{hundredths:02}"),
        }
    }
}

impl Read for Share {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        node.number(Share::of_percent)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Share {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "number", "minimum": 0, "maximum": 100 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clients() -> impl Iterator<Item = [u8; 4]> {
        (0u32..100_000).map(|client| (0x0A00_0000 + client * 7).to_be_bytes())
    }

    #[test]
    fn the_share_of_clients_is_the_share_asked_for() {
        for percent in [0.0, 0.01, 1.0, 5.0, 33.33, 50.0, 99.99, 100.0_f64] {
            let share = Share::of_percent(&percent.to_string()).unwrap();
            let found = clients().filter(|client| share.includes(client)).count() as f64 / 1000.0;
            // Three and a half standard deviations of a fair draw.
            let slack = 3.5 * (percent * (100.0 - percent) / 100_000.0).sqrt();
            assert!(
                (found - percent).abs() <= slack,
                "asked for {percent} %, found {found} %, slack {slack}"
            );
        }
    }

    #[test]
    fn who_is_in_stays_in_as_the_share_grows() {
        let shares: Vec<Share> = (0..=100)
            .map(|percent: u32| Share::of_percent(&percent.to_string()).unwrap())
            .collect();
        for client in clients() {
            let answers = shares.iter().map(|share| share.includes(&client));
            assert!(answers.is_sorted(), "{client:?}");
        }
    }

    #[test]
    fn a_share_is_a_percentage_in_hundredths() {
        for percent in ["0", "0.01", "0.07", "1.1", "29.99", "5.000", "100", "100.00"] {
            assert!(Share::of_percent(percent).is_ok(), "{percent}");
        }
        for percent in
            ["-0.01", "-1", "100.01", "0.005", "33.333", "1e1", "99999999999999999999999"]
        {
            let problem = Share::of_percent(percent).unwrap_err();
            let expected = "expected a number from 0 to 100 in steps of 0.01";
            assert_eq!(problem.message, format!("{expected}, found {percent}"));
        }
    }
}
