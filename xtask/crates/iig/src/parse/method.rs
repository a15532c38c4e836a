//! From tokens to a method: its result, its name, its parameters, and the attributes behind them.

use super::{Parser, Strictness, joined, split};
use crate::{
    error::Error,
    lex::{Kind, Token},
    model::{Class, Declarations, Method, Param, Type},
};

impl<'a> Parser<'a> {
    pub(super) fn method(&mut self, class: &Class) -> Result<Method, Error> {
        let start = self.at;
        while self.peek().is_some_and(|it| !matches!(it.text, "(" | ";" | "{" | "}" | "=")) {
            self.at += 1;
        }
        let head = self.tokens.get(start..self.at).unwrap_or(&[]);
        let line = head.first().map_or(class.line, |it| it.line);
        if self.peek().is_none_or(|it| it.text != "(") {
            let message = format!(
                "an interface class has methods only; state belongs into `struct {}_IVars`",
                class.name
            );
            return Err(self.error(line, message));
        }
        let Some((name, words)) = head.split_last().filter(|(name, _)| name.kind == Kind::Word) else {
            return Err(self.error(line, "expected a method"));
        };
        let mut method = Method { name: name.text.to_string(), line: name.line, ..Method::default() };
        let mut result = Vec::new();
        for word in words {
            match word.text {
                "virtual" => method.is_virtual = true,
                "static" => method.is_static = true,
                "inline" | "explicit" => {
                    return Err(
                        self.error(word.line, format!("`{}` has no meaning in an interface", word.text))
                    );
                }
                _ => result.push(*word),
            }
        }
        if result.is_empty() || name.text == class.name {
            return Err(self.error(
                name.line,
                format!("`{}` has no result type; an interface class has no constructors", name.text),
            ));
        }
        method.result = self.type_of(&result, line)?;
        let params = self.balanced("(", ")")?;
        if joined(params) != "void" {
            for param in split(params, ",") {
                let param = self.param(param, name.line)?;
                method.params.push(param);
            }
        }
        self.trailer(&mut method)?;
        Ok(method)
    }

    /// What stands between a method's parameters and its `;`.
    fn trailer(&mut self, method: &mut Method) -> Result<(), Error> {
        loop {
            let Some(token) = self.next() else {
                return Err(self.error(method.line, format!("`{}` is not closed with `;`", method.name)));
            };
            match token.text {
                ";" => return Ok(()),
                "const" => method.is_const = true,
                "override" => method.is_override = true,
                "final" => {}
                "=" => {
                    self.expect("0")?;
                    method.is_pure = true;
                }
                "LOCAL" | "IIG_LOCAL" => method.local = true,
                "LOCALONLY" | "IIG_LOCALONLY" => method.local_only = true,
                "LOCALHOST" | "IIG_LOCALHOST" => method.local_host = true,
                "KERNEL" | "IIG_KERNEL" => method.kernel = true,
                "REPLY" | "IIG_REPLY" => method.reply = true,
                "INVOKEREPLY" | "IIG_INVOKEREPLY" => method.invoke_reply = true,
                "REMOTE" | "IIG_REMOTE" => {}
                "QUEUENAME" | "IIG_QUEUENAME" => method.queue = Some(joined(self.balanced("(", ")")?)),
                "TYPE" | "IIG_TYPE" => method.action = Some(self.action(token.line)?),
                "__attribute__" => {
                    let start = token.start;
                    self.balanced("(", ")")?;
                    let end = self.tokens.get(self.at - 1).map_or(start, Token::end);
                    let inside = self
                        .tokens
                        .iter()
                        .filter(|it| it.start >= start && it.end() <= end)
                        .map(|it| it.text);
                    method.attributes.push(' ');
                    method.attributes.push_str(&inside.collect::<String>());
                }
                "{" => return Err(self.error(token.line, "a method of an interface class has no body here")),
                other if self.strictness == Strictness::Own => {
                    return Err(
                        self.error(token.line, format!("`{other}` is no attribute of a method that we know"))
                    );
                }
                _ if self.peek().is_some_and(|it| it.text == "(") => {
                    self.balanced("(", ")")?;
                }
                _ => {}
            }
        }
    }

    /// `(Class::Method)` or `(Method)`.
    fn action(&mut self, line: usize) -> Result<(Option<String>, String), Error> {
        match self.balanced("(", ")")? {
            [method] if method.kind == Kind::Word => Ok((None, method.text.to_string())),
            [class, colons, method] if colons.text == "::" => {
                Ok((Some(class.text.to_string()), method.text.to_string()))
            }
            other => Err(self
                .error(line, format!("`TYPE({})` does not name a method as `Class::Method`", joined(other)))),
        }
    }

    fn param(&self, tokens: &[Token<'a>], line: usize) -> Result<Param, Error> {
        let mut param = Param::default();
        let mut inner = Parser { tokens, at: 0, found: Declarations::default(), ..*self };
        let mut words = Vec::new();
        while let Some(token) = inner.next() {
            match token.text {
                "TARGET" | "IIG_TARGET" => param.target = true,
                "PORTMAKESEND" | "PORTCOPYSEND" | "IIG_PORTMAKESEND" | "IIG_PORTCOPYSEND" => {
                    param.port = true
                }
                // What a parameter's action is for is said to readers; it changes nothing.
                "TYPE" | "IIG_TYPE" => {
                    inner.action(token.line)?;
                }
                "__attribute__" => {
                    inner.balanced("(", ")")?;
                }
                _ if token.text.starts_with("DRIVERKIT_")
                    || token.text.starts_with("LIBKERN_")
                    || token.text.starts_with("OS_") => {}
                "[" => {
                    inner.at -= 1;
                    if param.array.replace(joined(inner.balanced("[", "]")?)).is_some() {
                        return Err(self.error(token.line, "an array of arrays does not fit into a message"));
                    }
                }
                "=" => return Err(self.error(token.line, "a default argument cannot be kept")),
                "(" | "^" => {
                    return Err(
                        self.error(token.line, "give this function or block type a name with `typedef`")
                    );
                }
                _ => words.push(token),
            }
        }
        let named = words.split_last().filter(|(name, rest)| {
            name.kind == Kind::Word
                && !is_builtin(name)
                && rest.iter().any(|it| it.kind == Kind::Word && !is_qualifier(it))
        });
        let words = match named {
            Some((name, words)) => {
                param.name = name.text.to_string();
                words
            }
            None => words.as_slice(),
        };
        param.ty = self.type_of(words, line)?;
        Ok(param)
    }

    pub(super) fn type_of(&self, tokens: &[Token<'_>], line: usize) -> Result<Type, Error> {
        let mut ty = Type::default();
        let mut angle = 0_usize;
        for token in tokens {
            match token.text {
                "const" if ty.pointers.is_empty() => ty.is_const = true,
                "const" => {
                    if let Some(last) = ty.pointers.last_mut() {
                        *last = true;
                    }
                }
                "*" if angle == 0 => ty.pointers.push(false),
                "struct" | "enum" | "class" | "union" | "volatile" => {}
                "<" | ">" | "::" | "*" | "," | "&" => {
                    angle = if token.text == "<" {
                        angle + 1
                    } else {
                        angle.saturating_sub(usize::from(token.text == ">"))
                    };
                    ty.name.push_str(token.text);
                }
                word if token.kind == Kind::Word && !(ty.pointers.is_empty() || angle > 0) => {
                    return Err(self.error(token.line, format!("`{word}` behind a `*` is not understood")));
                }
                word if token.kind == Kind::Word => {
                    let glued = ty.name.is_empty() || ty.name.ends_with([':', '<', ',']);
                    ty.name.push_str(if glued { "" } else { " " });
                    ty.name.push_str(word);
                }
                other => return Err(self.error(token.line, format!("`{other}` is not understood in a type"))),
            }
        }
        if ty.name.is_empty() { Err(self.error(line, "a type is missing")) } else { Ok(ty) }
    }
}

fn is_qualifier(token: &Token<'_>) -> bool {
    matches!(token.text, "const" | "volatile" | "struct" | "enum" | "class" | "union")
}

fn is_builtin(token: &Token<'_>) -> bool {
    matches!(
        token.text,
        "int"
            | "unsigned"
            | "signed"
            | "long"
            | "short"
            | "char"
            | "bool"
            | "float"
            | "double"
            | "void"
            | "const"
    )
}
