//! Ethernet PHYs: which registers of which chip to set, and where each tells its link.
//!
//! Registers are numbered in decimal, as in IEEE 802.3, clause 22; those from 16 on are the maker's.

#![forbid(unsafe_code)]

/// Basic control.
const BCR: u8 = 0;
/// Basic status.
const BSR: u8 = 1;
/// The two halves of the identifier.
const ID1: u8 = 2;
const ID2: u8 = 3;

const RESET: u16 = 1 << 15;
const LINK: u16 = 1 << 2;
const NEGOTIATED: u16 = 1 << 5;
const ISOLATE: u16 = 1 << 10;

/// Reads of a reset bit that never clears.
const PATIENCE: usize = 10_000;

/// Access to the registers of one chip.
pub trait Registers {
    /// Reads a register.
    fn read(&mut self, reg: u8) -> u16;
    /// Writes a register.
    fn write(&mut self, reg: u8, value: u16);
}

/// What a board wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The LEDs are active high.
    pub leds_active_high: bool,
    /// The PHY gives the clock to the MAC.
    pub clocks_mac: bool,
}

/// 10, 100 or 1000 Mbit/s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// 10 Mbit/s.
    M10,
    /// 100 Mbit/s.
    M100,
    /// 1 Gbit/s.
    M1000,
}

/// What two ends have agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Both may send at a time.
    pub full_duplex: bool,
    /// How fast.
    pub speed: Speed,
}

/// Chips that are distinguished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chip {
    Dp83867,
    Dp83848,
    Dp83,
    Ksz8,
    Lan87,
    Rtl8211,
    Rtl,
    Ics1894,
    Other,
}

impl Chip {
    fn of(id: (u16, u16)) -> Chip {
        match id {
            (0x2000, 0xa231) => Chip::Dp83867,
            (0x2000, 0x5ca2) => Chip::Dp83848,
            (0x2000, _) => Chip::Dp83,
            (0x0022, _) => Chip::Ksz8,
            (0x0007, _) => Chip::Lan87,
            (0x001c, 0xc916) => Chip::Rtl8211,
            (0x001c, _) => Chip::Rtl,
            (0x0015, _) => Chip::Ics1894,
            _ => Chip::Other,
        }
    }
}

fn id(regs: &mut impl Registers) -> (u16, u16) {
    (regs.read(ID1), regs.read(ID2))
}

/// Resets a chip and sets it up; its identifier.
pub fn init(regs: &mut impl Registers, config: Config) -> (u16, u16) {
    regs.write(BCR, RESET);
    for _ in 0..PATIENCE {
        if regs.read(BCR) & RESET == 0 {
            break;
        }
    }
    let id = id(regs);
    match Chip::of(id) {
        Chip::Dp83867 => {
            for (reg, value) in [(13, 0x001f), (14, 0x0170), (13, 0x401f), (14, 0x010d)] {
                regs.write(reg, value);
            }
        }
        Chip::Dp83 if !config.clocks_mac => regs.write(23, 0x0081),
        Chip::Ksz8 if !config.clocks_mac => {
            let control = regs.read(BCR);
            regs.write(BCR, control & !ISOLATE);
            regs.write(31, 0x8180);
        }
        _ => {}
    }
    if config.leds_active_high && matches!(Chip::of(id), Chip::Dp83867 | Chip::Dp83848 | Chip::Dp83) {
        regs.write(24, 0x0280);
    }
    id
}

/// Whether there is a link.
pub fn is_up(regs: &mut impl Registers) -> bool {
    let mut status = regs.read(BSR);
    if status & NEGOTIATED != 0 && status & LINK == 0 {
        // The bit remembers that the link was down; the second read tells how it is.
        status = regs.read(BSR);
    }
    status & LINK != 0
}

/// What the link is like; `None` for a chip that is not known.
pub fn mode(regs: &mut impl Registers) -> Option<Mode> {
    let chip = Chip::of(id(regs));
    let mut status = |reg| regs.read(reg);
    let bit = |value: u16, n: u16| value >> n & 1 == 1;
    let fast = |is_fast| if is_fast { Speed::M100 } else { Speed::M10 };
    let gigabit = |is_gigabit, is_fast| if is_gigabit { Speed::M1000 } else { fast(is_fast) };
    let (full_duplex, speed) = match chip {
        Chip::Dp83867 => {
            let s = status(17);
            (bit(s, 13), gigabit(bit(s, 15), bit(s, 14)))
        }
        Chip::Dp83848 | Chip::Dp83 => {
            let s = status(16);
            (bit(s, 2), fast(!bit(s, 1)))
        }
        Chip::Ksz8 => {
            let s = status(30);
            (bit(s, 2), fast(s & 3 != 1))
        }
        Chip::Lan87 => {
            let s = status(31);
            (bit(s, 4), fast(bit(s, 3)))
        }
        Chip::Rtl8211 => {
            regs.write(31, 0x0a43);
            let s = regs.read(26);
            regs.write(31, 0);
            (bit(s, 3), gigabit(bit(s, 5), bit(s, 4)))
        }
        Chip::Rtl => {
            let s = status(0);
            (bit(s, 8), fast(bit(s, 13)))
        }
        Chip::Ics1894 => {
            let s = status(17);
            (bit(s, 14), fast(bit(s, 15)))
        }
        Chip::Other => return None,
    };
    Some(Mode { full_duplex, speed })
}
