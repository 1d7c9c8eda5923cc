//! Header maps in the ABI's form.

/// The ABI's form of a header map: the number of fields, the lengths of each name and value (all 32
/// bits, little endian), then each name and value with a NUL after it.
pub fn serialized<T: AsRef<[u8]>>(fields: &[(T, T)]) -> Vec<u8> {
    let length = |text: &T| u32::try_from(text.as_ref().len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut map = u32::try_from(fields.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    for (name, value) in fields {
        map.extend(length(name));
        map.extend(length(value));
    }
    for text in fields.iter().flat_map(|(name, value)| [name, value]) {
        map.extend(text.as_ref());
        map.push(0);
    }
    map
}

/// The fields of a map in the ABI's form; a map that is cut short yields the fields that are whole.
pub fn pairs(map: &[u8]) -> Vec<(&[u8], &[u8])> {
    let number = |at: usize| -> Option<usize> {
        let bytes = map.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
    };
    let count = number(0).unwrap_or(0).min(map.len() / 8);
    let mut fields = Vec::with_capacity(count);
    let mut at = 4 + 8 * count;
    for index in 0..count {
        let (Some(name_size), Some(value_size)) = (number(4 + 8 * index), number(8 + 8 * index))
        else {
            break;
        };
        let name = map.get(at..at + name_size);
        let value = map.get(at + name_size + 1..at + name_size + 1 + value_size);
        let (Some(name), Some(value)) = (name, value) else { break };
        fields.push((name, value));
        at += name_size + value_size + 2;
    }
    fields
}
