//! Codes: the stable names of everything that can be wrong with a pipeline.
//!
//! `docs/errors.md` has a section with an example for each; a test keeps the
//! two equal. A code is never used again for something else.

/// A code and what it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// `E` or `W` and four digits.
    pub code: &'static str,
    /// What it stands for, as the heading in `docs/errors.md`.
    pub title: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal $title:literal,)*) => {
        $(#[doc = $title] pub const $name: &str = $code;)*
        /// All codes, in the order of `docs/errors.md`.
        pub const ALL: &[Code] = &[$(Code { code: $code, title: $title },)*];
    };
}

codes! {
    SYNTAX = "E0001" "not YAML",
    NOT_UTF8 = "E0002" "not UTF-8",
    BYTE_ORDER_MARK = "E0003" "byte order mark",
    TAB = "E0004" "tab outside of a text",
    TAG = "E0005" "YAML tag",
    CONTROL_CHARACTER = "E0006" "control character",
    SECOND_DOCUMENT = "E0007" "second document or directive",
    DUPLICATE_KEY = "E0008" "duplicate key",
    TOO_LARGE = "E0009" "too large",
    ALIAS = "E0010" "alias that cannot be followed",
    KEY_NOT_TEXT = "E0011" "key that is no text",
    MERGE = "E0012" "merge of something that is no mapping",
    HIDDEN_CHARACTER = "E0013" "character that hides text",
    UNKNOWN_KEY = "E0101" "unknown key",
    MISSING_KEY = "E0102" "missing key",
    WRONG_TYPE = "E0103" "value of the wrong type",
    AMBIGUOUS = "E0104" "value that YAML versions read differently",
    INVALID_NAME = "E0105" "not a name",
    UNKNOWN_WORD = "E0106" "unknown word",
    INVALID_UNIT = "E0107" "not a duration or a size",
    OUT_OF_RANGE = "E0108" "number out of range",
    NOT_SUPPORTED = "E0109" "not supported by this version yet",
    VERSION = "E0110" "unknown version of the language",
    INVALID_USES = "E0111" "not a plugin",
    SECRET_SOURCE = "E0112" "secret from a place that a file may not name",
    INVALID_PATTERN = "E0113" "not a regular expression",
    INVALID_DEFAULT = "E0114" "default that does not fit its input",
    INVALID_TRIGGER = "E0115" "trigger that cannot be meant",
    UNKNOWN_STAGE = "E0201" "unknown stage",
    CYCLE = "E0202" "stages that need each other",
    SELF_NEED = "E0203" "stage that needs itself",
    DUPLICATE_STAGE = "E0204" "two stages with one id",
    EXPRESSION = "E0205" "not an expression",
    UNKNOWN_REFERENCE = "E0206" "expression that names something unknown",
    NOT_AN_ANCESTOR = "E0207" "expression that names a stage which may not have run",
    TOO_EARLY = "E0208" "value that is known too late",
    SECRET_IN_TEXT = "E0209" "secret that is not passed whole",
    UNSAFE_RETRY = "E0210" "retry of a stage with effects",
    FINALLY_NEEDS = "E0211" "need between a stage and the end of the run",
    TOO_MANY = "E0212" "too many stages or needs",
    EVALUATION = "E0213" "expression without a value",
    INVALID_INPUT = "E0214" "input of the pipeline that does not fit",
    TYPES = "E0215" "types that do not fit",
    NOT_GRANTED = "E0301" "capability that is not granted",
    REFUSED = "E0302" "grant that no policy allows",
    INVALID_GRANT = "E0303" "not a grant",
    UNKNOWN_IMPORT = "E0304" "plugin that imports something unknown",
    SECRET_PLACE = "E0305" "secret where none is expected",
    EXPRESSION_IN_SCRIPT = "E0306" "expression inside of a script",
    UNORDERED_WRITERS = "E0307" "two stages that write one path",
    UNWRITTEN_PATH = "E0308" "path that no stage writes",
    HIDDEN_FOLDER = "E0309" "folder without what was written inside of it",
    WRITTEN_TWICE = "E0310" "path that one stage writes twice",
    UNKNOWN_PLUGIN = "E0401" "unknown plugin",
    INVALID_WITH = "E0402" "inputs that do not fit the plugin",
    UNKNOWN_INPUT = "E0403" "input that the plugin does not have",
    UNUSABLE_PLUGIN = "E0404" "plugin that cannot be used",
    UNUSED_GRANT = "W0301" "grant that the plugin cannot use",
    TOOL_NOT_FOUND = "W0302" "tool that is not on this machine",
    UNBOUND_SECRET = "W0303" "secret that is sent nowhere",
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn every_code_is_used_once_and_in_order_within_its_group() {
        for pair in ALL.windows(2) {
            assert!(
                pair[0].code < pair[1].code,
                "{} comes before {}",
                pair[0].code,
                pair[1].code
            );
        }
    }
}
