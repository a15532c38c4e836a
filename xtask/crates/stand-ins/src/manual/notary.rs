//! Notarization, stapling and Gatekeeper's judgement.

pub(super) const PAGES: &[&str] = &[
    // notarytool(1). Built on Swift's argument parser: misuse exits with 64 (EX_USAGE).
    "
    tool notarytool
    usage-exit 64
    option -k --key VALUE
    option -d --key-id VALUE
    option -i --issuer VALUE
    option -p --keychain-profile VALUE
    option --keychain VALUE
    option --apple-id VALUE
    option --password VALUE
    option --team-id VALUE
    option -f --output-format VALUE
    option -v --verbose
    option --no-progress
    option --progress
    option -h --help
    option --version
    verb submit
    option --wait
    option --timeout VALUE
    option --webhook VALUE
    option --s3-acceleration
    option --no-s3-acceleration
    option --force
    operands 1..1
    verb wait
    option --timeout VALUE
    operands 1..1
    verb info
    operands 1..1
    verb log
    operands 1..2
    verb history
    option --start-date VALUE
    option --end-date VALUE
    operands 0..0
    verb store-credentials
    option --sync
    option --validate
    option --no-validate
    operands 0..1",
    // stapler(1) of Xcode 26, held against the page. Of several paths the real one takes the last alone (section "Bugs").
    "
    tool stapler
    usage-exit 64
    option -v --verbose
    option -q --quiet
    verb staple
    operands 1..
    verb validate
    operands 1..",
    // spctl(8).
    "
    tool spctl
    usage-exit 2
    option -a --assess
    option -t --type VALUE
    option -v --verbose [VALUE]
    option --context VALUE
    option --continue
    option --ignore-cache
    option --no-cache
    option --raw
    option --status
    option --disable-status
    option --list
    operands 0..",
    // syspolicy_check(1), macOS 14 and later.
    "
    tool syspolicy_check
    usage-exit 64
    option --verbose
    option --json
    verb notary-submission
    operands 1..
    verb distribution
    operands 1..",
    // gktool(1), macOS 14 and later.
    "
    tool gktool
    usage-exit 64
    verb scan
    operands 1..",
    // xcrun(1). What follows a tool's name belongs to that tool: see `xcrun.rs`.
    "
    tool xcrun
    style exact
    usage-exit 72
    option -v --verbose
    option -h --help
    option --version
    option -l --log
    option -r --run
    option -n --no-cache
    option -k --kill-cache
    option -f --find
    option --sdk -sdk VALUE
    option --toolchain -toolchain VALUE
    option --show-sdk-path
    option --show-sdk-version
    option --show-sdk-build-version
    option --show-sdk-platform-path
    option --show-sdk-platform-version
    operands 0..",
];
