//! Graph: the order of stages. No recursion: a chain may be 100,000 long.

use std::collections::{HashMap, VecDeque};

/// Which stage comes before which. Stages of `finally` come after all others.
#[derive(Debug, Clone)]
pub struct Graph {
    /// For each stage, the stages that come directly before it.
    before: Vec<Vec<usize>>,
    /// Index of the first stage of `finally`.
    finally_from: usize,
}

/// An order of all stages, or the stages of one cycle, each after the one that
/// it needs; the first is needed by the last.
pub type Order = Result<Vec<usize>, Vec<usize>>;

impl Graph {
    /// A graph of stages with what each needs. Stages from `finally_from` on
    /// run after all before them.
    pub fn new(mut before: Vec<Vec<usize>>, finally_from: usize) -> Self {
        for needed in &mut before {
            needed.sort_unstable();
            needed.dedup();
        }
        Self {
            before,
            finally_from,
        }
    }

    /// Number of stages.
    pub fn len(&self) -> usize {
        self.before.len()
    }

    /// Whether there is no stage.
    pub fn is_empty(&self) -> bool {
        self.before.is_empty()
    }

    /// The stages that come directly before a stage.
    pub fn before(&self, stage: usize) -> &[usize] {
        &self.before[stage]
    }

    /// An order in which every stage comes after all that it needs, and the
    /// stages of `finally` last; stages without an order between them keep that
    /// of the file as far as can be (Kahn's algorithm).
    pub fn order(&self) -> Order {
        let mut missing: Vec<usize> = self.before.iter().map(Vec::len).collect();
        let mut after: Vec<Vec<usize>> = vec![Vec::new(); self.len()];
        for (stage, before) in self.before.iter().enumerate() {
            for needed in before {
                after[*needed].push(stage);
            }
        }
        let ready = |stage: &usize| missing[*stage] == 0;
        let mut main: VecDeque<usize> = (0..self.finally_from).filter(ready).collect();
        let mut last: VecDeque<usize> = (self.finally_from..self.len()).filter(ready).collect();
        let mut order = Vec::with_capacity(self.len());
        while let Some(stage) = main.pop_front().or_else(|| last.pop_front()) {
            order.push(stage);
            for next in &after[stage] {
                missing[*next] -= 1;
                if missing[*next] == 0 {
                    let queue = if *next < self.finally_from {
                        &mut main
                    } else {
                        &mut last
                    };
                    queue.push_back(*next);
                }
            }
        }
        if order.len() == self.len() {
            Ok(order)
        } else {
            Err(self.cycle(&missing))
        }
    }

    /// One cycle among the stages that still miss something.
    fn cycle(&self, missing: &[usize]) -> Vec<usize> {
        let stuck = |stage: &usize| missing[*stage] > 0;
        let mut stage = (0..self.len()).find(stuck).expect("a cycle was found");
        let mut seen: HashMap<usize, usize> = HashMap::new();
        let mut path = Vec::new();
        // Each stuck stage needs a stuck one: going on must come back.
        while !seen.contains_key(&stage) {
            seen.insert(stage, path.len());
            path.push(stage);
            stage = *self.before[stage]
                .iter()
                .find(|needed| missing[**needed] > 0)
                .expect("a stage that waits for ever needs another that does");
        }
        let mut cycle = path.split_off(seen[&stage]);
        cycle.reverse();
        cycle
    }

    /// For each stage, which of up to 64 marks one of its ancestors has.
    ///
    /// `order` is the result of [`Graph::order`]; all stages before
    /// `finally_from` are ancestors of those after.
    pub fn marks_above(&self, order: &[usize], marks: &[(usize, u8)]) -> Vec<u64> {
        let mut own = vec![0_u64; self.len()];
        for (stage, mark) in marks {
            own[*stage] |= 1 << mark;
        }
        let all_main = own[..self.finally_from].iter().fold(0, |all, it| all | it);
        let mut above = vec![0_u64; self.len()];
        for stage in order {
            let mut seen = 0;
            for needed in &self.before[*stage] {
                seen |= above[*needed] | own[*needed];
            }
            if *stage >= self.finally_from {
                seen |= all_main;
            }
            above[*stage] = seen;
        }
        above
    }

    /// For each pair, whether the second stage is an ancestor of the first.
    ///
    /// Answers 64 ancestors in one pass over the graph, so that a hostile
    /// pipeline cannot make this quadratic in memory.
    pub fn ancestors(&self, order: &[usize], pairs: &[(usize, usize)]) -> Vec<bool> {
        let mut answers: Vec<bool> = pairs
            .iter()
            .map(|(stage, ancestor)| self.directly(*stage, *ancestor))
            .collect();
        let mut open: Vec<usize> = (0..pairs.len()).filter(|pair| !answers[*pair]).collect();
        open.sort_by_key(|pair| pairs[*pair].1);
        let mut from = 0;
        while from < open.len() {
            let mut marks: Vec<(usize, u8)> = Vec::new();
            let mut bits = Vec::new();
            let mut to = from;
            while to < open.len() {
                let ancestor = pairs[open[to]].1;
                if marks.last().is_none_or(|(last, _)| *last != ancestor) {
                    if marks.len() == 64 {
                        break;
                    }
                    let bit = u8::try_from(marks.len()).expect("at most 64");
                    marks.push((ancestor, bit));
                }
                bits.push(marks.len() - 1);
                to += 1;
            }
            let above = self.marks_above(order, &marks);
            for (pair, bit) in open[from..to].iter().zip(bits) {
                answers[*pair] = above[pairs[*pair].0] >> bit & 1 == 1;
            }
            from = to;
        }
        answers
    }

    fn directly(&self, stage: usize, ancestor: usize) -> bool {
        let barrier = ancestor < self.finally_from && stage >= self.finally_from;
        barrier || self.before[stage].binary_search(&ancestor).is_ok()
    }

    /// How many stages stand in the longest way to each stage.
    pub fn levels(&self, order: &[usize]) -> Vec<usize> {
        let mut levels = vec![0; self.len()];
        let mut finally = 0;
        for stage in order {
            let above = self.before[*stage].iter().map(|it| levels[*it] + 1).max();
            let least = if *stage < self.finally_from {
                0
            } else {
                finally
            };
            levels[*stage] = above.unwrap_or(0).max(least);
            if *stage < self.finally_from {
                finally = finally.max(levels[*stage] + 1);
            }
        }
        levels
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Graph;

    #[test]
    fn a_cycle_is_shown_whole_and_alone() {
        let graph = Graph::new(vec![vec![], vec![0, 3], vec![1], vec![2], vec![3]], 5);
        let mut cycle = graph.order().expect_err("there is a cycle");
        assert_eq!(cycle.len(), 3);
        for pair in cycle.windows(2) {
            assert!(graph.before(pair[1]).contains(&pair[0]));
        }
        assert!(graph.before(cycle[0]).contains(&cycle[2]));
        cycle.sort_unstable();
        assert_eq!(cycle, [1, 2, 3]);
    }

    #[test]
    fn a_chain_of_a_hundred_thousand_has_an_order() {
        let chain: Vec<Vec<usize>> = (0..100_000_usize)
            .map(|stage| stage.checked_sub(1).into_iter().collect())
            .collect();
        let graph = Graph::new(chain, 100_000);
        let order = graph.order().expect("a chain has no cycle");
        assert_eq!(order[99_999], 99_999);
        assert_eq!(graph.levels(&order)[99_999], 99_999);
        assert_eq!(
            graph.ancestors(&order, &[(99_999, 0), (0, 5)]),
            [true, false]
        );
    }

    #[test]
    fn stages_of_finally_come_after_all_others() {
        let graph = Graph::new(vec![vec![], vec![0], vec![], vec![2]], 2);
        let order = graph.order().expect("no cycle");
        assert_eq!(order, [0, 1, 2, 3]);
        assert_eq!(graph.levels(&order), [0, 1, 2, 3]);
        assert_eq!(
            graph.ancestors(&order, &[(3, 1), (2, 0), (1, 2)]),
            [true, true, false]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn ancestors_are_those_that_a_search_finds(
            edges in prop::collection::vec((0_usize..70, 0_usize..70), 0..200),
        ) {
            let mut before = vec![Vec::new(); 70];
            for (a, b) in edges {
                if a != b {
                    before[a.max(b)].push(a.min(b));
                }
            }
            let graph = Graph::new(before.clone(), 70);
            let order = graph.order().expect("edges go one way");
            let pairs: Vec<(usize, usize)> =
                (0..70).flat_map(|a| (0..70).map(move |b| (a, b))).collect();
            for ((stage, ancestor), answer) in pairs.iter().zip(graph.ancestors(&order, &pairs)) {
                let mut queue = before[*stage].clone();
                let mut found = false;
                let mut seen = std::collections::HashSet::new();
                while let Some(next) = queue.pop() {
                    found |= next == *ancestor;
                    if seen.insert(next) {
                        queue.extend(&before[next]);
                    }
                }
                prop_assert_eq!(found, answer);
            }
        }
    }
}
