//! Timestamps of the rehearsal authority, judged by OpenSSL.

use signer::{authority::Role, timestamp::Request};

use crate::oracle::{Folder, authority, must_pass};

#[test]
fn openssl_verifies_a_timestamp() {
    let folder = Folder::new();
    folder.write("data", b"signature");
    folder.write("root.pem", authority().certificate(Role::Root).unwrap().pem().unwrap());
    folder.write("ca.pem", authority().certificate(Role::TimestampCa).unwrap().pem().unwrap());
    let answer = authority().timestamp(&Request::over(b"signature").der).unwrap();
    folder.write("answer.tsr", &answer);
    let args = [
        "ts",
        "-verify",
        "-data",
        "data",
        "-in",
        "answer.tsr",
        "-CAfile",
        "root.pem",
        "-untrusted",
        "ca.pem",
    ];
    must_pass(&folder, "openssl", &args);
}

#[test]
fn a_request_of_openssl_is_answered() {
    let folder = Folder::new();
    folder.write("data", b"signature");
    let args = ["ts", "-query", "-data", "data", "-sha256", "-cert", "-out", "query.tsq"];
    let Some(_) = must_pass(&folder, "openssl", &args) else { return };
    folder.write("root.pem", authority().certificate(Role::Root).unwrap().pem().unwrap());
    folder.write("ca.pem", authority().certificate(Role::TimestampCa).unwrap().pem().unwrap());
    folder.write("answer.tsr", authority().timestamp(&folder.read("query.tsq")).unwrap());
    let args = [
        "ts",
        "-verify",
        "-queryfile",
        "query.tsq",
        "-in",
        "answer.tsr",
        "-CAfile",
        "root.pem",
        "-untrusted",
        "ca.pem",
    ];
    must_pass(&folder, "openssl", &args);
}
