//! Plan digest: what an approval and a resumed run hold on to.

use serde::Serialize;
use serde_json::Value;

use super::Plan;
use crate::model::{Digest, Hasher};

impl Plan {
    /// The digest of the plan: sha256 over its canonical JSON, the parts of
    /// the plan in order, then each stage, one a line.
    ///
    /// Where tools and the repository lie on this machine is left out; what the
    /// tools are is in it.
    pub fn digest(&self) -> Digest {
        let Self {
            version,
            pipeline,
            run_name,
            source,
            facts,
            env,
            secrets,
            stages,
            outputs,
        } = self;
        let mut facts = facts.clone();
        for tool in facts.tools.values_mut() {
            tool.path = None;
        }
        if let Some(git) = &mut facts.git {
            git.root.clear();
        }
        let mut hasher = Hasher::default();
        // A stage at a time: the JSON of a large plan is larger than the plan.
        add(&mut hasher, version);
        add(&mut hasher, pipeline);
        add(&mut hasher, run_name);
        add(&mut hasher, source);
        add(&mut hasher, &facts);
        add(&mut hasher, env);
        add(&mut hasher, secrets);
        add(&mut hasher, outputs);
        for stage in stages {
            add(&mut hasher, stage);
        }
        hasher.finish()
    }
}

fn add(hasher: &mut Hasher, value: &impl Serialize) {
    let value = serde_json::to_value(value).expect("a plan holds nothing that JSON does not");
    hasher.update(canonical(value).to_string().as_bytes());
    hasher.update(b"\n");
}

/// The same with the keys of every mapping sorted.
fn canonical(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(canonical).collect(),
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> = fields
                .into_iter()
                .map(|(key, value)| (key, canonical(value)))
                .collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(fields.into_iter().collect())
        }
        other => other,
    }
}
