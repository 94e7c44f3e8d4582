//! State: where every stage of a run is. Changed by the dispatcher alone.

use std::collections::{BTreeMap, HashMap};
use std::ops::{Index, IndexMut};

use serde_json::Value;

use crate::model::{Digest, Failure, Outcome};
use crate::plan::Plan;

/// Where one stage is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Status {
    /// Waits for so many needs.
    Waiting(usize),
    /// May start as soon as there is room.
    Ready,
    /// An attempt runs.
    Running,
    /// Waits for its next attempt.
    Retrying,
    /// It is over.
    Finished(Outcome),
}

/// One stage of a run.
#[derive(Debug)]
pub(super) struct StageState {
    pub(super) status: Status,
    /// Attempts begun.
    pub(super) attempts: u32,
    /// What it needs that did not end as it should.
    pub(super) unmet: Option<String>,
    pub(super) outputs: Value,
    pub(super) failure: Option<Failure>,
    /// Position among the commits; none before.
    pub(super) committed: Option<u64>,
    /// Its layers.
    pub(super) layers: BTreeMap<String, Option<Digest>>,
}

/// All stages of a run, and who waits for whom.
#[derive(Debug)]
pub(super) struct Stages {
    each: Vec<StageState>,
    /// The stages that need each stage, and which of their needs that is.
    pub(super) dependents: Vec<Vec<(usize, usize)>>,
    by_id: HashMap<String, usize>,
    /// How many stages have committed a layer.
    layered: usize,
    /// The search that came to each stage last, so that one search need not
    /// clear what another left.
    seen: Vec<usize>,
    searches: usize,
}

impl Index<usize> for Stages {
    type Output = StageState;

    fn index(&self, index: usize) -> &StageState {
        &self.each[index]
    }
}

impl IndexMut<usize> for Stages {
    fn index_mut(&mut self, index: usize) -> &mut StageState {
        &mut self.each[index]
    }
}

impl Stages {
    pub(super) fn new(plan: &Plan) -> Self {
        let mut dependents = vec![Vec::new(); plan.stages.len()];
        for (index, stage) in plan.stages.iter().enumerate() {
            for (position, need) in stage.needs.iter().enumerate() {
                dependents[need.stage].push((index, position));
            }
        }
        let each = plan
            .stages
            .iter()
            .map(|stage| StageState {
                // The stages of `finally` wait for the end of the others too.
                status: Status::Waiting(stage.needs.len() + usize::from(stage.finally)),
                attempts: 0,
                unmet: None,
                outputs: Value::Null,
                failure: None,
                committed: None,
                layers: BTreeMap::new(),
            })
            .collect();
        let ids = plan.stages.iter().enumerate();
        let by_id = ids
            .map(|(index, stage)| (stage.id.as_str().to_owned(), index))
            .collect();
        Self {
            each,
            dependents,
            by_id,
            layered: 0,
            seen: vec![0; plan.stages.len()],
            searches: 0,
        }
    }

    /// An attempt succeeded: its layers are now seen by the stages after it.
    pub(super) fn commit(&mut self, index: usize, number: u64) {
        let stage = &mut self.each[index];
        stage.committed = Some(number);
        self.layered += usize::from(!stage.layers.is_empty());
    }

    /// The ancestors of a stage that have committed a layer, the newest first.
    pub(super) fn writers(&mut self, plan: &Plan, index: usize) -> Vec<usize> {
        self.searches += 1;
        let mut open = vec![index];
        let mut writers = Vec::new();
        while let Some(next) = open.pop() {
            for need in &plan.stages[next].needs {
                // Most runs have few layers, and many stages above each.
                if writers.len() == self.layered {
                    open.clear();
                    break;
                }
                let seen = std::mem::replace(&mut self.seen[need.stage], self.searches);
                if seen == self.searches {
                    continue;
                }
                open.push(need.stage);
                let stage = &self.each[need.stage];
                if stage.committed.is_some() && !stage.layers.is_empty() {
                    writers.push(need.stage);
                }
            }
        }
        if plan.stages[index].finally {
            // It comes after all the others without saying so.
            let main = plan
                .stages
                .iter()
                .enumerate()
                .filter(|(_, stage)| !stage.finally);
            let layered = main.filter(|(other, _)| {
                let stage = &self.each[*other];
                stage.committed.is_some() && !stage.layers.is_empty() && !writers.contains(other)
            });
            let more: Vec<usize> = layered.map(|(other, _)| other).collect();
            writers.extend(more);
        }
        writers.sort_by_key(|writer| std::cmp::Reverse(self.each[*writer].committed));
        writers
    }

    /// The stage with this id.
    pub(super) fn find(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// How a stage ended; none before.
    pub(super) fn outcome(&self, index: usize) -> Option<Outcome> {
        match self.each[index].status {
            Status::Finished(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// One thing that a stage waits for has come. Whether it was the last.
    pub(super) fn release(&mut self, index: usize) -> bool {
        match &mut self.each[index].status {
            Status::Waiting(1) => {
                self.each[index].status = Status::Ready;
                true
            }
            Status::Waiting(left) => {
                *left -= 1;
                false
            }
            _ => false,
        }
    }
}
