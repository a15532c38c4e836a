//! What a Mac says about what we could only read: named experiments, one anonymised recording, judged again anywhere.
//!
//! ```text
//!   EXPERIMENTS (data) ─┐
//!   Samples (products) ─┼─▶ run ─▶ Recording ─▶ anonymise ─▶ file ─▶ judge, anywhere ─▶ Answer
//!   Toolbox (real Mac) ─┘                                      └─▶ docs/recordings ─▶ docs/mac-status.md
//! ```
//! What is judged is the anonymised recording, also right after the run: whoever judges it again comes to the same answers.

pub mod anonymous;
pub mod experiment;
pub mod experiments;
pub mod recording;
pub mod report;
pub mod run;
pub mod samples;
pub mod status;

pub use anonymous::Anonymizer;
pub use experiment::{Act, Answer, Evidence, Experiment, Need};
pub use experiments::EXPERIMENTS;
pub use recording::Recording;
pub use samples::{Sample, Samples};
