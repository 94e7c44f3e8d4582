//! Secrets: sources, values that are refused, bindings.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::sync::Arc;

use secrecy::ExposeSecret as _;
use url::Host;

use crate::plan::{SecretDeclaration, SecretHandle, SecretKind};
use crate::store::{
    Ambient, AttemptSecrets, SecretError, SecretSource, SecretVault, secret_sources,
};

fn declared(kind: SecretKind, from: Option<&str>) -> BTreeMap<String, SecretDeclaration> {
    let declaration = SecretDeclaration {
        kind,
        hosts: Vec::new(),
        from: from.map(str::to_owned),
    };
    [("api_key".to_owned(), declaration)].into()
}

fn load(kind: SecretKind, value: &str) -> Result<SecretVault, Vec<SecretError>> {
    let sources = [("api_key".to_owned(), SecretSource::Env("X".to_owned()))].into();
    let ambient = Ambient {
        env: &|_| Some(OsString::from(value)),
        file: &|_| Err(io::ErrorKind::NotFound.into()),
        stdin: &|| Err(io::ErrorKind::NotFound.into()),
    };
    SecretVault::load(&declared(kind, None), &sources, &ambient)
}

#[test]
fn a_source_has_one_of_three_forms() {
    for (text, shown) in [
        ("env:TOKEN", "env:TOKEN"),
        ("env:_a1", "env:_a1"),
        ("file:/a b", "file:/a b"),
        ("file:relative", "file:relative"),
        ("stdin", "stdin"),
    ] {
        let source: SecretSource = text.parse().unwrap();
        assert_eq!(source.to_string(), shown);
    }
    for wrong in [
        "", "hunter2", "env:", "env:A-B", "env:1", "file:", "cmd:pass", "stdin:", "-",
    ] {
        let error = wrong.parse::<SecretSource>().unwrap_err();
        assert_eq!(error, SecretError::Source, "{wrong}");
        assert!(wrong.is_empty() || wrong == "-" || !error.to_string().contains("hunter2"));
    }
}

#[test]
fn the_invoker_comes_before_the_variable_before_the_file() {
    let given: BTreeMap<_, _> = [("api_key".to_owned(), SecretSource::Stdin)].into();
    let none = BTreeMap::new();
    let set = |name: &str| (name == "ENGINE_SECRET_API_KEY").then(OsString::new);
    let unset = |_: &str| None;
    let declared = declared(SecretKind::Token, Some("env:FROM"));
    let source = |given, env: &dyn Fn(&str) -> Option<OsString>| {
        secret_sources(&declared, given, env).unwrap()["api_key"].to_string()
    };
    assert_eq!(source(&given, &set), "stdin");
    assert_eq!(source(&none, &set), "env:ENGINE_SECRET_API_KEY");
    assert_eq!(source(&none, &unset), "env:FROM");
}

#[test]
fn a_pipeline_names_variables_and_run_secrets_alone() {
    let none = BTreeMap::new();
    for (from, is_fit) in [
        ("env:TOKEN", true),
        ("file:/run/secrets/key", true),
        ("file:/run/secrets/a/b", true),
        ("file:/run/secrets", false),
        ("file:/run/secrets/", false),
        ("file:/run/secrets/../../etc/shadow", false),
        ("file:/run/secretsfoo/x", false),
        ("file:run/secrets/x", false),
        ("file:/etc/shadow", false),
        ("stdin", false),
        ("cmd:cat /etc/shadow", false),
    ] {
        let declared = declared(SecretKind::Token, Some(from));
        let found = secret_sources(&declared, &none, &|_| None);
        assert_eq!(found.is_ok(), is_fit, "{from}");
    }
    let undeclared = [("other".to_owned(), SecretSource::Stdin)].into();
    let found = secret_sources(&declared(SecretKind::Token, None), &undeclared, &|_| None);
    assert!(matches!(
        &found.unwrap_err()[..],
        [SecretError::Undeclared { .. }]
    ));
}

/// Row D06: values that are too short, or nothing of their kind.
#[test]
fn a_value_is_fit_for_its_kind_or_refused_without_being_shown() {
    let key = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n";
    for (kind, value, kept) in [
        (SecretKind::Token, "sixsix", Some("sixsix")),
        (SecretKind::Token, "sixsix\r\n", Some("sixsix")),
        (SecretKind::Token, "canry", None),
        (SecretKind::Token, "canry\n\n", None),
        (SecretKind::Token, "", None),
        (SecretKind::Token, "canary\0x", None),
        (SecretKind::Basic, "me:canary", Some("me:canary")),
        (SecretKind::Basic, "canary-without-colon", None),
        (SecretKind::Basic, "canary-user:short", None),
        (SecretKind::SshKey, key, Some(key)),
        (SecretKind::SshKey, "canary-no-key", None),
        (
            SecretKind::Url,
            "https://h.test/canary\n",
            Some("https://h.test/canary"),
        ),
        (SecretKind::Url, "https://u:canary@h.test/", None),
        (SecretKind::Url, "file:///canary", None),
        (SecretKind::Url, "canary", None),
    ] {
        let loaded = load(kind, value);
        if let Some(kept) = kept {
            let vault = loaded.unwrap();
            let found = vault.get("api_key").unwrap().expose_secret();
            assert_eq!(found, kept);
            assert!(!format!("{vault:?}").contains("canary"));
        } else {
            let errors = loaded.unwrap_err();
            let said = format!("{errors:?} {}", errors[0]);
            assert!(
                !said.contains("canary") && !said.contains("canry"),
                "{said}"
            );
        }
    }
    assert!(load(SecretKind::Token, &"a".repeat(64 * 1024 + 1)).is_err());
}

#[test]
fn the_redactor_knows_the_parts_that_are_secrets_alone() {
    let text = |kind, value, text: &str| {
        load(kind, value)
            .unwrap()
            .redactor()
            .redact(text)
            .into_owned()
    };
    let hook = "https://hooks.test/services/T1/0123456789abcdef";
    assert_eq!(text(SecretKind::Url, hook, hook), "***");
    let shown = text(SecretKind::Url, hook, "GET /services/T1/0123456789abcdef");
    assert_eq!(shown, "GET ***");
    assert_eq!(
        text(SecretKind::Url, hook, "key 0123456789abcdef"),
        "key ***"
    );
    assert_eq!(
        text(SecretKind::Url, hook, "https://hooks.test/"),
        "https://hooks.test/"
    );
    assert_eq!(
        text(SecretKind::Basic, "me:hunter22", "hunter22 me"),
        "*** me"
    );
}

#[test]
fn what_cannot_be_read_says_why_and_standard_input_holds_one_secret() {
    let mut declared = declared(SecretKind::Token, None);
    declared.insert("b".to_owned(), declared["api_key"].clone());
    declared.insert("c".to_owned(), declared["api_key"].clone());
    declared.insert("d".to_owned(), declared["api_key"].clone());
    let sources = [
        ("api_key", SecretSource::Stdin),
        ("b", SecretSource::Stdin),
        ("c", SecretSource::Env("UNSET".to_owned())),
        ("d", SecretSource::File("/none".into())),
    ];
    let sources = sources
        .map(|(name, source)| (name.to_owned(), source))
        .into();
    let ambient = Ambient {
        env: &|_| None,
        file: &|_| Err(io::ErrorKind::NotFound.into()),
        stdin: &|| Ok(b"from-stdin".to_vec()),
    };
    let errors = SecretVault::load(&declared, &sources, &ambient).unwrap_err();
    let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "standard input holds one secret, and is named for `b` as well",
            "the secret `c` cannot be read from `env:UNSET`: the variable is not set",
            "the secret `d` cannot be read from `file:/none`: entity not found",
        ]
    );
}

/// Row C16: names beside those that a secret is bound to.
#[test]
fn stand_ins_are_of_one_attempt_and_values_of_their_hosts() {
    let vault = Arc::new(load(SecretKind::Token, "hunter22").unwrap());
    let handle = |name: &str, hosts: &[&str]| SecretHandle {
        name: name.to_owned(),
        kind: SecretKind::Token,
        hosts: hosts.iter().map(ToString::to_string).collect(),
    };
    let granted = vec![
        handle("api_key", &["h.test", "*.cdn.h.test", "not a host", "*"]),
        handle("unset", &["h.test"]),
    ];
    let attempt = || AttemptSecrets::new(granted.clone(), Arc::clone(&vault)).unwrap();
    let [one, two] = [attempt(), attempt()];
    let placeholder = one.placeholder("api_key").unwrap();
    assert_ne!(Some(placeholder), two.placeholder("api_key"));
    assert_ne!(Some(placeholder), one.placeholder("unset"));
    assert_eq!(placeholder.len(), "engine-secret-".len() + 32);
    assert!(one.placeholder("other").is_none());
    assert!(one.has_value("api_key") && !one.has_value("unset") && !one.has_value("other"));
    for (host, is_bound) in [
        ("h.test", true),
        ("a.cdn.h.test", true),
        ("a.b.cdn.h.test", true),
        ("cdn.h.test", false),
        ("evilh.test", false),
        ("evilcdn.h.test", false),
        ("h.test.evil.test", false),
        ("127.0.0.1", false),
    ] {
        let host = Host::parse(host).unwrap();
        assert_eq!(
            one.value_for("api_key", &host).is_some(),
            is_bound,
            "{host}"
        );
    }
}
