//! Takes one request through the filter's callbacks, in Envoy 1.40's ways.

use super::{LocalReply, Stream, Vm};
use crate::corpus::{Fields, Message, Observed, Reply, Upstream};

#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Fields,
    /// `None`: the request ends with its header section.
    pub body: Option<Vec<u8>>,
}

/// How Envoy is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Envoy {
    /// `allow_on_headers_stop_iteration: true`.
    Hold,
    /// Without it, and a buffer filter behind.
    Compat,
    /// Without it: a stream whose headers are held gets no further callback until it is resumed.
    KnobMissing,
    /// With it, and the client begins its body after so many ticks.
    SlowClient(u32),
}

/// How the body comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    pub piece_bytes: usize,
    pub end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// HTTP/1: after the last piece an extra callback says that the stream ends.
    Http1,
    /// HTTP/2: the last piece says so.
    Http2,
    /// HTTP/2 with trailers: no body callback ever does.
    Trailers,
    /// The client goes away after so many pieces; 0: after the headers.
    Abort(usize),
}

/// What became of the request.
#[derive(Debug, Default)]
pub struct Outcome {
    pub observed: Observed,
    /// Nothing more came, and the filter still held it.
    pub hung: bool,
    /// The header section had left for the collector before the verdict.
    pub headers_left_first: bool,
    /// The watchdog's ticks before the body began, or the stream was let go.
    pub ticks: u32,
    pub verdict_state: Option<String>,
    pub reasons_state: Option<String>,
    pub response_headers: Fields,
    pub calls: Vec<&'static str>,
    pub copied_bytes: usize,
    pub fuel: u64,
}

pub const WHOLE: Delivery = Delivery { piece_bytes: usize::MAX, end: End::Http1 };

/// A good event at Convert, where the filter's own ways are tested.
pub fn event() -> Request {
    let body = br#"{"accountId":"1","projectId":"2","visitors":[{"visitorId":"v","events":[{"eventType":"bucketing","data":{"experienceId":"1","variationId":"2"}}]}]}"#;
    let headers = [("user-agent", "ConvertAgent/1.0"), ("content-type", "application/json")];
    Request {
        method: "POST".to_owned(),
        path: "/v1/track/key".to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).to_vec(),
        body: Some(body.to_vec()),
    }
}

const CONTINUE: u32 = 0;

impl Vm {
    pub fn request(&mut self, request: &Request, delivery: Delivery, envoy: Envoy) -> Outcome {
        let context = self.next_context;
        self.next_context += 1;
        let fuel = self.fuel_used();
        self.host().calls.clear();
        self.host().copied_bytes = 0;
        self.begin(context, request, delivery);
        self.call::<(u32, u32), ()>("proxy_on_context_create", context, (context, super::ROOT));
        let hung = !self.run(context, request, delivery, envoy);
        let aborted = matches!(delivery.end, End::Abort(_));
        if !hung && !aborted {
            self.respond(context);
        }
        // Envoy skips callbacks that a module does not export, which these two are.
        for absent in ["proxy_on_log", "proxy_on_done"] {
            assert!(!self.exports(absent), "{absent}");
        }
        self.call::<u32, ()>("proxy_on_delete", context, context);
        let stream = self.host().streams.remove(&context).unwrap();
        let host = self.host();
        let prefix = host.prefix.clone();
        let (calls, copied_bytes) = (std::mem::take(&mut host.calls), host.copied_bytes);
        Outcome {
            hung,
            calls,
            copied_bytes,
            fuel: self.fuel_used() - fuel,
            ..outcome(stream, &prefix, envoy, aborted || hung)
        }
    }

    fn begin(&mut self, context: u32, request: &Request, delivery: Delivery) {
        let mut headers: Fields = vec![
            (":method".to_owned(), request.method.clone().into_bytes()),
            (":path".to_owned(), request.path.clone().into_bytes()),
            (":authority".to_owned(), b"collector.example".to_vec()),
            (":scheme".to_owned(), b"http".to_vec()),
        ];
        headers.extend(request.headers.iter().cloned());
        let protocol = if delivery.end == End::Http1 { "HTTP/1.1" } else { "HTTP/2" };
        let stream =
            Stream { request_headers: headers, headers_here: true, protocol, ..Stream::default() };
        self.host().streams.insert(context, stream);
    }

    fn stream(&mut self, context: u32) -> &mut Stream {
        self.host().streams.get_mut(&context).unwrap()
    }

    /// False: the stream hangs.
    fn run(&mut self, context: u32, request: &Request, delivery: Delivery, envoy: Envoy) -> bool {
        let ends =
            request.body.as_ref().is_none_or(|body| body.is_empty() && delivery.end == End::Http1);
        let count = self.stream(context).request_headers.len() as u32;
        let action = self.call::<(u32, u32, u32), u32>(
            "proxy_on_request_headers",
            context,
            (context, count, u32::from(ends)),
        );
        if self.stream(context).reply.is_some() {
            return true;
        }
        if ends {
            return action == CONTINUE;
        }
        self.stream(context).held = action != CONTINUE;
        self.stream(context).headers_here = action != CONTINUE;
        if action != CONTINUE {
            match envoy {
                Envoy::Hold | Envoy::Compat => {}
                Envoy::SlowClient(ticks) => (0..ticks).for_each(|_| self.tick_and_let_go(context)),
                Envoy::KnobMissing => {
                    self.stream(context).received =
                        request.body.as_ref().map_or(0, Vec::len) as u64;
                    (0..24).for_each(|_| self.tick_and_let_go(context));
                }
            }
            if self.stream(context).reply.is_some() {
                return true;
            }
            if envoy == Envoy::KnobMissing && self.stream(context).held {
                return false;
            }
        }
        self.send_body(context, request, delivery)
    }

    /// A stream that is let go has its headers leave.
    fn tick_and_let_go(&mut self, context: u32) {
        if !self.stream(context).resumed && self.stream(context).reply.is_none() {
            self.tick();
            self.stream(context).ticks += 1;
            let gone = self.stream(context).resumed;
            self.stream(context).held = !gone;
            self.stream(context).headers_here = !gone;
        }
    }

    fn send_body(&mut self, context: u32, request: &Request, delivery: Delivery) -> bool {
        let body = request.body.as_deref().unwrap_or_default();
        let pieces: Vec<&[u8]> = body.chunks(delivery.piece_bytes.min(body.len()).max(1)).collect();
        for (index, piece) in pieces.iter().enumerate() {
            if delivery.end == End::Abort(index) {
                return true;
            }
            self.stream(context).body.extend_from_slice(piece);
            let last = index + 1 == pieces.len() && delivery.end == End::Http2;
            if let Some(goes_on) = self.body_callback(context, last) {
                return goes_on;
            }
        }
        match delivery.end {
            End::Abort(_) => true,
            End::Http2 if !pieces.is_empty() => false,
            End::Http1 | End::Http2 => self.body_callback(context, true).unwrap_or(false),
            End::Trailers => self.trailers(context),
        }
    }

    /// `Some`: the request is over, and did not hang. A stream that is not held passes its pieces
    /// on.
    fn body_callback(&mut self, context: u32, end: bool) -> Option<bool> {
        let limit = self.host().buffer_limit;
        let stream = self.stream(context);
        let size = stream.body.len();
        if limit > 0 && stream.buffering && size > limit {
            let details = "request_payload_too_large".to_owned();
            stream.reply =
                Some(LocalReply { status: 413, headers: Fields::new(), body: Vec::new(), details });
            return Some(true);
        }
        stream.in_body = true;
        let arguments = (context, size as u32, u32::from(end));
        let action = self.call::<(u32, u32, u32), u32>("proxy_on_request_body", context, arguments);
        let stream = self.stream(context);
        (stream.in_body, stream.buffering) = (false, action != CONTINUE);
        if stream.reply.is_some() {
            return Some(true);
        }
        if action == CONTINUE {
            stream.held = false;
            stream.headers_here = false;
            let body = std::mem::take(&mut stream.body);
            stream.forwarded.extend(body);
        }
        end.then_some(action == CONTINUE)
    }

    fn trailers(&mut self, context: u32) -> bool {
        self.stream(context).request_trailers = Some(vec![
            ("x-trailer".to_owned(), b"1".to_vec()),
            (format!("{}verdict", self.host().prefix), b"forged".to_vec()),
        ]);
        let action =
            self.call::<(u32, u32), u32>("proxy_on_request_trailers", context, (context, 2));
        let stream = self.stream(context);
        if stream.reply.is_none() {
            let left: Vec<&str> =
                stream.request_trailers.iter().flatten().map(|(name, _)| name.as_str()).collect();
            assert_eq!(left, ["x-trailer"], "a forged trailer reached the collector");
        }
        if action == CONTINUE {
            let body = std::mem::take(&mut stream.body);
            stream.forwarded.extend(body);
        }
        stream.reply.is_some() || action == CONTINUE
    }

    /// The collector's answer, or the gate's own, passes the filter on its way back.
    fn respond(&mut self, context: u32) {
        let stream = self.stream(context);
        let headers = match &stream.reply {
            Some(reply) => [
                vec![(":status".to_owned(), reply.status.to_string().into_bytes())],
                reply.headers.clone(),
            ]
            .concat(),
            None => vec![(":status".to_owned(), b"202".to_vec())],
        };
        let count = headers.len() as u32;
        stream.response_headers = Some(headers);
        let action = self.call::<(u32, u32, u32), u32>(
            "proxy_on_response_headers",
            context,
            (context, count, 1),
        );
        assert_eq!(action, CONTINUE, "a response must not be held");
    }
}

/// In compat mode the route adds the annotations from filter state, as the shipped configuration
/// does.
fn outcome(stream: Stream, prefix: &str, envoy: Envoy, nothing_upstream: bool) -> Outcome {
    let state = |path: &str| {
        stream.properties.get(path).map(|value| String::from_utf8(value.clone()).unwrap())
    };
    let (verdict_state, reasons_state) = (state("trackgate.verdict"), state("trackgate.reasons"));
    let reply = stream.reply.clone().map(|reply| Reply {
        status: reply.status,
        headers: reply.headers,
        body: reply.body,
        details: Some(reply.details),
    });
    let mut headers = stream.request_headers;
    if envoy == Envoy::Compat {
        for (name, state) in [("verdict", &verdict_state), ("drop-reason", &reasons_state)] {
            if let Some(value) = state {
                let name = format!("{prefix}{name}");
                headers.retain(|(field, _)| *field != name);
                headers.push((name, value.clone().into_bytes()));
            }
        }
    }
    let forwarded = reply.is_none() && !nothing_upstream;
    let pseudo = |name: &str| {
        let value = headers.iter().find(|(field, _)| field == name).map(|(_, value)| value);
        String::from_utf8(value.cloned().unwrap_or_default()).unwrap()
    };
    let message =
        Message { method: pseudo(":method"), path: pseudo(":path"), body: Some(stream.forwarded) };
    let upstream = forwarded.then(|| Upstream {
        headers: headers.into_iter().filter(|(name, _)| !name.starts_with(':')).collect(),
        message: Some(message),
    });
    Outcome {
        observed: Observed { reply, upstream },
        headers_left_first: stream.resumed,
        ticks: stream.ticks,
        verdict_state,
        reasons_state,
        response_headers: stream.response_headers.unwrap_or_default(),
        ..Outcome::default()
    }
}
