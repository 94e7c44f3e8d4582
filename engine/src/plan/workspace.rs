//! Workspace: who writes a folder, and who has something to read in it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::nested;
use super::requests::is_within;
use crate::model::Diagnostic;
use crate::policy::Grants;
use crate::spec::{Diagnostics, Spec, StageOrder, StageSpec, code};

/// Checks that folders are written in an order, and written before they are read.
pub(super) fn check(spec: &Spec, order: &StageOrder, grants: &[&Grants], out: &mut Diagnostics) {
    nested::written_twice(&spec.stages, grants, out);
    let Some(sorted) = &order.order else { return };
    let mut position = vec![0; sorted.len()];
    for (at, stage) in sorted.iter().enumerate() {
        position[*stage] = at;
    }
    let writers = writers(grants);
    let pairs = unordered_candidates(&writers, &position);
    let answers = order.graph.ancestors(sorted, &pairs);
    for ((later, earlier), ordered) in pairs.iter().zip(answers) {
        if !ordered {
            out.push(unordered(spec, grants, *earlier, *later));
        }
    }
    let unwritten = unwritten(spec, order, sorted, grants, &writers, out);
    nested::hidden(&spec.stages, order, grants, &writers, unwritten, out);
}

/// The stages that write each folder.
fn writers<'g>(grants: &[&'g Grants]) -> BTreeMap<&'g str, Vec<usize>> {
    let mut writers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (stage, grants) in grants.iter().enumerate() {
        for path in grants.workspace.iter().flat_map(|it| &it.write) {
            let stages = writers.entry(path).or_default();
            if stages.last() != Some(&stage) {
                stages.push(stage);
            }
        }
    }
    writers
}

/// Pairs of stages, the later first, that write one folder and must have an
/// order for all that do to have one.
///
/// Stages that write the same place are all in order exactly if each is in order
/// with the next, sorted by their place in the run. A place is written by those
/// who write it and those who write a folder around it, so the sorted writers of
/// the folders around are kept while the folders below are looked at.
fn unordered_candidates(
    writers: &BTreeMap<&str, Vec<usize>>,
    position: &[usize],
) -> Vec<(usize, usize)> {
    // Sorted so that what lies in a folder follows it at once.
    let mut paths: Vec<&str> = writers.keys().copied().collect();
    paths.sort_by(|a, b| a.split('/').cmp(b.split('/')));
    let mut around: Vec<&str> = Vec::new();
    let mut sorted: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    let mut pairs = Vec::new();
    for path in paths {
        while around.last().is_some_and(|outer| !is_within(path, outer)) {
            let outer = around.pop().unwrap_or_default();
            for stage in &writers[outer] {
                if let Some((_, count)) = sorted.get_mut(&position[*stage]) {
                    *count -= 1;
                    if *count == 0 {
                        sorted.remove(&position[*stage]);
                    }
                }
            }
        }
        around.push(path);
        for stage in &writers[path] {
            sorted.entry(position[*stage]).or_insert((*stage, 0)).1 += 1;
        }
        for stage in &writers[path] {
            let at = position[*stage];
            if let Some((_, (before, _))) = sorted.range(..at).next_back() {
                pairs.push((*stage, *before));
            }
            if let Some((_, (after, _))) = sorted.range(at + 1..).next() {
                pairs.push((*after, *stage));
            }
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

fn unordered(spec: &Spec, grants: &[&Grants], first: usize, second: usize) -> Diagnostic {
    let (first, second) = (first.min(second), first.max(second));
    let written = |stage: usize| grants[stage].workspace.iter().flat_map(|it| &it.write);
    let shared = written(second)
        .find(|path| written(first).any(|other| is_within(path, other) || is_within(other, path)));
    let path = shared.map_or("", String::as_str);
    let (first, second) = (&spec.stages[first], &spec.stages[second]);
    let message = format!(
        "`{}` and `{}` both write `{path}`, and neither waits for the other",
        first.id.value, second.id.value
    );
    let span = write_span(second, path);
    Diagnostic::error(code::UNORDERED_WRITERS, span, message)
        .other(write_span(first, path), "the other one")
        .hint(format!(
            "add `{}` to the `needs` of `{}`, or let them write different folders",
            first.id.value, second.id.value
        ))
}

fn write_span(stage: &StageSpec, path: &str) -> crate::model::Span {
    let written = stage.capabilities.workspace_write.iter();
    let mut near = written.filter(|it| {
        let text = it.value.trim_end_matches('/');
        is_within(text, path) || is_within(path, text)
    });
    near.next().map_or(stage.id.span, |it| it.span)
}

/// Reports folders that are read and that nothing before the stage writes: the
/// stages and the folders. Who writes a folder inside of them does not count.
fn unwritten<'g>(
    spec: &Spec,
    order: &StageOrder,
    sorted: &[usize],
    grants: &[&'g Grants],
    writers: &BTreeMap<&'g str, Vec<usize>>,
    out: &mut Diagnostics,
) -> BTreeSet<(usize, &'g str)> {
    let mut readers: BTreeMap<&'g str, Vec<usize>> = BTreeMap::new();
    for (stage, grants) in grants.iter().enumerate() {
        let Some(workspace) = &grants.workspace else {
            continue;
        };
        for path in &workspace.read {
            // Who may write a folder may read what it wrote itself.
            let own = |it: &String| is_within(path, it);
            if !workspace.write.iter().any(own) {
                readers.entry(path).or_default().push(stage);
            }
        }
    }
    let paths: Vec<&'g str> = readers.keys().copied().collect();
    let mut reported = BTreeSet::new();
    for block in paths.chunks(64) {
        let mut marks = Vec::new();
        for (mark, path) in (0_u8..).zip(block) {
            marks.extend(around(path, writers).map(|stage| (stage, mark)));
        }
        let above = order.graph.marks_above(sorted, &marks);
        for (mark, path) in block.iter().copied().enumerate() {
            for stage in &readers[path] {
                if above[*stage] >> mark & 1 == 0 {
                    reported.insert((*stage, path));
                    let writer = around(path, writers).next();
                    let writer = writer.map(|writer| &spec.stages[writer]);
                    let inner = inside(path, writers);
                    out.push(nothing_to_read(&spec.stages[*stage], path, writer, inner));
                }
            }
        }
    }
    reported
}

/// The stages that write a folder or a folder around it.
fn around<'w>(
    path: &'w str,
    writers: &'w BTreeMap<&str, Vec<usize>>,
) -> impl Iterator<Item = usize> + 'w {
    path.match_indices('/')
        .map(|(at, _)| &path[..at])
        .chain([path])
        .filter_map(|outer| writers.get(outer))
        .flatten()
        .copied()
}

/// The first folder inside of a folder that a stage writes.
fn inside<'w>(path: &str, writers: &BTreeMap<&'w str, Vec<usize>>) -> Option<&'w str> {
    writers
        .range::<str, _>((Bound::Excluded(path), Bound::Unbounded))
        .map(|(other, _)| *other)
        .take_while(|other| other.starts_with(path))
        .find(|other| is_within(other, path))
}

fn nothing_to_read(
    stage: &StageSpec,
    path: &str,
    writer: Option<&StageSpec>,
    inner: Option<&str>,
) -> Diagnostic {
    let read = stage.capabilities.workspace_read.iter();
    let mut near = read.filter(|it| it.value.trim_end_matches('/') == path);
    let span = near.next().map_or(stage.id.span, |it| it.span);
    let id = &stage.id.value;
    let message = format!("`{id}` reads `{path}`, which no stage before it writes");
    let diagnostic = Diagnostic::error(code::UNWRITTEN_PATH, span, message)
        .note("the workspace of a run begins empty; a stage sees what the stages before it wrote");
    diagnostic.hint(match (writer, inner) {
        (Some(writer), _) if !writer.finally && writer.id.value != *id => {
            format!(
                "`{0}` writes it: add `{0}` to the `needs` of `{id}`",
                writer.id.value
            )
        }
        (None, Some(inner)) => {
            format!("only `{inner}` inside of it is written: read that instead")
        }
        _ => format!("let a stage before it write `{path}`, such as one with `builtin:fetch`"),
    })
}
