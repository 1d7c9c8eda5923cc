//! Captured traffic, one request at a time: what Envoy's tap filter writes (JSON, protobuf), HAR,
//! and JSON Lines.
//!
//! A record that cannot be read is an error of its own, and the next one is read all the same.
//! Compressed files are read as they are. Memory does not grow with the file, nor with what stands
//! in it: see [`MAX_RECORD_BYTES`].

mod bounded;
mod fields;
mod har;
mod lines;
mod protobuf;
mod tap;

pub use bounded::MAX_RECORD_BYTES;
pub use har::split as split_url;
pub use lines::first as first_of_json;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use trackgate::request::RequestHead;

/// One request as it was captured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    /// Its own, or file and number.
    pub id: String,
    /// `:method`, `:path` and `:authority` among them; names in lower case, in order, repeats
    /// included.
    pub fields: Vec<(String, Vec<u8>)>,
    /// Empty if there was none.
    pub body: Vec<u8>,
    /// The capture holds less than was sent.
    pub truncated: bool,
    /// There was a body, and the capture holds none of it.
    pub lacks_body: bool,
    /// The client's address and port, where the capture tells.
    pub address: Option<String>,
}

impl Captured {
    pub fn new(id: String, method: &str, path: &str, authority: &str) -> Self {
        let pseudo = [(":method", method), (":path", path), (":authority", authority)];
        let fields = pseudo.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        Captured { id, fields: fields.to_vec(), ..Captured::default() }
    }

    pub fn push(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.fields.push((name.to_ascii_lowercase(), value.into()));
    }

    /// The first field of that name.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_slice())
    }

    /// As the gate reads it.
    pub fn head(&self) -> RequestHead<'_> {
        let fields = self.fields.iter().map(|(name, value)| (name.as_bytes(), value.as_slice()));
        let mut head = RequestHead::new(fields.collect());
        if let Some(address) = &self.address {
            head.set_source_address(address.as_bytes());
        }
        head
    }
}

/// The message about a record that cannot be read.
pub type Record = Result<Captured, String>;

/// Formats that are not read, by how a file of them starts: no length and tag of a trace starts so.
const OTHERS: [(&[u8], &str); 10] = [
    (b"PK\x03\x04", "a zip archive: unpack it"),
    (b"\x28\xB5\x2F\xFD", "compressed by zstd: unpack it, or compress it by gzip"),
    (b"BZh", "compressed by bzip2: unpack it, or compress it by gzip"),
    (b"\xFD7zXZ", "compressed by xz: unpack it, or compress it by gzip"),
    (b"\xD4\xC3\xB2\xA1", "a packet capture (pcap)"),
    (b"\xA1\xB2\xC3\xD4", "a packet capture (pcap)"),
    (b"\x0A\x0D\x0D\x0A", "a packet capture (pcapng)"),
    (b"<?xml", "XML"),
    (b"<!", "HTML"),
    (b"<html", "HTML"),
];

/// The files below a folder, in order; a file is itself.
///
/// # Errors
/// The folder cannot be read, or holds no file.
pub fn files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    if found.is_empty() {
        return Err(std::io::Error::other("expected captures in the folder, found no file"));
    }
    found.sort();
    Ok(found)
}

/// Reads a file to its end, whatever of the formats it is in, and hands over each record. `tell`
/// gets the bytes read so far of the file as it stands on disk.
///
/// # Errors
/// The file cannot be opened or read.
pub fn read(path: &Path, tell: impl Fn(u64), each: &mut dyn FnMut(Record)) -> std::io::Result<()> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut file =
        BufReader::with_capacity(1 << 16, Counted { inner: File::open(path)?, read: 0, tell });
    if file.fill_buf()?.starts_with(&[0x1F, 0x8B]) {
        let inflated = flate2::bufread::MultiGzDecoder::new(file);
        return read_plain(BufReader::with_capacity(1 << 16, inflated), &name, each);
    }
    read_plain(file, &name, each)
}

/// The same for a text that is open already, and is not compressed. `name` stands before the number
/// of each record that has no name of its own.
///
/// # Errors
/// It cannot be read.
pub fn read_plain(
    mut text: impl BufRead,
    name: &str,
    each: &mut dyn FnMut(Record),
) -> std::io::Result<()> {
    let start = text.fill_buf()?;
    if let Some((_, what)) = OTHERS.iter().find(|(magic, _)| start.starts_with(magic)) {
        return Err(std::io::Error::other(format!(
            "expected what Envoy's tap writes, HAR or JSON Lines, found {what}"
        )));
    }
    let is_json = start.trim_ascii_start().first() == Some(&b'{');
    let text = bounded::Bounded::new(text);
    if is_json { lines::read(text, name, each) } else { tap::read_delimited(text, name, each) }
}

/// Counts what is read, so that progress can be shown.
struct Counted<R, F> {
    inner: R,
    read: u64,
    tell: F,
}

impl<R: Read, F: Fn(u64)> Read for Counted<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read += count as u64;
        (self.tell)(self.read);
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
