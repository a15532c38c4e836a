//! Message ids: the 64-bit numbers by which a message names its method.
//!
//! The ids of Apple's methods are wire ABI and must be known. How Apple derives them is not: they depend on class and method name only. So they are
//! read, from a table or from the `#define C_M_ID 0x…ULL` lines of a generated header, both of which have the same form.
//!
//! Our own methods are called and received by code from one generator, so any unique number serves: FNV-1a (64 bits) of `Class::Method`, with bit 63
//! set exactly for a class that lives in the kernel (`kIORPCMessageIDKernel`, IORPC.h), because the runtime routes by that bit.

use std::collections::BTreeMap;

/// Bit 63: the class is implemented in the kernel (`kIORPCMessageIDKernel`, IORPC.h).
const KERNEL: u64 = 1 << 63;

/// Ids by `(class, method)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageIds {
    by_name: BTreeMap<String, u64>,
    /// Names of ids that were handed out here, so that no two methods share one.
    taken: BTreeMap<u64, String>,
}

/// Where the ids of the classes in the generated file come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OwnIds {
    /// Known ones are used, others are derived: a driver's own classes.
    #[default]
    Derive,
    /// All must be known: classes of an SDK.
    MustBeKnown,
}

impl MessageIds {
    /// Adds the ids that `text` defines, in the form of a generated header; returns how many it found. A second, different id for a name is an
    /// error, which names it.
    pub fn read(&mut self, text: &str) -> Result<usize, String> {
        let mut n_found = 0;
        for line in text.lines() {
            let Some((name, id)) = id_of(line) else { continue };
            n_found += 1;
            self.taken.entry(id).or_insert_with(|| name.to_string());
            let earlier = self.by_name.insert(name.to_string(), id);
            if earlier.is_some_and(|it| it != id) {
                return Err(format!(
                    "`{name}` has two ids, {:#018x} and {id:#018x}",
                    earlier.unwrap_or_default()
                ));
            }
        }
        Ok(n_found)
    }

    /// The id of a method, if it is known.
    pub fn get(&self, class: &str, method: &str) -> Option<u64> {
        self.by_name.get(&format!("{class}_{method}_ID")).copied()
    }

    pub(crate) fn insert(&mut self, class: &str, method: &str, id: u64) -> Result<(), String> {
        let name = format!("{class}_{method}_ID");
        let other = self.taken.entry(id).or_insert_with(|| name.clone());
        if *other != name {
            return Err(format!(
                "`{class}::{method}` has the same message id as `{other}`: rename one of them"
            ));
        }
        self.by_name.insert(name, id);
        Ok(())
    }
}

/// Reads one `#define C_M_ID 0x…ULL` line.
fn id_of(line: &str) -> Option<(&str, u64)> {
    let mut words = line.split_whitespace();
    if words.next()? != "#define" {
        return None;
    }
    let name = words.next().filter(|it| it.ends_with("_ID"))?;
    let digits = words.next()?.strip_prefix("0x")?.strip_suffix("ULL")?;
    u64::from_str_radix(digits, 16).ok().map(|id| (name, id))
}

/// The id of a method of ours: FNV-1a of `Class::Method`, bit 63 as the class demands.
pub fn derive_id(class: &str, method: &str, in_kernel: bool) -> u64 {
    // Offset basis and prime of 64-bit FNV-1a (draft-eastlake-fnv).
    let hash = format!("{class}::{method}").bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    if in_kernel { hash | KERNEL } else { hash & !KERNEL }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_header_and_a_table_are_read_alike() {
        let mut ids = MessageIds::default();
        let text = "#define IOService_Start_ID            0xab6f76dde6d693f2ULL\n#define IOService_Start_Args x\n#define A_ID 12\n";
        assert_eq!(ids.read(text), Ok(1));
        assert_eq!(ids.get("IOService", "Start"), Some(0xab6f_76dd_e6d6_93f2));
        assert_eq!(ids.get("IOService", "Stop"), None);
    }

    #[test]
    fn two_ids_for_one_method_are_refused() {
        let mut ids = MessageIds::default();
        assert_eq!(ids.read("#define A_B_ID 0x1ULL\n#define A_B_ID 0x1ULL"), Ok(2));
        assert!(ids.read("#define A_B_ID 0x2ULL").unwrap_err().contains("two ids"));
    }

    #[test]
    fn one_id_for_two_methods_is_refused() {
        let mut ids = MessageIds::default();
        ids.insert("A", "b", 7).unwrap();
        ids.insert("A", "b", 7).unwrap();
        assert!(ids.insert("A", "c", 7).unwrap_err().contains("same message id"));
    }

    #[test]
    fn derived_ids_differ_by_class_and_method_and_carry_the_kernel_bit() {
        let user = derive_id("Driver", "ReadComplete", false);
        assert_eq!(user >> 63, 0);
        assert_eq!(derive_id("Driver", "ReadComplete", true), user | 1 << 63);
        assert_ne!(user, derive_id("Driver", "WriteComplete", false));
        assert_ne!(user, derive_id("Driver2", "ReadComplete", false));
    }
}
