//! Signing and keychains.

pub(super) const PAGES: &[&str] = &[
    // codesign(1) of Xcode 26: its operations and options were held against the page, the end of the page was not read. Exit 2: invalid
    // arguments (seen, not in the page). What it says of
    // --keychain is what the stand-in does: the file is not searched for the chain unless it is on the user's search list.
    "
    tool codesign
    usage-exit 2
    option -s --sign VALUE
    option -v --verify --verbose [VALUE]
    option -d --display
    option -h --hosting
    option -f --force
    option -i --identifier VALUE
    option -o --options VALUE
    option -P --pagesize VALUE
    option -r --requirements VALUE
    option -R --test-requirement VALUE
    option -a --architecture VALUE
    option -D --detached VALUE
    option --all-architectures
    option --bundle-version VALUE
    option --check-notarization
    option --continue
    option --deep
    option --detached-database
    option --digest-algorithm VALUE
    option --der
    option --dryrun
    option --enforce-constraint-validity
    option --entitlements VALUE
    option --extract-certificates [VALUE]
    option --file-list VALUE
    option --force-library-entitlements
    option --generate-entitlement-der
    option --ignore-resources
    option --keychain VALUE
    option --launch-constraint-parent VALUE
    option --launch-constraint-responsible VALUE
    option --launch-constraint-self VALUE
    option --library-constraint VALUE
    option --prefix VALUE
    option --preserve-metadata [VALUE]
    option --remove-signature
    option --runtime-version VALUE
    option --sigfile-offset VALUE
    option --signature-size VALUE
    option --single-threaded-signing
    option --strict [VALUE]
    option --strip-disallowed-xattrs
    option --timestamp [VALUE]
    option --validate-constraint
    option --xml
    operands 1..",
    // security(1) and `SecurityTool/macOS/*.c` (Security-61901), read: verbs, options, messages, exit codes. Exit 2: usage.
    "
    tool security
    usage-exit 2
    option -i
    option -l
    option -q
    option -v
    option -p VALUE
    verb create-keychain
    option -p VALUE
    option -P
    operands 1..
    verb delete-keychain
    operands 0..
    verb list-keychains
    option -d VALUE
    option -s
    operands 0..
    verb default-keychain
    option -d VALUE
    option -s
    operands 0..1
    verb login-keychain
    option -d VALUE
    option -s
    operands 0..1
    verb lock-keychain
    option -a
    operands 0..1
    verb unlock-keychain
    option -u
    option -p VALUE
    operands 0..1
    verb set-keychain-settings
    option -l
    option -u
    option -t VALUE
    operands 0..1
    verb show-keychain-info
    operands 0..1
    verb import
    option -k VALUE
    option -t VALUE
    option -f VALUE
    option -w
    option -x
    option -P VALUE
    option -a VALUE VALUE
    option -A
    option -T VALUE
    operands 1..1
    verb set-key-partition-list
    option -a VALUE
    option -A VALUE
    option -c VALUE
    option -C VALUE
    option -d
    option -D VALUE
    option -e
    option -j VALUE
    option -k VALUE
    option -l VALUE
    option -r
    option -s
    option -S VALUE
    option -t VALUE
    option -u
    option -v
    option -y
    operands 0..1
    verb find-identity
    option -p VALUE
    option -s VALUE
    option -v
    operands 0..
    verb find-certificate
    option -a
    option -c VALUE
    option -e VALUE
    option -m
    option -p
    option -Z
    operands 0..
    verb add-certificates
    option -k VALUE
    operands 1..
    verb find-generic-password
    option -a VALUE
    option -s VALUE
    option -w
    option -g
    operands 0..
    verb cms
    option -D
    option -E
    option -S
    option -i VALUE
    option -o VALUE
    option -h VALUE
    option -u VALUE
    operands 0..0
    verb verify-cert
    option -c VALUE
    option -p VALUE
    option -k VALUE
    option -l
    option -L
    option -q
    operands 0..0",
];
