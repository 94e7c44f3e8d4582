//! Component: what is read of a component before it is compiled, or why it cannot
//! be; and what a plugin says about itself.

#![no_main]

use engine::plan::StageInfo;
use engine::runtime::imports;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(imports) = imports(bytes) {
        assert!(imports.is_sorted());
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(info) = StageInfo::parse(text)
    {
        let _ = info.inputs.check(&serde_json::json!({}));
    }
});
