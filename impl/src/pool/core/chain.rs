//! Nodes in the order in which they came, from any place of which one can be taken out.

use slab::Slab;

/// The end of a chain.
const NONE: usize = usize::MAX;

/// A node's neighbours in one chain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    older: usize,
    newer: usize,
}

impl Link {
    /// Of a node that is in no chain yet.
    pub(super) const LOOSE: Self = Self { older: NONE, newer: NONE };
}

/// Which of a node's links a chain is made of.
pub(super) type Which<N> = fn(&mut N) -> &mut Link;

/// The ends of a chain.
#[derive(Debug)]
pub(super) struct Chain {
    oldest: usize,
    newest: usize,
    len: usize,
}

impl Chain {
    pub(super) const EMPTY: Self = Self { oldest: NONE, newest: NONE, len: 0 };

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn oldest(&self) -> Option<usize> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    pub(super) fn newest(&self) -> Option<usize> {
        (self.newest != NONE).then_some(self.newest)
    }

    /// Puts a node at the new end.
    pub(super) fn push<N>(&mut self, nodes: &mut Slab<N>, which: Which<N>, at: usize) {
        *which(&mut nodes[at]) = Link { older: self.newest, newer: NONE };
        match self.newest() {
            Some(before) => which(&mut nodes[before]).newer = at,
            None => self.oldest = at,
        }
        self.newest = at;
        self.len += 1;
    }

    /// Takes a node out, which must be in this chain.
    pub(super) fn cut<N>(&mut self, nodes: &mut Slab<N>, which: Which<N>, at: usize) {
        let Link { older, newer } = *which(&mut nodes[at]);
        if older == NONE {
            self.oldest = newer;
        } else {
            which(&mut nodes[older]).newer = newer;
        }
        if newer == NONE {
            self.newest = older;
        } else {
            which(&mut nodes[newer]).older = older;
        }
        self.len -= 1;
    }
}

/// The node that came before this one.
pub(super) fn older(link: Link) -> Option<usize> {
    (link.older != NONE).then_some(link.older)
}

/// The node that came after this one.
pub(super) fn newer(link: Link) -> Option<usize> {
    (link.newer != NONE).then_some(link.newer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(chain: &Chain, nodes: &Slab<Link>) -> Vec<usize> {
        std::iter::successors(chain.oldest(), |at| newer(nodes[*at])).collect()
    }

    #[test]
    fn a_node_is_taken_out_of_any_place() {
        for out in 0..4 {
            let mut nodes = Slab::new();
            let mut chain = Chain::EMPTY;
            for _ in 0..4 {
                let at = nodes.insert(Link::LOOSE);
                chain.push(&mut nodes, |link| link, at);
            }
            chain.cut(&mut nodes, |link| link, out);
            let left: Vec<usize> = (0..4).filter(|at| *at != out).collect();
            assert_eq!(walk(&chain, &nodes), left);
            let back: Vec<usize> = std::iter::successors(chain.newest(), |at| older(nodes[*at])).collect();
            assert_eq!(back.into_iter().rev().collect::<Vec<_>>(), left);
            assert_eq!(chain.len(), 3);
        }
    }

    #[test]
    fn an_emptied_chain_has_no_ends() {
        let mut nodes = Slab::new();
        let mut chain = Chain::EMPTY;
        let at = nodes.insert(Link::LOOSE);
        chain.push(&mut nodes, |link| link, at);
        chain.cut(&mut nodes, |link| link, at);
        assert_eq!((chain.oldest(), chain.newest(), chain.len()), (None, None, 0));
    }
}
