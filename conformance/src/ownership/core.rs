//! The words of `handfast::ownership` as the core of a [`World`].
//!
//! Every decision is the product's [`transition`]. What is around it, threads and pollers and a kernel that gives
//! numbers and reports, is the model's.

use handfast::ownership as product;
use handfast::ownership::core::{Generation, Next, Step, Word, transition};
use handfast::ownership::{Sharing, Worker};
use handfast_spec::ownership::{Away, Incarnation, Owner, Refusal, Thread};
use model::ownership::handfast::{Config, State, Token, Want, Words, World};

/// The product's words in the model's world.
pub type CoreMachine = World<ProductWords>;

/// Words of the product, with what a table has in its slots.
#[derive(Clone, Debug)]
pub struct ProductWords(Vec<Slot>);

#[derive(Clone, Debug)]
struct Slot {
    word: Word,
    payload: Option<Incarnation>,
}

impl ProductWords {
    /// An empty table of as many slots as there are numbers.
    pub fn new(config: &Config) -> Self {
        Self(vec![Slot { word: Word::EMPTY, payload: None }; usize::from(config.numbers)])
    }

    fn slot(&self, number: u8) -> &Slot {
        &self.0[usize::from(number)]
    }

    /// One read-modify-write of a token's slot. The token is what the product reads from a poller's user data.
    fn step(&mut self, token: Token, step: Step) -> Result<Next, product::Refused> {
        let data = u64::from(token.number) << Generation::BITS | u64::from(token.generation);
        let token = product::Token::from_user_data(data);
        let word = &mut self.0[token.slot()].word;
        let next = transition(*word, token.generation(), step)?;
        *word = next.word;
        Ok(next)
    }
}

impl Words for ProductWords {
    fn claim(&mut self, number: u8) -> Result<(), Refusal> {
        self.step(self.token(number), Step::Claim).map(|_| ()).map_err(|_| Refusal::Occupied)
    }

    fn publish(&mut self, number: u8, incarnation: Incarnation, owner: Owner) {
        let sharing = match owner {
            Owner::Thread(owner) => Sharing::Exclusive(worker(owner)),
            Owner::Everybody => Sharing::Shared,
        };
        self.0[usize::from(number)].payload = Some(incarnation);
        let published = self.step(self.token(number), Step::Publish { sharing, inside: true });
        published.expect("the slot was claimed");
    }

    fn change(&mut self, token: Token, want: Want) -> Result<bool, Away> {
        let step = match want {
            Want::Enter(thread) => Step::Enter(worker(thread)),
            Want::Leave => Step::Leave,
            Want::Takeover(thread) => Step::Takeover(worker(thread)),
            Want::Delete => Step::Delete,
            Want::DeleteAndLeave => Step::DeleteAndLeave,
        };
        self.step(token, step).map(|next| next.holds).map_err(away)
    }

    fn wipe(&mut self, number: u8) {
        self.0[usize::from(number)].payload = None;
        self.step(self.token(number), Step::Wipe).expect("the slot is held");
    }

    fn state(&self, number: u8) -> State {
        match self.slot(number).word.state() {
            product::core::State::Free => State::Free,
            product::core::State::Held => State::Held,
            product::core::State::Live { sharing, runners, closing } => {
                let owner = match sharing {
                    Sharing::Exclusive(owner) => Owner::Thread(Thread(owner.number())),
                    Sharing::Shared => Owner::Everybody,
                };
                State::Live { owner, runners, closing }
            }
        }
    }

    fn payload(&self, number: u8) -> Option<Incarnation> {
        self.slot(number).payload
    }

    fn token(&self, number: u8) -> Token {
        let generation = self.slot(number).word.generation().number();
        Token { number, generation: generation.try_into().expect("a walk has few generations") }
    }
}

pub(super) fn worker(thread: Thread) -> Worker {
    Worker::new(thread.0)
}

pub(super) fn away(refused: product::Refused) -> Away {
    match refused {
        product::Refused::Closing => Away::Closing,
        product::Refused::NotOwner { .. } => Away::NotOwner,
        product::Refused::Busy => Away::Busy,
        product::Refused::Shared => Away::Shared,
        // The product may learn more reasons; none of them means that the thread may enter.
        _ => Away::Gone,
    }
}
