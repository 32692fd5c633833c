//! The macro that declares reasons, with their codes, meanings and hints.

/// Declares the reasons. `later` after the code marks those that may resolve by waiting.
macro_rules! reasons {
    ($(
        $group:literal {
            $(
                $variant:ident $({ $($field:ident: $type:ty),+ })? = $code:literal $($later:ident)?:
                $meaning:literal => $hint:literal;
            )+
        }
    )+) => {
        /// The reason for the result of a check.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Reason {
            $($(
                #[doc = $meaning]
                $variant $({ $(
                    #[doc = concat!("The ", stringify!($field), " that the hint names.")]
                    $field: $type
                ),+ })?,
            )+)+
        }

        impl Reason {
            /// The declarations of all reasons, in the order of the documentation.
            pub const ENTRIES: &'static [ReasonEntry] = &[$($(
                ReasonEntry {
                    group: $group,
                    code: $code,
                    meaning: $meaning,
                    hint: $hint,
                    may_resolve_later: reasons!(@later $($later)?),
                },
            )+)+];

            /// Returns the stable code, as in `tree-mismatch`.
            #[must_use]
            pub fn code(&self) -> &'static str {
                match self {
                    $($( Self::$variant $({ $($field: _),+ })? => $code, )+)+
                }
            }

            /// Returns what to do, with all values filled in. Empty if there is nothing to do.
            #[must_use]
            pub fn hint(&self) -> String {
                match self {
                    $($( Self::$variant $({ $($field),+ })? => format!($hint), )+)+
                }
            }

            /// Returns true if the same check may succeed later without any action.
            #[must_use]
            pub fn may_resolve_later(&self) -> bool {
                match self {
                    $($( Self::$variant $({ $($field: _),+ })? => reasons!(@later $($later)?), )+)+
                }
            }
        }
    };
    (@later later) => { true };
    (@later) => { false };
}

pub(super) use reasons;
