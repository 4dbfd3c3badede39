//! Records in a build without the feature `record`: there is no value of them, so that none of their methods is called.

/// Methods of a type with a first field that has no value.
macro_rules! unrecorded {
    ($(impl[$($parameter:ident)?] $type:ty {
        $(fn $method:ident $(<$generic:ident>)? ($($argument:ty),*) $(-> $result:ty)?;)*
    })*) => {
        $(impl $(<$parameter>)? $type {
            $(pub(super) fn $method $(<$generic>)? (&mut self $(, _: $argument)*) $(-> $result)? { match *self.0 {} })*
        })*
    };
}

pub(crate) use unrecorded;
