//! Asking the Mac about itself.

pub(super) const PAGES: &[&str] = &[
    // systemextensionsctl(8).
    "
    tool systemextensionsctl
    usage-exit 64
    verb list
    operands 0..1
    verb gc
    operands 0..0
    verb reset
    operands 0..0
    verb developer
    operands 0..1
    verb uninstall
    operands 2..2",
    // csrutil(8).
    "
    tool csrutil
    usage-exit 64
    verb status
    operands 0..0
    verb authenticated-root
    operands 0..1",
    // sw_vers(1); the single-dash spellings are older than macOS 13.3.
    "
    tool sw_vers
    style exact
    option --productName -productName
    option --productVersion -productVersion
    option --productVersionExtra -productVersionExtra
    option --buildVersion -buildVersion
    operands 0..0",
    // log(1). Exit 64: usage.
    "
    tool log
    usage-exit 64
    option --info
    option --no-info
    option --debug
    option --no-debug
    option --style VALUE
    option --predicate VALUE
    option --source
    option --color VALUE
    option --mach-continuous-time
    option --timezone VALUE
    option --process VALUE
    verb show
    option --archive VALUE
    option --start VALUE
    option --end VALUE
    option --last VALUE
    option --backtrace
    option --loss
    option --no-loss
    option --signpost
    option --no-signpost
    option --no-pager
    operands 0..1
    verb stream
    option --level VALUE
    option --timeout VALUE
    option --type VALUE
    operands 0..0
    verb collect
    option --output VALUE
    option --start VALUE
    option --last VALUE
    option --size VALUE
    option --device
    operands 0..0
    verb config
    option --mode VALUE
    option --subsystem VALUE
    option --category VALUE
    option --status
    option --reset
    operands 0..0",
    // ioreg(8).
    "
    tool ioreg
    option -a
    option -b
    option -c VALUE
    option -d VALUE
    option -f
    option -i
    option -k VALUE
    option -l
    option -n VALUE
    option -p VALUE
    option -r
    option -s
    option -t
    option -w VALUE
    option -x
    operands 0..0",
    // pgrep(1). Exit 1: nothing matched; 2: usage.
    "
    tool pgrep
    usage-exit 2
    option -a
    option -f
    option -i
    option -l
    option -n
    option -o
    option -q
    option -v
    option -x
    option -P VALUE
    option -U VALUE
    option -u VALUE
    operands 0..",
    // ps(1).
    "
    tool ps
    option -A
    option -a
    option -c
    option -e
    option -x
    option -w
    option -o VALUE
    option -p VALUE
    option -U VALUE
    option -u VALUE
    operands 0..1",
    // system_profiler(8).
    "
    tool system_profiler
    style exact
    option -json
    option -xml
    option -listDataTypes
    option -detailLevel VALUE
    option -timeout VALUE
    operands 0..",
    // sysctl(8).
    "
    tool sysctl
    option -n
    option -a
    option -b
    option -e
    option -i
    option -q
    operands 0..",
    // xcode-select(1).
    "
    tool xcode-select
    option -p --print-path
    option -s --switch VALUE
    option -r --reset
    option -v --version
    option --install
    operands 0..0",
    // xcodebuild(1), only what we ask it.
    "
    tool xcodebuild
    style exact
    usage-exit 64
    option -version
    option -showsdks
    option -json
    option -sdk VALUE
    operands 0..",
    // uname(1).
    "
    tool uname
    option -a
    option -m
    option -n
    option -o
    option -p
    option -r
    option -s
    option -v
    operands 0..0",
    // plutil(1), launchctl(1): only what the harness asks.
    "
    tool plutil
    style exact
    option -p
    option -lint
    option -convert VALUE
    option -o VALUE
    operands 1..",
    "
    tool launchctl
    verb print
    operands 1..1
    verb managername
    operands 0..0
    verb error
    operands 1..2",
];
