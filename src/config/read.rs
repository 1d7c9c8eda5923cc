//! How values of the configuration are read, and what their shape is in its JSON Schema. Objects
//! are declared by the macros of [`super::declare`].

use super::node::{Members, Node};
use crate::rules::problem::Problem;
use std::num::NonZeroUsize;
use std::ops::Deref;

/// A value of the configuration.
pub trait Read: Sized {
    /// `None`, with a problem kept, where what is written cannot be used. Of a list or a set whose
    /// elements cannot all be used, the others are read, with the problems kept.
    fn read(node: Node<'_, '_>) -> Option<Self>;

    /// What a field holds that is left out; `None` where it must be there.
    fn absent() -> Option<Self> {
        None
    }
}

/// An object with fields of its own; see [`super::declare`].
pub trait Object: Sized {
    /// The names of its fields.
    const NAMES: &'static [&'static str];

    /// Takes its fields, each with its problems.
    fn take(members: &mut Members<'_, '_>) -> Option<Self>;
}

impl<T: Read> Read for Option<T> {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        T::read(node).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl Read for bool {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        match node.value {
            super::Json::Bool(value) => Some(value),
            _ => node.wrong("true or false"),
        }
    }
}

impl Read for String {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        node.text(|text| Ok(text.to_owned()))
    }
}

/// A whole number that is not negative.
impl Read for usize {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        let parsed =
            if let super::Json::Number(text) = node.value { text.parse().ok() } else { None };
        parsed.or_else(|| node.wrong("a whole number from 0"))
    }
}

/// Nothing could be sent under a limit of 0.
impl Read for NonZeroUsize {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        let parsed =
            if let super::Json::Number(text) = node.value { text.parse().ok() } else { None };
        parsed.or_else(|| node.wrong("a whole number from 1"))
    }
}

/// Where it is left out it is empty.
impl<T: Read> Read for Vec<T> {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        let mut list = Vec::new();
        node.each(|node| list.extend(T::read(node)))?;
        Some(list)
    }

    fn absent() -> Option<Self> {
        Some(Vec::new())
    }
}

/// Names of the operator's own, each with a value, in the order they stand. Where it is left out it
/// is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline, transparent))]
pub struct Entries<K, V>(
    #[cfg_attr(feature = "schema", schemars(with = "std::collections::BTreeMap<K, V>"))]
    pub  Vec<(K, V)>,
);

impl<K, V> Default for Entries<K, V> {
    fn default() -> Self {
        Entries(Vec::new())
    }
}

impl<K, V> Deref for Entries<K, V> {
    type Target = [(K, V)];

    fn deref(&self) -> &[(K, V)] {
        &self.0
    }
}

impl<K: Read, V: Read> Read for Entries<K, V> {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        let mut entries = Vec::new();
        node.each_member(|name, node| {
            let name = super::Json::String(name.into());
            let name = K::read(Node { value: name, ..node_at(&node) });
            entries.extend(name.zip(V::read(node)));
        })?;
        Some(Entries(entries))
    }

    fn absent() -> Option<Self> {
        Some(Entries::default())
    }
}

fn node_at<'n>(node: &Node<'n, '_>) -> Node<'n, 'static> {
    Node { path: node.path, value: super::Json::Null, problems: node.problems }
}

/// A list, of whatever is read from one, that must not be empty: one without entries would be taken
/// for all or for nothing, and nobody could say which.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline, transparent))]
pub struct NotEmpty<T>(#[cfg_attr(feature = "schema", schemars(length(min = 1)))] pub T);

impl<T> Deref for NotEmpty<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Read> Read for NotEmpty<T> {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        if node.value == super::Json::List(Vec::new()) {
            return node.wrong("at least one entry, or the field left out");
        }
        T::read(node).map(NotEmpty)
    }
}

/// A value with the place where it stands, for what can only be checked later.
#[derive(Debug, Clone)]
pub struct At<T> {
    /// `endpoints[2]`; empty where nothing was written.
    pub at: String,
    /// There was no problem in it.
    pub is_whole: bool,
    /// What was read there.
    pub value: T,
}

impl<T> Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Read> Read for At<T> {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        let (at, problems) = (node.path.to_string(), node.problems);
        let before = problems.count();
        let value = T::read(node)?;
        Some(At { at, is_whole: problems.count() == before, value })
    }
}

/// The value's own.
#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}

/// A string that is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NonEmpty(pub String);

impl NonEmpty {
    /// # Errors
    /// It is empty.
    pub fn new(text: &str) -> Result<Self, Problem> {
        if text.is_empty() {
            return Err(Problem::new("", "a string that is not empty", "\"\""));
        }
        Ok(NonEmpty(text.to_owned()))
    }
}

super::declare::text!(NonEmpty = NonEmpty::new, { "minLength": 1 });

impl<T: Read> Read for std::sync::Arc<T> {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        T::read(node).map(Into::into)
    }
}
