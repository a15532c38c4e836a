//! Mach-O files of any size, made of nothing but headers and what the caller fills in.

/// First byte of the code: a page of Apple silicon.
const TEXT: usize = 0x4000;
/// Room for names and exports; nothing is in it.
const LINKEDIT: usize = 0x4000;

/// An unsigned executable for arm64 whose code has `len` bytes, all zero: fill in what is wanted from [`code`] on.
pub fn image(len: usize) -> Vec<u8> {
    let text = (TEXT + len).next_multiple_of(TEXT);
    let segment = |name: &str,
                   (address, size): (u64, u64),
                   (offset, length): (u64, u64),
                   prot: u32,
                   sections: &[u8]| {
        let numbers = [address, size, offset, length].map(u64::to_le_bytes).concat();
        let rest = [prot, prot, (sections.len() / 80) as u32, 0].map(u32::to_le_bytes).concat();
        command(0x19, &[&named(name)[..], &numbers, &rest, sections].concat())
    };
    const BASE: u64 = 1 << 32;
    let (text_len, linkedit) = (text as u64, LINKEDIT as u64);
    // Other signers want a section to know where the header ends.
    let code = {
        let place = [BASE + TEXT as u64, text_len - TEXT as u64].map(u64::to_le_bytes).concat();
        // Offset, alignment, no relocations; pure instructions.
        let rest = [TEXT as u32, 4, 0, 0, 0x8000_0400, 0, 0, 0].map(u32::to_le_bytes).concat();
        [named("__text"), named("__TEXT"), place, rest].concat()
    };
    let commands = [
        segment("__PAGEZERO", (0, BASE), (0, 0), 0, &[]),
        segment("__TEXT", (BASE, text_len), (0, text_len), 5, &code),
        segment("__LINKEDIT", (BASE + text_len, linkedit), (text_len, linkedit), 1, &[]),
        // LC_BUILD_VERSION: macOS 11.0, no tools. LC_MAIN: the first byte of the code.
        command(0x32, &[1, 0x000b_0000, 0x000b_0000, 0].map(u32::to_le_bytes).concat()),
        command(0x8000_0028, &[TEXT as u64, 0].map(u64::to_le_bytes).concat()),
    ];
    let header =
        [0xfeed_facf, 0x0100_000c, 0, 2, commands.len() as u32, commands.concat().len() as u32, 0x20_0085, 0];
    let mut bytes = [header.map(u32::to_le_bytes).concat(), commands.concat()].concat();
    bytes.resize(text + LINKEDIT, 0);
    bytes
}

/// The code of what [`image`] made.
pub fn code(image: &mut [u8]) -> &mut [u8] {
    let end = image.len() - LINKEDIT;
    &mut image[TEXT..end]
}

fn command(kind: u32, body: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &(8 + body.len() as u32).to_le_bytes(), body].concat()
}

fn named(name: &str) -> Vec<u8> {
    let mut field = name.as_bytes().to_vec();
    field.resize(16, 0);
    field
}
