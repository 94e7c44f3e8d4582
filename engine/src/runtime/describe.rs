//! Describe: a component's own words about itself.
//!
//! Called with no authority at all: nothing granted, no folder, no secret, and
//! a sink that is closed, so that the first report traps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wasmtime::{Engine, Store};

use super::ComponentError;
use crate::capability::{Attempt, Plugin, PluginPre, Services};
use crate::model::{Clock, Digest, RunId, StageId, limits};
use crate::plan::{Effects, StageLimits, StageRequest};
use crate::policy::Grants;
use crate::store::{AttemptSink, Redactor};

/// The `stage-info` document of a component, as text.
pub(super) async fn describe(
    engine: &Engine,
    plugin: &PluginPre<Attempt>,
    clock: Arc<dyn Clock>,
    component: Digest,
) -> Result<String, ComponentError> {
    let request = Arc::new(request(component));
    let (messages, _) = mpsc::channel(1);
    let sink = AttemptSink::new(
        request.stage.clone(),
        1,
        clock,
        Arc::<Redactor>::default(),
        messages,
        None,
        0,
    );
    let failed = |error: wasmtime::Error| ComponentError::Describe(format!("{error:#}"));
    let deadline = Instant::now() + limits::DESCRIBE;
    let attempt = Attempt::new(
        request,
        sink,
        CancellationToken::new(),
        deadline,
        &Arc::new(Services::default()),
    )
    .map_err(|error| ComponentError::Describe(error.to_string()))?;
    let mut store = Store::new(engine, attempt);
    super::invoke::arm(&mut store);
    let call = async {
        let instance = plugin.instance_pre().instantiate_async(&mut store).await;
        // What the instance exports is compared with our own types only now.
        let instance = Plugin::new(&mut store, &instance.map_err(failed)?)
            .map_err(|error| ComponentError::Mismatch(format!("{error:#}")))?;
        let stage = instance.engine_stage_stage();
        stage.call_describe(&mut store).await.map_err(failed)
    };
    let text = tokio::time::timeout(limits::DESCRIBE, call)
        .await
        .map_err(|_| ComponentError::Describe("it took too long".to_owned()))??;
    if text.len() > limits::STAGE_INFO_BYTES {
        return Err(ComponentError::Describe(format!(
            "its answer has {} bytes",
            text.len()
        )));
    }
    Ok(text)
}

fn request(component: Digest) -> StageRequest {
    StageRequest {
        run: RunId::new(),
        pipeline: "describe".to_owned(),
        stage: StageId::new("describe").expect("it is a name"),
        attempt: 1,
        max_attempts: 1,
        trigger: "describe".to_owned(),
        component,
        inputs: serde_json::Value::Null,
        env: BTreeMap::new(),
        grants: Grants::default(),
        limits: StageLimits::default(),
        effects: Effects::Repeatable,
        secrets: Vec::new(),
        tools: BTreeMap::new(),
        mounts: Vec::new(),
        local_root: None,
    }
}
