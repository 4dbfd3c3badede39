//! Two-phase commit, as it comes with Stateright.

use std::collections::BTreeSet;

use stateright::Model;

#[derive(Clone)]
pub(crate) struct TwoPhase {
    pub(crate) managers: u8,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct State {
    managers: Vec<Manager>,
    transaction: Transaction,
    prepared: Vec<bool>,
    messages: BTreeSet<Message>,
}

model::in_parts!(State {
    managers: Vec<Manager>,
    prepared: Vec<bool>,
    messages: BTreeSet<Message>,
} and {
    transaction: Transaction,
});

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Manager {
    Working,
    Prepared,
    Committed,
    Aborted,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Transaction {
    Init,
    Committed,
    Aborted,
}

#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Message {
    Prepared(u8),
    Commit,
    Abort,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Action {
    ReceivePrepared(u8),
    Commit,
    Abort,
    Prepare(u8),
    ChooseToAbort(u8),
    LearnCommit(u8),
    LearnAbort(u8),
}

impl Model for TwoPhase {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let count = usize::from(self.managers);
        vec![State {
            managers: vec![Manager::Working; count],
            transaction: Transaction::Init,
            prepared: vec![false; count],
            messages: BTreeSet::new(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let undecided = state.transaction == Transaction::Init;
        if undecided && state.prepared.iter().all(|&prepared| prepared) {
            actions.push(Action::Commit);
        }
        if undecided {
            actions.push(Action::Abort);
        }
        for manager in 0..self.managers {
            if undecided && state.messages.contains(&Message::Prepared(manager)) {
                actions.push(Action::ReceivePrepared(manager));
            }
            if state.managers[usize::from(manager)] == Manager::Working {
                actions.extend([Action::Prepare(manager), Action::ChooseToAbort(manager)]);
            }
            if state.messages.contains(&Message::Commit) {
                actions.push(Action::LearnCommit(manager));
            }
            if state.messages.contains(&Message::Abort) {
                actions.push(Action::LearnAbort(manager));
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::ReceivePrepared(manager) => next.prepared[usize::from(manager)] = true,
            Action::Commit => {
                next.transaction = Transaction::Committed;
                next.messages.insert(Message::Commit);
            }
            Action::Abort => {
                next.transaction = Transaction::Aborted;
                next.messages.insert(Message::Abort);
            }
            Action::Prepare(manager) => {
                next.managers[usize::from(manager)] = Manager::Prepared;
                next.messages.insert(Message::Prepared(manager));
            }
            Action::ChooseToAbort(manager) => next.managers[usize::from(manager)] = Manager::Aborted,
            Action::LearnCommit(manager) => next.managers[usize::from(manager)] = Manager::Committed,
            Action::LearnAbort(manager) => next.managers[usize::from(manager)] = Manager::Aborted,
        }
        Some(next)
    }
}
