//! The vendors, one a file. Each file reads from top to bottom like that vendor's contract: what it
//! says whatever the configuration (`CONTRACT`), then its checks in the vendor's own order.
//!
//! A new vendor is one file, one variant here with its arm in [`Vendor::contract`], its
//! configuration fields, its vectors and its documentation; CONTRIBUTING lists the places.

mod checks;
pub mod commanders_act;
mod common;
mod contract;
pub mod convert;
pub mod custom;
pub mod plausible;
pub mod userpilot;

pub use checks::{Checks, Held, Next, Shared};
pub use contract::{Answer, Contract, ErrorReply, Limits, Parts, UserAgentRule};

/// Whose contract an endpoint follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Vendor {
    /// See [`convert`].
    Convert,
    /// See [`plausible`].
    Plausible,
    /// See [`userpilot`].
    Userpilot,
    /// See [`commanders_act`].
    CommandersAct,
    /// What the operator describes.
    Custom,
}

impl Vendor {
    /// In the order of tables.
    pub const ALL: [Vendor; 5] = [
        Vendor::Convert,
        Vendor::Plausible,
        Vendor::Userpilot,
        Vendor::CommandersAct,
        Vendor::Custom,
    ];

    /// What the vendor says, whatever the configuration.
    pub const fn contract(self) -> &'static Contract {
        match self {
            Vendor::Convert => &convert::CONTRACT,
            Vendor::Plausible => &plausible::CONTRACT,
            Vendor::Userpilot => &userpilot::CONTRACT,
            Vendor::CommandersAct => &commanders_act::CONTRACT,
            Vendor::Custom => &custom::CONTRACT,
        }
    }

    /// The word in the configuration.
    pub const fn id(self) -> &'static str {
        self.contract().id
    }

    /// Those whose contract is built in, in order.
    pub fn built_in() -> impl Iterator<Item = Vendor> {
        Vendor::ALL.into_iter().filter(|vendor| vendor.contract().is_built_in)
    }
}
