//! What holds for every number of participants, as the program says it.

use serde_json::Value;

use super::run;

#[test]
fn what_is_proven_is_said_with_its_bounds_and_is_0() {
    for arguments in ["check ownership --any-number", "check --any-number"] {
        let run = run(arguments);
        assert_eq!((run.status, run.stderr.as_str()), (0, ""));
        for line in [
            "for every number of participants: handfast, word: proven",
            "  within one number; descriptors in turn, arrivals and takeovers without limit",
            "  k = 2: 3,576 views after 22 rounds, 18,501 configurations of 3",
            "for every number of participants: handfast, pool: proven",
            "  k = 2: 14,848 views after 27 rounds, 25,375 configurations of 3",
        ] {
            assert!(run.stdout.lines().any(|it| it == line), "{line}\n{}", run.stdout);
        }
        let last = run.stdout.lines().last().expect("it prints");
        assert!(last.starts_with("check --any-number: complete and as claimed ("), "{last}");
    }
}

/// The default run has it too.
#[test]
fn a_check_of_everything_has_it() {
    let run = run("check ownership --scope small --no-mutants --json");
    let document: Value = serde_json::from_str(&run.stdout).expect("it is one document");
    let proofs = &document["protocols"][0]["any_number"];
    assert_eq!((&proofs[0]["verdict"], &proofs[0]["k"]), (&"proven".into(), &2.into()), "{proofs}");
    assert_eq!(run.status, 0);
}

#[test]
fn a_document_says_how_much_was_looked_at() {
    let run = run("check ownership --any-number --json");
    let document: Value = serde_json::from_str(&run.stdout).expect("it is one document");
    let proof = &document["any_number"][0];
    let counts = ["k", "participants", "views", "rounds", "configurations"].map(|key| proof[key].as_u64());
    assert_eq!(counts, [2, 3, 3576, 22, 18501].map(Some));
    assert_eq!((&proof["protocol"], &proof["name"]), (&"ownership".into(), &"word".into()));
    assert_eq!(
        (&proof["counterexample"], &proof["doubt"], &document["ok"]),
        (&Value::Null, &Value::Null, &true.into())
    );
    assert!(proof["seconds"].is_f64() && proof["bounds"].is_string(), "{proof}");
    assert!(proof["rules"].as_array().is_some_and(|rules| rules.contains(&"OWN-1".into())), "{proof}");
}

/// A mutant is to be refused where it is listed with an invariant.
#[test]
fn a_mutant_is_refused_with_a_behaviour_and_is_as_listed() {
    let refused = run("check ownership/takes-over-busy --any-number");
    assert_eq!(refused.status, 0, "{}", refused.stdout);
    assert!(refused.stdout.contains("takes-over-busy, word: refused"), "{}", refused.stdout);
    assert!(refused.stdout.contains("OWN-1 is violated") && refused.stdout.contains("2 participants"));
    let json = run("check ownership/takes-over-busy --any-number --json").stdout;
    let document: Value = serde_json::from_str(&json).expect("it is one document");
    let proof = &document["any_number"][0];
    assert_eq!(proof["verdict"], "refused");
    assert!(proof["counterexample"].as_array().is_some_and(|steps| !steps.is_empty()), "{proof}");
    let goals_only = run("check ownership/never-forgets --any-number");
    assert_eq!(goals_only.status, 0);
    assert!(goals_only.stdout.contains("never-forgets, word: proven"), "{}", goals_only.stdout);
}

#[test]
fn what_has_no_proof_and_what_has_no_effect_is_2() {
    let framed = run("check framed --any-number");
    assert_eq!(framed.status, 2);
    assert!(framed.stderr.contains("framed has no proof for every number of participants"), "{}", framed.stderr);
    for option in ["--scope small", "--no-mutants", "--threads 1", "--memory 9", "--cross-check all"] {
        assert_eq!(run(&format!("check ownership --any-number {option}")).status, 2, "{option}");
    }
}

mod made_up {
    //! What no design of ours comes to, on reports that were made up.

    use core::time::Duration;

    use model::checker::report::{ProofReport, Status, Style, proofs_json, proofs_text};
    use model::checker::views::{Doubt, Family, Proof, Verdict};
    use model::ownership::handfast::{Flaw, any_number, mutated_for_any_number};

    fn report(listed: Option<&'static [&'static str]>, proof: &Proof) -> ProofReport {
        ProofReport { protocol: "ownership", listed, proofs: vec![proof.clone()] }
    }

    #[test]
    fn each_verdict_has_its_exit_status() {
        let proven = any_number().prove("handfast");
        let refused = mutated_for_any_number(Flaw::TakesOverBusy).prove("takes-over-busy");
        let doubtful = Proof { verdict: Verdict::Inconclusive(Doubt::TooMany), ..proven.clone() };
        for (listed, proof, status) in [
            (None, &proven, Status::AsClaimed),
            (None, &refused, Status::Violated),
            (None, &doubtful, Status::Incomplete),
            (Some(["OWN-1"].as_slice()), &refused, Status::AsClaimed),
            (Some(["OWN-1"].as_slice()), &proven, Status::NotAsListed),
            (Some(["OWN-21"].as_slice()), &refused, Status::NotAsListed),
            (Some(["OWN-21"].as_slice()), &proven, Status::AsClaimed),
            (Some(["OWN-1"].as_slice()), &doubtful, Status::Incomplete),
        ] {
            let reports = [report(listed, proof)];
            assert_eq!(reports[0].status(), status, "{listed:?}, {}", proof.verdict.word());
            assert_eq!(proofs_json(&reports)["ok"], status == Status::AsClaimed);
        }
    }

    /// A chain of configurations is shown for what it is.
    #[test]
    fn what_is_inconclusive_is_shown_with_its_chain() {
        let proof = Family { k: 1, ..any_number() }.prove("handfast");
        let text = proofs_text(&[report(None, &proof)], Duration::ZERO, Style::Plain);
        assert!(text.contains("handfast, word: inconclusive"), "{text}");
        assert!(text.contains("this may be an artefact of the abstraction"), "{text}");
        assert!(text.contains("  - thread 0 opens descriptor 1\n"), "{text}");
        assert!(text.contains("INCOMPLETE") && !text.contains("as claimed"), "{text}");
    }
}
