//! Trigger: what starts the pipeline. Checked for its shape, and for nothing else yet.

use serde_json::Value;

use super::fields::Fields;
use super::node::Node;
use super::reading::{Reading, plain_value};

/// `on`: its shape is checked, nothing else.
pub(super) fn triggers(node: &Node<'_>, reading: &mut Reading<'_>) {
    let Some(mut fields) = Fields::open("`on`", node, reading) else {
        return;
    };
    for key in ["push", "pull-request"] {
        if let Some(node) = fields.get(key) {
            filters(node, reading);
        }
    }
    if let Some(node) = fields.get("schedule") {
        for item in reading
            .items("a list of schedules", node)
            .unwrap_or_default()
        {
            schedule(item, reading);
        }
    }
    if let Some(node) = fields.get("manual")
        && plain_value(node) != Some(Value::Null)
        && let Some(fields) = Fields::open("`manual`", node, reading)
    {
        fields.close(reading);
    }
    fields.close(reading);
}

fn filters(node: &Node<'_>, reading: &mut Reading<'_>) {
    if plain_value(node) == Some(Value::Null) {
        return;
    }
    let Some(mut fields) = Fields::open("a trigger", node, reading) else {
        return;
    };
    for key in [
        "branches",
        "branches-ignore",
        "tags",
        "paths",
        "paths-ignore",
    ] {
        if let Some(node) = fields.get(key) {
            reading.texts("pattern", node);
        }
    }
    fields.close(reading);
}

fn schedule(node: &Node<'_>, reading: &mut Reading<'_>) {
    let Some(mut fields) = Fields::open("a schedule", node, reading) else {
        return;
    };
    let span = fields.span;
    if let Some(node) = fields.require("cron", span, reading) {
        reading.text("five fields of cron", node);
    }
    if let Some(node) = fields.get("timezone") {
        reading.text("the name of a time zone", node);
    }
    fields.close(reading);
}
