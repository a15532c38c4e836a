//! A small XML reader for the tables inside packages: the xar table of contents, `PackageInfo`, `Distribution`.
//!
//! No document types, no entities but the five predefined ones and character references, no namespaces: what such a table needs.
//! (Property lists have their own reader.)
//!
//! ```
//! use formats::container::xml::Element;
//! let root = Element::parse("<xar><toc id=\"1\">a &amp; b</toc></xar>").unwrap();
//! assert_eq!(root.child("toc").unwrap().text, "a & b");
//! ```

use crate::bytes::{Error, Result};

/// Deepest nesting: a package inside a product archive needs six levels.
const MAX_DEPTH: usize = 64;
/// Most elements: ten per member, and a product archive has at most some hundred members.
const MAX_ELEMENTS: usize = 200_000;
/// Most attributes of one element; real ones have up to ten.
const MAX_ATTRIBUTES: usize = 64;

/// One element with everything in it. Text is collected across children and comments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Its name, with the prefix if there is one.
    pub name: String,
    /// Attributes in the order of the file.
    pub attributes: Vec<(String, String)>,
    /// Its own text, entities resolved, not trimmed.
    pub text: String,
    /// The elements in it, in order.
    pub children: Vec<Element>,
}

impl Element {
    /// The root element of `text`.
    pub fn parse(text: &str) -> Result<Self> {
        Parser { text, at: 0, elements: 0 }.document()
    }

    /// The first child called `name`.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|it| it.name == name)
    }

    /// Every child called `name`.
    pub fn children<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |it| it.name == name)
    }

    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|it| it.0 == name).map(|it| it.1.as_str())
    }

    /// The trimmed text of the first child called `name`.
    pub fn value(&self, name: &str) -> Option<&str> {
        Some(self.child(name)?.text.trim())
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    elements: usize,
}

impl<'a> Parser<'a> {
    fn fault<T>(&self, what: impl Into<std::borrow::Cow<'static, str>>) -> Result<T> {
        Err(Error::new(self.at as u64, what))
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Moves past `mark`, when the text goes on with it.
    fn eat(&mut self, mark: &str) -> bool {
        let found = self.rest().starts_with(mark);
        if found {
            self.at += mark.len();
        }
        found
    }

    /// Everything up to `mark`, moving past it.
    fn until(&mut self, mark: &str) -> Result<&'a str> {
        let rest = self.rest();
        match rest.split_once(mark) {
            Some((before, _)) => {
                self.at += before.len() + mark.len();
                Ok(before)
            }
            None => self.fault(format!("`{mark}` is missing")),
        }
    }

    fn document(&mut self) -> Result<Element> {
        self.eat("\u{feff}");
        // Open elements, outermost first; a loop rather than recursion, so that depth costs no stack.
        let mut open: Vec<Element> = Vec::new();
        let mut root: Option<Element> = None;
        loop {
            let text = match self.rest().find('<') {
                Some(len) => self.rest().get(..len).unwrap_or_default(),
                None => self.rest(),
            };
            match open.last_mut() {
                Some(element) => element.text.push_str(&self.resolved(text)?),
                None if !text.trim().is_empty() => return self.fault("text outside the root element"),
                None => {}
            }
            self.at += text.len();
            if self.rest().is_empty() {
                break;
            }
            if self.eat("<!--") {
                self.until("-->")?;
            } else if self.eat("<![CDATA[") {
                let raw = self.until("]]>")?;
                match open.last_mut() {
                    Some(element) => element.text.push_str(raw),
                    None => return self.fault("text outside the root element"),
                }
            } else if self.eat("<?") {
                self.until("?>")?;
            } else if self.rest().starts_with("<!") {
                return self.fault("a document type is not accepted here");
            } else if self.eat("</") {
                let name = self.until(">")?.trim_end();
                match open.pop() {
                    Some(element) if element.name == name => close(element, &mut open, &mut root),
                    Some(element) => return self.fault(format!("`{}` is closed by `{name}`", element.name)),
                    None => return self.fault(format!("`{name}` is closed but not open")),
                }
            } else {
                if root.is_some() && open.is_empty() {
                    return self.fault("a second root element");
                }
                let (element, is_empty) = self.start()?;
                if open.len() >= MAX_DEPTH {
                    return self.fault(format!("more than {MAX_DEPTH} levels of elements"));
                }
                match is_empty {
                    true => close(element, &mut open, &mut root),
                    false => open.push(element),
                }
            }
        }
        match (open.last(), root) {
            (Some(element), _) => self.fault(format!("`{}` is not closed", element.name)),
            (None, None) => self.fault("no root element"),
            (None, Some(root)) => Ok(root),
        }
    }

    /// `<name a="b">` or `<name/>`; the latter gives true.
    fn start(&mut self) -> Result<(Element, bool)> {
        self.elements += 1;
        if self.elements > MAX_ELEMENTS {
            return self.fault(format!("more than {MAX_ELEMENTS} elements"));
        }
        self.at += 1; // the `<` that brought us here
        let mut element = Element { name: self.name()?, ..Element::default() };
        loop {
            self.space();
            if self.eat("/>") {
                return Ok((element, true));
            }
            if self.eat(">") {
                return Ok((element, false));
            }
            if element.attributes.len() >= MAX_ATTRIBUTES {
                return self.fault(format!("more than {MAX_ATTRIBUTES} attributes"));
            }
            let name = self.name()?;
            self.space();
            if !self.eat("=") {
                return self.fault(format!("the attribute `{name}` has no value"));
            }
            self.space();
            let raw = match () {
                () if self.eat("\"") => self.until("\"")?,
                () if self.eat("'") => self.until("'")?,
                () => return self.fault(format!("the value of `{name}` is not quoted")),
            };
            if element.attribute(&name).is_some() {
                return self.fault(format!("the attribute `{name}` is given twice"));
            }
            let value = self.resolved(raw)?;
            element.attributes.push((name, value));
        }
    }

    fn name(&mut self) -> Result<String> {
        let is_end = |c: char| c.is_whitespace() || "<>/=\"'&".contains(c);
        let name = self.rest().split(is_end).next().unwrap_or_default();
        if name.is_empty() {
            return self.fault("a name is missing");
        }
        self.at += name.len();
        Ok(name.to_owned())
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// `raw` with its character references and predefined entities replaced.
    fn resolved(&self, raw: &str) -> Result<String> {
        let mut out = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some((before, after)) = rest.split_once('&') {
            out.push_str(before);
            let Some((entity, after)) = after.split_once(';') else {
                return self.fault("`&` without `;`");
            };
            let number =
                |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
            let c = match entity {
                "amp" => Some('&'),
                "lt" => Some('<'),
                "gt" => Some('>'),
                "quot" => Some('"'),
                "apos" => Some('\''),
                _ => match entity.strip_prefix('#') {
                    Some(hex) if hex.starts_with('x') => number(hex.trim_start_matches('x'), 16),
                    Some(decimal) => number(decimal, 10),
                    None => None,
                },
            };
            match c {
                Some(c) => out.push(c),
                None => return self.fault(format!("the entity `{}` is unknown", entity.escape_debug())),
            }
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }
}

fn close(element: Element, open: &mut [Element], root: &mut Option<Element>) {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None => *root = Some(element),
    }
}

/// `text` made safe for element content and attribute values.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Control characters and the two last places of the plane are not allowed in XML 1.0 at all, not even as references.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() && !matches!(c, '\n' | '\t' | '\r') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn refused(text: &str, why: &str) {
        let error = Element::parse(text).unwrap_err();
        assert!(error.what.contains(why), "{error}");
    }

    #[test]
    fn elements_attributes_and_text_are_found() {
        let root = Element::parse(
            "<?xml version='1.0'?>\n<a x='1' y=\"&lt;\"><!-- c --><b/>t<b>&#x41;<![CDATA[<]]></b></a>\n",
        )
        .unwrap();
        assert_eq!((root.name.as_str(), root.attribute("y"), root.text.as_str()), ("a", Some("<"), "t"));
        assert_eq!(root.children("b").map(|it| it.text.as_str()).collect::<Vec<_>>(), ["", "A<"]);
    }

    #[test]
    fn broken_documents_are_refused() {
        refused("<a><b></a>", "closed by");
        refused("<a>", "not closed");
        refused("</a>", "not open");
        refused("<a/><b/>", "second root");
        refused("<a x=1/>", "not quoted");
        refused("<a x='1' x='2'/>", "twice");
        refused("<a>&who;</a>", "unknown");
        refused("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "document type");
        refused("", "no root");
        refused(&"<a>".repeat(100), "64 levels");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[<>/a='\"&;#x! \\-\\[\\]?é]{0,60}") {
            let _either_is_fine = Element::parse(&text);
        }

        #[test]
        fn what_is_escaped_comes_back(text in "[ -~é]{0,40}") {
            let root = Element::parse(&format!("<a b=\"{0}\">{0}</a>", escape(&text))).unwrap();
            prop_assert_eq!(&root.text, &text);
            prop_assert_eq!(root.attribute("b").unwrap(), text);
        }
    }
}
