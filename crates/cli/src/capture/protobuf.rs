//! The wire format of Protocol Buffers, as far as tap traces use it. Nothing is copied: a generated
//! reader makes 72 bytes of a header field that takes two, so that a small file could fill the
//! memory.

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    Number(u64),
    /// A text, bytes, or a message inside this one.
    Bytes(&'a [u8]),
}

impl<'a> Content<'a> {
    /// Empty for a number.
    pub fn bytes(self) -> &'a [u8] {
        match self {
            Content::Bytes(bytes) => bytes,
            Content::Number(_) => b"",
        }
    }

    /// 0 for bytes.
    pub fn number(self) -> u64 {
        match self {
            Content::Number(number) => number,
            Content::Bytes(_) => 0,
        }
    }
}

/// The fields of a message in the order they stand: number and content. After an error there are no
/// more.
#[derive(Debug)]
pub struct Fields<'a>(&'a [u8]);

/// The bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl<'a> Fields<'a> {
    pub fn of(message: &'a [u8]) -> Self {
        Fields(message)
    }

    fn field(&mut self) -> Option<(u64, Content<'a>)> {
        let tag = self.varint()?;
        let content = match tag & 7 {
            0 => Content::Number(self.varint()?),
            1 => Content::Bytes(self.take(8)?),
            2 => {
                let length = self.varint()?;
                Content::Bytes(self.take(length)?)
            }
            5 => Content::Bytes(self.take(4)?),
            // Groups, which no message of Envoy has.
            _ => return None,
        };
        (tag >> 3 > 0).then_some((tag >> 3, content))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let [byte] = self.take(1)? else { return None };
            value |= u64::from(byte & 0x7F).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, count: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(count).ok()?)?;
        self.0 = rest;
        Some(taken)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Content<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field().ok_or(Malformed);
        if field.is_err() {
            self.0 = b"";
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> Vec<String> {
        Fields::of(bytes)
            .map(|field| {
                field.map_or("malformed".to_owned(), |(number, content)| {
                    format!("{number} {content:?}")
                })
            })
            .collect()
    }

    #[test]
    fn fields_are_read_in_order() {
        let rows: &[(&[u8], &[&str])] = &[
            (b"", &[]),
            (b"\x0a\x02ab\x10\xac\x02", &["1 Bytes([97, 98])", "2 Number(300)"]),
            (
                b"\x0d1234\x11!!!!!!!!\x18\x00",
                &[
                    "1 Bytes([49, 50, 51, 52])",
                    "2 Bytes([33, 33, 33, 33, 33, 33, 33, 33])",
                    "3 Number(0)",
                ],
            ),
            (b"\x0a\x03ab", &["malformed"]),
            (b"\x0a\x00\x0b\x0a\x00", &["1 Bytes([])", "malformed"]),
            (b"\x02\x00", &["malformed"]),
            (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", &["malformed"]),
            (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", &["malformed"]),
        ];
        for (bytes, expected) in rows {
            assert_eq!(shown(bytes), *expected, "{}", bytes.escape_ascii());
        }
    }
}
