//! What a tool's manual page allows on its command line, and whether some words keep to it.
//!
//! A synopsis is text, one fact a line, so that it can be held beside the manual page:
//!
//! ```text
//! tool notarytool          the name
//! style getopt             getopt: `--x=v`, `-vv`, `-sID` · exact: only whole words, as `lipo -create` does · free: not checked here
//! usage-exit 64            what the tool exits with when it is misused
//! verb submit              what follows belongs to this verb; before the first verb, to all
//! option -k --key VALUE    VALUE: one word · VALUE VALUE: two · [VALUE]: only as `--x=v` · VALUES: all words up to the next option
//! operands 1..1            how many words are left over, `1..` for no upper end
//! ```

/// How a tool reads its options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Getopt,
    Exact,
    Free,
}

/// What an option takes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    Words(usize),
    /// Only in the same word: `--timestamp=URL`.
    Attached,
    AllUpToNextOption,
}

#[derive(Debug, Clone)]
struct OptionSpec {
    names: Vec<&'static str>,
    takes: Takes,
}

#[derive(Debug, Clone, Default)]
struct Section {
    options: Vec<OptionSpec>,
    operands: Option<(usize, Option<usize>)>,
}

/// What one tool accepts.
#[derive(Debug, Clone)]
pub struct Synopsis {
    /// The tool's name.
    pub tool: &'static str,
    /// Its exit code when it is misused.
    pub usage_exit: u8,
    style: Style,
    common: Section,
    verbs: Vec<(&'static str, Section)>,
}

/// A command line that keeps to the synopsis.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// The verb, for tools that have verbs.
    pub verb: Option<String>,
    /// Options by their first name in the synopsis, with what they took, in order.
    pub options: Vec<(&'static str, Vec<String>)>,
    /// What is left.
    pub operands: Vec<String>,
}

impl Words {
    /// Whether the option was given. `name` is the first name in the synopsis.
    pub fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(it, _)| *it == name)
    }

    /// Everything the option took, each time it was given.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.options
            .iter()
            .filter(|(it, _)| *it == name)
            .flat_map(|(_, values)| values.iter().map(String::as_str))
            .collect()
    }

    /// What the option took, the last time it was given.
    pub fn value(&self, name: &str) -> Option<&str> {
        let (_, values) = self.options.iter().rev().find(|(it, _)| *it == name)?;
        values.first().map(String::as_str)
    }
}

impl Synopsis {
    /// Reads the text form. A mistake in it is a mistake in this crate, so it panics with the line.
    pub fn read(text: &'static str) -> Self {
        let mut synopsis = Self {
            tool: "",
            usage_exit: 1,
            style: Style::Getopt,
            common: Section::default(),
            verbs: Vec::new(),
        };
        for line in text.lines().map(str::trim).filter(|it| !it.is_empty()) {
            let (key, rest) = line.split_once(' ').unwrap_or((line, ""));
            let rest = rest.trim();
            match key {
                "tool" => synopsis.tool = rest,
                "style" => synopsis.style = style(rest),
                "usage-exit" => synopsis.usage_exit = rest.parse().expect("a number from 0 to 255"),
                "verb" => synopsis.verbs.push((rest, Section::default())),
                "option" => synopsis.section().options.push(option(rest)),
                "operands" => synopsis.section().operands = Some(operands(rest)),
                _ => panic!("a synopsis has no line `{line}`"),
            }
        }
        assert!(!synopsis.tool.is_empty(), "a synopsis without a tool: {text}");
        synopsis
    }

    /// The section that the next line belongs to.
    fn section(&mut self) -> &mut Section {
        match self.verbs.last_mut() {
            Some((_, section)) => section,
            None => &mut self.common,
        }
    }

    /// Reads a command line, or says in one sentence why the tool would refuse it.
    pub fn check(&self, args: &[String]) -> Result<Words, String> {
        if self.style == Style::Free {
            return Ok(Words { operands: args.to_vec(), ..Words::default() });
        }
        let mut words = Words::default();
        let mut section = None;
        let mut at = 0;
        let mut only_operands = false;
        while let Some(word) = args.get(at) {
            at += 1;
            let looks_like_option = word.len() > 1 && word.starts_with('-') && !only_operands;
            if word == "--" && self.style == Style::Getopt && !only_operands {
                only_operands = true;
            } else if looks_like_option {
                at += self.option(word, args.get(at..).unwrap_or_default(), section, &mut words)?;
            } else if !self.verbs.is_empty() && section.is_none() {
                let known = self.verbs.iter().find(|(verb, _)| verb == word);
                section = Some(&known.ok_or_else(|| format!("{}: unknown verb `{word}`", self.tool))?.1);
                words.verb = Some(word.clone());
            } else {
                words.operands.push(word.clone());
            }
        }
        let verb_is_missing = !self.verbs.is_empty() && section.is_none() && words.options.is_empty();
        if verb_is_missing {
            return Err(format!("{}: a verb is missing", self.tool));
        }
        let wanted = section.and_then(|it| it.operands).or(self.common.operands).unwrap_or((0, Some(0)));
        let count = words.operands.len();
        if count < wanted.0 || wanted.1.is_some_and(|most| count > most) {
            return Err(format!("{}: {count} operands: {:?}", self.tool, words.operands));
        }
        Ok(words)
    }

    /// Reads one option word; returns how many further words it took.
    fn option(
        &self,
        word: &str,
        rest: &[String],
        section: Option<&Section>,
        words: &mut Words,
    ) -> Result<usize, String> {
        let refuse = |why: &str| Err(format!("{}: {why} `{word}`", self.tool));
        if let Some(spec) = self.find(word, section) {
            return take(spec, rest, words).ok_or_else(|| format!("{}: `{word}` needs a value", self.tool));
        }
        if self.style == Style::Exact {
            return refuse("unknown option");
        }
        if word.starts_with("--") {
            let Some((name, value)) = word.split_once('=') else { return refuse("unknown option") };
            return match self.find(name, section) {
                Some(spec) if matches!(spec.takes, Takes::Attached | Takes::Words(1)) => {
                    words.options.push((first_name(spec), vec![value.to_owned()]));
                    Ok(0)
                }
                Some(_) => refuse("a value for an option that takes none:"),
                None => refuse("unknown option"),
            };
        }
        self.cluster(word, rest, section, words)
    }

    /// `-dvvv`, `-fsID`, `-r-`: letters, the last of which may take the rest of the word or the next word.
    fn cluster(
        &self,
        word: &str,
        rest: &[String],
        section: Option<&Section>,
        words: &mut Words,
    ) -> Result<usize, String> {
        let mut letters = word.chars().skip(1);
        while let Some(letter) = letters.next() {
            let spec = self
                .find(&format!("-{letter}"), section)
                .ok_or_else(|| format!("{}: unknown option `-{letter}` in `{word}`", self.tool))?;
            let attached: String = letters.clone().collect();
            if spec.takes == Takes::Words(1) && !attached.is_empty() {
                words.options.push((first_name(spec), vec![attached]));
                return Ok(0);
            }
            if spec.takes != Takes::Nothing && attached.is_empty() {
                return take(spec, rest, words)
                    .ok_or_else(|| format!("{}: `-{letter}` needs a value", self.tool));
            }
            words.options.push((first_name(spec), Vec::new()));
        }
        Ok(0)
    }

    fn find<'a>(&'a self, name: &str, section: Option<&'a Section>) -> Option<&'a OptionSpec> {
        let of_verb = section.map(|it| it.options.as_slice()).unwrap_or_default();
        of_verb.iter().chain(&self.common.options).find(|it| it.names.contains(&name))
    }
}

fn first_name(spec: &OptionSpec) -> &'static str {
    spec.names.first().copied().unwrap_or_default()
}

/// Takes an option's words from `rest`; `None` when there are too few.
fn take(spec: &OptionSpec, rest: &[String], words: &mut Words) -> Option<usize> {
    let count = match spec.takes {
        Takes::Nothing | Takes::Attached => 0,
        Takes::Words(count) => count,
        Takes::AllUpToNextOption => rest.iter().take_while(|it| !it.starts_with('-')).count(),
    };
    words.options.push((first_name(spec), rest.get(..count)?.to_vec()));
    Some(count)
}

fn style(text: &str) -> Style {
    match text {
        "getopt" => Style::Getopt,
        "exact" => Style::Exact,
        "free" => Style::Free,
        _ => panic!("a synopsis has no style `{text}`"),
    }
}

fn option(text: &'static str) -> OptionSpec {
    let (names, values): (Vec<_>, Vec<_>) = text.split_whitespace().partition(|it| it.starts_with('-'));
    let takes = match values.as_slice() {
        [] => Takes::Nothing,
        ["[VALUE]"] => Takes::Attached,
        ["VALUES"] => Takes::AllUpToNextOption,
        words => {
            assert!(words.iter().all(|it| *it == "VALUE"), "an option takes VALUE, not {words:?}");
            Takes::Words(words.len())
        }
    };
    assert!(!names.is_empty(), "an option without a name: {text}");
    OptionSpec { names, takes }
}

fn operands(text: &str) -> (usize, Option<usize>) {
    let (least, most) = text.split_once("..").expect("operands are written 1..2");
    let number = |it: &str| it.parse().expect("a number");
    (number(least), (!most.is_empty()).then(|| number(most)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNER: &str = "
        tool signer
        option -s --sign VALUE
        option -f --force
        option -v --verbose [VALUE]
        option -d
        option -r VALUE
        option --timestamp [VALUE]
        operands 1..2";

    const MERGER: &str = "
        tool merger
        style exact
        option -create
        option -output VALUE
        option -replace VALUE VALUE
        option -verify_arch VALUES
        operands 0..";

    const SENDER: &str = "
        tool sender
        option -v
        operands 0..0
        verb submit
        option --wait
        operands 1..1
        verb history";

    #[track_caller]
    fn words(synopsis: &'static str, line: &str) -> Result<Words, String> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Synopsis::read(synopsis).check(&args)
    }

    #[track_caller]
    fn check(synopsis: &'static str, line: &str, options: &str, operands: &[&str]) {
        let words = words(synopsis, line).unwrap();
        let found: Vec<String> =
            words
                .options
                .iter()
                .map(|(name, values)| {
                    if values.is_empty() {
                        (*name).to_owned()
                    } else {
                        format!("{name}={}", values.join(","))
                    }
                })
                .collect();
        assert_eq!(found.join(" "), options);
        assert_eq!(words.operands, operands);
    }

    #[track_caller]
    fn check_refused(synopsis: &'static str, line: &str, why: &str) {
        assert_eq!(words(synopsis, line).unwrap_err(), why);
    }

    #[test]
    fn getopt_reads_long_short_clustered_and_attached_options() {
        check(SIGNER, "--sign X --force a", "-s=X -f", &["a"]);
        check(SIGNER, "--sign=X a", "-s=X", &["a"]);
        check(SIGNER, "-fsX a", "-f -s=X", &["a"]);
        check(SIGNER, "-fs X a", "-f -s=X", &["a"]);
        check(SIGNER, "-dvvv a", "-d -v -v -v", &["a"]);
        check(SIGNER, "-d -r- a b", "-d -r=-", &["a", "b"]);
        check(SIGNER, "--timestamp a", "--timestamp", &["a"]);
        check(SIGNER, "--timestamp=none a", "--timestamp=none", &["a"]);
        check(SIGNER, "a -f", "-f", &["a"]);
        check(SIGNER, "-s - -- -f", "-s=-", &["-f"]);
    }

    #[test]
    fn getopt_refuses_what_the_manual_does_not_list() {
        check_refused(SIGNER, "--notarize a", "signer: unknown option `--notarize`");
        check_refused(SIGNER, "-x a", "signer: unknown option `-x` in `-x`");
        check_refused(SIGNER, "a --sign", "signer: `--sign` needs a value");
        check_refused(SIGNER, "a -fs", "signer: `-s` needs a value");
        check_refused(
            SIGNER,
            "--force=yes a",
            "signer: a value for an option that takes none: `--force=yes`",
        );
        check_refused(SIGNER, "-f", "signer: 0 operands: []");
        check_refused(SIGNER, "a b c", r#"signer: 3 operands: ["a", "b", "c"]"#);
    }

    #[test]
    fn exact_options_are_whole_words() {
        check(MERGER, "-create a b -output c", "-create -output=c", &["a", "b"]);
        check(MERGER, "a -replace arm64 b -output c", "-replace=arm64,b -output=c", &["a"]);
        check(MERGER, "a -verify_arch arm64 x86_64", "-verify_arch=arm64,x86_64", &["a"]);
        check_refused(MERGER, "-c a", "merger: unknown option `-c`");
        check_refused(MERGER, "-output=c", "merger: unknown option `-output=c`");
        check_refused(MERGER, "-replace arm64", "merger: `-replace` needs a value");
    }

    #[test]
    fn a_verb_has_its_own_options() {
        check(SENDER, "submit --wait -v a", "--wait -v", &["a"]);
        check(SENDER, "-v submit a", "-v", &["a"]);
        check(SENDER, "history", "", &[]);
        check_refused(SENDER, "history --wait", "sender: unknown option `--wait`");
        check_refused(SENDER, "staple a", "sender: unknown verb `staple`");
        check_refused(SENDER, "", "sender: a verb is missing");
        check_refused(SENDER, "submit", "sender: 0 operands: []");
    }
}
