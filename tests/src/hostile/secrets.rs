//! Secrets: every way out of a run, with random-looking values to look for.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::servers::echo::Echo;
use crate::workbench::{Ended, Workbench};

/// Holds what every language quotes somewhere, and can stand in a header.
const TOKEN: &str = "c4nary9f\"q'<&>\\$x/y+z=~7d1f4e0c9b2a";
const KEY: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\nY2FuYXJ5b25lMDEyMzQ1Njc4OWFiY2RlZg\nY2FuYXJ5dHdvZmVkY2JhOTg3NjU0MzIxMA\n-----END OPENSSH PRIVATE KEY-----\n";

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// base64 without padding.
fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - group.len()));
        for place in 0..=group.len() {
            text.push(char::from(
                ALPHABET[(bits >> (18 - 6 * place) & 63) as usize],
            ));
        }
    }
    text
}

/// Each character by itself, as a language writes it.
fn each(text: &str, write: impl Fn(u8) -> String) -> String {
    text.bytes().map(write).collect()
}

/// A text in the forms that programs write it in.
fn forms(text: &str) -> Vec<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let escaped = |byte: u8| {
        if b"\"\\".contains(&byte) {
            format!("\\{}", byte as char)
        } else {
            (byte as char).to_string()
        }
    };
    let mut forms = vec![
        text.to_owned(),
        each(text, |byte| format!("{byte:02x}")),
        each(text, |byte| format!("{byte:02X}")),
        each(text, |byte| {
            if plain(byte) {
                (byte as char).to_string()
            } else {
                format!("%{byte:02X}")
            }
        }),
        each(text, escaped),
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&#39;"),
        text.replace('\'', "'\\''"),
    ];
    for before in ["", "a", "ab"] {
        let once = base64(format!("{before}{text}").as_bytes());
        // What also depends on the neighbours is cut off.
        let inner = once[4..once.len() - 3].to_owned();
        forms.push(inner.replace('+', "-").replace('/', "_"));
        forms.push(inner);
        let twice = base64(once.as_bytes());
        forms.push(twice[8..twice.len() - 7].to_owned());
    }
    forms
}

/// All that must not be seen: the token, and each line of the key.
fn canaries() -> Vec<String> {
    let lines = KEY.lines().filter(|line| !line.starts_with("-----"));
    [TOKEN].into_iter().chain(lines).flat_map(forms).collect()
}

/// What a server makes of the token: every form whole, each on its line.
fn repeated(request: &str) -> (&'static str, Vec<u8>) {
    let token = request
        .lines()
        .find_map(|line| line.strip_prefix("x-token: "));
    let token = token.unwrap_or("no token");
    let mut body = String::new();
    for before in ["", "a", "ab"] {
        let once = base64(format!("{before}{token}").as_bytes());
        writeln!(body, "form: {once}\nform: {}", base64(once.as_bytes()))
            .expect("a text takes all");
    }
    for form in forms(token).iter().take(7) {
        writeln!(body, "form: {form}").expect("a text takes all");
    }
    ("200 OK", body.into_bytes())
}

fn pipeline(port: u16) -> String {
    let mut text = "version: 1
name: leaks
secrets:
  token: { kind: token, hosts: [127.0.0.1] }
  key: { kind: ssh-key, hosts: [127.0.0.1] }
stages:
"
    .to_owned();
    for how in ["print", "report", "fail", "code", "panic", "output"] {
        writeln!(
            text,
            "  {how}:
    uses: ./greedy.wasm
    with: {{ do: leak, with: {{ how: {how}, asked: {{ authority: '127.0.0.1:{port}', headers: [[x-token, '{{{{token}}}}']] }} }} }}
    capabilities:
      http: [{{ allow: 'GET http://127.0.0.1:{port}/**', private: true }}]
      secrets: [token]"
        )
        .expect("a text takes all");
    }
    text.push_str(
        r#"  tool:
    uses: builtin:build
    with:
      commands:
        - [sh, -c, 'echo "$T"; echo "$T" >&2; cat "$F" "$K"; base64 "$F"; base64 -w 0 "$F"; od -An -v -tx1 "$F" | tr -d " \n"; cut -c1-9 "$F" | tr -d "\n"; cut -c10- "$F"; exit 3']
      secret-files: { F: '${{ secrets.token }}', K: '${{ secrets.key }}' }
      secret-env: { T: '${{ secrets.token }}' }
    capabilities: { exec: [{ tool: sh }], secrets: [token, key] }
"#,
    );
    text
}

/// Every byte that a folder holds, and the names in it.
fn everything(folder: &Path, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("it can be read") {
        let path = entry.expect("an entry").path();
        into.push((
            format!("the name {}", path.display()),
            path.to_string_lossy().as_bytes().to_vec(),
        ));
        if path.is_dir() && !path.is_symlink() {
            everything(&path, into);
        } else if let Ok(bytes) = fs::read(&path) {
            into.push((path.display().to_string(), bytes));
        }
    }
}

/// Row D01, D02, D03, D04, D05, D07, D08, D13: every form, in every way out, of stages
/// that succeed, fail and panic, and of tools.
#[test]
fn no_byte_that_a_run_leaves_holds_a_secret() {
    let server = Echo::start(repeated);
    let bench = Workbench::new();
    bench.guest("greedy");
    bench.write("pipeline.yaml", &pipeline(server.port()));
    let arguments = [
        "run",
        "--log",
        "trace",
        "--secret",
        "token=env:T",
        "--secret",
        "key=env:K",
    ];
    let mut places = Vec::new();
    let mut said = String::new();
    for output in ["jsonl", "plain", "github"] {
        let mut command = bench.command(&[&arguments[..], &["--output", output]].concat());
        let ended: Ended = command
            .env("T", TOKEN)
            .env("K", KEY)
            .output()
            .expect("it starts")
            .into();
        assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
        if output == "jsonl" {
            said.clone_from(&ended.stdout);
        }
        places.push((
            format!("what {output} shows"),
            (ended.stdout + &ended.stderr).into_bytes(),
        ));
    }
    for arguments in [
        &["show", "last"][..],
        &["show", "last", "--format", "json"],
        &["logs", "last"],
        &["runs", "--format", "json"],
    ] {
        let ended = bench.engine(arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        places.push((
            arguments.join(" "),
            (ended.stdout + &ended.stderr).into_bytes(),
        ));
    }
    everything(&bench.state(), &mut places);
    everything(&bench.repository(), &mut places);
    for (place, bytes) in &places {
        for canary in canaries() {
            let found = bytes
                .windows(canary.len())
                .any(|window| window == canary.as_bytes());
            assert!(!found, "{place} holds {canary}");
        }
    }
    // They were there to be hidden, and the guest got the answer as it was sent.
    let (_, answer) = repeated(&format!("x-token: {TOKEN}"));
    assert!(
        said.contains(&format!("\"length\":{}", answer.len())),
        "{said}"
    );
    assert!(said.matches("form: ***").count() > 50, "{said}");
    let logs = places
        .iter()
        .find(|(place, _)| place == "logs last")
        .expect("they were read");
    assert!(String::from_utf8_lossy(&logs.1).matches("***").count() > 30);
}

/// Row D09: another process of the same user, while a run has a secret.
#[test]
fn nobody_else_reads_the_memory_or_the_environment_of_the_engine() {
    let bench = Workbench::new();
    bench.guest("probe");
    bench.write(
        "pipeline.yaml",
        "version: 1\nname: p\nsecrets: { token: { kind: token, hosts: [h.test] } }\nstages: { s: { uses: ./probe.wasm, with: { do: sleep }, capabilities: { secrets: [token] } } }\n",
    );
    let mut engine = bench.command(&["run", "--output", "jsonl", "--secret", "token=env:T"]);
    engine
        .env("T", TOKEN)
        .env("XDG_CACHE_HOME", bench.repository().join("cache"))
        .stdout(Stdio::piped());
    engine.env("XDG_STATE_HOME", bench.repository().join("home"));
    let mut reader = Command::new("cat");
    // The superuser reads everything: both are somebody else then.
    let is_superuser =
        fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if is_superuser {
        let given = Command::new("chown")
            .args(["-R", "65534"])
            .arg(bench.repository().parent().expect("a folder"))
            .status();
        assert!(given.is_ok_and(|status| status.success()));
        engine.uid(65_534).gid(65_534);
        reader.uid(65_534).gid(65_534);
    }
    let mut engine = engine.spawn().expect("it starts");
    let started = std::io::BufRead::lines(std::io::BufReader::new(
        engine.stdout.as_mut().expect("it is piped"),
    ))
    .map_while(Result::ok)
    .any(|line| line.contains("\"stage-started\""));
    let process = format!("/proc/{}", engine.id());
    let limits = fs::read_to_string(format!("{process}/limits")).unwrap_or_default();
    let read = reader
        .args(["environ", "mem", "maps"].map(|file| format!("{process}/{file}")))
        .output()
        .expect("it starts");
    engine.kill().expect("it runs");
    engine.wait().expect("it ends");
    assert!(started);
    assert_eq!(
        read.stdout,
        b"",
        "{}",
        String::from_utf8_lossy(&read.stderr)
    );
    let refused = String::from_utf8_lossy(&read.stderr)
        .matches("Permission denied")
        .count();
    assert_eq!(refused, 3, "{}", String::from_utf8_lossy(&read.stderr));
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap_or_default();
    let numbers: Vec<&str> = core
        .split_whitespace()
        .filter(|word| word.chars().all(|c| c.is_ascii_digit()))
        .collect();
    assert_eq!(numbers, ["0", "0"], "{limits}");
}

/// Row D15: variables that would have a granted tool run something else, from the
/// pipeline and from a stage before.
#[test]
fn no_variable_makes_a_tool_load_or_run_something_else() {
    let bench = Workbench::new();
    for name in [
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "BASH_ENV",
        "BASHOPTS",
        "NODE_OPTIONS",
        "GIT_SSH_COMMAND",
        "GIT_CONFIG_COUNT",
        "PERL5OPT",
    ] {
        let command = "{ commands: [[sh, -c, 'touch ran; env']]";
        for (with, env) in [
            (
                format!("{command} }}"),
                format!("    env: {{ {name}: /tmp/x }}\n"),
            ),
            (
                format!("{command}, env: {{ {name}: /tmp/x }} }}"),
                String::new(),
            ),
        ] {
            let (ended, _) = bench.run(&format!(
                "version: 1\nname: p\nstages:\n  s:\n    uses: builtin:build\n    with: {with}\n{env}    capabilities: {{ exec: [{{ tool: sh }}] }}\n"
            ));
            assert_eq!(
                ended.code,
                Some(1),
                "{name}: {}{}",
                ended.stdout,
                ended.stderr
            );
            assert!(
                ended.stdout.contains("exec.malformed"),
                "{name}: {}",
                ended.stdout
            );
        }
    }
}
