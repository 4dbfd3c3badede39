//! Prints the interface of a crate, an item a line, from what `rustdoc --output-format json` wrote of it.

use std::env;
use std::error::Error;

use public_api::Builder;

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os().nth(1).ok_or("say where rustdoc's JSON is")?;
    let interface = Builder::from_rustdoc_json(path)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()?;
    print!("{interface}");
    Ok(())
}
