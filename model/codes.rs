//! Codes of reasons: why there is no fix, why a file is left alone. Each list is an enum, so that a
//! code that no list has cannot be said, and what is decided compares no strings.

/// A stable code: it is reported, counted and documented. Implemented by the enums that
/// [`codes!`](crate::codes!) makes.
pub trait ReasonCode {
    /// As it is reported.
    fn code(self) -> &'static str;
}

/// Makes the enum of the codes with which something gives its reasons: each variant with the code
/// as it is reported, in the order of these. `ALL` lists them.
#[macro_export]
macro_rules! codes {
    ($(#[$doc:meta])* $visible:vis enum $name:ident { $($variant:ident = $code:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        $visible enum $name {
            $(#[doc = concat!("`", $code, "`")] $variant),*
        }

        impl $name {
            /// All of them, as they are reported.
            $visible const ALL: &'static [&'static str] = &[$($code),*];
        }

        impl $crate::codes::ReasonCode for $name {
            fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code),*
                }
            }
        }
    };
}
