//! What programs read: every key that is promised, with its type.

use model::checker::catalogue::{Entry, Variant};
use model::checker::report::{self, Selection};
use model::lifecycle::ENTRY as LIFECYCLE;
use model::registry::{ENTRIES, find};
use serde_json::Value;

use super::{report_on, run};

/// What a value is promised to be.
enum Shape {
    Text,
    Count,
    /// A count, or null where nothing was found.
    Steps,
    Seconds,
    Truth,
    List(&'static Shape),
    Object(&'static [(&'static str, Shape)]),
}

use Shape::{Count, List, Object, Seconds, Steps, Text, Truth};

const RULE: Shape = Object(&[("id", Text), ("title", Text), ("holds", Truth), ("steps", Steps)]);
const WITNESS: Shape = Object(&[("id", Text), ("reached", Truth)]);
const MUTANT: Shape = Object(&[
    ("name", Text),
    ("source", Text),
    ("expected", List(&Text)),
    ("violated", List(&Text)),
    ("steps", Steps),
    ("caught", Truth),
]);
const PROTOCOL: Shape = Object(&[
    ("name", Text),
    ("scope", Text),
    ("states", Count),
    ("edges", Count),
    ("depth", Count),
    ("complete", Truth),
    ("engines_agree", Truth),
    ("digest", Text),
    ("seconds", Seconds),
    ("invariants", List(&RULE)),
    ("goals", List(&RULE)),
    ("witnesses", List(&WITNESS)),
    ("mutants", List(&MUTANT)),
]);
const REPORT: Shape = Object(&[("protocols", List(&PROTOCOL)), ("ok", Truth)]);

/// Where a value is not what was promised.
fn faults(value: &Value, shape: &Shape, at: &str, faults: &mut Vec<String>) {
    let fits = match shape {
        Text => value.is_string(),
        Count => value.is_u64(),
        Steps => value.is_u64() || value.is_null(),
        Seconds => value.is_f64(),
        Truth => value.is_boolean(),
        List(_) => value.is_array(),
        Object(_) => value.is_object(),
    };
    if !fits {
        faults.push(format!("{at} is {value}"));
    }
    match shape {
        List(item) => {
            for (index, value) in value.as_array().into_iter().flatten().enumerate() {
                self::faults(value, item, &format!("{at}[{index}]"), faults);
            }
        }
        Object(fields) => {
            for (name, shape) in *fields {
                match value.get(name) {
                    None => faults.push(format!("{at} has no {name}")),
                    Some(value) => self::faults(value, shape, &format!("{at}.{name}"), faults),
                }
            }
        }
        Text | Count | Steps | Seconds | Truth => {}
    }
}

#[track_caller]
fn is_as_promised(document: &Value) {
    let mut found = Vec::new();
    faults(document, &REPORT, "report", &mut found);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn check_prints_one_document_with_every_key_that_is_promised() {
    let run = run("check lifecycle --scope small --no-mutants --json");
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    let document: Value = serde_json::from_str(&run.stdout).expect("it is one document");
    is_as_promised(&document);
    assert_eq!(run.stdout.lines().count(), 1);
    let protocol = &document["protocols"][0];
    assert_eq!((&protocol["name"], &protocol["scope"]), (&"lifecycle".into(), &"small".into()));
    assert_eq!(
        (&protocol["complete"], &protocol["engines_agree"], &document["ok"]),
        (&true.into(), &true.into(), &true.into())
    );
    assert_eq!(protocol["mutants"], Value::Array(Vec::new()));
    let digest = protocol["digest"].as_str().expect("it is text");
    assert!(digest.len() == 32 && digest.chars().all(|digit| digit.is_ascii_hexdigit()), "{digest}");
    let rules = (find("lifecycle").expect("it is there").rules)();
    let ids = |list: &str| -> Vec<String> {
        let rules = protocol[list].as_array().expect("a list").iter();
        rules.map(|rule| rule["id"].as_str().expect("an id").to_owned()).collect()
    };
    for (list, rules) in [("invariants", rules.invariants), ("goals", rules.goals), ("witnesses", rules.witnesses)] {
        assert_eq!(ids(list), rules.iter().map(|rule| rule.id).collect::<Vec<_>>());
    }
    let instances = protocol["instances"].as_array().expect("a list");
    let states: u64 = instances.iter().filter_map(|instance| instance["states"].as_u64()).sum();
    assert_eq!(Some(states), protocol["states"].as_u64());
}

/// The first mutant alone, because all of them take long and look alike.
#[test]
fn mutants_have_every_key_that_is_promised() {
    fn one() -> Vec<Variant> {
        (LIFECYCLE.variants)().into_iter().filter(|variant| variant.name == "lossy-queue").collect()
    }
    static ENTRY: Entry = {
        let Entry { name, about, document, rules, own, left_out, explain, .. } = LIFECYCLE;
        Entry { name, about, document, rules, own, variants: one, left_out, explain }
    };
    let document = report::json(&[report_on(&ENTRY, Selection::All)]);
    is_as_promised(&document);
    let mutant = &document["protocols"][0]["mutants"][0];
    assert_eq!((&mutant["name"], &mutant["caught"]), (&"lossy-queue".into(), &true.into()));
    assert_eq!(mutant["expected"], mutant["violated"]);
    assert!(mutant["steps"].as_u64().is_some_and(|steps| steps > 0), "{mutant}");
}

#[test]
fn a_document_that_breaks_the_promise_is_found() {
    let document = serde_json::json!({ "protocols": [{ "name": 7 }] });
    let mut found = Vec::new();
    faults(&document, &REPORT, "report", &mut found);
    assert!(found.contains(&"report has no ok".to_owned()), "{found:?}");
    assert!(found.contains(&"report.protocols[0].name is 7".to_owned()), "{found:?}");
    assert!(found.contains(&"report.protocols[0] has no goals".to_owned()), "{found:?}");
}

#[test]
fn list_prints_one_document_with_every_protocol_and_every_design() {
    let document: Value = serde_json::from_str(&run("list --mutants --json").stdout).expect("it is one document");
    let names = |value: &Value| -> Vec<String> {
        let list = value.as_array().expect("a list").iter();
        list.map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(names(&document["protocols"]), ENTRIES.iter().map(|entry| entry.name).collect::<Vec<_>>());
    for (protocol, entry) in document["protocols"].as_array().expect("a list").iter().zip(ENTRIES) {
        let variants = (entry.variants)();
        assert_eq!(names(&protocol["mutants"]), variants.iter().map(|variant| variant.name).collect::<Vec<_>>());
        let sources = protocol["mutants"].as_array().expect("a list").iter().map(|mutant| &mutant["source"]);
        assert!(sources.eq(variants.iter().map(|variant| variant.source)));
    }
}

#[test]
fn an_incomplete_check_says_so_in_its_document() {
    let run = run("check lifecycle --no-mutants --memory 1 --json");
    assert_eq!(run.status, 3);
    let document: Value = serde_json::from_str(&run.stdout).expect("it is one document");
    is_as_promised(&document);
    assert_eq!((&document["ok"], &document["protocols"][0]["complete"]), (&false.into(), &false.into()));
}
