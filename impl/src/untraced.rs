//! In place of `tracing`, in a build without it: the same macros, which look at their values and do nothing.

macro_rules! untraced {
    () => {};
    ($name:ident = $($rest:tt)*) => { $crate::trace::untraced!($($rest)*) };
    (% $($rest:tt)*) => { $crate::trace::untraced!($($rest)*) };
    (? $($rest:tt)*) => { $crate::trace::untraced!($($rest)*) };
    ($value:expr $(, $($rest:tt)*)?) => {{
        let _ = &$value;
        $($crate::trace::untraced!($($rest)*);)?
    }};
}

#[allow(unused_imports, reason = "each module has its own levels")]
pub(crate) use {untraced, untraced as debug, untraced as trace, untraced as warn};
