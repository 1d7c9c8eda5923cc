//! What is sent in place of the collector's answer.

use super::super::abi::{self, ModuleField};
use super::Native;

pub struct Reply<'a> {
    pub status: u16,
    pub details: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
}

fn field<'a>(name: &'a str, value: &'a str) -> ModuleField<'a> {
    ModuleField { name: name.into(), value: value.into() }
}

impl Reply<'_> {
    fn fields(&self) -> impl Iterator<Item = ModuleField<'_>> {
        self.headers.iter().map(|(name, value)| field(name, value))
    }

    /// As a local reply of Envoy's.
    pub fn send(&self, native: &mut Native<'_>) {
        let fields: Vec<ModuleField<'_>> = self.fields().collect();
        // SAFETY: see the head of `host`; nothing that was lent is borrowed any more.
        unsafe {
            abi::envoy_dynamic_module_callback_http_send_response(
                native.stream,
                u32::from(self.status),
                fields.as_ptr(),
                fields.len(),
                self.body.into(),
                self.details.into(),
            );
        }
    }

    /// As a response like the collector's, which has no details for the access log.
    pub fn send_as_response(&self, native: &mut Native<'_>) {
        let (status, length) = (self.status.to_string(), self.body.len().to_string());
        let own = [field(":status", &status), field("content-length", &length)];
        let fields: Vec<ModuleField<'_>> = own.into_iter().chain(self.fields()).collect();
        let is_empty = self.body.is_empty();
        // SAFETY: see the head of `host`; nothing that was lent is borrowed any more.
        unsafe {
            abi::envoy_dynamic_module_callback_http_send_response_headers(
                native.stream,
                fields.as_ptr(),
                fields.len(),
                is_empty,
            );
        }
        if is_empty {
            return;
        }
        // SAFETY: as above.
        unsafe {
            abi::envoy_dynamic_module_callback_http_send_response_data(
                native.stream,
                self.body.into(),
                true,
            );
        }
    }
}
