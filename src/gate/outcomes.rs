//! Every outcome that a request to an endpoint can have, so that each can have a counter of its own
//! before the first request comes.

use super::Endpoint;
use crate::verdict::{Disposition, Reason, Verdict};

impl Endpoint {
    /// Every pair of verdict and reason that a decision on a request can have, once.
    pub fn outcomes(&self) -> Vec<(Verdict, Option<Reason>)> {
        let refuses_in_part = self.vendor.contract().refuses_in_part;
        let mut outcomes = vec![(Verdict::Pass, None), (Verdict::Uninspected, None)];
        for reason in Reason::ALL {
            let is_kept = match self.dispositions.of(reason) {
                None | Some(Disposition::Pass) => false,
                Some(Disposition::Annotate) => true,
                Some(Disposition::Drop) => {
                    outcomes.push((Verdict::Drop, Some(reason)));
                    refuses_in_part(reason)
                }
                Some(Disposition::Reject) => {
                    outcomes.push((Verdict::Reject, Some(reason)));
                    refuses_in_part(reason)
                }
            };
            if is_kept {
                outcomes.push((Verdict::Annotate, Some(reason)));
            }
            if is_kept || self.lets_go_for(reason) {
                outcomes.push((Verdict::Uninspected, Some(reason)));
            }
        }
        outcomes
    }
}
