//! What the operator may write, each object declared once: a declaration gives the type, how it is
//! read, and with feature `schema` its JSON Schema.
//!
//! ```ignore
//! object! {                                            // an object with fields of its own
//!     /// One tap.                                     // the schema's description
//!     pub struct Tap {
//!         /// Liters a minute.                         // the field's description
//!         #[schemars(extend("default" = 10))]          // more for the schema alone
//!         flow: Option<NonZeroUsize>,                  // an `Option`: may be left out
//!         room: Room,                                  // must be there: `missing field "room"`
//!         /// Any names.
//!         names as "name": Vec<String>,                // another name than the struct's field
//!         ..kind: Kind,                                // the fields of a choice, among its own
//!     }
//! }
//!
//! choice! {                                            // one of several objects
//!     /// What kind of tap.
//!     pub enum Kind by "kind" {                        // the field that names it
//!         /// One temperature.
//!         Plain(Nothing) = "plain",                    // no fields of its own
//!         /// Two handles.
//!         Mixer(Mixer) = "mixer",                      // those of the object `Mixer`
//!     }
//! }
//!
//! words! {                                             // one of several words
//!     /// Which room.
//!     pub enum Room {
//!         /// Where one cooks.
//!         Kitchen = "kitchen",
//!         /// Where one washes.
//!         Bath = "bath",
//!     }
//! }
//!
//! text!(Brand = Brand::new);                           // a string that is checked as it is read
//! ```
//!
//! A field that no declaration names is a problem, with the name that was probably meant; one that
//! another choice has, with that choice. All problems are told at once. What takes time to make of
//! a string (patterns, networks, digests) is made as it is read, without a string in between.
//!
//! Why not serde: measured on the whole configuration, its derived code adds 121 KB to the module
//! and tells one problem of ten, and `flatten` excludes `deny_unknown_fields`; deserr adds 48 KB
//! and tells four of ten. These macros add nothing that was not written by hand before.

/// Declares an object; see the head of the page.
macro_rules! object {
    (
        $(#[doc = $doc:expr])*
        $(#[derive($($derive:ident),*)])?
        $(#[schemars($($schema:tt)*)])*
        $visibility:vis struct $name:ident {
            $(
                $(#[doc = $field_doc:expr])*
                $(#[schemars($($field_schema:tt)*)])*
                $field:ident $(as $word:literal)?: $type:ty,
            )*
            $(..$rest:ident: $rest_type:ty,)?
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone)]
        $(#[derive($($derive),*)])?
        #[cfg_attr(
            feature = "schema",
            derive(schemars::JsonSchema),
            schemars(deny_unknown_fields)
        )]
        $(#[cfg_attr(feature = "schema", schemars($($schema)*))])*
        $visibility struct $name {
            $(
                $(#[doc = $field_doc])*
                $(#[cfg_attr(feature = "schema", schemars($($field_schema)*))])*
                $(#[cfg_attr(feature = "schema", schemars(rename = $word))])?
                pub $field: $type,
            )*
            $(
                /// The fields of the choice.
                #[cfg_attr(feature = "schema", schemars(flatten))]
                pub $rest: $rest_type,
            )?
        }

        impl $crate::config::read::Object for $name {
            const NAMES: &'static [&'static str] =
                &[$($crate::config::declare::name!($field $($word)?)),*];

            fn take(members: &mut $crate::config::node::Members<'_, '_>) -> Option<Self> {
                $(
                    let $field =
                        members.read::<$type>($crate::config::declare::name!($field $($word)?));
                )*
                $(let $rest = <$rest_type as $crate::config::read::Object>::take(members);)?
                let _ = &members;
                Some($name { $($field: $field?,)* $($rest: $rest?,)? })
            }
        }

        $crate::config::declare::read_as_object!($name);
    };
}

/// Declares one of several objects; see the head of the page.
macro_rules! choice {
    (
        $(#[doc = $doc:expr])*
        $(#[derive($($derive:ident),*)])?
        $visibility:vis enum $name:ident by $tag:literal {
            $($(#[doc = $variant_doc:expr])* $variant:ident($type:ty) = $word:literal,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone)]
        $(#[derive($($derive),*)])?
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(tag = $tag))]
        $visibility enum $name {
            $(
                $(#[doc = $variant_doc])*
                #[cfg_attr(feature = "schema", schemars(rename = $word))]
                $variant($type),
            )*
        }

        impl $crate::config::read::Object for $name {
            const NAMES: &'static [&'static str] = &[$tag];

            fn take(members: &mut $crate::config::node::Members<'_, '_>) -> Option<Self> {
                const CHOICES: &[$crate::config::node::Choice] =
                    &[$(($word, <$type as $crate::config::read::Object>::NAMES)),*];
                match members.choose($tag, CHOICES)? {
                    $($word => {
                        <$type as $crate::config::read::Object>::take(members).map($name::$variant)
                    })*
                    // A word that `CHOICES` does not have is not chosen.
                    _ => None,
                }
            }
        }

        $crate::config::declare::read_as_object!($name);
    };
}

/// Declares one of several words; see the head of the page.
macro_rules! words {
    (
        $(#[doc = $doc:expr])*
        $(#[derive($($derive:ident),*)])?
        $visibility:vis enum $name:ident {
            $(
                $(#[$meta:meta])*
                $variant:ident = $word:literal,
            )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $(#[derive($($derive),*)])?
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        $visibility enum $name {
            $(
                $(#[$meta])*
                #[cfg_attr(feature = "schema", schemars(rename = $word))]
                $variant,
            )*
        }

        impl $name {
            /// In the order of the enum.
            pub const ALL: [$name; [$($word),*].len()] = [$($name::$variant),*];

            /// The word in the configuration.
            pub const fn id(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)*
                }
            }
        }

        impl $crate::config::read::Read for $name {
            fn read(node: $crate::config::node::Node<'_, '_>) -> Option<Self> {
                node.word(&$name::ALL, $name::id)
            }
        }
    };
}

/// A string that is checked as it is read; see the head of the page. What the schema says of it
/// besides may follow.
macro_rules! text {
    ($name:ty = $read:expr) => {
        $crate::config::declare::text!($name = $read, {});
    };
    ($name:ty = $read:expr, { $($keyword:literal: $value:expr),* }) => {
        impl $crate::config::read::Read for $name {
            fn read(node: $crate::config::node::Node<'_, '_>) -> Option<Self> {
                node.text($read)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", $($keyword: $value),* })
            }
        }
    };
}

/// A set that is read from a list of strings, each added by a function of its own that may refuse
/// it; another may end it.
macro_rules! collected {
    ($name:ident, $add:ident $(, $finish:ident)?) => {
        impl $crate::config::read::Read for $name {
            fn read(node: $crate::config::node::Node<'_, '_>) -> Option<Self> {
                let mut set = $name::default();
                node.each(|node| {
                    let _ = node.text(|text| set.$add(text));
                })?;
                $(set.$finish();)?
                Some(set)
            }
        }

        #[cfg(feature = "schema")]
        $crate::config::declare::list_schema!($name, {});
    };
}

/// The schema of a list of strings.
#[cfg(feature = "schema")]
macro_rules! list_schema {
    ($name:ident, { $($keyword:literal: $value:expr),* }) => {
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "array",
                    "items": { "type": "string", $($keyword: $value),* }
                })
            }
        }
    };
}

/// The name of a field: its own, or another.
macro_rules! name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $word:literal) => {
        $word
    };
}

macro_rules! read_as_object {
    ($name:ident) => {
        impl $crate::config::read::Read for $name {
            fn read(node: $crate::config::node::Node<'_, '_>) -> Option<Self> {
                node.object()
            }
        }
    };
}

#[cfg(feature = "schema")]
pub(crate) use list_schema;
pub(crate) use {choice, collected, name, object, read_as_object, text, words};

object! {
    /// A choice without fields of its own.
    #[derive(PartialEq, Eq)]
    pub struct Nothing {}
}
