//! An Envoy in memory that keeps its word and no more: what it lends is overwritten and freed when
//! anything is set, and when the hook ends. Also what the fuzz target `hooks` drives.

use crate::module::abi::{
    Attribute, Body, EnvoyBuffer, EnvoyField, Level, ModuleBuffer, ModuleField, Section,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::{c_char, c_void};

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// What a caller hands over is good during the call.
fn bytes(lent: &EnvoyBuffer) -> Vec<u8> {
    if lent.data.is_null() {
        return Vec::new();
    }
    // SAFETY: so many are there.
    unsafe { std::slice::from_raw_parts(lent.data, lent.length) }.to_vec()
}

fn own_bytes(handed: &ModuleBuffer<'_>) -> Vec<u8> {
    bytes(&EnvoyBuffer { data: handed.data, length: handed.length })
}

/// The state of a request, as Envoy has it.
#[derive(Default)]
pub struct State {
    /// Request headers, request trailers, response headers.
    pub sections: [Fields; 3],
    /// The piece that the hook is called for, and what earlier ones held.
    pub body: [Option<Vec<u8>>; 2],
    /// Status and body of what the request was answered with.
    pub replies: Vec<(u32, Vec<u8>)>,
    pub is_sent_ahead: bool,
    /// 0: as much as comes.
    pub buffer_limit: u64,
    /// Each counter by its label values.
    pub counted: BTreeMap<String, u64>,
    pub published: Fields,
    /// How often the main thread was to be called.
    pub scheduled: usize,
    /// Cluster, fields and body of requests that were sent apart from any stream.
    pub sent: Vec<(Vec<u8>, Fields, Vec<u8>)>,
    lent: Vec<*mut [u8]>,
}

impl State {
    fn lend(&mut self, bytes: &[u8]) -> EnvoyBuffer {
        let lent = Box::into_raw(Box::<[u8]>::from(bytes));
        self.lent.push(lent);
        EnvoyBuffer { data: lent.cast::<u8>(), length: bytes.len() }
    }

    /// All that was lent is gone: whoever still reads it reads what is not there.
    fn take_back(&mut self) {
        for lent in self.lent.drain(..) {
            // SAFETY: each was made from a box, and is here once.
            let mut memory = unsafe { Box::from_raw(lent) };
            memory.fill(0xEE);
        }
    }
}

/// A stream, and the configuration as well.
#[derive(Default)]
pub struct Envoy(pub RefCell<State>);

impl Drop for Envoy {
    fn drop(&mut self) {
        self.0.borrow_mut().take_back();
    }
}

unsafe extern "C" {
    fn envoy_dynamic_module_on_program_init() -> *const c_char;
    fn envoy_dynamic_module_on_http_filter_config_new(
        config: *mut c_void,
        name: EnvoyBuffer,
        json: EnvoyBuffer,
    ) -> *const c_void;
    fn envoy_dynamic_module_on_http_filter_config_destroy(module: *const c_void);
    fn envoy_dynamic_module_on_http_filter_new(
        module: *const c_void,
        stream: *mut c_void,
    ) -> *const c_void;
    fn envoy_dynamic_module_on_http_filter_request_headers(
        stream: *mut c_void,
        context: *const c_void,
        end_of_stream: bool,
    ) -> u32;
    fn envoy_dynamic_module_on_http_filter_request_body(
        stream: *mut c_void,
        context: *const c_void,
        end_of_stream: bool,
    ) -> u32;
    fn envoy_dynamic_module_on_http_filter_request_trailers(
        stream: *mut c_void,
        context: *const c_void,
    ) -> u32;
    fn envoy_dynamic_module_on_http_filter_response_headers(
        stream: *mut c_void,
        context: *const c_void,
        end_of_stream: bool,
    ) -> u32;
    fn envoy_dynamic_module_on_http_filter_stream_complete(
        stream: *mut c_void,
        context: *const c_void,
    );
    fn envoy_dynamic_module_on_http_filter_destroy(context: *const c_void);
}

/// A loaded configuration.
pub struct Loaded {
    module: *const c_void,
    _config: Box<Envoy>,
}

impl Loaded {
    /// `None`: it was refused.
    pub fn new(name: &str, json: &str) -> Option<Loaded> {
        let config = Box::<Envoy>::default();
        let [name, json] = [name, json].map(|text| config.0.borrow_mut().lend(text.as_bytes()));
        // SAFETY: as Envoy calls them.
        let module = unsafe {
            assert!(!envoy_dynamic_module_on_program_init().is_null());
            envoy_dynamic_module_on_http_filter_config_new(config.pointer(), name, json)
        };
        config.0.borrow_mut().take_back();
        (!module.is_null()).then_some(Loaded { module, _config: config })
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // SAFETY: as Envoy calls it, once.
        unsafe { envoy_dynamic_module_on_http_filter_config_destroy(self.module) };
    }
}

/// A request: its header section, its body in pieces, and whether trailers end it.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub headers: Fields,
    pub pieces: Vec<Vec<u8>>,
    pub trailers: Option<Fields>,
    /// The client goes away after so many hooks.
    pub leaves_after: Option<usize>,
    /// What Envoy holds of a body; 0: as much as comes.
    pub buffer_limit: u64,
}

/// What became of a request.
pub struct Outcome {
    pub state: State,
    /// All of the body that went on.
    pub went: Vec<u8>,
    /// The request went on as a whole.
    pub is_forwarded: bool,
}

const BUFFER: u32 = 1;
const NO_BUFFER: u32 = 3;

impl Envoy {
    fn pointer(&self) -> *mut c_void {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    /// Runs a request through the hooks, as Envoy's filter manager does.
    pub fn run(loaded: &Loaded, request: &Request) -> Outcome {
        let envoy = Envoy::default();
        envoy.0.borrow_mut().sections =
            [request.headers.clone(), request.trailers.clone().unwrap_or_default(), Vec::new()];
        envoy.0.borrow_mut().buffer_limit = request.buffer_limit;
        // SAFETY: as Envoy calls it; the configuration outlives the stream.
        let context =
            unsafe { envoy_dynamic_module_on_http_filter_new(loaded.module, envoy.pointer()) };
        assert!(!context.is_null());
        let (went, is_forwarded) = envoy.request(context, request);
        // SAFETY: as Envoy calls them, at the stream's end.
        unsafe {
            envoy_dynamic_module_on_http_filter_response_headers(envoy.pointer(), context, true);
            envoy.0.borrow_mut().take_back();
            envoy_dynamic_module_on_http_filter_stream_complete(envoy.pointer(), context);
            envoy.0.borrow_mut().take_back();
            envoy_dynamic_module_on_http_filter_destroy(context);
        }
        Outcome { state: envoy.0.take(), went, is_forwarded }
    }

    fn request(&self, context: *const c_void, request: &Request) -> (Vec<u8>, bool) {
        let mut hooks = 0;
        let mut leaves = || {
            hooks += 1;
            request.leaves_after.is_some_and(|after| hooks > after)
        };
        let mut went = Vec::new();
        let last = request.pieces.len();
        let ends = |hook: usize| hook == last && request.trailers.is_none();
        if leaves() {
            return (went, false);
        }
        // SAFETY: as Envoy calls it.
        let status = unsafe {
            envoy_dynamic_module_on_http_filter_request_headers(self.pointer(), context, ends(0))
        };
        self.0.borrow_mut().take_back();
        let mut is_stopped = status != 0;
        for (place, piece) in request.pieces.iter().enumerate() {
            if !self.0.borrow().replies.is_empty() || leaves() {
                return (went, false);
            }
            let status = self.piece(context, piece, ends(place + 1));
            let mut state = self.0.borrow_mut();
            is_stopped &= !std::mem::take(&mut state.is_sent_ahead);
            match status {
                0 => {
                    is_stopped = false;
                    went.extend(state.body[1].take().unwrap_or_default());
                    went.extend(state.body[0].take().unwrap_or_default());
                }
                BUFFER => {
                    let piece = state.body[0].take().unwrap_or_default();
                    state.body[1].get_or_insert_default().extend(piece);
                }
                NO_BUFFER => state.body[0] = None,
                status => panic!("status {status}"),
            }
        }
        if request.trailers.is_some() && self.0.borrow().replies.is_empty() {
            if leaves() {
                return (went, false);
            }
            // SAFETY: as Envoy calls it.
            let status = unsafe {
                envoy_dynamic_module_on_http_filter_request_trailers(self.pointer(), context)
            };
            self.0.borrow_mut().take_back();
            is_stopped = status != 0;
            if !is_stopped {
                went.extend(self.0.borrow_mut().body[1].take().unwrap_or_default());
            }
        }
        (went, !is_stopped && self.0.borrow().replies.is_empty())
    }

    fn piece(&self, context: *const c_void, piece: &[u8], end_of_stream: bool) -> u32 {
        let mut state = self.0.borrow_mut();
        let mut received = piece.to_vec();
        // So that a filter sees the very last piece in the buffer as well, Envoy puts it there.
        if end_of_stream && let Some(buffered) = &mut state.body[1] {
            buffered.append(&mut received);
        }
        state.body[0] = Some(received);
        drop(state);
        // SAFETY: as Envoy calls it.
        let status = unsafe {
            envoy_dynamic_module_on_http_filter_request_body(self.pointer(), context, end_of_stream)
        };
        self.0.borrow_mut().take_back();
        status
    }
}

/// SAFETY of all that follow: a caller hands over what it was given, or what is good during the
/// call.
fn state(stream: *mut c_void) -> std::cell::RefMut<'static, State> {
    // SAFETY: it is an `Envoy` that outlives the call.
    unsafe { &*stream.cast::<Envoy>() }.0.borrow_mut()
}

fn set(stream: *mut c_void) -> std::cell::RefMut<'static, State> {
    let mut state = state(stream);
    state.take_back();
    state
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_log(_level: Level, message: ModuleBuffer<'_>) {
    assert!(!own_bytes(&message).contains(&b'\n'));
}

/// Defines the calls that define a metric.
macro_rules! define {
    ($($name:ident)*) => {
        $(
            #[unsafe(no_mangle)]
            extern "C" fn $name(
                _config: *mut c_void,
                name: ModuleBuffer<'_>,
                _labels: *const ModuleBuffer<'_>,
                _count: usize,
                id: *mut usize,
            ) -> u32 {
                // SAFETY: the caller's variable outlives the call.
                unsafe { *id = name.length };
                0
            }
        )*
    };
}

/// Nothing is sent here: what is put down waits.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_filter_config_scheduler_new(
    config: *mut c_void,
) -> *mut c_void {
    config
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_filter_config_scheduler_delete(_: *mut c_void) {}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_filter_config_scheduler_commit(
    scheduler: *mut c_void,
    _event: u64,
) {
    state(scheduler).scheduled += 1;
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_filter_config_http_callout(
    config: *mut c_void,
    id: *mut u64,
    cluster: ModuleBuffer<'_>,
    fields: *const ModuleField<'_>,
    field_count: usize,
    body: ModuleBuffer<'_>,
    _timeout_ms: u64,
) -> u32 {
    // SAFETY: the caller has so many.
    let fields = unsafe { std::slice::from_raw_parts(fields, field_count) };
    let fields = fields.iter().map(|field| (own_bytes(&field.name), own_bytes(&field.value)));
    let sent = (own_bytes(&cluster), fields.collect(), own_bytes(&body));
    let mut state = state(config);
    state.sent.push(sent);
    // SAFETY: the caller's variable outlives the call.
    unsafe { *id = state.sent.len() as u64 };
    u32::from(cluster.length == 0)
}

define! {
    envoy_dynamic_module_callback_http_filter_config_define_counter
    envoy_dynamic_module_callback_http_filter_config_define_gauge
    envoy_dynamic_module_callback_http_filter_config_define_histogram
}

/// Defines the calls that count.
macro_rules! count {
    ($($name:ident)*) => {
        $(
            #[unsafe(no_mangle)]
            extern "C" fn $name(
                stream: *mut c_void,
                id: usize,
                labels: *const ModuleBuffer<'_>,
                count: usize,
                value: u64,
            ) -> u32 {
                let mut key = id.to_string();
                for place in 0..count {
                    // SAFETY: there are so many.
                    let label = unsafe { own_bytes(&*labels.add(place)) };
                    key = format!("{key} {}", String::from_utf8(label).unwrap());
                }
                *state(stream).counted.entry(key).or_default() += value;
                0
            }
        )*
    };
}

count! {
    envoy_dynamic_module_callback_http_filter_increment_counter
    envoy_dynamic_module_callback_http_filter_increment_gauge
    envoy_dynamic_module_callback_http_filter_decrement_gauge
    envoy_dynamic_module_callback_http_filter_record_histogram_value
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_get_headers_size(
    stream: *mut c_void,
    section: Section,
) -> usize {
    state(stream).sections[section as usize].len()
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_get_headers(
    stream: *mut c_void,
    section: Section,
    fields: *mut EnvoyField,
) -> bool {
    let mut state = state(stream);
    for (place, (name, value)) in state.sections[section as usize].clone().iter().enumerate() {
        let field = EnvoyField { name: state.lend(name), value: state.lend(value) };
        // SAFETY: the caller has room for all.
        unsafe { fields.add(place).write(field) };
    }
    true
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_get_header(
    stream: *mut c_void,
    section: Section,
    name: ModuleBuffer<'_>,
    value: *mut EnvoyBuffer,
    index: usize,
    _count: *mut usize,
) -> bool {
    let mut state = state(stream);
    let name = own_bytes(&name);
    let mut values = state.sections[section as usize].iter().filter(|(known, _)| *known == name);
    let found = values.nth(index).map(|(_, value)| value.clone());
    // SAFETY: the caller's variable outlives the call.
    unsafe { *value = found.as_deref().map_or(EnvoyBuffer::EMPTY, |found| state.lend(found)) };
    found.is_some()
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_add_header(
    stream: *mut c_void,
    section: Section,
    name: ModuleBuffer<'_>,
    value: ModuleBuffer<'_>,
) -> bool {
    let (name, value) = (own_bytes(&name), own_bytes(&value));
    set(stream).sections[section as usize].push((name, value));
    true
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_set_header(
    stream: *mut c_void,
    section: Section,
    name: ModuleBuffer<'_>,
    value: ModuleBuffer<'_>,
) -> bool {
    let (name, bytes) = (own_bytes(&name), own_bytes(&value));
    let mut state = set(stream);
    let fields = &mut state.sections[section as usize];
    fields.retain(|(known, _)| *known != name);
    if !bytes.is_empty() {
        fields.push((name, bytes));
    }
    true
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_send_response(
    stream: *mut c_void,
    status: u32,
    _fields: *const ModuleField<'_>,
    _count: usize,
    body: ModuleBuffer<'_>,
    _details: ModuleBuffer<'_>,
) {
    let body = own_bytes(&body);
    set(stream).replies.push((status, body));
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_send_response_headers(
    stream: *mut c_void,
    fields: *const ModuleField<'_>,
    count: usize,
    _end_of_stream: bool,
) {
    assert!(count > 0);
    // SAFETY: there is one.
    let status = unsafe { own_bytes(&(*fields).value) };
    let status = String::from_utf8(status).unwrap().parse().unwrap();
    set(stream).replies.push((status, Vec::new()));
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_send_response_data(
    stream: *mut c_void,
    body: ModuleBuffer<'_>,
    _end_of_stream: bool,
) {
    let body = own_bytes(&body);
    if let Some((_, sent)) = set(stream).replies.last_mut() {
        sent.extend(body);
    }
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_get_body_size(
    stream: *mut c_void,
    body: Body,
) -> usize {
    state(stream).body[body as usize].as_ref().map_or(0, Vec::len)
}

/// Pieces of seven bytes.
const PIECE: usize = 7;

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_get_body_chunks_size(
    stream: *mut c_void,
    body: Body,
) -> usize {
    state(stream).body[body as usize].as_ref().map_or(0, |body| body.len().div_ceil(PIECE))
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_get_body_chunks(
    stream: *mut c_void,
    body: Body,
    chunks: *mut EnvoyBuffer,
) -> bool {
    let mut state = state(stream);
    let Some(body) = state.body[body as usize].clone() else { return false };
    for (place, piece) in body.chunks(PIECE).enumerate() {
        let lent = state.lend(piece);
        // SAFETY: the caller has room for all.
        unsafe { chunks.add(place).write(lent) };
    }
    true
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_append_body(
    stream: *mut c_void,
    body: Body,
    bytes: ModuleBuffer<'_>,
) -> bool {
    let bytes = own_bytes(&bytes);
    let mut state = set(stream);
    let is_received = body == Body::Received;
    let part = &mut state.body[body as usize];
    if is_received && part.is_none() {
        return false;
    }
    part.get_or_insert_default().extend(bytes);
    true
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_drain_body(
    stream: *mut c_void,
    body: Body,
    size: usize,
) -> bool {
    let mut state = set(stream);
    let Some(part) = &mut state.body[body as usize] else { return false };
    part.drain(..size.min(part.len()));
    true
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_received_buffered_request_body(
    _stream: *mut c_void,
) -> bool {
    false
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_set_filter_state_bytes(
    stream: *mut c_void,
    key: ModuleBuffer<'_>,
    value: ModuleBuffer<'_>,
) -> bool {
    let entry = (own_bytes(&key), own_bytes(&value));
    set(stream).published.push(entry);
    true
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_filter_get_attribute_string(
    stream: *mut c_void,
    attribute: Attribute,
    value: *mut EnvoyBuffer,
) -> bool {
    let found: &[u8] = match attribute {
        Attribute::RequestProtocol => b"HTTP/1.1",
        Attribute::SourceAddress => b"192.0.2.1:1234",
    };
    // SAFETY: the caller's variable outlives the call.
    unsafe { *value = state(stream).lend(found) };
    true
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_filter_continue_decoding(stream: *mut c_void) {
    set(stream).is_sent_ahead = true;
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_get_buffer_limit(stream: *mut c_void) -> u64 {
    state(stream).buffer_limit
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_set_buffer_limit(stream: *mut c_void, limit: u64) {
    set(stream).buffer_limit = limit;
}
