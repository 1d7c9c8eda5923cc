//! The vendors, one a file. Each file reads from top to bottom like that vendor's contract: what it
//! says whatever the configuration (`CONTRACT`), then its checks in the vendor's own order.
//!
//! A new vendor is one file and one row of `vendors!`, with its vectors and its documentation;
//! CONTRIBUTING lists the places.

mod checks;
pub mod commanders_act;
mod common;
mod contract;
pub mod convert;
pub mod custom;
pub mod plausible;
pub mod userpilot;

pub use checks::{Checks, Compiled, Configured, Held, Next, Shared};
pub use contract::{Answer, Contract, ErrorReply, Limits, Parts, UserAgentRule};

use crate::config::declare::choice;

/// Declares the vendors. A row is a variant, the file that has the vendor's `CONTRACT` and
/// `Fields`, and the word in the configuration.
macro_rules! vendors {
    ($($(#[doc = $doc:expr])* $variant:ident($module:ident) = $id:literal,)*) => {
        /// Whose contract an endpoint follows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Vendor {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Vendor {
            /// In the order of tables.
            pub const ALL: [Vendor; [$($id),*].len()] = [$(Vendor::$variant),*];

            /// What the vendor says, whatever the configuration.
            pub const fn contract(self) -> &'static Contract {
                match self {
                    $(Vendor::$variant => &$module::CONTRACT,)*
                }
            }

            /// The word in the configuration; also the name of the default endpoint.
            pub const fn id(self) -> &'static str {
                match self {
                    $(Vendor::$variant => $id,)*
                }
            }
        }

        choice! {
            /// Whose contract an endpoint follows, and the vendor's own fields.
            pub enum VendorSpec by "vendor" {
                $($(#[doc = $doc])* $variant($module::Fields) = $id,)*
            }
        }

        impl VendorSpec {
            /// Whose fields they are.
            pub fn vendor(&self) -> Vendor {
                match self {
                    $(VendorSpec::$variant(_) => Vendor::$variant,)*
                }
            }

            /// The vendor's own fields.
            pub fn fields(&self) -> &dyn Configured {
                match self {
                    $(VendorSpec::$variant(fields) => fields,)*
                }
            }
        }
    };
}

vendors! {
    /// Convert's tracking API.
    Convert(convert) = "convert",
    /// Plausible's events API.
    Plausible(plausible) = "plausible",
    /// Userpilot's HTTP API.
    Userpilot(userpilot) = "userpilot",
    /// Commanders Act's events API.
    CommandersAct(commanders_act) = "commanders_act",
    /// Any other collector, as `custom` describes it.
    Custom(custom) = "custom",
}

impl Vendor {
    /// Those whose contract is built in, in order.
    pub fn built_in() -> impl Iterator<Item = Vendor> {
        Vendor::ALL.into_iter().filter(|vendor| vendor.contract().is_built_in)
    }
}
