//! A request that its head refused, whose answer waits for its body.

use super::Context;
use super::host::{Action, Host, Result};
use super::quarantine::Body;
use super::stream::{State, Stream};
use crate::gate::Decision;
use std::rc::Rc;

impl Stream {
    /// The body of a request that its head refused comes, and is thrown away; or kept, if that is
    /// what it is awaited for.
    pub(super) fn answer<H: Host>(
        &mut self,
        cx: &mut Context<'_, H>,
        decision: Rc<Decision>,
        end_of_stream: bool,
    ) -> Action {
        let is_kept = self.keep_piece(cx, &decision);
        if end_of_stream {
            return self.finish(cx, &decision, Body::Whole(b""));
        }
        if !is_kept || self.discard(cx).is_err() {
            return self.finish(cx, &decision, Body::Unread);
        }
        self.state = State::Answering(decision);
        Action::Hold
    }

    fn discard<H: Host>(&mut self, cx: &mut Context<'_, H>) -> Result<()> {
        if self.body_size > 0 {
            cx.host.replace_body(self.body_size, b"")?;
            self.is_discarded = true;
        }
        Ok(())
    }
}
