//! What machine the harness runs on: SIP, architecture, version, boot arguments. A run on the wrong one is never valid.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    error::Result,
    tools::{Call, Toolbox},
};

/// System Integrity Protection, as `csrutil status` puts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sip {
    /// On.
    Enabled,
    /// Off.
    Disabled,
    /// Partly off, or told in words that we do not know.
    Custom,
}

/// Facts about the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// System Integrity Protection.
    pub sip: Sip,
    /// `arm64` or `x86_64`.
    pub arch: String,
    /// "26.2".
    pub macos: String,
    /// The build: "25C56".
    pub build: String,
    /// The kernel's boot arguments, empty when there are none.
    pub boot_args: String,
}

/// Boot arguments that change what the kernel, AMFI or dyld accept.
const RULE_CHANGING: &[&str] = &[
    "amfi_get_out_of_my_way",
    "amfi=",
    "amfi_allow_any_signature",
    "cs_enforcement_disable",
    "-arm64e_preview_abi",
    "ipc_control_port_options",
    "dk=",
    "-no_compat_check",
];

impl Machine {
    /// Asks the machine.
    pub fn ask(tools: &Toolbox) -> Result<Self> {
        let text = |call: Call| -> Result<String> { Ok(tools.run(&call)?.text().trim().to_owned()) };
        let quick =
            |program: &str, purpose: &str| Call::new(program, purpose).deadline(Duration::from_secs(30));
        let sip = text(quick("csrutil", "ask for the state of SIP").arg("status"))?;
        let arch = text(quick("uname", "ask for the architecture").arg("-m"))?;
        let macos = text(quick("sw_vers", "ask for the version of macOS").arg("-productVersion"))?;
        let build = text(quick("sw_vers", "ask for the build of macOS").arg("-buildVersion"))?;
        let boot_args = text(quick("sysctl", "ask for the boot arguments").args(["-n", "kern.bootargs"]))?;
        Ok(Self { sip: sip_state(&sip), arch, macos, build, boot_args })
    }

    /// Why nothing that is seen on this machine counts; empty when it does.
    pub fn objections(&self) -> Vec<String> {
        let mut objections = Vec::new();
        match self.sip {
            Sip::Enabled => {}
            Sip::Disabled => {
                objections.push("SIP is off: what starts here may not start elsewhere".to_owned())
            }
            Sip::Custom => {
                objections.push("SIP is not wholly on (or its state is not understood)".to_owned())
            }
        }
        if self.arch != "arm64" {
            objections.push(format!("the machine is {}, not Apple silicon", self.arch));
        }
        for word in self.boot_args.split_whitespace() {
            if RULE_CHANGING.iter().any(|rule| word.starts_with(rule)) {
                objections.push(format!("the boot argument `{word}` changes the rules"));
            }
        }
        objections
    }

    /// The number before the first dot.
    pub fn macos_major(&self) -> Option<u32> {
        self.macos.split('.').next()?.parse().ok()
    }
}

fn sip_state(said: &str) -> Sip {
    let first = said.lines().next().unwrap_or_default();
    // `unknown (Custom Configuration).` lists single protections below; any that is disabled makes it custom.
    match first.split_once("status:").map(|(_, state)| state.trim().trim_end_matches('.')) {
        Some("enabled") if !said.contains(": disabled") => Sip::Enabled,
        Some("disabled") => Sip::Disabled,
        _ => Sip::Custom,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_sip_is_read_strictly() {
        assert_eq!(sip_state("System Integrity Protection status: enabled."), Sip::Enabled);
        assert_eq!(sip_state("System Integrity Protection status: disabled."), Sip::Disabled);
        let custom = "System Integrity Protection status: unknown (Custom Configuration).\n\nConfiguration:\n\tKext Signing: disabled\n";
        assert_eq!(sip_state(custom), Sip::Custom);
        assert_eq!(sip_state(""), Sip::Custom);
        assert_eq!(
            sip_state("System Integrity Protection status: enabled (Custom Configuration)."),
            Sip::Custom
        );
    }

    #[test]
    fn only_the_right_machine_counts() {
        let good = Machine {
            sip: Sip::Enabled,
            arch: "arm64".into(),
            macos: "26.2".into(),
            build: "25C56".into(),
            boot_args: "-v".into(),
        };
        assert!(good.objections().is_empty());
        let wrong = |change: fn(&mut Machine)| {
            let mut machine = good.clone();
            change(&mut machine);
            machine.objections().len()
        };
        assert_eq!(wrong(|it| it.sip = Sip::Disabled), 1);
        assert_eq!(wrong(|it| it.arch = "x86_64".into()), 1);
        assert_eq!(wrong(|it| it.boot_args = "amfi_get_out_of_my_way=1 -arm64e_preview_abi".into()), 2);
    }
}
