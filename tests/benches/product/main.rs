//! Every benchmark of the crate: one program, so that what they have in common is linked once. See the README.
//!
//! Timed by criterion, whose filters tell them apart (`framed/`, `pool`, `simopen/`); or counted, where a stopwatch says
//! little: `counts framed`, `counts simopen`, `counts node`.

mod framed;
mod heap;
mod node;
mod pool;
mod simopen;

use criterion::Criterion;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [framed::ONE, ref which @ ..] => framed::one_run(which),
        [node::ONE, ref which @ ..] => node::one_run(which),
        ["counts", "node", ref how @ ..] => node::count(how),
        ["counts", ref of @ ..] => {
            heap::count();
            match of {
                ["framed", parts @ ..] => framed::count(parts),
                ["simopen"] => simopen::count(),
                _ => eprintln!(
                    "counts of framed (ratios, syscalls, allocations, losses), of simopen or of node (nodes, seconds)"
                ),
            }
        }
        _ => {
            let mut criterion = Criterion::default().configure_from_args();
            framed::time(&mut criterion);
            pool::time(&mut criterion);
            simopen::time(&mut criterion);
            criterion.final_summary();
        }
    }
}
