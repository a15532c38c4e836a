//! Documents that travel with code: property lists, entitlements, provisioning profiles, notarization tickets.
