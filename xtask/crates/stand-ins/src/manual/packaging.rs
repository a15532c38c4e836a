//! Compilers, universal binaries, symbols, archives, packages, disk images.

pub(super) const PAGES: &[&str] = &[
    // clang(1): LLVM's own, which checks its options itself.
    "
    tool clang
    style free",
    "
    tool clang++
    style free",
    // iig has no manual page; this is what Xcode gives it (swift-build, Iig.xcspec).
    "
    tool iig
    option --def VALUE
    option --header VALUE
    option --impl VALUE
    option --framework-name VALUE
    option --deployment-target VALUE
    option --log VALUE
    option --version
    operands 0..",
    // lipo(1), cctools.
    "
    tool lipo
    style exact
    option -create
    option -archs
    option -info
    option -detailed_info
    option -thin VALUE
    option -extract VALUE
    option -extract_family VALUE
    option -remove VALUE
    option -replace VALUE VALUE
    option -verify_arch VALUES
    option -arch VALUE VALUE
    option -segalign VALUE VALUE
    option -arch_blank VALUE
    option -fat64
    option -hideARM64
    option -output -o VALUE
    operands 0..",
    // dsymutil(1), LLVM.
    "
    tool dsymutil
    option -o --out VALUE
    option -f --flat
    option -j --num-threads VALUE
    option --arch VALUE
    option --minimize
    option --no-odr
    option --oso-prepend-path VALUE
    option --object-prefix-map VALUE
    option --reproducer VALUE
    option -s --symtab
    option -v --version
    option --verify-dwarf VALUE
    option -S --papertrail
    option -u --update
    operands 1..",
    // strip(1), cctools.
    "
    tool strip
    style exact
    option -S
    option -x
    option -X
    option -r
    option -u
    option -o VALUE
    option -no_code_signature_warning
    operands 1..",
    // ditto(1) of March 2023: the synopsis was held against the page, the long options are from memory.
    "
    tool ditto
    option -c
    option -x
    option -k
    option -z
    option -j
    option -v
    option -V
    option -X
    option -h
    option --arch VALUE
    option --bom VALUE
    option --rsrc --norsrc
    option --extattr --noextattr
    option --qtn --noqtn
    option --acl --noacl
    option --sequesterRsrc
    option --keepParent
    option --nocache
    option --hfsCompression --nohfsCompression
    option --zlibCompressionLevel VALUE
    operands 2..",
    // hdiutil(1).
    "
    tool hdiutil
    style exact
    option -quiet
    option -verbose
    option -debug
    option -plist
    option -puppetstrings
    verb create
    option -size VALUE
    option -srcfolder -srcdir VALUE
    option -volname VALUE
    option -fs VALUE
    option -format VALUE
    option -ov
    option -type VALUE
    option -layout VALUE
    option -imagekey VALUE
    option -attach
    option -nospotlight
    option -anyowners
    option -uid VALUE
    option -gid VALUE
    option -mode VALUE
    operands 1..1
    verb convert
    option -format VALUE
    option -o VALUE
    option -imagekey VALUE
    option -ov
    operands 1..1
    verb attach
    option -readonly
    option -readwrite
    option -nobrowse
    option -noverify
    option -noautoopen
    option -mountpoint VALUE
    option -mountroot VALUE
    option -mountrandom VALUE
    option -owners VALUE
    operands 1..1
    verb detach
    option -force
    operands 1..1
    verb verify
    operands 1..1
    verb imageinfo
    operands 1..1
    verb info
    operands 0..0",
    // pkgbuild(1) of July 2021, the current one, held against the page option by option.
    "
    tool pkgbuild
    option --analyze
    option --root VALUE
    option --component VALUE
    option --nopayload
    option --component-plist VALUE
    option --filter VALUE
    option --identifier VALUE
    option --version VALUE
    option --install-location VALUE
    option --scripts VALUE
    option --ownership VALUE
    option --prior VALUE
    option --preserve-xattr
    option --sign VALUE
    option --keychain VALUE
    option --cert VALUE
    option --timestamp
    option --timestamp=none
    option --min-os-version VALUE
    option --compression VALUE
    option --large-payload
    option --quiet
    operands 1..1",
    // productbuild(1). --component and --root take a path and, optionally, an install path: the words up to the next option.
    "
    tool productbuild
    option --component VALUES
    option --content VALUE
    option --distribution VALUE
    option --package-path VALUE
    option --package VALUE
    option --resources VALUE
    option --root VALUES
    option --scripts VALUE
    option --ui VALUE
    option --identifier VALUE
    option --version VALUE
    option --product VALUE
    option --synthesize
    option --sign VALUE
    option --keychain VALUE
    option --cert VALUE
    option --timestamp
    option --timestamp=none
    option --quiet
    operands 0..1",
    // productsign(1).
    "
    tool productsign
    option --sign VALUE
    option --keychain VALUE
    option --cert VALUE
    option --timestamp
    option --timestamp=none
    operands 2..2",
    // pkgutil(1).
    "
    tool pkgutil
    option --check-signature
    option --expand VALUE VALUE
    option --expand-full VALUE VALUE
    option --payload-files
    option --verbose
    operands 0..",
];
