//! Stage: the one trait that a plugin implements, and its way out.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Failure;
use crate::bindings::engine::stage::types as contract;
use crate::bindings::exports::engine::stage::stage::Guest;

/// One kind of stage.
pub trait Stage {
    /// The `stage-info/v1` document as JSON text: name, version, summary, JSON
    /// Schemas of inputs and outputs, capability requests, examples. Its schema
    /// is `wit/stage-info.v1.schema.json`.
    const INFO: &'static str;

    /// What stands under `with:`; its keys are kebab-case.
    ///
    /// The engine has checked them against the schema in [`Self::INFO`] before
    /// [`Self::run`] is called.
    type Inputs: DeserializeOwned;

    /// What later stages read as `stages.<id>.outputs`; its names are
    /// `snake_case`.
    type Outputs: Serialize;

    /// Does the work.
    ///
    /// # Errors
    ///
    /// The one reason why it could not be done.
    fn run(inputs: Self::Inputs) -> Result<Self::Outputs, Failure>;
}

/// What [`export!`](crate::export) exports: a [`Stage`] behind the contract's
/// JSON text.
#[derive(Debug)]
pub struct Exported<S>(PhantomData<S>);

impl<S: Stage> Guest for Exported<S> {
    fn describe() -> String {
        S::INFO.to_owned()
    }

    fn run(inputs: String) -> Result<String, contract::Failure> {
        Ok(call::<S>(&inputs)?)
    }
}

fn call<S: Stage>(inputs: &str) -> Result<String, Failure> {
    let inputs = serde_json::from_str(inputs).map_err(|error| {
        Failure::user_error("inputs.invalid", format!("the inputs do not fit: {error}"))
    })?;
    let outputs = S::run(inputs)?;
    serde_json::to_string(&outputs).map_err(|error| {
        Failure::internal(
            "outputs.invalid",
            format!("the outputs are no JSON: {error}"),
        )
    })
}

/// Makes a type that implements [`Stage`] the plugin of this crate.
///
/// Once in a crate with `crate-type = ["cdylib"]`. On targets other than
/// WebAssembly it exports nothing, so that unit tests build and link.
///
/// ```
/// # use engine_sdk::{Failure, Stage};
/// struct Nothing;
///
/// impl Stage for Nothing {
///     const INFO: &'static str = r#"{
///         "stage-info": "v1", "name": "nothing", "version": "0.1.0",
///         "summary": "Does nothing",
///         "inputs": { "type": "object" }, "outputs": { "type": "null" }, "requests": []
///     }"#;
///     type Inputs = std::collections::BTreeMap<String, String>;
///     type Outputs = ();
///
///     fn run(_: Self::Inputs) -> Result<(), Failure> {
///         Ok(())
///     }
/// }
///
/// engine_sdk::export!(Nothing);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export {
    ($stage:ty) => {
        const _: () = {
            #[allow(dead_code, reason = "only the exports below use it")]
            type ExportedStage = $crate::Exported<$stage>;

            #[cfg(target_family = "wasm")]
    $crate::bindings::__export_world!(ExportedStage with_types_in $crate::bindings);
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FailureClass;

    struct Double;

    impl Stage for Double {
        const INFO: &'static str = "{}";
        type Inputs = Vec<u32>;
        type Outputs = Vec<u32>;

        fn run(inputs: Vec<u32>) -> Result<Vec<u32>, Failure> {
            Ok(inputs.iter().map(|n| n * 2).collect())
        }
    }

    #[test]
    fn inputs_and_outputs_pass_as_json() {
        let outputs = Exported::<Double>::run("[1, 2]".to_owned());
        assert_eq!(outputs.expect("fits"), "[2,4]");
        assert_eq!(Exported::<Double>::describe(), "{}");
    }

    #[test]
    fn inputs_of_another_shape_are_the_authors_error() {
        let failure = Exported::<Double>::run(r#"{"a":1}"#.to_owned()).expect_err("no list");
        assert_eq!(failure.class, FailureClass::UserError);
        assert_eq!(failure.code, "inputs.invalid");
        assert!(
            failure.message.contains("expected a sequence"),
            "{}",
            failure.message
        );
    }
}
