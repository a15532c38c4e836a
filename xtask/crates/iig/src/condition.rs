//! Constant expressions, as conditions and array lengths use them.

use crate::preprocess::Defines;

/// Expressions nest two or three deep.
const MAX_NESTING: usize = 64;

/// Value of a constant expression: integers, names, `defined`, and the operators conditions use.
pub(crate) fn evaluate(expression: &str, defines: &Defines) -> Result<i64, String> {
    let mut parser = Expression { rest: expression, defines, depth: 0 };
    let value = parser.binary(0)?;
    if parser.rest.trim().is_empty() {
        Ok(value)
    } else {
        Err(format!("`{}` is not understood", parser.rest.trim()))
    }
}

struct Expression<'a> {
    rest: &'a str,
    defines: &'a Defines,
    depth: usize,
}

/// Binary operators, weakest first; within a row, longer spellings first.
const OPERATORS: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

impl<'a> Expression<'a> {
    fn binary(&mut self, level: usize) -> Result<i64, String> {
        let Some(row) = OPERATORS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = self.operator(row) {
            let right = self.binary(level + 1)?;
            left = apply(operator, left, right)?;
        }
        Ok(left)
    }

    fn operator(&mut self, row: &[&'static str]) -> Option<&'static str> {
        let text = self.rest.trim_start();
        // Of `||` and `|`, or `<<` and `<`, the longer one is meant.
        let longest = OPERATORS
            .iter()
            .flat_map(|it| it.iter())
            .filter(|it| text.starts_with(**it))
            .max_by_key(|it| it.len())?;
        let operator = row.iter().find(|it| it == &longest)?;
        self.rest = text.get(operator.len()..)?;
        Some(operator)
    }

    fn unary(&mut self) -> Result<i64, String> {
        if self.depth >= MAX_NESTING {
            return Err("it nests too deeply".to_string());
        }
        self.depth += 1;
        let value = self.operand();
        self.depth -= 1;
        value
    }

    fn operand(&mut self) -> Result<i64, String> {
        self.rest = self.rest.trim_start();
        if self.eat("!") {
            return Ok(i64::from(self.unary()? == 0));
        }
        if self.eat("-") {
            return Ok(self.unary()?.wrapping_neg());
        }
        if self.eat("~") {
            return Ok(!self.unary()?);
        }
        if self.eat("(") {
            let value = self.binary(0)?;
            return if self.close() { Ok(value) } else { Err("a `)` is missing".to_string()) };
        }
        let end = self.rest.find(|it: char| !is_word(it)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match word {
            "" => Err("a value is missing".to_string()),
            "defined" => self.defined(),
            _ if word.starts_with(|it: char| it.is_ascii_digit()) => number(word),
            _ => self.name(word),
        }
    }

    fn defined(&mut self) -> Result<i64, String> {
        self.rest = self.rest.trim_start();
        let bracketed = self.eat("(");
        self.rest = self.rest.trim_start();
        let (word, rest) =
            self.rest.split_at(self.rest.find(|it: char| !is_word(it)).unwrap_or(self.rest.len()));
        self.rest = rest;
        if bracketed && !self.close() {
            return Err("a `)` is missing".to_string());
        }
        Ok(i64::from(self.defines.contains_key(word)))
    }

    /// A name is its macro's value, else 0; `__has_feature(x)` and its kin are questions to a compiler, to which our answer is no.
    fn name(&mut self, word: &str) -> Result<i64, String> {
        if self.rest.trim_start().starts_with('(') {
            let mut open = 0_usize;
            for (at, it) in self.rest.char_indices() {
                match it {
                    '(' => open += 1,
                    ')' => open = open.saturating_sub(1),
                    _ => continue,
                }
                if open == 0 {
                    self.rest = self.rest.get(at + 1..).unwrap_or("");
                    return Ok(0);
                }
            }
            return Err("a `)` is missing".to_string());
        }
        match self.defines.get(word).map(String::as_str) {
            None => Ok(0),
            Some("") => Ok(1),
            Some(text) => {
                let mut inner = Expression { rest: text, defines: self.defines, depth: self.depth + 1 };
                inner.binary(0)
            }
        }
    }

    fn close(&mut self) -> bool {
        self.rest = self.rest.trim_start();
        self.eat(")")
    }

    fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

fn apply(operator: &str, left: i64, right: i64) -> Result<i64, String> {
    let overflow = || "it overflows".to_string();
    let shift = || u32::try_from(right).map_err(|_| overflow());
    Ok(match operator {
        "||" => i64::from(left != 0 || right != 0),
        "&&" => i64::from(left != 0 && right != 0),
        "==" => i64::from(left == right),
        "!=" => i64::from(left != right),
        "<=" => i64::from(left <= right),
        ">=" => i64::from(left >= right),
        "<" => i64::from(left < right),
        ">" => i64::from(left > right),
        "|" => left | right,
        "^" => left ^ right,
        "&" => left & right,
        "<<" => left.checked_shl(shift()?).ok_or_else(overflow)?,
        ">>" => left.checked_shr(shift()?).ok_or_else(overflow)?,
        "+" => left.checked_add(right).ok_or_else(overflow)?,
        "-" => left.checked_sub(right).ok_or_else(overflow)?,
        "*" => left.checked_mul(right).ok_or_else(overflow)?,
        "/" => left.checked_div(right).ok_or("it divides by zero")?,
        _ => left.checked_rem(right).ok_or("it divides by zero")?,
    })
}

/// A C integer with its suffix.
fn number(word: &str) -> Result<i64, String> {
    let digits = word.trim_end_matches(['u', 'U', 'l', 'L']);
    let parsed = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16),
        None if digits.len() > 1 && digits.starts_with('0') => u64::from_str_radix(digits, 8),
        None => digits.parse(),
    };
    // Wraps as the preprocessor's own 64 bits do.
    parsed.map(|it| it as i64).map_err(|_| format!("`{word}` is not a number"))
}

/// Whether a character can stand in a name.
pub(crate) fn is_word(it: char) -> bool {
    it.is_ascii_alphanumeric() || it == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expression: &str, expected: Result<i64, &str>) {
        let defines =
            Defines::from([("TEN".to_string(), "(5 + 5)".to_string()), ("YES".to_string(), String::new())]);
        assert_eq!(evaluate(expression, &defines), expected.map_err(str::to_string));
    }

    #[test]
    fn operators_bind_as_in_c() {
        check("1 + 2 * 3 == 7 && 1 << 4 > 15", Ok(1));
        check("1 | 2 ^ 3 & 4", Ok(3));
        check("-TEN + 3", Ok(-7));
        check("!YES || ~0 == -1", Ok(1));
        check("10 - 2 - 3", Ok(5));
        check("0x10 + 010 + 5ull", Ok(29));
    }

    #[test]
    fn unknown_names_are_zero() {
        check("UNKNOWN", Ok(0));
        check("__has_feature(cxx_rtti) || TEN", Ok(1));
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        check("", Err("a value is missing"));
        check("1 2", Err("`2` is not understood"));
        check("(1", Err("a `)` is missing"));
        check("f(1", Err("a `)` is missing"));
        check("09", Err("`09` is not a number"));
        check("9223372036854775807 + 1", Err("it overflows"));
    }
}
