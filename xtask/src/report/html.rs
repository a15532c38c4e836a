//! placeholder
use super::Report;
use checks::Subject;
/// page
pub fn render(_all: &[(Subject, Report)]) -> String {
    String::new()
}
