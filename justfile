# Recipes for people; `.ci/run` does the same without needing `just`.

# List the recipes.
default:
    @just --list

# Everything that must be green before a change lands.
ci:
    bash .ci/run

# Build everything, the built-in plugins included.
build:
    cargo build

# All tests.
test:
    cargo test --workspace

# Formatting and lints of host and guests.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    typos
    taplo fmt --check

# Licences, sources and bans of everything that is built in, and what nobody uses.
deny:
    cargo deny check bans licenses sources
    cargo machete

# Show figures beside make and a bare spawn; judges nothing.
bench:
    cargo bench --package engine

# The reference documentation.
doc:
    cargo doc --workspace --no-deps --open

# Fuzz one target of engine/fuzz for some seconds (needs cargo-fuzz).
fuzz target seconds="60":
    cd engine && cargo fuzz run --sanitizer none {{target}} -- -max_total_time={{seconds}} -timeout=10
