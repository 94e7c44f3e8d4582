//! Stage-info: every document beside this package is valid, and means it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn plugins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> Value {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn schema() -> Value {
    read(&plugins().join("../wit/stage-info.v1.schema.json"))
}

/// Folder name and document of every plugin.
fn documents() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(plugins()).expect("the folder of this package") {
        let folder = entry.expect("readable").path();
        let path = folder.join("stage-info.json");
        if path.exists() {
            let name = folder.file_name().expect("a name").to_string_lossy();
            found.push((name.into_owned(), read(&path)));
        }
    }
    assert!(found.len() >= 4, "only {} plugins found", found.len());
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    found
}

fn errors(validator: &jsonschema::Validator, value: &Value) -> Vec<String> {
    validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[test]
fn every_document_fits_the_schema() {
    let validator = jsonschema::validator_for(&schema()).expect("the schema is valid");
    for (name, document) in documents() {
        let errors = errors(&validator, &document);
        assert!(errors.is_empty(), "{name}: {errors:#?}");
        assert_eq!(
            document["name"],
            name.as_str(),
            "the folder has another name"
        );
        assert_eq!(document["version"], env!("CARGO_PKG_VERSION"), "{name}");
    }
}

#[test]
fn every_example_fits_the_inputs() {
    for (name, document) in documents() {
        let validator = jsonschema::validator_for(&document["inputs"]).expect("a valid schema");
        let examples = document["examples"].as_array().expect("examples");
        assert!(!examples.is_empty(), "{name} has no example");
        for example in examples {
            let errors = errors(&validator, &example["with"]);
            assert!(
                errors.is_empty(),
                "{name}, {}: {errors:#?}",
                example["title"]
            );
        }
    }
}

#[test]
fn what_a_request_is_about_is_an_input() {
    for (name, document) in documents() {
        let inputs = document["inputs"]["properties"].as_object().expect("a map");
        for request in document["requests"].as_array().expect("a list") {
            if let Some(from) = request["from"].as_str() {
                assert!(
                    inputs.contains_key(from),
                    "{name}: there is no input `{from}`"
                );
            }
        }
    }
}

#[test]
fn keys_are_kebab_case_and_names_snake_case() {
    let fits = |text: &str, dash: char| {
        text.starts_with(|c: char| c.is_ascii_lowercase())
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == dash)
    };
    for (name, document) in documents() {
        for key in document["inputs"]["properties"]
            .as_object()
            .expect("a map")
            .keys()
        {
            assert!(fits(key, '-'), "{name}: input `{key}`");
        }
        for key in document["outputs"]["properties"]
            .as_object()
            .expect("a map")
            .keys()
        {
            assert!(fits(key, '_'), "{name}: output `{key}`");
        }
    }
}

#[test]
fn every_read_me_has_a_row_for_every_input_and_output() {
    for (name, document) in documents() {
        let text = fs::read_to_string(plugins().join(&name).join("README.md")).expect("README.md");
        let rows: BTreeSet<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
            .collect();
        for part in ["inputs", "outputs"] {
            for key in document[part]["properties"]
                .as_object()
                .expect("a map")
                .keys()
            {
                assert!(rows.contains(key.as_str()), "{name}: no row for `{key}`");
            }
        }
    }
}

#[test]
fn what_is_no_stage_info_is_refused() {
    let validator = jsonschema::validator_for(&schema()).expect("the schema is valid");
    let (_, good) = documents().swap_remove(0);
    let broken = |change: &dyn Fn(&mut Value)| {
        let mut document = good.clone();
        change(&mut document);
        !errors(&validator, &document).is_empty()
    };
    assert!(!broken(&|_| {}));
    assert!(broken(&|document| document["stage-info"] = "v2".into()));
    assert!(broken(&|document| document["surprise"] = 1.into()));
    assert!(broken(&|document| document["name"] = "Branch Check".into()));
    assert!(broken(&|document| document["version"] = "1.0 beta".into()));
    assert!(broken(&|document| document["summary"] = "two\nlines".into()));
    assert!(broken(
        &|document| document["inputs"]["type"] = "array".into()
    ));
    assert!(broken(
        &|document| document["requests"][0]["capability"] = "root".into()
    ));
    assert!(broken(&|document| {
        document["inputs"]["properties"]["branch"]["x-engine"] = "magic".into();
    }));
    assert!(broken(&|document| {
        document["inputs"]["properties"]["branch"]["$ref"] = "http://a.example/".into();
    }));
    assert!(broken(&|document| {
        document["inputs"]["properties"]["branch"]["minlength"] = 1.into();
    }));
}
