//! Resolve: from a spec to a plan.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::grants::grants;
use super::imports::{self, shown};
use super::index::{PluginFacts, PluginIndex};
use super::scope::{fold, fold_text, plan_scope};
use super::with::{self, With};
use super::{Facts, Need, Plan, PlannedPlugin, PlannedStage, SecretDeclaration};
use super::{inputs, requests, settle, types, unbound, workspace};
use crate::model::{Diagnostic, Digest, StageId};
use crate::policy::{Grants, SecretsGrant};
use crate::spec::expression::{Scope, Template, Types};
use crate::spec::{Diagnostics, Spec, StageOrder, StageSpec, Uses, code, stage_order};

/// The form of [`Plan`] that this engine writes.
const VERSION: u32 = 1;

/// The plan of a spec, and all that is wrong with it.
///
/// `text` is what the spec was read from; the plan keeps its digest. Without an
/// error there is a plan; warnings come with it. A spec with errors of
/// [`parse`](crate::spec::parse) or [`check`](crate::spec::check) has no plan; those
/// of types alone ([`code::TYPES`]) are found here again, with the plugins' own.
///
/// Of `facts`, the inputs may be texts as they were typed: the plan has them in
/// their types, with the defaults of those that are not there.
pub fn resolve(
    spec: &Spec,
    text: &str,
    mut facts: Facts,
    plugins: &PluginIndex,
) -> (Option<Plan>, Vec<Diagnostic>) {
    let mut out = Diagnostics::default();
    let order = stage_order(spec, &mut out);
    facts.inputs = inputs::inputs(spec, &facts.inputs, &mut out);
    if out.has_errors() {
        return (None, out.into_sorted());
    }
    let mut scope = plan_scope(&facts);
    let env = environment(spec, &mut scope, &mut out);
    let run_name = match &spec.run_name {
        Some(name) => known_text(&name.value, name.span, &scope, &mut out),
        None => spec.name.as_ref().map(|name| name.value.clone()),
    };
    let found = stage_plugins(spec, plugins, &mut out);
    let (types, unsound) = types::check(spec, text, &found, &mut out);
    let resolving = Resolving {
        spec,
        order: &order,
        scope: &scope,
        facts: &facts,
        types,
        plugins: found,
    };
    let stages: Vec<Option<PlannedStage>> = (0..spec.stages.len())
        .map(|at| resolving.stage(at, &mut out))
        .collect();
    let mut planned = Vec::with_capacity(stages.len());
    planned.extend(stages.into_iter().flatten());
    if planned.len() == spec.stages.len() {
        let grants: Vec<&Grants> = planned.iter().map(|stage| &stage.grants).collect();
        workspace::check(spec, &order, &grants, &mut out);
        unbound::check(spec, &planned, &mut out);
    }
    let outputs = spec.outputs.iter().map(|(name, value)| {
        let template = with::untyped(value, (&scope, &resolving.types), &mut out);
        (name.value.clone(), template)
    });
    let outputs = outputs.collect();
    // What can have no value has none: that was said with its types.
    out.take_back(code::EVALUATION, &unsound);
    if out.has_errors() || !plugins.broken.is_empty() {
        return (None, out.into_sorted());
    }
    let pipeline = spec.name.as_ref().map(|name| name.value.clone());
    let pipeline = pipeline.unwrap_or_else(|| "pipeline".to_owned());
    let plan = Plan {
        version: VERSION,
        run_name: run_name.unwrap_or_else(|| pipeline.clone()),
        pipeline,
        source: Digest::of(text.as_bytes()),
        env,
        secrets: secrets(spec),
        stages: planned,
        outputs,
        facts,
    };
    (Some(plan), out.into_sorted())
}

/// What all stages are resolved against.
struct Resolving<'a> {
    spec: &'a Spec,
    order: &'a StageOrder,
    scope: &'a Scope,
    facts: &'a Facts,
    /// The plugin of each stage, with what `uses:` said with aliases followed.
    plugins: Vec<Option<StagePlugin<'a>>>,
    /// What expressions may name.
    types: Types,
}

/// The plugin of a stage.
#[derive(Clone, Copy)]
pub(super) struct StagePlugin<'a> {
    pub(super) uses: &'a Uses,
    pub(super) facts: &'a PluginFacts,
}

impl Resolving<'_> {
    fn stage(&self, at: usize, out: &mut Diagnostics) -> Option<PlannedStage> {
        let stage = &self.spec.stages[at];
        let plugin = self.plugins[at].as_ref()?;
        let uses = plugin.uses.to_string();
        let info = &plugin.facts.info;
        let span = stage.uses.as_ref().map_or(stage.id.span, |it| it.span);
        let with = with::with(
            stage.with.as_ref(),
            &info.inputs,
            &uses,
            span,
            (self.scope, &self.types),
            out,
        );
        let grants = self.grants(stage, &with, out);
        requests::missing(stage, &uses, info, &with.known, &grants, out);
        self.warn(stage, &uses, plugin.facts, &grants, out);
        let effects = settle::effects(stage, &grants);
        let retry = settle::retry(stage, &self.spec.defaults, effects, out);
        let name = stage.name.as_ref();
        Some(PlannedStage {
            id: StageId::new(&stage.id.value).ok()?,
            name: name.and_then(|it| known_text(&it.value, it.span, self.scope, out)),
            pointer: stage.pointer.clone(),
            plugin: PlannedPlugin {
                uses,
                digest: plugin.facts.digest,
                name: info.name.clone(),
                version: info.version.clone(),
            },
            with: with.template,
            needs: self.needs(stage),
            condition: stage.condition.as_ref().map(|it| it.value.clone()),
            env: self.stage_environment(stage, out),
            grants,
            limits: settle::limits(stage, &self.spec.defaults),
            retry,
            continue_on_error: match &stage.continue_on_error {
                Some(switch) => folded(&switch.value, switch.span, self.scope, out),
                None => Template::Literal(Value::Bool(false)),
            },
            effects,
            finally: stage.finally,
        })
    }

    fn grants(&self, stage: &StageSpec, with: &With, out: &mut Diagnostics) -> Grants {
        let mut grants = grants(&stage.capabilities, self.scope, out);
        if !with.secrets.is_empty() {
            // A stage that is passed a secret has leave to use it.
            let granted = grants.secrets.get_or_insert_with(SecretsGrant::default);
            granted.names.extend(with.secrets.iter().cloned());
        }
        grants
    }

    fn needs(&self, stage: &StageSpec) -> Vec<Need> {
        let needs = stage.needs.iter().filter_map(|need| {
            let stage = *self.order.index.get(&need.stage.value)?;
            let on = need.on.clone();
            Some(Need { stage, on })
        });
        needs.collect()
    }

    fn stage_environment(
        &self,
        stage: &StageSpec,
        out: &mut Diagnostics,
    ) -> BTreeMap<String, Template> {
        let variables = stage.env.iter();
        variables
            .map(|(name, value)| {
                let value = folded(&value.value, value.span, self.scope, out);
                (name.value.clone(), value)
            })
            .collect()
    }

    fn warn(
        &self,
        stage: &StageSpec,
        uses: &str,
        plugin: &PluginFacts,
        grants: &Grants,
        out: &mut Diagnostics,
    ) {
        for capability in imports::unusable(grants, plugin) {
            let message = format!("`{uses}` has no way to use `{capability}`");
            let span = stage.capabilities.span.unwrap_or(stage.id.span);
            out.push(
                Diagnostic::warning(code::UNUSED_GRANT, span, message)
                    .note("its component imports no function for it")
                    .hint("remove the grant"),
            );
        }
        for tool in &stage.capabilities.exec {
            let name = &tool.tool.value;
            let known = self.facts.tools.get(name);
            if known.is_some_and(|facts| facts.path.is_none()) {
                let message = format!("the tool `{name}` is not on this machine");
                out.push(Diagnostic::warning(
                    code::TOOL_NOT_FOUND,
                    tool.tool.span,
                    message,
                ));
            }
        }
    }
}

/// The plugin of each stage; what cannot be run goes to `out`, each plugin once.
fn stage_plugins<'a>(
    spec: &'a Spec,
    plugins: &'a PluginIndex,
    out: &mut Diagnostics,
) -> Vec<Option<StagePlugin<'a>>> {
    let aliases = spec.aliases();
    let mut judged: HashMap<&Uses, bool> = HashMap::new();
    let mut found = Vec::with_capacity(spec.stages.len());
    for stage in &spec.stages {
        let Some(written) = &stage.uses else {
            let message = format!("the stage `{}` has no plugin", stage.id.value);
            out.push(Diagnostic::error(code::MISSING_KEY, stage.id.span, message));
            found.push(None);
            continue;
        };
        let uses = match &written.value {
            Uses::Alias(name) => aliases.get(name.as_str()).copied(),
            other => Some(other),
        };
        let plugin = uses.and_then(|uses| {
            let facts = plugins.get(&uses.to_string())?;
            Some(StagePlugin { uses, facts })
        });
        if uses.is_some_and(|uses| plugins.broken.contains(&uses.to_string())) {
            found.push(None);
            continue;
        }
        let Some(plugin) = plugin else {
            let message = format!("there is no plugin `{}`", written.value);
            let diagnostic = Diagnostic::error(code::UNKNOWN_PLUGIN, written.span, message);
            let known = plugins.plugins.keys().map(String::as_str);
            let near = crate::spec::nearest_name(&written.value.to_string(), known, out);
            out.push(match near {
                Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
                None => diagnostic,
            });
            found.push(None);
            continue;
        };
        if judged.insert(plugin.uses, true).is_none() {
            for reason in plugin
                .facts
                .imports
                .iter()
                .filter_map(imports::unknown)
                .take(8)
            {
                let message = format!("`{}` imports {reason}", plugin.uses);
                out.push(
                    Diagnostic::error(code::UNKNOWN_IMPORT, written.span, message)
                        .note(format!("plugin {}", shown(&plugin.facts.info.name))),
                );
            }
        }
        found.push(Some(plugin));
    }
    found
}

/// Evaluates the file's `env` and adds it to the scope.
fn environment(spec: &Spec, scope: &mut Scope, out: &mut Diagnostics) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    for (name, value) in &spec.env {
        if let Some(text) = known_text(&value.value, value.span, scope, out) {
            env.insert(name.value.clone(), text);
        }
    }
    let values = env.iter();
    let values: Map<String, Value> = values
        .map(|(name, text)| (name.clone(), Value::String(text.clone())))
        .collect();
    scope
        .contexts
        .insert("env".to_owned(), Value::Object(values));
    env
}

fn secrets(spec: &Spec) -> BTreeMap<String, SecretDeclaration> {
    let secrets = spec.secrets.iter().map(|secret| {
        let declaration = SecretDeclaration {
            kind: secret.kind,
            hosts: secret.hosts.iter().map(|host| host.value.clone()).collect(),
            from: secret.from.as_ref().map(|from| from.value.clone()),
        };
        (secret.name.value.clone(), declaration)
    });
    secrets.collect()
}

fn known_text(
    template: &Template,
    span: crate::model::Span,
    scope: &Scope,
    out: &mut Diagnostics,
) -> Option<String> {
    fold_text(template, span, scope)
        .map_err(|diagnostic| out.push(*diagnostic))
        .ok()
}

fn folded(
    template: &Template,
    span: crate::model::Span,
    scope: &Scope,
    out: &mut Diagnostics,
) -> Template {
    fold(template, span, scope).unwrap_or_else(|diagnostic| {
        out.push(*diagnostic);
        template.clone()
    })
}
