//! Text that grows line by line.

/// Generated text.
#[derive(Default)]
pub(crate) struct Text(String);

impl Text {
    pub(crate) fn line(&mut self, line: impl AsRef<str>) {
        self.0.push_str(line.as_ref());
        self.0.push('\n');
    }

    pub(crate) fn lines<T: AsRef<str>>(&mut self, lines: impl IntoIterator<Item = T>) {
        lines.into_iter().for_each(|it| self.line(it));
    }

    pub(crate) fn blank(&mut self) {
        self.0.push('\n');
    }

    /// A macro whose value spans the given lines.
    pub(crate) fn define(&mut self, name: &str, value: &[String]) {
        let lines: Vec<_> = std::iter::once(format!("#define {name}")).chain(value.iter().cloned()).collect();
        self.line(lines.join(" \\\n"));
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}
