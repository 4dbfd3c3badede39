//! The state sets that handfast's designs are known to have, and what the digest of a state set is worth.
//!
//! A change of a design shows here as other numbers. Where it was meant to change, the failing test prints the lines to
//! put in place of the old ones.

use core::fmt::Write;

use handfast_spec::Recorded;
use handfast_spec::lifecycle::{Key, SessionId};
use model::checker::catalogue::Scope;
use model::checker::explore::Options;
use model::checker::scan::Digest;
use model::checker::target::Plan;
use model::lifecycle::handfast::{Handfast, instances};
use model::registry::ENTRIES;

/// What is known of one instance of handfast's own design.
#[derive(Debug, Eq, PartialEq)]
struct Pinned {
    protocol: &'static str,
    instance: &'static str,
    states: usize,
    edges: usize,
    depth: usize,
    digest: &'static str,
}

const fn pinned(
    (protocol, instance): (&'static str, &'static str),
    [states, edges, depth]: [usize; 3],
    digest: &'static str,
) -> Pinned {
    Pinned { protocol, instance, states, edges, depth, digest }
}

const SMALL: &[Pinned] = &[
    pinned(("simopen", "dialers"), [59996, 73850, 36], "f4f7af9cc0891c97bf0804cd9d535be7"),
    pinned(("simopen", "others"), [19972, 24653, 24], "f0edac249effbfad83f4d0a9995c5098"),
    pinned(("simopen", "reflection"), [518, 934, 18], "46035b6c6f74c6ee2618a3df200c91fa"),
    pinned(("simopen", "hostile"), [223482, 674142, 39], "3fbffacbf3858100b25ae658ee8871f9"),
    pinned(("simopen", "undisturbed"), [14424, 20232, 34], "92eb8252558353260428f01b2d099e29"),
    pinned(("simopen", "clock"), [31192, 49249, 34], "d2ccbaf5601a5b26f088d418f36fd260"),
    pinned(("simopen", "deaf"), [54416, 156580, 39], "2c5c975b79d3beaa451b9928ec05e702"),
    pinned(("lifecycle", "slots"), [17612, 94334, 23], "f08f5077d2e5ee59518852ac9ed86aad"),
    pinned(("lifecycle", "duplicates"), [33808, 194646, 23], "c07db70ce1e5319206e794cf621f3b25"),
    pinned(("lifecycle", "line"), [9721, 43034, 25], "8fd6c76110e9f8b99a187818eecb097f"),
    pinned(("lifecycle", "selection"), [15357, 78063, 21], "5f1e3e462a5706cf3b8c598db557fe9c"),
    pinned(("lifecycle", "origins"), [13882, 92282, 10], "0d1718d1e85dadbcb599070b405d9d89"),
    pinned(("lifecycle", "ties"), [9686, 59712, 15], "15ced9970d19aedae28251cdf6ab5170"),
    pinned(("lifecycle", "several"), [14449, 63306, 25], "6768939027852c8213110707e6a507f4"),
    pinned(("lifecycle", "addresses"), [781, 5052, 12], "742638bda5b9b81e2bb732dd4c9e3558"),
    pinned(("lifecycle", "limits"), [242, 1518, 10], "d0d3d11d55780615976b97353275343d"),
    pinned(("ownership", "reuse"), [4651, 11824, 30], "3284616446c55f6d6d758f1107006d39"),
    pinned(("ownership", "shared"), [2315, 5871, 28], "b4ad9ba5daf5fb29619c4e1ebeeeae2f"),
    pinned(("ownership", "idle"), [6240, 14475, 28], "faa54eb813c8323b471c486fc4190eeb"),
    pinned(("ownership", "idle pair"), [2789, 6896, 23], "3cbbdaff61b3292cfd79123c2fc6324a"),
    pinned(("framed", "both"), [160942, 494768, 39], "6d73d7afe099555e5a0ac58dfcf87615"),
    pinned(("framed", "one-way"), [12484, 40696, 33], "7f418cbc0afa6eb2af495c3c0519e7df"),
    pinned(("framed", "leaving"), [52745, 142223, 30], "ffd3feb6be639e8795c46a637c41abbd"),
    pinned(("framed", "unread"), [69103, 181503, 32], "601eb37fe2dc64ef77d628395d137aeb"),
    pinned(("framed", "hostile"), [31778, 72775, 29], "752a72e227761de431dbc727d14d43f1"),
    pinned(("framed", "silent"), [83244, 245421, 33], "b7c965dca5d370465c03da5744f62f79"),
    pinned(("framed", "answering"), [17118, 55737, 32], "7115a64a3a7ed524b984792d52c2f028"),
    pinned(("node", "once"), [28096, 61240, 24], "29fefcf4854558d43f2cf34e6990de2d"),
    pinned(("node", "twice"), [12831, 33988, 36], "ea9a533adfa66a594459b37d0c56fb80"),
    pinned(("node", "mixed"), [6885, 16452, 28], "80d931350c9e41d6fab1d6a181b022a5"),
    pinned(("node", "banned"), [37350, 102269, 39], "5a18c3b17e52f96a3d6faf7f3d643ba8"),
    pinned(("node", "killed"), [24169, 66455, 35], "daa0f97c082eb058cb06378f20214fad"),
    pinned(("node", "three"), [2468, 7246, 27], "80e60dafc17fdd4bd03adcf6ea2e55f0"),
];

const DEFAULT: &[Pinned] = &[
    pinned(("simopen", "dialers"), [255780, 354530, 36], "923dfd4a6b85300a8e8dd0fe2e25f0be"),
    pinned(("simopen", "others"), [95976, 127782, 24], "635e24495ea6201c44518bf608a7000b"),
    pinned(("simopen", "reflection"), [1111, 1912, 18], "0bbf8eebae687597166ca2986cb4e233"),
    pinned(("simopen", "hostile"), [727251, 2314965, 39], "8bdaa879d5dff37343b97353495439ad"),
    pinned(("simopen", "undisturbed"), [91428, 157868, 34], "2a919f956bf9cf518ce54d93e844fef3"),
    pinned(("simopen", "clock"), [60124, 100717, 36], "574f8f9e43b95f96299d8461e514351d"),
    pinned(("simopen", "deaf"), [54416, 156580, 39], "2c5c975b79d3beaa451b9928ec05e702"),
    pinned(("lifecycle", "admission"), [870680, 4930070, 34], "d3bd64d6dfd6fe82abc45b9393d35cb0"),
    pinned(("lifecycle", "selection"), [695264, 4181918, 30], "6a080ca8f7fac0cfcf476d30d38ed8bc"),
    pinned(("lifecycle", "origins"), [13882, 92282, 10], "0d1718d1e85dadbcb599070b405d9d89"),
    pinned(("lifecycle", "ties"), [9686, 59712, 15], "15ced9970d19aedae28251cdf6ab5170"),
    pinned(("lifecycle", "several"), [14449, 63306, 25], "6768939027852c8213110707e6a507f4"),
    pinned(("lifecycle", "addresses"), [781, 5052, 12], "742638bda5b9b81e2bb732dd4c9e3558"),
    pinned(("lifecycle", "limits"), [242, 1518, 10], "d0d3d11d55780615976b97353275343d"),
    pinned(("ownership", "reuse"), [28112, 86447, 34], "10800b48e9950836fb050337147a8142"),
    pinned(("ownership", "shared"), [10707, 35372, 32], "27628d125d864e8b1ecaf94fdf20c038"),
    pinned(("ownership", "two numbers"), [121145, 391799, 37], "6d478a70d4e5cb538bfdfa8c7e3097be"),
    pinned(("ownership", "idle"), [49302, 139792, 36], "894234cdad302c7bfae0f938436e35a8"),
    pinned(("ownership", "idle pair"), [73668, 207550, 36], "f629bf3e3c92b4de3801374d2f93e65b"),
    pinned(("framed", "both"), [202510, 621840, 51], "8765f961aad2913723c2ae65cfe36fa9"),
    pinned(("framed", "wide"), [317589, 1049760, 39], "1d8e93c7d3c4168734a27dc8d1b62a7b"),
    pinned(("framed", "leaving"), [507479, 1477228, 40], "27c25a4e96c7140ca205feca00ea779f"),
    pinned(("framed", "unread"), [69103, 181503, 32], "601eb37fe2dc64ef77d628395d137aeb"),
    pinned(("framed", "one-way"), [12484, 40696, 33], "7f418cbc0afa6eb2af495c3c0519e7df"),
    pinned(("framed", "hostile"), [31778, 72775, 29], "752a72e227761de431dbc727d14d43f1"),
    pinned(("framed", "silent"), [83244, 245421, 33], "b7c965dca5d370465c03da5744f62f79"),
    pinned(("framed", "answering"), [17118, 55737, 32], "7115a64a3a7ed524b984792d52c2f028"),
    pinned(("node", "once"), [103260, 258040, 26], "b3ed7e20705fc44dddd053735d3eed0e"),
    pinned(("node", "twice"), [12831, 33988, 36], "ea9a533adfa66a594459b37d0c56fb80"),
    pinned(("node", "mixed"), [6885, 16452, 28], "80d931350c9e41d6fab1d6a181b022a5"),
    pinned(("node", "banned"), [37350, 102269, 39], "5a18c3b17e52f96a3d6faf7f3d643ba8"),
    pinned(("node", "killed"), [24169, 66455, 35], "daa0f97c082eb058cb06378f20214fad"),
    pinned(("node", "three"), [12796, 42200, 35], "66b5d1e703202445f80a51599145c426"),
];

/// Each line as it would stand in the table.
fn lines(scope: Scope) -> String {
    let mut out = String::new();
    for entry in ENTRIES {
        let findings = (entry.own)(scope).check(&Plan::DEFAULT);
        assert!(findings.is_complete() && findings.engines_agree(), "{}: {findings:#?}", entry.name);
        for instance in findings.instances {
            let [states, edges, depth] = [instance.states, instance.edges, instance.depth];
            line(&mut out, (entry.name, instance.name), [states, edges, depth], &instance.digest.to_string());
        }
    }
    out
}

fn line(out: &mut String, names: (&str, &str), counts: [usize; 3], digest: &str) {
    writeln!(out, "    pinned({names:?}, {counts:?}, {digest:?}),").expect("a string takes everything");
}

fn compare(scope: Scope, table: &[Pinned]) {
    let mut expected = String::new();
    for &Pinned { protocol, instance, states, edges, depth, digest } in table {
        line(&mut expected, (protocol, instance), [states, edges, depth], digest);
    }
    let found = lines(scope);
    assert!(found == expected, "{scope} scope\nexpected:\n{expected}found:\n{found}");
}

#[test]
fn the_small_scope_has_the_states_that_it_is_known_to_have() {
    compare(Scope::Small, SMALL);
}

#[test]
fn the_default_scope_has_the_states_that_it_is_known_to_have() {
    compare(Scope::Default, DEFAULT);
}

/// A number as documents write it, with its thousands apart.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let ahead = digits.len() % 3;
    let groups = digits.as_bytes()[ahead..].chunks(3).map(|group| str::from_utf8(group).expect("digits are ASCII"));
    Some(&digits[..ahead]).into_iter().filter(|group| !group.is_empty()).chain(groups).collect::<Vec<_>>().join(",")
}

/// Each document has a table that begins with scope and instance, and ends with the numbers of states and edges.
#[test]
fn the_documents_have_the_same_numbers() {
    for (scope, pinned) in [(Scope::Small, SMALL), (Scope::Default, DEFAULT)] {
        for Pinned { protocol, instance, states, edges, .. } in pinned {
            let path = format!("{}/../specs/{protocol}.md", env!("CARGO_MANIFEST_DIR"));
            let document = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
            let begin = format!("| {scope} | {instance} | ");
            let end = format!(" | {} | {} |", grouped(*states), grouped(*edges));
            let is_there = document.lines().any(|line| line.starts_with(&begin) && line.ends_with(&end));
            assert!(is_there, "specs/{protocol}.md: no row {begin}…{end}");
        }
    }
    assert_eq!([7, 1_000, 24_935, 2_880_915].map(grouped), ["7", "1,000", "24,935", "2,880,915"]);
}

/// The states of the first instance of the small scope.
fn states() -> Vec<Recorded<Handfast>> {
    let instances = instances(Scope::Small);
    let checked = &instances[0].checked;
    checked.explore(&Options::default()).states().collect()
}

#[test]
fn a_digest_depends_on_no_order() {
    let mut states = states();
    let digest = Digest::of(states.iter());
    states.reverse();
    assert_eq!(Digest::of(states.iter()), digest);
    let middle = states.len() / 2;
    states.rotate_left(middle);
    assert_eq!(Digest::of(states.iter()), digest);
}

#[test]
fn a_digest_misses_any_one_state() {
    let states = states();
    let digest = Digest::of(states.iter());
    for (missing, state) in states.iter().enumerate() {
        let one = Digest::of([state].into_iter());
        assert_ne!(one, Digest::default(), "state {missing} would not be missed");
        let (before, after) = states.split_at(missing);
        if missing % 1000 == 0 {
            let others = Digest::of(before.iter().chain(&after[1..]));
            assert_ne!(others, digest, "state {missing} is not missed");
            assert_eq!(others.and(one), digest, "a digest is the sum over the states");
        }
    }
}

#[test]
fn a_digest_sees_one_changed_state() {
    let mut states = states();
    let digest = Digest::of(states.iter());
    let last = states.last_mut().expect("there are states");
    last.history.sessions.entry(SessionId(0).index()).kept ^= true;
    assert_ne!(Digest::of(states.iter()), digest);
}

/// States of designs with more sessions than the small scopes have are written to the same compact bytes.
#[test]
fn a_digest_takes_tables_that_have_grown() {
    let mut state = states().swap_remove(0);
    let digest = Digest::of([&state].into_iter());
    state.history.sessions.entry(7).kept = true;
    state.history.banned.insert(Key(4_000_000_000));
    assert_ne!(Digest::of([&state].into_iter()), digest);
}

/// Otherwise a model with more entries than are inline would have states twice.
#[test]
fn a_state_is_the_same_one_where_a_default_was_written() {
    let state = states().swap_remove(0);
    let mut written = state.clone();
    *written.history.sessions.entry(7) = Default::default();
    assert!(written == state, "an entry that was not written is the default");
    assert_eq!(Digest::of([&written].into_iter()), Digest::of([&state].into_iter()));
    written.history.sessions.entry(7).kept = true;
    assert!(written != state);
}

/// Digests are compared between builds and between machines: their definition is pinned, not only their values.
#[test]
fn a_digest_is_what_it_was() {
    assert_eq!(Digest::of([0_u8; 0].iter()).to_string(), "0".repeat(32));
    let one = Digest::of([(7_u32, "seven", Some(false))].iter());
    assert_eq!(one.to_string(), "9cca7571db27e4c4bc67b997277f11de");
    assert_ne!(Digest::of([1_u8, 1].iter()), Digest::of([1_u8].iter()), "a state counted twice is no set");
}
