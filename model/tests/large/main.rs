//! The state sets of the large scope, which are explored once a week and not with the other tests.
//!
//! A change of a design shows here as other numbers. Where it was meant to change, the failing test prints the lines to
//! put in place of the old ones.

use core::fmt::Write;

use model::checker::catalogue::Scope;
use model::checker::report::{CrossCheck, Selection, Status, check_one};
use model::checker::target::Plan;
use model::registry::ENTRIES;

/// Protocol and instance; how many states and edges there are and how many steps it is to the farthest state; the digest.
type Pinned = ((&'static str, &'static str), [usize; 3], &'static str);

#[rustfmt::skip]
const LARGE: &[Pinned] = &[
    (("simopen", "dialers"), [448932, 622230, 40], "f409571cd3c4369701316230b9ace900"),
    (("simopen", "others"), [156188, 207833, 28], "36977341056286095bc7c6d26d36871e"),
    (("simopen", "reflection"), [1111, 1912, 18], "ba80b59747733e00eb2d77a79855d20f"),
    (("simopen", "hostile"), [1374551, 4390242, 39], "1b06b641c7807c4eb5203288530c08d5"),
    (("simopen", "undisturbed"), [126128, 216784, 38], "93771e183f8ddaa53c10f44d0ff97524"),
    (("simopen", "clock"), [131854, 226315, 38], "90be38f64f5b95f912379e60f910ff2b"),
    (("simopen", "deaf"), [57802, 165663, 39], "406cf79271e0f0c08b4bc90e5d439414"),
    (("lifecycle", "admission"), [870680, 4930070, 34], "d3bd64d6dfd6fe82abc45b9393d35cb0"),
    (("lifecycle", "four"), [3089562, 17234264, 41], "33aacf408db3a7f600d6399c33f58ff7"),
    (("lifecycle", "selection"), [695264, 4181918, 30], "6a080ca8f7fac0cfcf476d30d38ed8bc"),
    (("lifecycle", "origins"), [13882, 92282, 10], "0d1718d1e85dadbcb599070b405d9d89"),
    (("lifecycle", "ties"), [9686, 59712, 15], "15ced9970d19aedae28251cdf6ab5170"),
    (("lifecycle", "several"), [14449, 63306, 25], "6768939027852c8213110707e6a507f4"),
    (("lifecycle", "addresses"), [781, 5052, 12], "742638bda5b9b81e2bb732dd4c9e3558"),
    (("lifecycle", "limits"), [242, 1518, 10], "d0d3d11d55780615976b97353275343d"),
    (("ownership", "reuse"), [95116, 321644, 36], "5abc6f8cb24161d434a309082d1d5ca2"),
    (("ownership", "shared"), [49683, 215958, 36], "f48f0cefeced744ca8837f9531a247c2"),
    (("ownership", "two numbers"), [4864034, 21842100, 43], "8f7a9194123195437d0daaebdc69688d"),
    (("ownership", "idle"), [76804, 227790, 36], "9e1b364b247b19075e2e1daf63f67bb0"),
    (("ownership", "idle pair"), [189432, 588219, 36], "e1c9a0ce0c8c9f288eb7c99f4d3c4e43"),
    (("framed", "long"), [332464, 1028829, 46], "7cdce9a09bb10ad707ba4a28d0dadc4b"),
    (("framed", "everything"), [708959, 3618833, 42], "c9771c35b1881a028034140fd498df37"),
    (("framed", "roomy"), [1933475, 7356091, 64], "29b24d3892822b4cb42ffecc7c39af66"),
    (("framed", "answering"), [20320, 67280, 38], "7e150c9e68ffb74d4f54da96700e735d"),
    (("framed", "leaving"), [507479, 1477228, 40], "27c25a4e96c7140ca205feca00ea779f"),
    (("framed", "unread"), [69103, 181503, 32], "601eb37fe2dc64ef77d628395d137aeb"),
    (("framed", "hostile"), [31778, 72775, 29], "752a72e227761de431dbc727d14d43f1"),
    (("framed", "silent"), [83244, 245421, 33], "b7c965dca5d370465c03da5744f62f79"),
];

/// What an exploration may occupy.
const MAX_BYTES: usize = 16 << 30;

fn line(out: &mut String, (names, counts, digest): ((&str, &str), [usize; 3], &str)) {
    writeln!(out, "    ({names:?}, {counts:?}, {digest:?}),").expect("a string takes everything");
}

#[test]
fn the_large_scope_ends_and_has_the_states_that_it_is_known_to_have() {
    let mut expected = String::new();
    LARGE.iter().for_each(|&pinned| line(&mut expected, pinned));
    let mut found = String::new();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    for entry in ENTRIES {
        let plan = Plan { threads, max_bytes: MAX_BYTES, ..Plan::DEFAULT };
        let report = check_one((entry, Selection::Own), Scope::Large, CrossCheck::Own, &plan);
        assert_eq!(report.status(), Status::AsClaimed, "{}: {:#?}", entry.name, report.findings);
        for instance in report.findings.instances {
            let counts = [instance.states, instance.edges, instance.depth];
            line(&mut found, ((entry.name, instance.name), counts, &instance.digest.to_string()));
        }
    }
    assert!(found == expected, "expected:\n{expected}found:\n{found}");
}

/// A number as documents write it, with its thousands apart.
fn grouped(number: usize) -> String {
    let mut text = number.to_string();
    for place in (1..text.len()).rev().filter(|place| (text.len() - place).is_multiple_of(3)).collect::<Vec<_>>() {
        text.insert(place, ',');
    }
    text
}

/// Each document has a table that begins with scope and instance, and ends with the numbers of states and edges.
#[test]
fn the_documents_have_the_same_numbers() {
    assert_eq!([7, 999, 1_000, 24_935, 2_880_915].map(grouped), ["7", "999", "1,000", "24,935", "2,880,915"]);
    for ((protocol, instance), [states, edges, _], _) in LARGE {
        let path = format!("{}/../specs/{protocol}.md", env!("CARGO_MANIFEST_DIR"));
        let document = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let (begin, end) =
            (format!("| large | {instance} | "), format!(" | {} | {} |", grouped(*states), grouped(*edges)));
        let is_there = document.lines().any(|line| line.starts_with(&begin) && line.ends_with(&end));
        assert!(is_there, "specs/{protocol}.md: no row {begin}…{end}");
    }
}
