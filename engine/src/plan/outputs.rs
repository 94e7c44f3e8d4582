//! Outputs: whether expressions name what the plugins of other stages return.

use super::resolve::StagePlugin;
use crate::model::{Diagnostic, Span};
use crate::spec::expression::{Context, Reference};
use crate::spec::{Diagnostics, Spec, StageOrder, code, nearest_name};

/// Reports `stages.x.outputs.y` where the plugin of `x` does not return `y`.
pub(super) fn check(
    spec: &Spec,
    order: &StageOrder,
    plugins: &[Option<StagePlugin<'_>>],
    out: &mut Diagnostics,
) {
    let mut visit = |references: Vec<Reference>, span: Span| {
        for reference in references {
            check_one(&reference, span, order, plugins, out);
        }
    };
    for stage in &spec.stages {
        stage.each_run_time(&mut visit);
    }
    for (_, value) in &spec.outputs {
        value.each_text(&mut |template, span| visit(template.references(), span));
    }
}

fn check_one(
    reference: &Reference,
    span: Span,
    order: &StageOrder,
    plugins: &[Option<StagePlugin<'_>>],
    out: &mut Diagnostics,
) {
    if reference.context != Context::Stages || reference.tested {
        return;
    }
    let [id, field, name, ..] = reference.path.as_slice() else {
        return;
    };
    let plugin = order.index.get(id).and_then(|stage| plugins[*stage]);
    let Some(plugin) = plugin.filter(|_| field == "outputs") else {
        return;
    };
    let schema = plugin.facts.info.outputs.root();
    // Without `additionalProperties: false` other names are possible, and yet a
    // plugin that names its outputs rarely returns others.
    if !schema.has_properties() || schema.is_said_to_be_open() {
        return;
    }
    if schema.properties().any(|known| known == name) {
        return;
    }
    let message = format!("the stage `{id}` has no output `{name}`");
    let diagnostic = Diagnostic::error(code::UNKNOWN_REFERENCE, span, message);
    let near = nearest_name(name, schema.properties(), out);
    let hint = if let Some(near) = near {
        format!("did you mean `{near}`?")
    } else {
        let known: Vec<&str> = schema.properties().take(20).collect();
        format!("its outputs are: {}", known.join(", "))
    };
    out.push(diagnostic.hint(hint));
}
