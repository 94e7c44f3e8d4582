//! Rows: every way to attack the walls that we know of, in groups A to F.
//!
//! This is the one list. A test says which rows it proves in its doc comment
//! (`/// A01: …`), `table` gathers these marks, and the page `docs/security.md`
//! shows what came of it.

/// A group of rows: its letter and its headline on the page.
pub(crate) const GROUPS: [(char, &str); 6] = [
    ('A', "WebAssembly"),
    ('B', "Files"),
    ('C', "Network"),
    ('D', "Secrets"),
    ('E', "Native tools"),
    ('F', "Git"),
];

/// Rows that must be proven at least.
pub(crate) const PROVEN: usize = 105;

/// Rows that no test proves, each with its reason. Whoever proves one takes it
/// out: a row that is both proven and open is an error.
pub(crate) const OPEN: &[(&str, &str)] = &[
    (
        "A31",
        "Memory is read through timing or speculation by what shares a processor. Only separate machines hold against it; run stages of authors who are enemies on different ones.",
    ),
    (
        "D10",
        "Events of a code host, and so runs for a stranger's change, come with the server. A run on one machine gets the secrets that its invoker names, and no others.",
    ),
    (
        "D11",
        "A policy file is not read yet. Who may change the pipeline decides, within what the invoker hands in with `--secret`, which stage gets it; review `secrets:` like code.",
    ),
    (
        "D12",
        "Plugins are named by path or built in, and no lock binds a secret to the bytes of one yet. Who may replace the file gets what its stage gets.",
    ),
    (
        "D14",
        "What is masked is never handed back to a guest, so that a stage learns nothing from it; who reads the logs of their own stage can tell that something was masked.",
    ),
];

/// What a proof leaves out, where somebody could believe that it does not.
pub(crate) const NOTES: &[(&str, &str)] = &[
    (
        "A29",
        "No way is known to make the host panic from a guest: the test's own runner panics.",
    ),
    ("A32", "The clocks are the machine's own."),
    (
        "B13",
        "What the engine keeps for itself is compiled code (A23) and git's mirrors (F13).",
    ),
    (
        "D03",
        "Not found: reversed, rotated, compressed, encrypted.",
    ),
    (
        "D04",
        "Not found: a secret with other characters between its own, such as the sequences that colour a text.",
    ),
    (
        "D08",
        "Outputs are masked. Files that a stage or a tool writes are not searched.",
    ),
];

/// Every row: its id, and the attack.
pub(crate) const ROWS: &[(&str, &str)] = &[
    ("A01", "never gives the processor back"),
    (
        "A02",
        "loops while it is started, described, given memory, cleaned up after or taken down, where nobody looks at the clock",
    ),
    ("A03", "calls itself until the stack ends"),
    (
        "A04",
        "calls the host, which calls it, which calls the host",
    ),
    (
        "A05",
        "takes all the memory there is, in one memory or in many",
    ),
    ("A06", "declares at its start more memory than it may have"),
    ("A07", "fills the host's memory with tables"),
    ("A08", "is made of a thousand modules in one another"),
    ("A09", "opens handles and never closes them"),
    ("A10", "hands the host a text as large as its memory"),
    (
        "A11",
        "hands the host a list of very many very small things, each larger for the host than for the guest",
    ),
    ("A12", "floods the log"),
    ("A13", "writes a line that never ends"),
    ("A14", "returns outputs of hundreds of megabytes"),
    ("A15", "asks for all random numbers there are"),
    (
        "A16",
        "sleeps in a host call, or waits for an answer that never comes",
    ),
    (
        "A17",
        "makes cheap host calls without end, so that others starve",
    ),
    ("A18", "holds every thread that the host has for files"),
    (
        "A19",
        "opens a pipe or a device in the workspace, which waits for ever",
    ),
    (
        "A20",
        "is a component so large that reading or compiling it takes the machine",
    ),
    ("A21", "is a small component that takes long to compile"),
    ("A22", "nests types or components deeper than a stack"),
    (
        "A23",
        "is damaged, random, no component at all, or native code in disguise",
    ),
    ("A24", "imports an interface that nobody serves or granted"),
    (
        "A25",
        "imports a served interface under another version or spelling",
    ),
    (
        "A26",
        "exports nothing that the engine can call, or something else under its name",
    ),
    (
        "A27",
        "writes into the terminal through the names in its component",
    ),
    ("A28", "dies while the host works for it"),
    ("A29", "makes the host panic"),
    ("A30", "looks for what the stage before it left in memory"),
    ("A31", "measures its neighbours through the processor"),
    (
        "A32",
        "reads the machine's name, environment, arguments or processes",
    ),
    (
        "A33",
        "uses a proposal of WebAssembly that the walls were not built for",
    ),
    (
        "B01",
        "names a path outside of its folders, however it is written",
    ),
    (
        "B02",
        "reads or writes through a link that the repository brings",
    ),
    ("B03", "follows a chain or a ring of links without end"),
    ("B04", "swaps a link for a folder while the host opens it"),
    (
        "B05",
        "moves or links a file from where it may write to where it may not",
    ),
    (
        "B06",
        "cuts off a file that it may only read, by opening it",
    ),
    ("B07", "is granted a folder of the machine"),
    (
        "B08",
        "reaches a process's memory or environment through links of the kernel",
    ),
    ("B09", "fills the disk with bytes, holes or files"),
    (
        "B10",
        "gives a file a name that a terminal, a log or another system trips over",
    ),
    (
        "B11",
        "makes a file with another owner's rights, or a device",
    ),
    ("B12", "changes what another stage has finished"),
    (
        "B13",
        "leaves something in a cache for a run that trusts it more",
    ),
    ("B14", "packs paths that lead out, for whoever unpacks them"),
    ("C01", "asks a host that is not granted"),
    ("C02", "reaches this machine"),
    ("C03", "reaches the metadata service of a cloud"),
    ("C04", "reaches the private network"),
    ("C05", "hides an inner address in one of IPv6"),
    ("C06", "writes an address in another notation"),
    (
        "C07",
        "lets a name lead outside when it is judged and inside when it is used",
    ),
    ("C08", "is led on to another host by an answer"),
    ("C09", "writes a host that two programs read differently"),
    ("C10", "falls under a pattern that was meant for others"),
    ("C11", "smuggles a second request into the first"),
    (
        "C12",
        "is a server that answers slowly, without end, or with a bomb",
    ),
    ("C13", "is a server that cannot prove who it is"),
    ("C14", "leads requests through a proxy that nobody chose"),
    ("C15", "opens a socket of its own"),
    (
        "C16",
        "carries data or another host's secret to a host that is granted",
    ),
    ("C17", "tells a name server a secret by asking for a name"),
    ("C18", "opens connections without end"),
    ("D01", "prints its secret"),
    (
        "D02",
        "prints it in base64, at any offset, in any alphabet, in lines, twice",
    ),
    (
        "D03",
        "prints it in hexadecimal, escaped or quoted, as programs do",
    ),
    ("D04", "prints it in pieces"),
    ("D05", "prints a secret of several lines one by one"),
    (
        "D06",
        "has a secret so short that hiding it would tear up every text",
    ),
    (
        "D07",
        "has it told by an error, a panic, a URL, a command line or a configuration",
    ),
    ("D08", "puts it into outputs"),
    (
        "D09",
        "reads another's secret from the engine's memory, environment or core",
    ),
    ("D10", "asks for secrets in a change from a stranger"),
    ("D11", "grants itself a secret in the change that is built"),
    (
        "D12",
        "takes the place of a plugin that is trusted with a secret",
    ),
    (
        "D13",
        "has a granted server repeat the secret in its answer",
    ),
    ("D14", "learns from the masks what a secret is"),
    (
        "D15",
        "sets a variable that makes a program load or run something else",
    ),
    ("E01", "finds the engine's environment in its own"),
    (
        "E02",
        "puts a program of its own where another is looked for",
    ),
    ("E03", "turns data into an option of a program"),
    ("E04", "turns data into commands of a shell"),
    ("E05", "turns data into an expression's program"),
    ("E06", "starts processes without end"),
    ("E07", "takes the machine's memory or processors"),
    ("E08", "outlives its stage as a daemon"),
    ("E09", "outlives the engine when that is killed"),
    ("E10", "inherits an open file of the engine"),
    ("E11", "gains rights through a program that has them"),
    (
        "E12",
        "types into the terminal that the engine was started from",
    ),
    ("E13", "talks to a service of the machine or its user"),
    ("E14", "reaches for rare doors of the kernel"),
    ("E15", "makes a namespace in which it is root"),
    ("E16", "looks into the engine or another process"),
    ("E17", "ignores being told to stop, or stops itself"),
    (
        "E18",
        "closes its output and goes on, or leaves it open and ends",
    ),
    ("E19", "writes bytes that a terminal obeys"),
    (
        "E20",
        "ends with a code or signal that looks like another end",
    ),
    ("E21", "is called with more than the kernel takes"),
    (
        "E22",
        "changes the repository so that the next git command runs something",
    ),
    (
        "F01",
        "names a remote that runs a program or reads this machine",
    ),
    ("F02", "names a remote that is an option of ssh or git"),
    ("F03", "has submodules that run a program or lie outside"),
    ("F04", "has a link where git looks for its submodules"),
    (
        "F05",
        "holds a tree with names that mean git's own folder or lead out",
    ),
    ("F06", "holds a link and files behind it"),
    (
        "F07",
        "has a submodule whose path is read differently when it is written",
    ),
    (
        "F08",
        "sends the client on, to another server or protocol, for its data",
    ),
    ("F09", "is a bomb: of deltas, of zeros, of trees, of refs"),
    (
        "F10",
        "sends a pack that is damaged or lies about what it holds",
    ),
    (
        "F11",
        "offers refs that lead out, or mean something else than they say",
    ),
    ("F12", "falls silent, or sends a byte a second"),
    (
        "F13",
        "is told another host's credentials, or finds them on disk later",
    ),
    (
        "F14",
        "runs a program through git's configuration, hooks or filters",
    ),
];
