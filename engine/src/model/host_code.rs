//! Host code: the stable names of everything that the host says of a failure.
//!
//! `docs/errors.md` has a section for each, which `engine explain` prints; tests keep
//! the list, the page and the sources equal. A plugin's own codes are stored as
//! `plugin.<code>` and are explained by its README.

/// A code of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostCode {
    /// The dotted code.
    pub code: &'static str,
    /// What happened, as the heading in `docs/errors.md`.
    pub title: &'static str,
}

impl HostCode {
    /// All codes, sorted.
    #[rustfmt::skip]
    pub const ALL: &[Self] = &[
        Self { code: "denied.exec", title: "tool or folder that the stage may not use" },
        Self { code: "denied.git-address", title: "git remote at a private address" },
        Self { code: "denied.git-credentials", title: "secret for another host" },
        Self { code: "denied.git-fetch", title: "remote that the stage may not fetch from" },
        Self { code: "denied.git-list", title: "remote that the stage may not ask" },
        Self { code: "denied.git-local", title: "local repository that is not there" },
        Self { code: "denied.git-outside-root", title: "git file outside of the granted folder" },
        Self { code: "denied.git-path", title: "folder that git may not write" },
        Self { code: "denied.http", title: "request that the stage may not make" },
        Self { code: "denied.reveal", title: "secret that was to be read" },
        Self { code: "denied.sandbox", title: "wall that is too weak for native tools" },
        Self { code: "denied.secrets", title: "secret that the stage may not use" },
        Self { code: "denied.sockets", title: "socket" },
        Self { code: "denied.workspace", title: "file that the stage may not use" },
        Self { code: "exec.arguments", title: "command line that is too long" },
        Self { code: "exec.cancelled", title: "tool that was cancelled" },
        Self { code: "exec.children", title: "too many tools at the same time" },
        Self { code: "exec.environment", title: "environment that is too large" },
        Self { code: "exec.lost", title: "tool that nothing is known of any more" },
        Self { code: "exec.malformed", title: "command that cannot be" },
        Self { code: "exec.secret-missing", title: "secret without a value, for a tool" },
        Self { code: "exec.spawn-failed", title: "tool that could not be started" },
        Self { code: "exec.stream", title: "output of a tool that broke off" },
        Self { code: "exec.timed-out", title: "tool that took too long" },
        Self { code: "exec.tool-changed", title: "tool that is not the planned one" },
        Self { code: "exec.tool-missing", title: "tool that is not on this machine" },
        Self { code: "exec.unavailable", title: "engine without tools" },
        Self { code: "exec.unsupported", title: "wall that this machine or version lacks" },
        Self { code: "git.address", title: "remote of another kind" },
        Self { code: "git.auth-failed", title: "credentials that the remote does not take" },
        Self { code: "git.bad-ref-name", title: "name that git does not allow" },
        Self { code: "git.cancelled", title: "git that was cancelled" },
        Self { code: "git.child-answer", title: "answer that nobody asked for" },
        Self { code: "git.child-died", title: "git's process that ended" },
        Self { code: "git.collision", title: "files that cannot lie beside each other" },
        Self { code: "git.corrupt", title: "damaged objects" },
        Self { code: "git.credential", title: "secret that cannot be a credential" },
        Self { code: "git.credential-kind", title: "secret of the wrong kind" },
        Self { code: "git.deadline", title: "git that took too long" },
        Self { code: "git.destination-not-empty", title: "destination that is not empty" },
        Self { code: "git.disk-full", title: "no space left, for git" },
        Self { code: "git.empty-repository", title: "repository without a HEAD" },
        Self { code: "git.failed", title: "git that failed" },
        Self { code: "git.forbidden", title: "credentials without leave" },
        Self { code: "git.forbidden-name", title: "file name that is refused" },
        Self { code: "git.host-key", title: "ssh host whose key is not known" },
        Self { code: "git.http", title: "answer that is no HTTP" },
        Self { code: "git.http-status", title: "status that git does not expect" },
        Self { code: "git.incomplete", title: "object that was not sent" },
        Self { code: "git.io", title: "file that git could not read or write" },
        Self { code: "git.mirror-busy", title: "mirror that another run holds" },
        Self { code: "git.no-commit", title: "object that is no commit" },
        Self { code: "git.no-git-server", title: "server without git" },
        Self { code: "git.no-mirror", title: "place for mirrors that was not given" },
        Self { code: "git.no-working-tree", title: "repository without files" },
        Self { code: "git.not-offered", title: "stage without git" },
        Self { code: "git.object-format", title: "kind of ids that is not known" },
        Self { code: "git.object-id", title: "text that is no object id" },
        Self { code: "git.object-not-found", title: "commit that the remote does not have" },
        Self { code: "git.path-not-found", title: "file that the commit does not have" },
        Self { code: "git.redirect", title: "remote that moved" },
        Self { code: "git.ref-prefix", title: "prefix that is none" },
        Self { code: "git.repository-not-found", title: "repository that is not there" },
        Self { code: "git.request", title: "request that cannot be made" },
        Self { code: "git.revision", title: "text that names no revision" },
        Self { code: "git.revision-not-found", title: "branch, tag or commit that is not there" },
        Self { code: "git.secret-missing", title: "secret without a value, for git" },
        Self { code: "git.shallow", title: "history that is cut off" },
        Self { code: "git.ssh", title: "ssh that failed" },
        Self { code: "git.ssh-key", title: "key that cannot be used" },
        Self { code: "git.ssh-missing", title: "machine without ssh" },
        Self { code: "git.ssh-settings", title: "ssh without known hosts" },
        Self { code: "git.timeout", title: "remote that is silent" },
        Self { code: "git.tls", title: "remote without a trusted certificate" },
        Self { code: "git.truncated", title: "connection that was lost, to git" },
        Self { code: "git.unavailable", title: "remote out of reach" },
        Self { code: "git.uncommitted-remote", title: "working tree of a remote" },
        Self { code: "git.uncommitted-revision", title: "revision of a working tree" },
        Self { code: "git.unexpected-commit", title: "commit that was not expected" },
        Self { code: "git.unfinished", title: "checkout that did not finish" },
        Self { code: "git.unknown-host", title: "host that does not exist" },
        Self { code: "git.unsupported", title: "something that git here does not do" },
        Self { code: "git.url", title: "URL that cannot be fetched from" },
        Self { code: "host.cancelled", title: "stage that was cancelled" },
        Self { code: "host.component", title: "component that cannot be loaded" },
        Self { code: "host.env", title: "variable that is no text" },
        Self { code: "host.expression", title: "expression without a value, in the run" },
        Self { code: "host.inputs", title: "inputs that do not fit the plugin" },
        Self { code: "host.log", title: "log that cannot be kept" },
        Self { code: "host.lost-worker", title: "worker that went away" },
        Self { code: "host.outputs", title: "outputs that do not fit the plugin's own schema" },
        Self { code: "host.panic", title: "failure of the engine" },
        Self { code: "host.run-over", title: "call after the end" },
        Self { code: "host.workspace", title: "folders that cannot be made or kept" },
        Self { code: "http.abandoned", title: "request that nobody waited for" },
        Self { code: "http.cancelled", title: "request that was cancelled" },
        Self { code: "http.connect", title: "server out of reach" },
        Self { code: "http.deadline", title: "request beyond the time of the attempt" },
        Self { code: "http.dns", title: "host that does not exist, for a request" },
        Self { code: "http.limit", title: "request or answer that is too large" },
        Self { code: "http.lost", title: "connection that was lost" },
        Self { code: "http.protocol", title: "message that is no HTTP" },
        Self { code: "http.refused-address", title: "private address" },
        Self { code: "http.secret-header", title: "secret that cannot stand in a header" },
        Self { code: "http.timeout", title: "server that is silent" },
        Self { code: "http.tls", title: "server without a trusted certificate" },
        Self { code: "http.url", title: "URL that cannot be requested" },
        Self { code: "limit.call-bytes", title: "call that is too large" },
        Self { code: "limit.calls", title: "too many calls" },
        Self { code: "limit.copy", title: "folder that is too large to copy" },
        Self { code: "limit.disk", title: "no more room in the folders" },
        Self { code: "limit.disk-reserve", title: "disk that a tool was about to fill" },
        Self { code: "limit.files", title: "too many files" },
        Self { code: "limit.git-alternates", title: "list of borrowed objects that is too long" },
        Self { code: "limit.git-answer", title: "answer of git that is too long" },
        Self { code: "limit.git-blob", title: "file of a repository that is too large to read" },
        Self { code: "limit.git-changes", title: "too many changed files" },
        Self { code: "limit.git-checkout-bytes", title: "working tree that is too large" },
        Self { code: "limit.git-depth", title: "folders that lie too deep" },
        Self { code: "limit.git-exclude", title: "too many excluded commits" },
        Self { code: "limit.git-files", title: "too many files" },
        Self { code: "limit.git-log-bytes", title: "log that is too long" },
        Self { code: "limit.git-object-bytes", title: "object that is too large" },
        Self { code: "limit.git-objects", title: "too many objects" },
        Self { code: "limit.git-pack-bytes", title: "pack that is too large" },
        Self { code: "limit.git-prefixes", title: "too many prefixes" },
        Self { code: "limit.git-refs", title: "too many refs" },
        Self { code: "limit.git-repository-entries", title: "repository with too many files of its own" },
        Self { code: "limit.git-sessions", title: "too many open repositories" },
        Self { code: "limit.git-transfer", title: "transfer that is too large" },
        Self { code: "limit.handles", title: "too many handles" },
        Self { code: "limit.headers", title: "headers that are too large" },
        Self { code: "limit.memory", title: "memory used up" },
        Self { code: "limit.open-files", title: "too many open files" },
        Self { code: "limit.outputs", title: "outputs that are too large" },
        Self { code: "limit.processes", title: "too many processes" },
        Self { code: "limit.random", title: "too many random numbers" },
        Self { code: "limit.stack", title: "stack used up" },
        Self { code: "limit.time", title: "time used up" },
        Self { code: "plugin.exit", title: "plugin that ended itself" },
        Self { code: "plugin.trap", title: "plugin that crashed" },
    ];

    /// Whether a code says that the machine failed, and neither the stage nor what it
    /// works on: worth another try when the machine is well again.
    pub fn is_of_the_machine(code: &str) -> bool {
        code.ends_with(".disk-full")
    }
}

#[cfg(test)]
mod tests {
    use super::HostCode;

    #[test]
    fn every_code_stands_once_and_has_a_section_that_says_what_to_do_next() {
        for pair in HostCode::ALL.windows(2) {
            assert!(pair[0].code < pair[1].code, "{}", pair[1].code);
        }
        let page = include_str!("../../../docs/errors.md");
        let (_, page) = page
            .split_once("\n# Failures of stages\n")
            .expect("the second part");
        let sections = page.split("\n## ").skip(1);
        let headings: Vec<&str> = sections
            .clone()
            .map(|it| it.lines().next().unwrap_or(""))
            .collect();
        let expected = HostCode::ALL
            .iter()
            .map(|it| format!("`{}` {}", it.code, it.title));
        assert_eq!(headings, expected.collect::<Vec<_>>());
        for section in sections {
            let next = section
                .lines()
                .filter(|line| line.starts_with("**Next.** "));
            assert_eq!(next.count(), 1, "{section}");
        }
    }
}
