//! Fetch: takes objects from a remote into a repository of ours.

use std::io::{BufRead, Cursor, Read};

use gix::ObjectId;
use gix::bstr::BString;
use gix::odb::store::RefreshMode;
use gix::protocol::fetch::negotiate::{self, Action, Round, one_round};
use gix::protocol::fetch::refmap::{Mapping, Source, SpecIndex};
use gix::protocol::fetch::{Arguments, Negotiate, RefMap, Response, Shallow, Tags};

use super::failure::{FailureKind, GitFailure};
use super::ledger::Ledger;
use super::listing::{Connection, agent};
use super::protocol::Bounds;
use super::repository::NEVER;
use super::watch::{Report, watch};

/// Fetches `wants` and what they need, with as much history as `shallow` says.
/// Does nothing when they are all there already and no history is asked for.
pub(super) fn fetch(
    connection: &mut Connection,
    repository: &gix::Repository,
    wants: &[ObjectId],
    shallow: &Shallow,
    bounds: &Bounds,
    report: &Report,
) -> Result<(), GitFailure> {
    let what = format!("cannot fetch from {}", connection.place);
    let ledger = connection.ledger.clone();
    let counter = ledger.clone();
    ledger.allow(bounds.pack_bytes);
    watch(
        report,
        "fetching",
        "bytes",
        None,
        || counter.bytes_read(),
        || transfer(connection, repository, wants, shallow, bounds),
    )
    .map_err(|error| {
        let failure = ledger.explain(&what, &error);
        if failure.code == "limit.git-transfer" {
            return GitFailure::limit(
                "limit.git-pack-bytes",
                format_args!(
                    "{what}: its pack is larger than {} bytes",
                    bounds.pack_bytes
                ),
            )
            .hint("fetch fewer commits, with a depth");
        }
        failure
    })
}

fn transfer(
    connection: &mut Connection,
    repository: &gix::Repository,
    wants: &[ObjectId],
    shallow: &Shallow,
    bounds: &Bounds,
) -> gix::Result {
    let ref_map = RefMap {
        mappings: wants
            .iter()
            .map(|id| Mapping {
                remote: Source::ObjectId(*id),
                local: None,
                spec_index: SpecIndex::ExplicitInRemote(0),
            })
            .collect(),
        object_hash: repository.object_hash(),
        ..RefMap::default()
    };
    let mut lookup = repository.clone();
    // Objects that the remote has and we do not are the rule here: looking for
    // each on disk again would be slow.
    lookup.objects.refresh = RefreshMode::Never;
    lookup.objects.unset_object_cache();
    let mut graph = lookup.revision_graph(None);
    let mut negotiation = Negotiation {
        repository: &lookup,
        graph: &mut graph,
        ref_map: &ref_map,
        shallow,
        negotiator: gix::negotiate::Algorithm::Consecutive.into_negotiator(),
    };
    let ledger = connection.ledger.clone();
    let options = gix::protocol::fetch::Options {
        shallow_file: repository.shallow_file()?,
        shallow,
        tags: Tags::None,
        reject_shallow_remote: false,
    };
    let context = gix::protocol::fetch::Context {
        handshake: &mut connection.handshake,
        transport: &mut connection.transport,
        user_agent: agent(),
        trace_packetlines: false,
    };
    gix::protocol::fetch(
        &mut negotiation,
        |reader, progress, interrupt| {
            receive(reader, progress, interrupt, repository, &ledger, bounds)?;
            Ok(true)
        },
        gix::progress::Discard,
        &NEVER,
        context,
        options,
    )
    .map(|_| ())
}

/// Writes the pack that the remote sends, after a look at its head.
fn receive(
    reader: &mut dyn BufRead,
    progress: &mut dyn gix::DynNestedProgress,
    interrupt: &std::sync::atomic::AtomicBool,
    repository: &gix::Repository,
    ledger: &Ledger,
    bounds: &Bounds,
) -> gix::Result {
    let mut head = [0; 12];
    reader
        .read_exact(&mut head)
        .map_err(gix::Error::from_error)?;
    // `PACK`, version, number of objects: four bytes each.
    let objects = u64::from(u32::from_be_bytes([head[8], head[9], head[10], head[11]]));
    if objects > bounds.objects {
        let failure = GitFailure::limit(
            "limit.git-objects",
            format_args!(
                "the remote sends a pack of {objects} objects; {} are allowed",
                bounds.objects
            ),
        )
        .hint("fetch fewer commits, with a depth");
        return Err(gix::Error::from_error(ledger.fail(failure)));
    }
    let mut pack = Cursor::new(head).chain(reader);
    let outcome = gix::odb::pack::Bundle::write_to_directory(
        &mut pack,
        Some(&repository.objects.store_ref().path().join("pack")),
        progress,
        interrupt,
        Some(repository.clone().objects),
        repository.object_hash(),
        gix::odb::pack::bundle::write::Options {
            alloc_limit_bytes: usize::try_from(bounds.object_bytes).ok(),
            ..Default::default()
        },
    )?;
    // The file that keeps a collector away: nothing collects here.
    if let Some(keep) = outcome.keep_path {
        std::fs::remove_file(keep).map_err(gix::Error::from_error)?;
    }
    Ok(())
}

/// What we have and want, as the library asks for it.
struct Negotiation<'a, 'find, 'cache> {
    repository: &'a gix::Repository,
    graph: &'a mut gix::negotiate::Graph<'find, 'cache>,
    ref_map: &'a RefMap,
    shallow: &'a Shallow,
    negotiator: Box<dyn gix::negotiate::Negotiator>,
}

impl Negotiate for Negotiation<'_, '_, '_> {
    fn mark_complete_and_common_ref(&mut self) -> gix::Result<Action> {
        negotiate::mark_complete_and_common_ref(
            &self.repository.objects,
            &self.repository.refs,
            || Ok(std::iter::empty::<(gix::refs::file::Store, gix::OdbHandle)>()),
            &mut *self.negotiator,
            &mut *self.graph,
            self.ref_map,
            self.shallow,
            negotiate::make_refmapping_ignore_predicate(Tags::None, self.ref_map),
        )
    }

    fn add_wants(&mut self, arguments: &mut Arguments, known: &[bool]) -> bool {
        negotiate::add_wants(
            &self.repository.objects,
            arguments,
            self.ref_map,
            known,
            self.shallow,
            negotiate::make_refmapping_ignore_predicate(Tags::None, self.ref_map),
        )
    }

    fn one_round(
        &mut self,
        state: &mut one_round::State,
        arguments: &mut Arguments,
        previous: Option<&Response>,
    ) -> gix::Result<(Round, bool)> {
        negotiate::one_round(
            &mut *self.negotiator,
            &mut *self.graph,
            state,
            arguments,
            previous,
        )
    }
}

/// Keeps what was fetched in reach of a ref, so that the next fetch can say that
/// it is here.
pub(super) fn remember(repository: &gix::Repository, ids: &[ObjectId]) -> Result<(), GitFailure> {
    for id in ids {
        repository
            .reference(
                format!("refs/engine/{id}"),
                *id,
                gix::refs::transaction::PreviousValue::Any,
                BString::from("fetch"),
            )
            .map_err(|error| GitFailure::library("cannot write a ref of the mirror", &error))?;
    }
    Ok(())
}

/// A remote that leaves objects out of its pack.
pub(super) fn incomplete(place: &str, id: ObjectId) -> GitFailure {
    GitFailure::new(
        FailureKind::Other,
        "git.incomplete",
        format_args!("{place} has not sent object {id}, which the commit needs"),
    )
    .hint("the repository is damaged at the remote; run `git fsck` there")
}
