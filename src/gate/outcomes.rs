//! What can be said of a request to an endpoint, so that each can have a counter of its own before
//! the first request comes.

use super::{Endpoint, Gate};
use crate::vendors;
use crate::verdict::{Disposition, Reason, Verdict};

impl Gate {
    /// Every pair of verdict and reason that a decision on a request to `endpoint` can have, once.
    pub fn outcomes(&self, endpoint: &Endpoint) -> Vec<(Verdict, Option<Reason>)> {
        let mut outcomes = vec![(Verdict::Pass, None), (Verdict::Uninspected, None)];
        for reason in Reason::ALL {
            let is_kept = match endpoint.dispositions.of(reason) {
                None | Some(Disposition::Pass) => false,
                Some(Disposition::Annotate) => true,
                Some(Disposition::Drop) => {
                    outcomes.push((Verdict::Drop, Some(reason)));
                    vendors::refuses_in_part(endpoint.vendor, reason)
                }
                Some(Disposition::Reject) => {
                    outcomes.push((Verdict::Reject, Some(reason)));
                    vendors::refuses_in_part(endpoint.vendor, reason)
                }
            };
            if is_kept {
                outcomes.push((Verdict::Annotate, Some(reason)));
            }
            if is_kept || self.lets_go_for(reason, endpoint) {
                outcomes.push((Verdict::Uninspected, Some(reason)));
            }
        }
        outcomes
    }
}
