//! The vendors by name; what their contracts say is in [`crate::vendors`].

/// Whose contract an endpoint follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Vendor {
    Convert,
    Plausible,
    Userpilot,
    CommandersAct,
    /// What the operator describes.
    Custom,
}

impl Vendor {
    pub const ALL: [Vendor; 5] = [
        Vendor::Convert,
        Vendor::Plausible,
        Vendor::Userpilot,
        Vendor::CommandersAct,
        Vendor::Custom,
    ];

    /// Those whose contract is built in.
    pub const DOCUMENTED: [Vendor; 4] =
        [Vendor::Convert, Vendor::Plausible, Vendor::Userpilot, Vendor::CommandersAct];

    /// The word in the configuration; also the default endpoint's name.
    pub const fn id(self) -> &'static str {
        match self {
            Vendor::Convert => "convert",
            Vendor::Plausible => "plausible",
            Vendor::Userpilot => "userpilot",
            Vendor::CommandersAct => "commanders_act",
            Vendor::Custom => "custom",
        }
    }
}
