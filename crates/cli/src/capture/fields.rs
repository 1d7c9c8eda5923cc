//! Pieces of captured JSON, read without a tree: a tree takes sixteen times the room of its text.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// Header fields of one request; Envoy takes a hundred.
pub const MAX_FIELDS: usize = 10_000;

/// A text that is borrowed where it stands without escapes.
#[derive(serde::Deserialize, Debug)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// A list of at most [`MAX_FIELDS`].
#[derive(Debug)]
pub struct Limited<T>(pub Vec<T>);

impl<T> Default for Limited<T> {
    fn default() -> Self {
        Limited(Vec::new())
    }
}

impl<T> Limited<T> {
    fn push<E: Error>(&mut self, one: T) -> Result<(), E> {
        if self.0.len() == MAX_FIELDS {
            return Err(E::custom(format_args!("more than {MAX_FIELDS} header fields")));
        }
        self.0.push(one);
        Ok(())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Limited<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
            type Value = Limited<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut all = Limited::default();
                while let Some(one) = list.next_element()? {
                    all.push(one)?;
                }
                Ok(all)
            }
        }
        deserializer.deserialize_seq(List(PhantomData))
    }
}

/// Names and values: a list of pairs, or an object of texts and lists of texts.
#[derive(Debug, Default)]
pub struct Headers(pub Limited<(String, String)>);

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Headers;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("header fields: an object, or a list of pairs")
            }

            fn visit_unit<E: Error>(self) -> Result<Headers, E> {
                Ok(Headers::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Headers, A::Error> {
                let mut headers = Headers::default();
                while let Some(pair) = list.next_element()? {
                    headers.0.push(pair)?;
                }
                Ok(headers)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Headers, A::Error> {
                let mut headers = Headers::default();
                while let Some(name) = members.next_key::<String>()? {
                    match members.next_value().map_err(|error| {
                        A::Error::custom(format_args!("headers.{name}: {error}"))
                    })? {
                        Values::One(value) => headers.0.push((name, value))?,
                        Values::Many(values) => {
                            for value in values.0 {
                                headers.0.push((name.clone(), value))?;
                            }
                        }
                    }
                }
                Ok(headers)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// The values of one name.
enum Values {
    One(String),
    Many(Limited<String>),
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Values;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string, or a list of strings")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Values, E> {
                Ok(Values::One(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Values, A::Error> {
                let mut all = Limited::default();
                while let Some(one) = list.next_element()? {
                    all.push(one)?;
                }
                Ok(Values::Many(all))
            }
        }
        deserializer.deserialize_any(Any)
    }
}
