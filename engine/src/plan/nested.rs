//! Nested: folders inside of folders that stages write.
//!
//! A stage sees a folder as one stage left it: the newest that wrote it or a
//! folder around it. What another stage wrote to a folder *inside* of it is a
//! layer of its own, and would be missing without a word.

use std::collections::{BTreeMap, BTreeSet};

use super::requests::is_within;
use crate::model::{Diagnostic, Span};
use crate::policy::Grants;
use crate::spec::{Diagnostics, Spanned, StageOrder, StageSpec, code};

/// Reports folders that one stage writes twice, alone and as part of another.
pub(super) fn written_twice(stages: &[StageSpec], grants: &[&Grants], out: &mut Diagnostics) {
    for (stage, grants) in stages.iter().zip(grants) {
        let written = grants.workspace.iter().flat_map(|it| &it.write);
        let mut written: Vec<&str> = written.map(String::as_str).collect();
        // Sorted so that what lies in a folder follows it at once.
        written.sort_by(|a, b| a.split('/').cmp(b.split('/')));
        for pair in written.windows(2) {
            let (outer, inner) = (pair[0], pair[1]);
            if !is_within(inner, outer) {
                continue;
            }
            let id = &stage.id.value;
            let message = if inner == outer {
                format!("`{id}` is given `{outer}` to write twice")
            } else {
                format!("`{id}` is given `{outer}` to write, and `{inner}` inside of it")
            };
            let span = span(stage, &stage.capabilities.workspace_write, inner);
            let diagnostic = Diagnostic::error(code::WRITTEN_TWICE, span, message);
            out.push(diagnostic.hint(format!(
                "`write: [{outer}]` includes all folders inside of it: remove the other"
            )));
        }
    }
}

/// Who has which folder, and whether only to read it.
type Holders<'g> = BTreeMap<&'g str, Vec<(usize, bool)>>;

/// Reports stages that have a folder, but not what an ancestor wrote to a folder
/// inside of it. Pairs that are `reported` already are left out.
pub(super) fn hidden<'g>(
    stages: &[StageSpec],
    order: &StageOrder,
    grants: &[&'g Grants],
    writers: &BTreeMap<&'g str, Vec<usize>>,
    mut reported: BTreeSet<(usize, &'g str)>,
    out: &mut Diagnostics,
) {
    let Some(sorted) = &order.order else { return };
    let mut position = vec![0; sorted.len()];
    for (at, stage) in sorted.iter().enumerate() {
        position[*stage] = at;
    }
    let (holders, held) = holders(grants);
    let mut inners: Vec<&'g str> = writers.keys().copied().collect();
    inners.retain(|inner| around(inner).any(|outer| holders.contains_key(outer)));
    for block in inners.chunks(64) {
        let mut marks = Vec::new();
        for (mark, inner) in (0_u8..).zip(block) {
            marks.extend(writers[inner].iter().map(|stage| (*stage, mark)));
        }
        let above = order.graph.marks_above(sorted, &marks);
        for (mark, inner) in block.iter().copied().enumerate() {
            for outer in around(inner) {
                for (stage, reads) in holders.get(outer).into_iter().flatten() {
                    let is_after = above[*stage] >> mark & 1 == 1;
                    let is_seen = *reads && sees(&held, *stage, outer, inner);
                    if !is_after || is_seen || !reported.insert((*stage, outer)) {
                        continue;
                    }
                    // All who write a folder have an order, so the first of them
                    // comes before the stage if any does.
                    let first = writers[inner].iter().min_by_key(|it| position[**it]);
                    let writer = first.map_or("", |it| stages[*it].id.value.as_str());
                    out.push(missing(&stages[*stage], outer, inner, *reads, writer));
                }
            }
        }
    }
}

/// Whether a stage has a folder inside of `outer` by which it sees `inner`: the
/// folder itself, or one between the two, which then answers for what is in it.
fn sees(held: &BTreeSet<(usize, &str)>, stage: usize, outer: &str, inner: &str) -> bool {
    let mut between = around(inner).filter(|it| it.len() > outer.len());
    held.contains(&(stage, inner)) || between.any(|it| held.contains(&(stage, it)))
}

fn missing(stage: &StageSpec, outer: &str, inner: &str, reads: bool, writer: &str) -> Diagnostic {
    let id = stage.id.value.as_str();
    let (granted, message, hint) = if reads {
        (
            &stage.capabilities.workspace_read,
            format!(
                "`{id}` reads `{outer}`, but not `{inner}` inside of it, which `{writer}` writes"
            ),
            format!("let `{id}` read `{inner}` as well"),
        )
    } else {
        (
            &stage.capabilities.workspace_write,
            format!(
                "`{id}` writes `{outer}`, and would lose `{inner}` inside of it, which `{writer}` writes"
            ),
            format!(
                "let `{id}` write a folder beside `{inner}`, or `{writer}` write `{outer}` as a whole"
            ),
        )
    };
    Diagnostic::error(code::HIDDEN_FOLDER, span(stage, granted, outer), message)
        .note("a stage sees a folder as the stage before left it that wrote the whole folder")
        .hint(hint)
}

/// Where a stage names a folder.
fn span(stage: &StageSpec, granted: &[Spanned<String>], path: &str) -> Span {
    let mut named = granted
        .iter()
        .rev()
        .filter(|it| it.value.trim_end_matches('/') == path);
    named.next().map_or(stage.id.span, |it| it.span)
}

/// The stages that have each folder, and the folders that each stage has.
fn holders<'g>(grants: &[&'g Grants]) -> (Holders<'g>, BTreeSet<(usize, &'g str)>) {
    let (mut holders, mut held) = (Holders::new(), BTreeSet::new());
    for (stage, grants) in grants.iter().enumerate() {
        let Some(workspace) = &grants.workspace else {
            continue;
        };
        let written = workspace.write.iter().map(|path| (path, false));
        let read = workspace.read.iter().map(|path| (path, true));
        for (path, reads) in written.chain(read) {
            // What it may write, it does not only read.
            if held.insert((stage, path.as_str())) {
                holders.entry(path).or_default().push((stage, reads));
            }
        }
    }
    (holders, held)
}

/// The folders around a folder, the outermost first.
fn around(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}
