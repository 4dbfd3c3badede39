//! Setters of configurations, which cannot be written as literals because fields will come.

/// One setter for each field: it takes what the field is, and returns the configuration.
macro_rules! setters {
    (@ [$($function:tt)*] $field:ident, $setter:ident: $type:ty) => {
        #[doc = concat!("Returns the configuration with this [`", stringify!($field), "`](Self::", stringify!($field), ").")]
        #[must_use]
        $($function)* $setter(self, $field: $type) -> Self {
            Self { $field, ..self }
        }
    };
    (const: $($field:ident, $setter:ident: $type:ty;)*) => {
        $($crate::setters::setters!(@ [pub const fn] $field, $setter: $type);)*
    };
    ($($field:ident, $setter:ident: $type:ty;)*) => {
        $($crate::setters::setters!(@ [pub fn] $field, $setter: $type);)*
    };
}

pub(crate) use setters;
