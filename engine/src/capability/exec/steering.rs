//! Steering: variables that make a granted program load or run something else.
//!
//! Neither a pipeline nor a plugin sets them for a tool: a grant of `git` is no
//! grant of whatever `GIT_SSH_COMMAND` says. Who means it grants `sh`.

/// Beginnings of names.
const FAMILIES: [&str; 7] = [
    // The loaders of Linux and macOS.
    "LD_",
    "DYLD_",
    // The C library.
    "GCONV_",
    "GLIBC_TUNABLES",
    // Functions that a shell takes over.
    "BASH_FUNC_",
    // Any option of git's configuration, programs among them.
    "GIT_CONFIG",
    "GIT_SSH",
];

/// Whole names.
const NAMES: [&str; 24] = [
    "BASH_ENV",
    "PROMPT_COMMAND",
    "SHELLOPTS",
    "BASHOPTS",
    "PS4",
    "NODE_OPTIONS",
    "NODE_REPL_EXTERNAL_MODULE",
    "PERL5OPT",
    "PERL5DB",
    "PYTHONSTARTUP",
    "PYTHONHOME",
    "RUBYOPT",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "_JAVA_OPTIONS",
    "GIT_ASKPASS",
    "SSH_ASKPASS",
    "GIT_EDITOR",
    "GIT_SEQUENCE_EDITOR",
    "GIT_PAGER",
    "GIT_EXEC_PATH",
    "GIT_EXTERNAL_DIFF",
    "GIT_PROXY_COMMAND",
    "GIT_TEMPLATE_DIR",
];

/// Whether a variable decides what a program loads or runs.
pub(super) fn steers(name: &str) -> bool {
    FAMILIES.iter().any(|family| name.starts_with(family)) || NAMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::steers;

    #[test]
    fn what_steers_is_told_from_what_is_data() {
        for name in [
            "LD_PRELOAD",
            "LD_AUDIT",
            "GIT_SSH_COMMAND",
            "GIT_CONFIG_COUNT",
            "BASH_ENV",
        ] {
            assert!(steers(name), "{name}");
        }
        for name in [
            "LD",
            "GOLD_X",
            "ENV",
            "GIT_AUTHOR_NAME",
            "NODE_ENV",
            "RUSTFLAGS",
        ] {
            assert!(!steers(name), "{name}");
        }
    }
}
