//! Limits: every number that stops something, with its reason.
//!
//! What a pipeline may change has `DEFAULT` in its name; the rest is fixed.

use std::time::Duration;

/// Longest pipeline file. The design's 20 MiB hold 100,000 stages.
pub const PIPELINE_BYTES: usize = 20 * 1024 * 1024;
/// Most stages of a pipeline.
pub const STAGES: usize = 100_000;
/// Most needs of all stages together; ten a stage in the largest pipeline.
pub const NEEDS: usize = 1_000_000;
/// Levels of a pipeline file. The deepest place of the language is seven; the
/// rest is for the inputs of plugins. Recursion over the tree is bounded by it.
pub const PIPELINE_DEPTH: usize = 64;
/// Values and keys of a pipeline file: twenty for each of the stages that it
/// may have. A node takes about 50 bytes.
pub const PIPELINE_NODES: usize = 2_000_000;
/// Entries of one list or mapping of a pipeline file.
pub const PIPELINE_ENTRIES: usize = STAGES;
/// Values that the aliases and merges of a pipeline file stand for, so that a
/// small file cannot become a large tree.
pub const PIPELINE_REPLAYED_NODES: usize = 10_000;
/// Longest text of a pipeline file: longer scripts belong into the repository.
pub const PIPELINE_SCALAR_BYTES: usize = 1024 * 1024;
/// Compiled size of a regular expression that a pipeline or a plugin brings.
pub const REGULAR_EXPRESSION_BYTES: usize = 1024 * 1024;
/// Largest document of `--event`: a push with some ten thousand files.
pub const EVENT_BYTES: u64 = 1024 * 1024;
/// Diagnostics of one text that are kept; nobody reads more.
pub const DIAGNOSTICS: usize = 1_000;

/// Longest pattern of a grant: far beyond any that a person reviews.
pub const PATTERN_BYTES: usize = 2048;
/// Longest URL of a request: what common servers take in a request line.
pub const URL_BYTES: usize = 8 * 1024;

/// Longest expression.
pub const EXPRESSION_BYTES: usize = 8 * 1024;
/// Words of an expression. The parser recurses for operators in a row: this
/// many take it less than 512 KiB of stack and 30 ms.
pub const EXPRESSION_TOKENS: usize = 500;
/// Brackets in each other in an expression, each about 8 KiB of the parser's stack.
pub const EXPRESSION_NESTING: usize = 32;
/// Parts in each other in an expression, brackets or not: what keeps reading and
/// evaluating below half of the 2 MiB that a thread has, in a build without
/// optimisation too.
pub const EXPRESSION_DEPTH: usize = 64;
/// Steps of one evaluation: about 10 ms.
pub const EXPRESSION_STEPS: usize = 100_000;
/// Bytes that one evaluation makes, in all: what a stage may have as outputs.
pub const EXPRESSION_VALUE_BYTES: usize = 1024 * 1024;
/// Expressions and the pieces between them in one text.
pub const TEXT_EXPRESSIONS: usize = 256;
/// Bytes of the values of one template, together: a few times the outputs that
/// it may quote.
pub const TEMPLATE_BYTES: usize = 8 * 1024 * 1024;

/// Linear memory of a guest. Rust, JS and Python stages need 1 to 10 MiB.
pub const DEFAULT_WASM_MEMORY_BYTES: usize = 256 * 1024 * 1024;
/// Linear memory that a stage may ask for: what 32-bit memory has.
pub const WASM_MEMORY_BYTES: usize = 4 * 1024 * 1024 * 1024;
/// Elements of all tables of a guest; a Python component needs about 10,000.
pub const TABLE_ELEMENTS: usize = 1_000_000;
/// Core instances of one store; Python needs more than ten a component.
pub const CORE_INSTANCES: usize = 100;
/// Bytes that one host call may lift out of a guest. wasmtime's default of
/// 128 MiB would let a guest allocate that much in the host for one log line.
pub const HOSTCALL_BYTES: usize = 8 * 1024 * 1024;
/// Handles that a guest may hold. wasmtime's default is a million.
pub const HANDLES: usize = 4096;
/// Bytes of one call for random numbers.
pub const RANDOM_BYTES: u64 = 64 * 1024;
/// Stack of a guest; wasmtime's default of 512 KiB is enough for every
/// language at hand, and 1 MiB gives deep recursive parsers room.
pub const WASM_STACK_BYTES: usize = 1024 * 1024;
/// Time between two looks at the deadline of a running guest.
pub const EPOCH_TICK: Duration = Duration::from_millis(10);
/// Time of `describe`, which only returns a text. Time and not fuel: fuel would
/// need every component compiled twice.
pub const DESCRIBE: Duration = Duration::from_secs(2);
/// Longest `stage-info` document.
pub const STAGE_INFO_BYTES: usize = 1024 * 1024;

/// Schemas in a schema of a plugin, references followed, so that no reference
/// makes checking exponential. The built-ins' have about 50.
pub const SCHEMA_NODES: usize = 10_000;
/// Capability requests of a plugin; there are seven kinds.
pub const STAGE_INFO_REQUESTS: usize = 64;

/// Largest component file: twice a Python stage (20 MB).
pub const COMPONENT_BYTES: u64 = 64 * 1024 * 1024;
/// Components and modules in each other: composing adds one, and nobody composes a
/// composition often. A hundred thousand took the parser minutes.
pub const COMPONENT_DEPTH: usize = 32;
/// Functions of a component, those of all its modules: ten seconds of compiling.
/// Python with its libraries has about 20,000.
pub const COMPONENT_FUNCTIONS: u64 = 100_000;
/// Types of a component, those of all its modules; a few thousand are many.
pub const COMPONENT_TYPES: u64 = 100_000;
/// Memory of the child that compiles a component. 50,000 small functions took
/// 330 MB; Python components take 400 MB.
pub const COMPILE_MEMORY_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Processor time of the child that compiles a component.
pub const COMPILE_CPU: Duration = Duration::from_mins(2);

/// Time of a stage that sets none.
pub const DEFAULT_STAGE_TIMEOUT: Duration = Duration::from_hours(1);
/// Time between asking an attempt to stop and stopping it.
pub const CANCEL_GRACE: Duration = Duration::from_secs(5);
/// Time of all `finally` stages after a cancel.
pub const FINALLY_AFTER_CANCEL: Duration = Duration::from_secs(30);
/// Most attempts of a stage; beyond it a pipeline loops.
pub const RETRY_ATTEMPTS: u32 = 20;
/// Longest wait between two attempts.
pub const RETRY_DELAY: Duration = Duration::from_hours(1);

/// Outputs of a stage. Larger things are artifacts.
pub const OUTPUTS_BYTES: usize = 1024 * 1024;
/// Log text kept of an attempt, unless `resources.log` says otherwise.
pub const DEFAULT_LOG_BYTES: u64 = 64 * 1024 * 1024;
/// Log text that `resources.log` may ask for.
pub const LOG_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Time after which log text is written out even if little of it has come.
pub const LOG_FLUSH: Duration = Duration::from_millis(500);
/// Longest line of a log; longer ones are cut into pieces.
pub const LOG_LINE_BYTES: usize = 64 * 1024;
/// End of standard error kept with a failure.
pub const STDERR_TAIL_BYTES: usize = 4 * 1024;
/// Facts of one attempt. A guest that makes more calls with authority than
/// this is stopped: the journal must not grow without bound.
pub const ATTEMPT_FACTS: u64 = 10_000;
/// Facts of one attempt about files that it opened for the first time, made,
/// renamed or removed: twice [`DISK_ENTRIES`], for those who write beside and rename,
/// and 80 MB of journal. Then the attempt is stopped, since what it changes must be
/// known.
pub const FILE_FACTS: u64 = 200_000;
/// Of those, files and folders opened for reading: a large repository has some
/// thousands of files. What comes after is counted by folder and goes on.
pub const FILE_READ_FACTS: u64 = 10_000;
/// Folders by which opens that are no facts are counted; beyond it by the folder
/// that was granted.
pub const FILE_FOLDERS: usize = 1_000;
/// Files and folders that a guest may have open. Four attempts at a time are half
/// of the 1024 descriptors that a process has unless somebody raises it.
pub const OPEN_FILES: usize = 128;
/// Bytes that a guest may add to the files of its folders, unless
/// `resources.disk` says otherwise: as much as a checkout.
pub const DEFAULT_DISK_BYTES: u64 = 10 * 1024 * 1024 * 1024;
/// Bytes that `resources.disk` may ask for: larger than the disks of build machines.
pub const DISK_BYTES: u64 = 1024 * 1024 * 1024 * 1024;
/// Files, folders and links that a guest may make. Larger than any tree that a plugin
/// makes by itself, and 400 MB in a file system of blocks of 4 KiB.
pub const DISK_ENTRIES: u64 = 100_000;
/// Bytes of folders that an earlier stage wrote and that are copied for a stage
/// which writes them again; twice a checkout.
pub const COPY_BYTES: u64 = 2 * GIT_CHECKOUT_BYTES;
/// Files, folders and links of the same; twice a checkout.
pub const COPY_ENTRIES: u64 = 2 * GIT_FILES;
/// Runs whose record is kept whatever their age: what a person looks back at.
pub const DEFAULT_KEPT_RUNS: usize = 50;
/// Age in days up to which the record of every run is kept: whoever comes back from
/// a holiday finds what happened.
pub const DEFAULT_KEPT_DAYS: u16 = 14;
/// Runs that ended and whose folders are kept, if they were kept at all: each may be
/// as large as a checkout with all that was built of it.
pub const DEFAULT_KEPT_FOLDERS: usize = 5;
/// Time that the end of a run waits for old ones to be removed; the next run goes on.
pub const SWEEP: Duration = Duration::from_secs(5);
/// Entries of a folder that are read at a time.
pub const LISTING_ENTRIES: usize = 256;
/// Longest path of a guest that the host looks at; the kernel takes no longer one.
pub const GUEST_PATH_BYTES: usize = 4096;
/// Lines and bytes of log text in one message: the queues count messages.
pub const MESSAGE_LINES: usize = 1_000;
/// See [`MESSAGE_LINES`].
pub const MESSAGE_BYTES: usize = 256 * 1024;
/// What a line costs besides its text, in the log's file and in memory, so that a
/// million empty lines are not free.
pub const LOG_LINE_COST: u64 = 32;
/// Parts of an attempt's work that are shown with their progress.
pub const SECTIONS: u64 = 4_096;
/// Time between two signals of progress of one part of the work; faster than an
/// eye, and slow enough that a guest cannot flood those who read them.
pub const PROGRESS_INTERVAL: Duration = Duration::from_millis(50);
/// Annotations of one attempt.
pub const ANNOTATIONS: u64 = 1_000;
/// Longest text of an annotation, a failure or a summary of an attempt.
pub const TEXT_BYTES: usize = 64 * 1024;
/// Values that a guest may mask.
pub const MASKS: usize = 64;
/// Shortest and longest value that can be masked: a shorter one would tear up
/// ordinary text.
pub const MASK_BYTES: std::ops::RangeInclusive<usize> = 6..=4096;
/// Messages between an attempt and the dispatcher, and between the journal and
/// the reporters. Full queues make the sender wait.
pub const QUEUE: usize = 1024;

/// Time to make a connection.
pub const CONNECT: Duration = Duration::from_secs(10);
/// Time without a byte on a connection.
pub const IDLE: Duration = Duration::from_secs(30);
/// Time to resolve a name: one look at two name servers of a usual set-up.
pub const RESOLVE: Duration = Duration::from_secs(5);
/// Names that are resolved at the same time. A look-up cannot be interrupted, and
/// each holds one of tokio's 512 blocking threads.
pub const LOOKUPS: usize = 16;
/// Addresses of one name. Large services answer with eight to sixteen.
pub const ADDRESSES: usize = 64;
/// Time of a whole git transfer.
pub const GIT_TOTAL: Duration = Duration::from_mins(10);
/// Time to the first byte of an answer of a git server, which may have to pack a
/// large repository first.
pub const GIT_FIRST_BYTE: Duration = Duration::from_mins(2);
/// Bytes of a received pack.
pub const GIT_PACK_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Objects of a received pack.
pub const GIT_OBJECTS: u64 = 5_000_000;
/// One object, inflated.
pub const GIT_BLOB_BYTES: u64 = 512 * 1024 * 1024;
/// Files of a checkout.
pub const GIT_FILES: u64 = 500_000;
/// Bytes of a checkout.
pub const GIT_CHECKOUT_BYTES: u64 = 10 * 1024 * 1024 * 1024;
/// Folders in folders of a checkout.
pub const GIT_DEPTH: usize = 100;
/// Refs listed by one call.
pub const GIT_REFS: u32 = 100_000;
/// Memory of the child that does git's work.
pub const GIT_MEMORY_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Repositories that a guest may have open for their history; each is a process.
pub const GIT_SESSIONS: usize = 8;
/// Files and folders in a `.git` of the workspace, all of which are looked at
/// before a question about its history. One that git packs has some thousands.
pub const GIT_REPOSITORY_ENTRIES: usize = 1_000_000;
/// Bytes of a list of folders from which a repository of the workspace borrows
/// objects; git's own have a line or two.
pub const GIT_ALTERNATES_BYTES: u64 = 64 * 1024;
/// Packs of a mirror. Each fetch adds one, and each makes every look-up slower;
/// beyond this the mirror is made anew, which costs one clone.
pub const GIT_MIRROR_PACKS: usize = 60;
/// Time to wait for another run that fetches into the same mirror: half of what
/// a transfer may take, so that a waiting stage ends with a clear reason.
pub const GIT_MIRROR_WAIT: Duration = Duration::from_mins(5);
/// Commits that one call for history may give.
pub const GIT_LOG_COMMITS: u32 = 10_000;
/// Bytes of a blob that one call may give: what fits into a message in base64.
pub const GIT_READ_BYTES: u64 = 32 * 1024 * 1024;
/// Changed files that one call may give.
pub const GIT_CHANGES: usize = 100_000;
/// Longest message between the engine and a re-executed child.
pub const FRAME_BYTES: usize = 64 * 1024 * 1024;

/// Bytes of a request's body.
pub const HTTP_REQUEST_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes of a response's body.
pub const HTTP_RESPONSE_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes of a response's headers.
pub const HTTP_HEADER_BYTES: usize = 64 * 1024;
/// Headers of a response.
pub const HTTP_HEADERS: usize = 100;
/// Time to the head of a response. Longer than [`IDLE`]: a service may think.
pub const HTTP_FIRST_BYTE: Duration = Duration::from_mins(2);
/// Time of a whole exchange, so that a trickle ends as well.
pub const HTTP_TOTAL: Duration = Duration::from_mins(10);
/// Requests of one attempt that are under way at the same time; the others wait.
pub const HTTP_CONCURRENT: usize = 32;
/// Bytes of a request's body that a guest hands over at a time.
pub const HTTP_CHUNK_BYTES: usize = 64 * 1024;
/// Connections that wait for their next request.
pub const HTTP_IDLE: usize = 32;
/// Of those, to one host: more would only serve a burst.
pub const HTTP_IDLE_PER_HOST: usize = 4;
/// How long a connection waits for its next request. Shorter than the five
/// seconds after which common servers hang up: a request must not meet that.
pub const HTTP_IDLE_TIME: Duration = Duration::from_secs(4);
/// How long a connection that has just served may take to be ready again.
pub const HTTP_READY: Duration = Duration::from_millis(100);

/// Arguments of one command, together.
pub const EXEC_ARGUMENT_BYTES: usize = 128 * 1024;
/// Bytes that `capture` collects of one stream.
pub const EXEC_CAPTURE_BYTES: u64 = 4 * 1024 * 1024;
/// Tools of one attempt that run at the same time.
pub const EXEC_CHILDREN: usize = 64;

/// Marks on top of one another that are shown: Vietnamese and Thai need three,
/// towers of them would cover the lines around.
pub const COMBINING_MARKS: u32 = 4;
/// Last lines of a stage's log that are shown when it fails: half a screen.
pub const LOG_TAIL_LINES: usize = 20;
/// Longest such line. A thousand stages at once then keep 20 MB of them.
pub const LOG_TAIL_LINE_BYTES: usize = 1024;
/// Open parts of a stage's work that a live display knows of.
pub const SECTIONS_SHOWN: usize = 16;
/// Closed parts of a stage's work that get a line: no log limit counts them.
pub const SECTION_ENDS_SHOWN: u64 = 100;
/// Refused calls of a stage that are shown when it fails; the record has all.
pub const REFUSED_CALLS_SHOWN: usize = 5;
/// Annotations of a run that a summary shows.
pub const ANNOTATIONS_SHOWN: usize = 200;
/// What stages add to the summary of a run, together. A step summary of GitHub
/// may have 1 MiB.
pub const SUMMARY_SHOWN_BYTES: usize = 512 * 1024;
/// Stages that a summary lists one by one; beyond it only those that did not
/// succeed.
pub const STAGES_SHOWN: usize = 60;
/// Failures that a summary explains in full.
pub const FAILURES_SHOWN: usize = 10;
/// Log text that the `github` reporter keeps until its stage ends, so that
/// stages do not interleave. Beyond it the largest part is shown early.
pub const GROUP_BYTES: usize = 8 * 1024 * 1024;
/// Time between two frames of the live display.
pub const FRAME_MS: u64 = 50;
/// Bytes of the environment of one command. The kernel takes 2 MiB of arguments
/// and environment together; a build needs a few KiB.
pub const EXEC_ENVIRONMENT_BYTES: usize = 256 * 1024;
/// Longest time of `child.terminate` between asking and killing.
pub const EXEC_TERMINATE_GRACE: Duration = Duration::from_mins(5);
/// Processes and threads' leaders that one command may have at the same time. A
/// parallel build of a large project has some hundreds; a fork bomb has no end.
pub const EXEC_PROCESSES: u64 = 4096;
/// Threads of one command, for each process that it may have: the kernel counts
/// them together. A compiler has as many as the machine has processors.
pub const EXEC_THREADS: u64 = 4;
/// Bytes that native tools have to leave free on a disk: the journal of the run,
/// and whatever else is on that machine, must be able to go on.
pub const DISK_RESERVE_BYTES: u64 = 256 * 1024 * 1024;
/// Largest file that a command may write. Images of disks are larger; they are
/// not what a stage makes.
pub const EXEC_FILE_BYTES: u64 = 64 * 1024 * 1024 * 1024;
/// User and group of a tool inside its namespaces: the first that most systems
/// give to a person, so that no program takes it for a service.
pub const TOOL_USER: u32 = 1000;
/// The same outside of them, when the engine runs as the superuser. In the range
/// that containers take their users from, above those that others hand out first.
pub const TOOL_OWNER: u32 = 1_878_982_656;
/// The root of a tool: a few folders, links and small files, before what is
/// mounted there.
pub const ROOT_BYTES: u64 = 1024 * 1024;
/// Files and folders of it. A folder of the workspace with others inside it is
/// shown entry by entry.
pub const ROOT_FILES: u64 = 16 * 1024;
/// Shared memory of a tool (`/dev/shm`). No process has to hold it, so that it
/// is not seen as anybody's.
pub const SHARED_MEMORY_BYTES: u64 = 64 * 1024 * 1024;
/// The port of its own loopback on which a tool with a list of hosts is answered.
/// Nothing else listens there before the tool itself does.
pub const PROXY_PORT: u16 = 3128;
/// Connections of one command at the same time. Package managers fetch with some
/// tens; each costs the engine two sockets.
pub const PROXY_CONNECTIONS: usize = 128;
/// What a tool says before it is connected: one line and a few headers.
pub const PROXY_HEAD_BYTES: usize = 8 * 1024;
/// Time for that, from its own machine.
pub const PROXY_HEAD: Duration = Duration::from_secs(10);
/// Secrets of one command, as files.
pub const SECRETS_BYTES: u64 = 1024 * 1024;
/// Time between two looks at the processes of a command.
pub const EXEC_WATCH: Duration = Duration::from_millis(100);
/// The same where memory is limited: a process that touches new memory at 1 GB/s
/// is 20 MB over when it is seen.
pub const EXEC_WATCH_MEMORY: Duration = Duration::from_millis(20);
/// Time to start a tool: two programs to load, on a machine that is out of breath.
pub const EXEC_START: Duration = Duration::from_secs(30);
/// Time that the launcher takes to kill whatever is left. A process that the
/// kernel holds in a system call cannot be killed; it dies when it returns.
pub const EXEC_KILL: Duration = Duration::from_secs(5);
/// Time that the engine gives a launcher that was told to kill, before the
/// engine does it over the launcher's head. A tool may have stopped it.
pub const EXEC_LAUNCHER_PATIENCE: Duration = Duration::from_millis(700);
/// Size asked for the pipe of an output stream. Fewer, larger reads: 64 KiB cost
/// a switch for every 64 KiB.
pub const EXEC_PIPE_BYTES: usize = 256 * 1024;
/// Time that an output stream may stay open and silent after the command and
/// everything it started has ended: somebody else holds it.
pub const EXEC_DRAIN: Duration = Duration::from_millis(500);
/// Largest tool: the digest of a program is computed before it runs.
pub const EXEC_PROGRAM_BYTES: u64 = 1024 * 1024 * 1024;
/// Shortest secret: a shorter one would tear up ordinary text where it is
/// redacted, and is no secret for long.
pub const SECRET_MIN_BYTES: usize = 6;
/// Longest secret. Private keys have 4 KiB, service accounts 3.
pub const SECRET_BYTES: usize = 64 * 1024;
/// What the wall around native tools does not hold, as a run tells it at its
/// start: a paragraph that appears every time is not read.
pub const WALL_GAPS_SHOWN: usize = 2;
