//! The search for a set of views that every step keeps.

use core::hash::Hash;
use std::hash::BuildHasher;

use handfast_spec::Recorded;
use handfast_spec::protocol::ActionOf;
use hashbrown::{HashMap, HashSet, HashTable};
use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;
use stateright::Model;

use super::concrete::broken_rule;
use super::{Family, Interchangeable};

/// Participants by the numbers of what they have to themselves, in ascending order.
pub(super) type Locals = SmallVec<[u32; 4]>;

/// A set of views, as far as it was found.
pub struct Fixpoint<D: Interchangeable> {
    /// How the search ended.
    pub end: End,
    /// How many rounds there were.
    pub rounds: usize,
    /// How many configurations were stepped.
    pub configurations: usize,
    k: usize,
    /// Whether configurations with a negative balance are left out.
    is_balanced: bool,
    numbers: Numbers<D>,
    /// For each shared part, what was seen with it.
    groups: Vec<Group>,
    origins: Vec<Origin<ActionOf<D>>>,
}

/// How a search ended.
#[derive(Clone, Debug)]
pub enum End {
    /// Nothing is new, and no configuration breaks an invariant.
    Closed,
    /// A configuration breaks an invariant.
    Broken(Broken),
    /// A state cannot be taken apart.
    Unfolded,
    /// A step does not keep the balance.
    Unbalanced,
    /// There are too many views.
    TooMany,
}

/// A configuration that breaks an invariant, and how it came about.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The id of the invariant.
    pub rule: &'static str,
    /// Configurations with what is done next in them. Each has a view that the step before gave, and participants that
    /// other steps may have given, so that they need not be parts of one behaviour.
    pub chain: Vec<Link>,
}

/// A configuration in words, and what is done in it.
#[derive(Clone, Debug)]
pub struct Link {
    /// The configuration, a line for each thing.
    pub configuration: Vec<String>,
    /// What is done next; nothing in the last one.
    pub action: Option<String>,
}

/// What was seen with one shared part.
#[derive(Default)]
struct Group {
    /// The views, each with the step that gave it, or nothing if it is one of the start.
    views: HashMap<Locals, Option<u32>, FxBuildHasher>,
    /// What participants have in some view.
    locals: Vec<u32>,
    /// The configurations that were stepped.
    stepped: HashSet<Locals, FxBuildHasher>,
}

/// A step that gave views.
struct Origin<A> {
    shared: u32,
    locals: Locals,
    action: A,
    /// The step before, in a chain back to the start.
    before: Option<u32>,
}

/// A view by the number of its shared part.
struct View {
    shared: u32,
    locals: Locals,
}

/// Values by number, each once.
struct Interned<T> {
    values: Vec<T>,
    numbers: HashTable<u32>,
}

impl<D: Interchangeable> Fixpoint<D> {
    pub(super) fn search(family: &Family<D>, is_balanced: bool, most_views: usize) -> Self {
        let mut fixpoint = Self {
            end: End::Closed,
            rounds: 0,
            configurations: 0,
            k: family.k,
            is_balanced,
            numbers: Numbers::default(),
            groups: Vec::new(),
            origins: Vec::new(),
        };
        let instance = family.instance.as_ref()(family.configuration());
        let mut frontier = Vec::new();
        let started = instance.init_states().iter().try_for_each(|state| {
            fixpoint.is_right(state, None)?;
            fixpoint.add(state, None, &mut frontier)
        });
        let ended = started.and_then(|()| fixpoint.run(frontier, family.named, instance.alphabet(), most_views));
        fixpoint.end = ended.err().unwrap_or(End::Closed);
        fixpoint
    }

    /// Steps every configuration that has a view of the frontier, in rounds.
    fn run(
        &mut self,
        mut frontier: Vec<View>,
        more: usize,
        alphabet: &[ActionOf<D>],
        most_views: usize,
    ) -> Result<(), End> {
        while !frontier.is_empty() {
            self.rounds += 1;
            let mut found = Vec::new();
            for view in frontier {
                for locals in self.configurations_of(&view, more) {
                    if self.groups[view.shared as usize].stepped.insert(locals.clone()) {
                        self.step(view.shared, &locals, alphabet, &mut found)?;
                    }
                }
                if self.view_count() > most_views {
                    return Err(End::TooMany);
                }
            }
            frontier = found;
        }
        Ok(())
    }

    /// Returns the configurations with so many more participants than the view of which all views are in the set.
    fn configurations_of(&self, view: &View, more: usize) -> Vec<Locals> {
        let group = &self.groups[view.shared as usize];
        let mut configurations = vec![view.locals.clone()];
        for _ in 0..more {
            let mut larger = HashSet::with_hasher(FxBuildHasher);
            for locals in &configurations {
                for &local in &group.locals {
                    let mut locals = locals.clone();
                    locals.insert(locals.partition_point(|&other| other < local), local);
                    if !larger.contains(&locals) && self.has_views_of(view.shared, &locals) {
                        larger.insert(locals);
                    }
                }
            }
            configurations = larger.into_iter().collect();
        }
        configurations.sort_unstable();
        configurations
    }

    fn has_views_of(&self, shared: u32, locals: &[u32]) -> bool {
        let views = &self.groups[shared as usize].views;
        parts(locals, self.k).all(|part| views.contains_key(&part))
    }

    /// Steps the states that a configuration stands for.
    fn step(
        &mut self,
        shared: u32,
        locals: &Locals,
        alphabet: &[ActionOf<D>],
        found: &mut Vec<View>,
    ) -> Result<(), End> {
        self.configurations += 1;
        for state in self.states_of(shared, locals) {
            if !self.is_part(&state) {
                continue;
            }
            let balance = D::balance(&state);
            self.is_right(&state, self.origin_of(shared, locals))?;
            let mut next = state.clone();
            for action in alphabet {
                let observation = next.machine.step(action);
                if observation.is_refused() {
                    continue;
                }
                next.record(&observation);
                if self.is_balanced && D::balance(&next) != balance {
                    return Err(End::Unbalanced);
                }
                let origin = self.origins.len() as u32;
                let before = self.origin_of(shared, locals);
                self.origins.push(Origin { shared, locals: locals.clone(), action: *action, before });
                self.is_right(&next, Some(origin))?;
                let known = found.len();
                self.add(&next, Some(origin), found)?;
                if found.len() == known {
                    self.origins.pop();
                }
                next.clone_from(&state);
            }
        }
        Ok(())
    }

    fn states_of(&self, shared: u32, locals: &[u32]) -> Vec<Recorded<D>> {
        let Numbers { shared: known, locals: known_locals } = &self.numbers;
        let locals: SmallVec<[&D::Local; 4]> = locals.iter().map(|&local| known_locals.get(local)).collect();
        D::put_together(known.get(shared), &locals)
    }

    /// The latest of the steps that gave the views of a configuration.
    fn origin_of(&self, shared: u32, locals: &[u32]) -> Option<u32> {
        let views = &self.groups[shared as usize].views;
        parts(locals, self.k).filter_map(|part| views.get(&part).copied().flatten()).max()
    }

    /// Whether a state breaks no invariant.
    fn is_right(&self, state: &Recorded<D>, origin: Option<u32>) -> Result<(), End> {
        let Some(rule) = broken_rule(state) else { return Ok(()) };
        let mut chain = vec![Link { configuration: D::describe(state), action: None }];
        let mut at = origin;
        while let Some(Origin { shared, locals, action, before }) = at.map(|at| &self.origins[at as usize]) {
            let configuration = self.states_of(*shared, locals).first().map(D::describe).unwrap_or_default();
            chain.push(Link { configuration, action: Some(action.to_string()) });
            at = *before;
        }
        chain.reverse();
        Err(End::Broken(Broken { rule, chain }))
    }

    /// Adds the views of a state.
    fn add(&mut self, state: &Recorded<D>, origin: Option<u32>, found: &mut Vec<View>) -> Result<(), End> {
        let (shared, mut numbers) = self.numbers.of(state).ok_or(End::Unfolded)?;
        numbers.sort_unstable();
        if self.groups.len() <= shared as usize {
            self.groups.push(Group::default());
        }
        let group = &mut self.groups[shared as usize];
        for locals in parts(&numbers, self.k) {
            if group.views.contains_key(&locals) {
                continue;
            }
            group.views.insert(locals.clone(), origin);
            for local in &locals {
                if let Err(place) = group.locals.binary_search(local) {
                    group.locals.insert(place, *local);
                }
            }
            found.push(View { shared, locals });
        }
        Ok(())
    }

    /// Passes on the states of every choice of participants of which all views are in the set, until `to` finds
    /// something.
    pub(super) fn each_configuration<T>(
        &self,
        participants: usize,
        to: &mut dyn FnMut(&Recorded<D>) -> Option<T>,
    ) -> Option<T> {
        (0..).zip(&self.groups).find_map(|(shared, group)| {
            let mut chosen: Vec<Locals> = vec![Locals::new()];
            for _ in 0..participants {
                let larger = |locals: &Locals| {
                    let least = locals.last().copied().unwrap_or_default();
                    let more = group.locals.iter().filter(move |&&local| local >= least);
                    let locals = locals.clone();
                    more.map(move |&local| locals.iter().copied().chain([local]).collect())
                };
                chosen = chosen.iter().flat_map(larger).collect();
            }
            let whole = chosen.iter().filter(|locals| self.has_views_of(shared, locals));
            let mut states = whole.flat_map(|locals| self.states_of(shared, locals));
            states.find_map(|state| if self.is_part(&state) { to(&state) } else { None })
        })
    }

    /// Removes a view, so that the set is not closed any more: for checks of what checks it.
    pub fn forget(&mut self, view: usize) {
        let mut views = (0..).zip(&self.groups).flat_map(|(shared, group)| {
            let mut views: Vec<&Locals> = group.views.keys().collect();
            views.sort_unstable();
            views.into_iter().map(move |locals| (shared, locals.clone()))
        });
        if let Some((shared, locals)) = views.nth(view) {
            let shared: usize = shared;
            self.groups[shared].views.remove(&locals);
        }
    }

    /// Whether configurations with a negative balance were left out, because every step keeps the balance.
    pub fn is_balanced(&self) -> bool {
        self.is_balanced
    }

    /// Whether the balance allows for a state to be a part of a reachable one.
    fn is_part(&self, state: &Recorded<D>) -> bool {
        !self.is_balanced || D::balance(state) >= 0
    }

    /// How many views there are.
    pub fn view_count(&self) -> usize {
        self.groups.iter().map(|group| group.views.len()).sum()
    }

    /// Whether the set has every view of a state with at least as many participants as a view.
    pub fn covers(&self, state: &Recorded<D>) -> bool {
        self.numbers.known(state).is_some_and(|(shared, mut locals)| {
            locals.sort_unstable();
            self.has_views_of(shared, &locals)
        })
    }
}

/// Every choice of `k` of these numbers, which are in ascending order.
pub(super) fn parts(numbers: &[u32], k: usize) -> impl Iterator<Item = Locals> {
    let masks = 0_u32..1 << numbers.len();
    masks.filter(move |mask| mask.count_ones() as usize == k).map(move |mask| {
        let chosen = numbers.iter().enumerate().filter(|(place, _)| mask & (1 << place) != 0);
        chosen.map(|(_, &number)| number).collect()
    })
}

/// The parts of states by number.
pub(super) struct Numbers<D: Interchangeable> {
    shared: Interned<Recorded<D>>,
    locals: Interned<D::Local>,
}

impl<D: Interchangeable> Numbers<D> {
    /// The numbers of the parts of a state, new ones where they are new. Participants are in their order.
    pub(super) fn of(&mut self, state: &Recorded<D>) -> Option<(u32, Locals)> {
        let (shared, locals) = D::take_apart(state)?;
        let locals = locals.into_iter().map(|local| self.locals.number(local)).collect();
        Some((self.shared.number(shared), locals))
    }

    fn known(&self, state: &Recorded<D>) -> Option<(u32, Locals)> {
        let (shared, locals) = D::take_apart(state)?;
        let locals = locals.iter().map(|local| self.locals.find(local)).collect::<Option<Locals>>()?;
        Some((self.shared.find(&shared)?, locals))
    }
}

impl<D: Interchangeable> Default for Numbers<D> {
    fn default() -> Self {
        Self { shared: Interned::default(), locals: Interned::default() }
    }
}

impl<T: Eq + Hash> Interned<T> {
    fn number(&mut self, value: T) -> u32 {
        if let Some(number) = self.find(&value) {
            return number;
        }
        let number = u32::try_from(self.values.len()).expect("there are fewer parts than views");
        let hash = FxBuildHasher.hash_one(&value);
        self.numbers.insert_unique(hash, number, |&other| FxBuildHasher.hash_one(&self.values[other as usize]));
        self.values.push(value);
        number
    }

    fn find(&self, value: &T) -> Option<u32> {
        let hash = FxBuildHasher.hash_one(value);
        self.numbers.find(hash, |&number| self.values[number as usize] == *value).copied()
    }

    fn get(&self, number: u32) -> &T {
        &self.values[number as usize]
    }
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { values: Vec::new(), numbers: HashTable::new() }
    }
}
