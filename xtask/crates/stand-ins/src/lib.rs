//! Stand-ins for Apple's command-line tools, so that the whole Mac path can be walked on Linux.
//!
//! One program, `stand-in`, goes by the name it is called with. For each call it
//!
//! 1. checks the options as the real tool does (`manual`, read by `synopsis`): a wrong one is a usage error with the real exit code;
//! 2. answers from the test's script, if an entry matches (`script`), the failures people report included;
//! 3. otherwise behaves like the tool as far as it can without a Mac (`security`, `codesign`, `notarytool`, `xcrun`, `machine`; products come from
//!    `portable`), and where it cannot, says so with exit code 70: a stand-in never reports success for a product it has not made;
//! 4. records the call as one line of JSON (`record`).
//!
//! ```no_run
//! let bench = stand_ins::Bench::new()?;
//! bench.script("[[result]]\ntool = \"notarytool\"\narguments = [\"submit\"]\nexit = 69\n")?;
//! // run the program under test with `bench.env()`, then look at `bench.calls()?`
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Whatever was made through a stand-in is simulated: asked with `--xtask-stand-in`, it says what it is.

pub mod bench;
pub mod manual;
pub mod record;
pub mod script;
pub mod synopsis;

mod codesign;
mod identity;
mod keychains;
mod machine;
mod notarytool;
mod packaging;
mod portable;
mod run;
mod security;
mod timestamp;
mod xcrun;

pub use bench::Bench;
pub use notarytool::{NOTARY, NOTARY_KEY};
pub use portable::{PORTABLE, SDK};
pub use record::Call;
pub use run::{Answer, QUESTION, STAND_INS, main};
