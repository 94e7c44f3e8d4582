//! Unbound: secrets that are passed to stages which reach servers, and are bound to none.

use std::collections::BTreeSet;

use super::PlannedStage;
use crate::model::Diagnostic;
use crate::policy::Grants;
use crate::spec::{Diagnostics, SecretKind, SecretSpec, Spec, code};

/// Warns of secrets without hosts that a stage could only mean to send: a server gets
/// a placeholder in their place, and will not say why it takes it for wrong.
pub(super) fn check(spec: &Spec, stages: &[PlannedStage], out: &mut Diagnostics) {
    let unbound = |it: &&SecretSpec| it.hosts.is_empty() && it.kind != SecretKind::Url;
    for secret in spec.secrets.iter().filter(unbound) {
        let name = &secret.name.value;
        let is_given = |grants: &Grants| {
            let granted = grants.secrets.as_ref();
            granted.is_some_and(|granted| granted.names.contains(name))
        };
        let given = stages.iter().filter(|stage| is_given(&stage.grants));
        let hosts: BTreeSet<String> = given.flat_map(|stage| hosts(&stage.grants)).collect();
        if hosts.is_empty() {
            continue;
        }
        let message = format!("the secret `{name}` has no `hosts`, so that no server gets it");
        let hosts: Vec<String> = hosts.into_iter().take(4).collect();
        out.push(
            Diagnostic::warning(code::UNBOUND_SECRET, secret.name.span, message)
                .note(
                    "a request carries a placeholder in its place, which means nothing to anybody",
                )
                .hint(format!(
                    "add `hosts: [{}]`, if it is meant for them",
                    hosts.join(", ")
                )),
        );
    }
}

/// The hosts that a stage may reach, as far as its grants name them.
fn hosts(grants: &Grants) -> Vec<String> {
    let http = grants.http.iter().flat_map(|it| &it.allow);
    let http = http.map(crate::policy::HttpPattern::host);
    let git = grants
        .git
        .iter()
        .flat_map(|it| it.list.iter().chain(&it.fetch));
    let git = git.filter_map(crate::policy::GitPattern::host);
    let exact = http.chain(git).filter_map(|host| host.exact());
    exact.map(ToString::to_string).collect()
}
