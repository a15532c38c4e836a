//! What `ioreg -l -r -c IOUserService` says about drivers that run in user space, as data.
//!
//! ```text
//! +-o UsbInterfaceDriver  <class IOUserService, id 0x100000abc, registered, matched, active, busy 0 (0 ms), retain 8>
//!     {
//!       "IOUserClass" = "UsbInterfaceDriver"
//!       "IOUserServerName" = "com.example.driver"
//! ```

/// One object of the registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// `registered`, not `!registered`.
    pub is_registered: bool,
    /// `active`, not `inactive` or `!active`.
    pub is_active: bool,
    /// `IOUserClass`.
    pub class: Option<String>,
    /// `IOUserServerName`.
    pub server: Option<String>,
    /// `IOProviderClass`.
    pub provider: Option<String>,
    /// `CFBundleIdentifier`.
    pub bundle: Option<String>,
}

/// Reads the whole output.
pub fn parse(text: &str) -> Vec<Service> {
    let mut services: Vec<Service> = Vec::new();
    for line in text.lines() {
        let line = line.trim_start_matches([' ', '|']);
        if let Some(rest) = line.strip_prefix("+-o ") {
            services.push(header(rest));
            continue;
        }
        let (Some(service), Some((key, value))) = (services.last_mut(), line.split_once("\" = ")) else {
            continue;
        };
        let text = value.trim().strip_prefix('"').and_then(|it| it.strip_suffix('"')).map(str::to_owned);
        match key.trim_start_matches('"') {
            "IOUserClass" => service.class = text,
            "IOUserServerName" => service.server = text,
            "IOProviderClass" => service.provider = text,
            "CFBundleIdentifier" => service.bundle = text,
            _ => {}
        }
    }
    services
}

fn header(rest: &str) -> Service {
    let (name, state) = rest.split_once("  <").unwrap_or((rest, ""));
    let words: Vec<&str> = state.split(',').map(str::trim).collect();
    Service {
        name: name.trim().to_owned(),
        is_registered: words.contains(&"registered"),
        is_active: words.contains(&"active"),
        ..Service::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_driver_is_read() {
        let text = "+-o Root  <class IORegistryEntry, id 0x1, retain 9>\n\
            | +-o UsbInterfaceDriver  <class IOUserService, id 0x100000abc, registered, matched, active, busy 0 (0 ms), retain 8>\n\
            |   | {\n  |   \"IOUserClass\" = \"UsbInterfaceDriver\"\n      \"IOUserServerName\" = \"com.example.driver\"\n      \"IOProviderClass\" = \"IOUserResources\"\n    }\n";
        let services = parse(text);
        assert_eq!(services.len(), 2);
        assert!(services[1].is_registered && services[1].is_active);
        assert_eq!(services[1].class.as_deref(), Some("UsbInterfaceDriver"));
        assert_eq!(services[1].provider.as_deref(), Some("IOUserResources"));
    }

    #[test]
    fn a_service_that_is_not_registered_says_so() {
        let services =
            parse("+-o X  <class IOUserService, id 0x1, !registered, !matched, active, busy 0, retain 5>\n");
        assert!(!services[0].is_registered && services[0].is_active);
    }
}
