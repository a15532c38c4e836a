//! Second opinions: other people's tools on our output, and our readers on theirs.

mod constraints;
mod corpus;
mod identities;
mod images;
mod oracle;
mod packages;
mod timestamps;
